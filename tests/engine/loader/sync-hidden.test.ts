// `hash` and `drop` of tables of another Postgres, synced into Postgres and ClickHouse: the hash is that of a topic's
// value, and nothing that is hidden is stored. Values that a column's type does not hold are rejected.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { ClickHouseSync } from '../../../src/loader/clickhouse/sync.ts';
import { loadTarget } from '../../../src/loader/settings/load-target.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { POSTGRES_TABLE } from '../../../src/loader/postgres/table-options.ts';
import { PostgresSync } from '../../../src/loader/postgres/sync.ts';
import { RowEncoder } from '../../../src/loader/formats/rows/row-encoder.ts';
import { hashFields } from '../../../src/loader/sync/hidden-columns.ts';
import type { SyncTarget } from '../../../src/loader/sync/config.ts';
import type { TableSync, Synced } from '../../../src/loader/sync/sync.ts';
import { keyedHash } from '../../../src/keyed-hash.ts';
import { OWN_SERVER } from '../adapters/servers.ts';
import { clickhouseAdapter, clickhouseMissing, textsOf } from '../support/clickhouse.ts';

const KEY = 'a long secret text';
const hash = keyedHash(KEY);
const SCHEMA = 'hidden';
const FULL = { strategy: 'full', cursor: null, lookback: null } as const;

interface Target {
  readonly sync: (target: SyncTarget, hashKey?: string) => TableSync;
  /** Rows of texts, ordered by the first column; null is `null`. */
  readonly rows: (name: string, columns: readonly string[]) => Promise<string[][]>;
  readonly columns: (name: string) => Promise<string[][]>;
  readonly execute: (sql: string) => Promise<unknown>;
  readonly text: string;
}

