import { describe, expect, it } from 'vitest';
import { s3Source, type S3Arguments } from '../../../../../src/adapters/clickhouse/s3-source.ts';
import { PyDict } from '../../../../../src/values/dict.ts';
import type { Value } from '../../../../../src/values/value.ts';

const NOTHING: S3Arguments = {
  bucket: '',
  path: '',
  fmt: '',
  structure: '',
  aws_access_key_id: '',
  aws_secret_access_key: '',
  role_arn: '',
  compression: '',
  external_id: '',
};

function clause(given: Partial<S3Arguments>, configured: Readonly<Record<string, Value>> = {}) {
  const secrets: string[] = [];
  const sql = s3Source({ ...NOTHING, ...given }, PyDict.from(configured), (secret) => secrets.push(secret));
  return { sql, secrets };
}

describe('the table function s3()', () => {
  it('quotes keys and reports the secret key', () => {
    const keys = { aws_access_key_id: "a', 'b", aws_secret_access_key: "x') ; drop\\" };
    expect(clause({ bucket: "b'", path: "/p'.csv", fmt: 'CSV', role_arn: "r'", external_id: "e'", ...keys })).toEqual({
      sql:
        String.raw`s3('https://b\'/p\'.csv', 'a\', \'b', 'x\') ; drop\\', 'CSV', ` +
        String.raw`extra_credentials(role_arn='r\'', external_id='e\''))`,
      secrets: ["x') ; drop\\"],
    });
  });

  it('keeps a structure whose quotes are already escaped and escapes one whose quotes are not', () => {
    expect(clause({ bucket: 'b', fmt: 'CSV', structure: "x Enum8(''a'' = 1)" }).sql).toBe(
      "s3('https://b', 'CSV', 'x Enum8(''a'' = 1)')",
    );
    expect(clause({ bucket: 'b', fmt: 'CSV', structure: "x Enum8('a' = 1)" }).sql).toBe(
      String.raw`s3('https://b', 'CSV', 'x Enum8(\'a\' = 1)')`,
    );
  });

  it('contains no key when it uses a named collection', () => {
    expect(clause({ path: 'x/*.csv', fmt: 'CSV', structure: 'a Int32' }, { named_collection: 'lake`' })).toEqual({
      sql: "s3(`lake\\``, filename = 'x/*.csv', format = 'CSV', structure = 'a Int32')",
      secrets: [],
    });
    const keys = { aws_access_key_id: 'a', aws_secret_access_key: 'b' };
    expect(() => clause(keys, { named_collection: 'lake' })).toThrow(/the collection has the URL and the credentials/);
  });
});
