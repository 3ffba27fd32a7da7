// Publications from Postgres into ClickHouse.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { quoteText } from '../../../src/adapters/clickhouse/literal.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { openLab, type PublishLab } from './lab.ts';

const TABLE = "{{ config(materialized='table') }}\n";
const TO = { to: 'analytics', table: 'published.m', key: 'id' };

describe.skipIf(clickhouseMissing !== null)('a publication from Postgres to ClickHouse', () => {
  let lab: PublishLab;
  let adapter: ClickHouseAdapter;
  beforeAll(async () => {
    lab = await openLab();
    lab.project.write({
      'connections.yml': `analytics: {type: clickhouse, path: ${clickhouseFolder()}, schema: published}\n`,
    });
    adapter = clickhouseAdapter('published');
  });
  afterAll(async () => {
    await adapter.close();
    await lab.close();
  });
  const there = (sql: string): Promise<string[][]> => textsOf(adapter, sql);
  const publish = (sql: string, settings: unknown = TO) => {
    lab.model(TABLE + sql, settings);
    return lab.project.run(['build']);
  };

  it('is rejected before any change if the connection has a cluster', async () => {
    const connections = lab.project.read('connections.yml');
    lab.project.write({ 'connections.yml': connections.replace('schema:', 'cluster: east, schema:') });
    const { code, out } = await publish('select 1 as id', { to: 'analytics', table: 'published_east.m' });
    lab.project.write({ 'connections.yml': connections });
    expect([code, out.includes("the connection 'analytics' has the cluster 'east'")], out).toEqual([1, true]);
    expect(await there("select name from system.databases where name = 'published_east'")).toEqual([]);
  });

  it('keeps every bit of floats', async () => {
    const floats = "('x' || substr(md5(g::text), 1, 16))::bit(64)::bigint";
    const built = await publish(
      `select g::int as id, ${floats}::float8 / 1e7 as f, ((${floats} % 1000003)::float8 / 7)::float4 as ` +
        `r from generate_series(1, 2000) g`,
    );
    expect(built.code, built.out).toBe(0);
    const { rows } = await lab.project.client.query<{ bits: string }>(
      "select id || ' ' || encode(float8send(f), 'hex') || ' ' || encode(float4send(r), 'hex') as bits " +
        'from s.m order by id',
    );
    expect(
      await there(
        "select toString(id) || ' ' || lower(hex(reinterpretAsUInt64(f))) || ' ' || " +
          'lower(hex(reinterpretAsUInt32(r))) ' +
          'from published.m order by id',
      ),
    ).toEqual(rows.map(({ bits }) => [bits]));
  });

  it('keeps values of every type exactly, in one exchange, and sends nothing if unchanged', async () => {
    const built = await publish(
      `select 1::bigint as id, 'a\tb\\c\nd''e' as t, true as b, 123456789012345678.123456789::numeric(38, 9) as n,
  timestamptz '2026-11-23 08:00:00.123456+02' as at, date '1900-01-01' as d, null::int as i, 'NaN'::float8 as f,
  '{"k": 1.10}'::jsonb as j, '11111111-2222-3333-4444-555555555555'::uuid as u, 'x  '::bpchar as c
union all select 2, '', false, (-1)::numeric(38, 9),
  '1969-12-31 23:59:59.5+00', '2299-12-31', 7, '-infinity', null, null, null`,
    );
    expect(built.out).toContain('PUBLISH 2');
    expect(
      await there(
        'select toString(id), t, toString(b), toString(n), toString(at), toString(d), ifNull(toString(i), ' +
          "'null'), toString(f), ifNull(j, 'null'), ifNull(toString(u), 'null'), ifNull(c, 'null') from published.m " +
          'order by id',
      ),
    ).toEqual([
      [
        '1',
        "a\tb\\c\nd'e",
        'true',
        '123456789012345678.123456789',
        '2026-11-23 06:00:00.123456',
        '1900-01-01',
        'null',
        'nan',
        '{"k": 1.10}',
        '11111111-2222-3333-4444-555555555555',
        'x',
      ],
      ['2', '', 'false', '-1', '1969-12-31 23:59:59.500000', '2299-12-31', '7', '-inf', 'null', 'null', 'null'],
    ]);
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
    expect((await publish('select 3::bigint as id')).out).toContain('PUBLISH 1');
    expect(await there("select name from system.tables where database = 'published' order by 1")).toEqual([['m']]);
  });

  it.each([
    ['emptied', 'truncate table published.m'],
    ['cut', 'delete from published.m where id = 1'],
    ['filled by another writer', 'insert into published.m values (9)'],
    ['recreated from its definition alone', 'create or replace table published.m (id Int32) order by id'],
  ])('is sent again after its table was %s', async (_, sql) => {
    const rows = 'select g::int as id from generate_series(1, 3) g';
    expect((await publish(rows)).out).toContain('PUBLISH 3');
    const [[comment = ''] = []] = await there(
      "select comment from system.tables where database = 'published' and name = 'm'",
    );
    await there(sql);
    await there(`alter table published.m modify comment ${quoteText(comment)}`);
    const { code, out } = await lab.project.run(['publish']);
    expect(code, out).toBe(0);
    expect(await there('select toString(id) from published.m order by id')).toEqual([['1'], ['2'], ['3']]);
  });

  it('is sent again after a column of its table was dropped', async () => {
    expect((await publish('select 1 as id, 2 as note')).out).toContain('PUBLISH 1');
    await there('alter table published.m drop column note');
    expect((await lab.project.run(['publish'])).out).toContain('PUBLISH 1');
    expect(await there('select toString(note) from published.m')).toEqual([['2']]);
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
  });

  it('keeps NOT NULL columns, and changes with them', async () => {
    const described = () =>
      there("select name, type from system.columns where database = 'published' and table = 'n' order by position");
    const build = async (notNull: readonly string[]): Promise<void> => {
      lab.project.write({
        'models/m.sql': `${TABLE}select 1 as id, 'a'::text as name, now() as at, null::int as note`,
        'models/m.yml': `models:
  - name: m
    config: { contract: { enforced: true }, meta: { tsdbt: { publish: { to: analytics, table: published.n } } } }
    columns:
${Object.entries({ id: 'integer', name: 'text', at: 'timestamptz', note: 'integer' })
  .map(
    ([name, type]) =>
      `      - { name: ${name}, data_type: ${type}` +
      `${notNull.includes(name) ? ', constraints: [{ type: not_null }]' : ''} }`,
  )
  .join('\n')}
`,
      });
      const built = await lab.project.run(['build']);
      expect(built.code, built.out).toBe(0);
    };
    await build(['id', 'name', 'at']);
    const wanted = [
      ['id', 'Int32'],
      ['name', 'String'],
      ['at', "DateTime64(6, 'UTC')"],
      ['note', 'Nullable(Int32)'],
    ];
    expect(await described()).toEqual(wanted);
    await build(['id']);
    expect((await described())[1]).toEqual(['name', 'Nullable(String)']);
    await build(['id', 'name', 'at']);
    expect(await described()).toEqual(wanted);
  });

  const refused: [string, string, string][] = [
    ['infinity', "select 1 as id, 'infinity'::date as d", "Column 'd' has 1 value that cannot be published"],
    [
      'a time out of range',
      "select 1 as id, timestamp '1850-01-01' as d",
      'published, such as 1850-01-01 00:00:00: it holds times from',
    ],
    ['a number that is none', "select 1 as id, 'NaN'::numeric(10, 2) as d", 'such as NaN: a decimal is a number'],
    ['a numeric without precision', 'select 1 as id, 1.5 as d', "Column 'd' of type numeric cannot be published"],
    ['an array', 'select 1 as id, array[1] as d', "Column 'd' of type integer[] cannot be published to ClickHouse"],
    ['a key twice', 'select 1 as id union all select 1', 'The key id of the publication is not unique'],
    ['a null in the key', 'select null::int as id', 'a sorting key has no null'],
  ];
  for (const [name, sql, message] of refused)
    it(`rejects ${name} by name`, async () => {
      const ended = await publish(sql, { ...TO, adopt: true });
      expect(ended.code).toBe(1);
      expect(ended.out).toContain(message);
    });
});