describe('the columns of a sync', () => {
  let server: Awaited<ReturnType<typeof OWN_SERVER.open>>;
  let source: pg.Client;
  let postgres: PostgresAdapter;
  let clickhouse: ClickHouseAdapter | null = null;
  let tables = 0;
  const from = (): PostgresAdapter => new PostgresAdapter({ credentials: server.credentials, threads: 2, quoting: {} });
  beforeAll(async () => {
    server = await OWN_SERVER.open();
    const { host, port, user, password, database } = server.credentials as unknown as pg.ClientConfig;
    source = new pg.Client({ host, port, user, password, database } as pg.ClientConfig);
    await source.connect();
    postgres = from();
    if (clickhouseMissing === null) clickhouse = clickhouseAdapter(SCHEMA);
  });
  afterAll(async () => {
    await clickhouse?.close();
    await postgres?.close();
    await source?.end();
    await server?.close();
  });

  const made = async (columns: string, more: Partial<SyncTarget> = {}): Promise<SyncTarget> => {
    const name = `t${++tables}`;
    await source.query(`create table public.${name} (${columns})`);
    return {
      uniqueId: `source.p.app.${name}`,
      name: `app.${name}`,
      path: 'models/s.yml',
      schema: SCHEMA,
      identifier: name,
      connection: 'app_db',
      table: { schema: 'public', name },
      strategy: 'incremental',
      cursor: 'xmin',
      lookback: null,
      key: [],
      columns: [],
      hash: [],
      drop: [],
      types: new Map(),
      adopt: false,
      everyMs: 1000,
      ...more,
    };
  };

  it('hashes the fields of COPY, wherever its chunks end', async () => {
    const text = 'a\\tb\\\\N\t1\t\\N\t\nü\\n\t2\t\\\\N\tx\n';
    const bytes = Buffer.from(text);
    const wanted = `${hash('a\tb\\N')}\t1\t\\N\t${hash('')}\n` + `${hash('ü\n')}\t2\t${hash('\\N')}\t${hash('x')}\n`;
    for (let size = 1; size <= bytes.length; size++) {
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      const found: Uint8Array[] = [];
      for await (const piece of hashFields(pieces(), [0, 2, 3], hash)) found.push(piece);
      expect(Buffer.concat(found).toString()).toBe(wanted);
    }
  });

  const targets: Readonly<Record<string, () => Target>> = {
    Postgres: () => ({
      sync: (target, key = KEY) => new PostgresSync(target, from(), postgres, undefined, key),
      rows: async (name, columns) =>
        (
          await source.query({
            text:
              `select ${columns.map((column) => `coalesce(${column}::text, 'null')`).join(', ')} ` +
              `from ${SCHEMA}.${name} order by 1`,
            rowMode: 'array',
          })
        ).rows,
      columns: async (name) =>
        (
          await source.query({
            text:
              'select attname::text, format_type(atttypid, atttypmod) from pg_attribute ' +
              `where attrelid = '${SCHEMA}.${name}'::regclass and attnum > 0 and not attisdropped order by attnum`,
            rowMode: 'array',
          })
        ).rows,
      execute: (sql) => source.query(sql),
      text: 'text',
    }),
    ClickHouse: () => ({
      sync: (target, key = KEY) => new ClickHouseSync(target, from(), clickhouse!, undefined, key),
      rows: (name, columns) =>
        textsOf(
          clickhouse!,
          `select ${columns.map((column) => `ifNull(toString(${column}), 'null')`).join(', ')} ` +
            `from ${SCHEMA}.${name} order by 1`,
        ),
      columns: (name) =>
        textsOf(
          clickhouse!,
          `select name, type from system.columns where database = '${SCHEMA}' and table = '${name}' order by position`,
        ),
      execute: (sql) => textsOf(clickhouse!, sql),
      text: 'String',
    }),
  };

  for (const [name, open] of Object.entries(targets))
    describe.skipIf(name === 'ClickHouse' && clickhouseMissing !== null)(`in ${name}`, () => {
      const { sync, rows, columns, execute, text } = open();
      const synced = async (target: SyncTarget, hashKey?: string): Promise<Synced> => {
        const table = sync(target, hashKey);
        try {
          return await table.run();
        } finally {
          await table.close();
        }
      };
      const problems = async (target: SyncTarget, hashKey?: string): Promise<readonly string[]> => {
        const table = sync(target, hashKey);
        try {
          return (await table.check()).problems;
        } finally {
          await table.close();
        }
      };

      it('hashes values as for a topic, keeps null, and omits dropped columns', async () => {
        const target = await made('id int primary key, email text, score numeric, ok bool, phone text', {
          hash: ['email', 'score', 'ok'],
          drop: ['phone'],
        });
        await source.query(
          `insert into public.${target.identifier} values ` +
            "(1, E'a\\tü\\\\@b.c\\n', 12.5, true, '555'), (2, null, null, null, '5')",
        );
        expect(await synced(target)).toEqual({ read: 2, changed: 2 });
        const target1 = loadTarget(
          {
            unique_id: 'source.p.s.t',
            source_name: 's',
            name: 't',
            columns: Object.fromEntries(['email', 'score', 'ok'].map((each) => [each, { name: each }])),
            meta: { tsdbt: { load: { topic: 't', hash: ['email', 'score', 'ok'] } } },
            config: {},
          } as unknown as Parameters<typeof loadTarget>[0],
          POSTGRES_TABLE,
        )!;
        const encoder = new RowEncoder(target1, { columns: target1.columns, hashKey: KEY, loadId: 'l' });
        const message = {
          key: null,
          value: Buffer.from('{"email": "a\\tü\\\\@b.c\\n", "score": 12.5, "ok": true}'),
          headers: [],
          offset: 0n,
          timestamp: null,
        } as unknown as Parameters<typeof encoder.encode>[0];
        const decoded = (await jsonDecoder.decode(message.value!)) as Parameters<typeof encoder.encode>[1];
        const { line } = encoder.encode(message, decoded, 't', 0, '2026-01-01');
        expect(await rows(target.identifier, ['id', 'email', 'score', 'ok'])).toEqual([
          ['1', ...line.split('\t').slice(0, 3)],
          ['2', 'null', 'null', 'null'],
        ]);
        expect((await columns(target.identifier)).map(([column]) => column)).toEqual(['id', 'email', 'score', 'ok']);
        await source.query(`update public.${target.identifier} set email = 'new' where id = 2`);
        expect((await synced(target)).changed).toBe(1);
        expect((await rows(target.identifier, ['id', 'email']))[1]).toEqual(['2', hash('new')]);
        expect((await synced({ ...target, ...FULL })).changed).toBe(0);
      });

      it('identifies rows by a hashed key', async () => {
        const target = await made('id bigint primary key, name text', { ...FULL, hash: ['id'] });
        await source.query(`insert into public.${target.identifier} select i, 'n' || i from generate_series(1, 50) i`);
        await synced(target);
        await source.query(`update public.${target.identifier} set name = 'x' where id = 7`);
        await source.query(`delete from public.${target.identifier} where id = 8`);
        expect((await synced(target)).changed).toBe(2);
        const found = new Map((await rows(target.identifier, ['id', 'name'])).map(([id, each]) => [id, each]));
        expect(found.size).toBe(49);
        expect(found.get(hash('7'))).toBe('x');
        expect(found.get(hash('9'))).toBe('n9');
        expect((await columns(target.identifier))[0]).toEqual(['id', text]);
      });

      it('rejects a table with values that are hidden now, until it is written again', async () => {
        const target = await made('id int primary key, email text, age int, phone text');
        const { identifier } = target;
        await source.query(`insert into public.${identifier} values (1, 'a', 30, '555'), (2, 'b', 40, '556')`);
        await synced(target);
        await source.query(`delete from public.${identifier} where id = 2`);
        const hidden = { ...target, hash: ['email'] };
        const [problem] = await problems(hidden);
        expect(problem).toContain("has rows that were not hashed as 'hash' and TSDBT_HASH_KEY say now");
        expect(problem).toContain('strategy: full for one sync writes every row again');
        await expect(synced(hidden)).rejects.toThrow('has rows that were not hashed');
        await synced({ ...hidden, ...FULL });
        expect(await rows(identifier, ['id', 'email'])).toEqual([['1', hash('a')]]);
        await synced(hidden);
        expect(await problems(hidden)).toEqual([]);
        expect((await problems(hidden, 'another key'))[0]).toContain('has rows that were not hashed');
        expect((await problems(target))[0]).toContain('has rows that were not hashed');
        const aged = { ...hidden, ...FULL, hash: ['email', 'age'] };
        expect((await problems(aged))[0]).toMatch(
          /the hashed column 'age' is (integer|Nullable\(Int32\)), and a hash is a text of 64 characters/,
        );
        const dropped = { ...hidden, drop: ['phone'] };
        expect((await problems(dropped))[0]).toContain(
          "has the column 'phone', which 'drop' names, and keeps its values",
        );
        await expect(synced(dropped)).rejects.toThrow("has the column 'phone'");
        await execute(`alter table ${SCHEMA}.${identifier} drop column phone`);
        await synced(dropped);
        expect(await rows(identifier, ['id', 'email', 'age'])).toEqual([['1', hash('a'), '30']]);
        await execute(`truncate table ${SCHEMA}.${identifier}`);
        expect(await problems(dropped, 'another key')).toEqual([]);
      });

      it('hashes a column that was added later without a full sync', async () => {
        const target = await made('id int primary key');
        await source.query(`insert into public.${target.identifier} values (1)`);
        await synced(target);
        await source.query(`alter table public.${target.identifier} add column email text default 'a'`);
        await synced({ ...target, hash: ['email'] });
        expect(await rows(target.identifier, ['id', 'email'])).toEqual([['1', hash('a')]]);
      });

      it('suggests a column for a name that the source lacks', async () => {
        const target = await made('id int primary key, email text');
        for (const option of ['hash', 'drop'])
          expect((await problems({ ...target, [option]: ['emial'] }))[0]).toContain(
            `public.${target.identifier} has no column 'emial', which '${option}' names. did you mean 'email'? ` +
              'Columns: id, email.',
          );
        expect((await problems({ ...target, drop: ['id'] }))[0]).toContain("has no primary key without 'id'");
        await expect(synced({ ...target, hash: ['emial'] })).rejects.toThrow(TsdbtError);
      });
    });

  it('rejects values that a narrower type would round or cut, and names them', async () => {
    const cases: readonly (readonly [type: string, narrow: string, fits: string, lost: string])[] = [
      ['numeric(38,6)', 'numeric(10,2)', '12.340000', '12.345'],
      ['numeric', 'decimal(10, 2)', '-0.10', '0.001'],
      ['numeric', 'integer', '2', '2.5'],
      ['numeric', 'double precision', '0.1', '12345678901234567'],
      ['bigint', 'real', '16777216', '16777217'],
      ['double precision', 'real', '0.5', '0.1'],
      ['double precision', 'numeric(10,2)', '12.34', '0.001'],
      ['timestamptz', 'timestamptz(0)', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05.6+00'],
      ['timestamp', 'date', '2026-01-02 00:00:00', '2026-01-02 03:04:05'],
      ['timestamptz', 'time', '', '2026-01-02 03:04:05+00'],
      ['interval', 'interval second(0)', '00:00:05', '00:00:05.5'],
      ['text', 'varchar(3)', 'abc', 'abc '],
      ['text', 'char(3)', 'ab', 'abcd'],
      ['text', 'numeric(6,1)', '1.50', '1.55'],
      ['text', 'real', '0.1', '16777217'],
      ['text', 'timestamp', '2026-01-02', '2026-01-02 03:04:05+02'],
      ['text', 'date', '2026-01-02', '2026-01-02 03:04:05'],
      ['bit(8)', 'bit(3)', '', '10101010'],
      ['numeric(9,3)[]', 'numeric(9,1)[]', '{1.5,NULL}', '{1.55}'],
    ];
    for (const [type, narrow, fits, lost] of cases)
      for (const declared of [true, false]) {
        const types = new Map(declared ? [['v', narrow]] : []);
        const target = await made(`id integer primary key, v ${type}`, {
          ...FULL,
          types,
        });
        const sync = async (): Promise<Synced> => {
          const work = new PostgresSync(target, from(), postgres);
          return work.run().finally(() => work.close());
        };
        const stored = async (): Promise<unknown[]> =>
          (await source.query(`select t::text from ${SCHEMA}.${target.identifier} t order by 1`)).rows;
        if (!declared)
          await source.query(`create table ${SCHEMA}.${target.identifier} (id integer primary key, v ${narrow})`);
        await source.query(`insert into ${target.identifier} values (0, null), (1, $1)`, [fits === '' ? null : fits]);
        await sync();
        const before = await stored();
        expect(before).toHaveLength(2);
        await source.query(`insert into ${target.identifier} values (2, $1)`, [lost]);
        await expect(sync(), `${type} as ${narrow}`).rejects.toMatchObject({
          kind: 'validation',
          message: expect.stringMatching(
            /cannot be synced: column 'v' has 1 value that .* does not hold exactly, such as /,
          ),
        });
        expect(await stored()).toEqual(before);
      }
  });
});
