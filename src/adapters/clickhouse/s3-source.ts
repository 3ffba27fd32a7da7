// The table function `s3(…)` of dbt-clickhouse's macro clickhouse_s3source, built from its arguments and a config of
// that name.
import { TsdbtError } from '../../errors.ts';
import { PyDict } from '../../values/dict.ts';
import { toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import type { Value } from '../../values/value.ts';
import { quoteIdentifier, quoteText } from './literal.ts';

/** Parameters of `adapter.s3source_clause` that a config may also set; arguments of the call take precedence. */
export interface S3Arguments {
  readonly bucket: Value;
  readonly path: Value;
  readonly fmt: Value;
  /** A text, a list of `name type`, or a dict name -> type. */
  readonly structure: Value;
  readonly aws_access_key_id: Value;
  readonly aws_secret_access_key: Value;
  readonly role_arn: Value;
  readonly compression: Value;
  readonly external_id: Value;
}

/**
 * With `named_collection` in `configured`, the statement contains no key: the collection has the bucket's URL and keys.
 * @param given arguments of the call; empty ones are taken from `configured`
 * @param configured the project's var with the config's name, overridden by the model's config
 * @param onSecret receives the secret key, which every output must mask
 * @throws if only half of a key pair is given, an external_id without a role, or keys with a named collection
 */
export function s3Source(given: S3Arguments, configured: PyDict, onSecret: (secret: string) => void): string {
  const value = (name: keyof S3Arguments): Value =>
    isTruthy(given[name]) ? given[name] : (configured.get(name) ?? '');
  const text = (name: keyof S3Arguments): string => (isTruthy(value(name)) ? toText(value(name)) : '');
  const [bucket, key, secret, role, external, compression] = [
    text('bucket'),
    text('aws_access_key_id'),
    text('aws_secret_access_key'),
    text('role_arn'),
    text('external_id'),
    text('compression'),
  ];
  if (key !== '' && secret === '')
    throw new TsdbtError('runtime', 'S3 aws_access_key_id specified without aws_secret_access_key');
  if (secret !== '' && key === '')
    throw new TsdbtError('runtime', 'S3 aws_secret_access_key specified without aws_access_key_id');
  if (external !== '' && role === '') throw new TsdbtError('runtime', 'S3 external_id specified without role_arn');

  const structure = structureText(value('structure'));
  const collection = configured.get('named_collection') ?? '';
  if (isTruthy(collection)) {
    if (`${bucket}${key}${role}` !== '')
      throw new TsdbtError(
        'runtime',
        'S3 named_collection specified with bucket, aws_access_key_id or role_arn: the collection has the URL and ' +
          'the credentials. Remove one of them',
      );
    const options = { filename: text('path'), format: text('fmt'), structure, compression_method: compression };
    const written = Object.entries(options).filter(([, option]) => option !== '');
    const settings = written.map(([name, option]) => `${name} = ${quoteWhole(option)}`);
    return `s3(${[quoteIdentifier(toText(collection)), ...settings].join(', ')})`;
  }
  const parts = [quoteText(address(bucket, text('path')))];
  if (key !== '') {
    onSecret(secret);
    parts.push(quoteText(key), quoteText(secret));
  }
  parts.push(quoteWhole(text('fmt')));
  // The compression is a positional argument after the structure.
  if (structure !== '' || compression !== '') parts.push(quoteWhole(structure));
  if (compression !== '') parts.push(quoteWhole(compression));
  if (role !== '') {
    const id = external === '' ? '' : `, external_id=${quoteText(external)}`;
    parts.push(`extra_credentials(role_arn=${quoteText(role)}${id})`);
  }
  return `s3(${parts.join(', ')})`;
}

/**
 * Quotes a text. A text whose quotes are already escaped, as dbt-clickhouse requires for `Enum8(''a'' = 1)`, is kept.
 */
function quoteWhole(text: string): string {
  return /^(?:[^'\\]|''|\\[\s\S])*$/.test(text) ? `'${text}'` : quoteText(text);
}

function address(bucket: string, path: string): string {
  // dbt-clickhouse supports only https; a private store may have no certificate.
  const scheme = bucket.startsWith('http://') ? 'http://' : 'https://';
  const host = bucket.replace(scheme, '');
  if (path === '') return `${scheme}${host}`;
  const slash = bucket !== '' && !bucket.endsWith('/') && !bucket.startsWith('/') ? '/' : '';
  return `${scheme}${`${host}${slash}${path}`.replaceAll('//', '/')}`;
}

function structureText(structure: Value): string {
  if (!isTruthy(structure)) return '';
  if (structure instanceof PyDict)
    return [...structure.entries()].map(([name, type]) => `${toText(name)} ${toText(type)}`).join(',');
  return Array.isArray(structure) ? structure.map(toText).join(',') : toText(structure);
}
