// Methods of `adapter` on ClickHouse that need no server, compared with dbt-clickhouse's.
// tests/oracle/clickhouse-methods.py writes methods-golden.json.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../../../../src/adapters/adapter.ts';
import { createTemplateMethods } from '../../../../../src/adapters/clickhouse/template-methods.ts';
import { isBefore } from '../../../../../src/adapters/clickhouse/server-facts.ts';
import { tableFromResult } from '../../../../../src/adapters/table-inference.ts';
import type { MethodCall } from '../../../../../src/adapters/template-method.ts';
import { fromJson, type Value } from '../../../../../src/values/index.ts';

interface Golden {
  readonly vars: object;
  readonly s3: readonly {
    readonly given: Readonly<Record<string, unknown>>;
    readonly answer?: string;
    readonly error?: string;
  }[];
  readonly settings: readonly {
    readonly config: object;
    readonly engine: string;
    readonly keep: boolean;
    readonly model: readonly string[];
    readonly query: readonly string[];
  }[];
  readonly before: readonly { readonly server: string; readonly version: string; readonly answer: boolean }[];
}

const golden = JSON.parse(readFileSync(new URL('./methods-golden.json', import.meta.url), 'utf8')) as Golden;
const support = {
  check: 'enforced',
  not_null: 'not_supported',
  unique: 'not_supported',
  primary_key: 'not_supported',
  foreign_key: 'not_supported',
} as const;
const methods = createTemplateMethods(
  async () => ({ version: '26.7.2.1', database: 's', engine: '', atomicExchange: true, lightweightDeletes: false }),
  support,
);

function call(name: string, args: readonly Value[], credentials: object = {}): Value | Promise<Value> {
  const warned: string[] = [];
  const on = {
    config: { project: { vars: golden.vars }, profile: { credentials: { type: 'clickhouse', ...credentials } } },
    sql: { session: {} as Session },
    onConstraint: (event: string, what: string) => warned.push(`${event} ${what}`),
    warn: (text: string) => warned.push(text),
    onSecret: () => undefined,
  } as unknown as MethodCall;
  return methods[name]!.run(on, ...args);
}

const lines = (text: Value): string[] =>
  String(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

describe('a method of the ClickHouse adapter answers as dbt-clickhouse does', () => {
  test.each(golden.s3)('to s3source_clause $given', ({ given, answer, error }) => {
    const order = [
      'config_name',
      's3_model_config',
      'bucket',
      'path',
      'fmt',
      'structure',
      'aws_access_key_id',
      'aws_secret_access_key',
      'role_arn',
      'compression',
      'external_id',
    ];
    const run = (): Value | Promise<Value> =>
      call(
        's3source_clause',
        order.map((name) => fromJson(given[name] ?? (name === 's3_model_config' ? {} : ''))),
      );
    if (error !== undefined) expect(run).toThrow(error.split('\n').at(-1)!.trim());
    // Only the spaces between arguments differ.
    else expect(String(run()).replaceAll(', ', ',')).toBe(answer!.replaceAll(', ', ','));
  });

  test.each(golden.settings)('for the settings of $config with $engine', ({ config, engine, keep, model, query }) => {
    const node = fromJson({ config });
    expect(lines(call('get_model_settings', [node, engine], { allow_automatic_deduplication: keep }) as Value)).toEqual(
      model,
    );
    expect(lines(call('get_model_query_settings', [node]) as Value)).toEqual(query);
  });

  test.each(golden.before)('when asked whether $server is before $version: $answer', ({ server, version, answer }) => {
    expect(isBefore(server, version)).toBe(answer);
  });
});

test('a server whose version ends in a word is compared by its numbers', () => {
  expect(isBefore('24.3.5.47.altinitystable', '26.1.1.1')).toBe(true);
});

test('get_csv_data quotes texts, because the server would trim them otherwise, and writes null as empty', () => {
  const table = tableFromResult(
    ['id', 'name'],
    [
      ['1', ' a "b"\n'],
      ['2', null],
    ],
  );
  expect(call('get_csv_data', [table])).toBe('"1"," a ""b""\n"\n"2",\n');
});

describe('the incremental strategy of ClickHouse', () => {
  const check = (strategy: string, predicates: Value, key: Value, partition: Value): Promise<Value> =>
    Promise.resolve().then(() => call('validate_incremental_strategy', [strategy, predicates, key, partition]));

  test('is legacy by default, and delete_insert with use_lw_deletes where the server allows it', async () => {
    expect(await call('calculate_incremental_strategy', [null])).toBe('legacy');
    expect(await call('calculate_incremental_strategy', ['default'], { use_lw_deletes: true })).toBe('legacy');
    expect(await call('calculate_incremental_strategy', ['delete+insert'])).toBe('delete_insert');
  });

  test.each([
    ['merge', [], 'id', null, "The incremental strategy 'merge' is not valid for ClickHouse."],
    ['delete_insert', [], null, null, "'delete_insert' strategy requires a non-empty 'unique_key'."],
    ['append', ['x'], 'id', null, "Cannot apply incremental predicates with 'append' strategy."],
    ['insert_overwrite', [], null, null, "'insert_overwrite' strategy requires non-empty 'partition_by'."],
    ['insert_overwrite', [], 'id', 'p', "'insert_overwrite' strategy does not support unique_key."],
    ['delete_insert', [], 'id', null, "'delete_insert' strategy requires lightweight deletes"],
  ] as const)(
    'is refused for %s with predicates %j, key %s and partitions %s',
    async (strategy, predicates, key, partition, message) => {
      await expect(check(strategy, [...predicates], key, partition)).rejects.toThrow(message);
    },
  );
});

test('the DDL of a contract puts a codec before the TTL, and keeps only named check constraints', () => {
  expect(
    call('render_raw_columns_constraints', [
      fromJson({
        a: { name: 'a', data_type: 'String', codec: 'ZSTD(1)', ttl: 'd + 1', constraints: [{ type: 'not_null' }] },
      }),
    ]),
  ).toEqual(['`a` String CODEC(ZSTD(1)) TTL d + 1']);
  expect(
    call('render_raw_model_constraints', [
      fromJson([
        { type: 'check', name: 'c', expression: 'a > 0' },
        { type: 'primary_key', columns: ['a'] },
      ]),
    ]),
  ).toEqual(['constraint c check (a > 0)']);
  expect(() => call('render_raw_model_constraints', [fromJson([{ type: 'check', expression: 'a > 0' }])])).toThrow(
    "CHECK Constraint 'name' is required",
  );
});
