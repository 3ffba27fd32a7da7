// Publications from ClickHouse into ClickHouse and Postgres.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import type { PartitionChoice, Received } from '../../../src/publish/publication-target.ts';
import { lakeColumnOfClickHouse } from '../../../src/publish/clickhouse/lake-columns.ts';
import { rowHash } from '../../../src/publish/clickhouse/row-hashes.ts';
import { ClickHouseSource } from '../../../src/publish/clickhouse/source.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { openLab, type PublishLab } from './lab.ts';

const TABLE = "{{ config(materialized='table') }}\n";
const IN_POSTGRES = { to: 'lookup', table: 'serving.m', key: 'id' };
const IN_CLICKHOUSE = { to: 'analytics', table: 'from_ch_copy.m', key: 'id' };

describe.skipIf(clickhouseMissing !== null)('a publication from ClickHouse', () => {
  let lab: PublishLab;
  let adapter: ClickHouseAdapter;
  beforeAll(async () => {
    lab = await openLab();
    const connections = lab.project.read('connections.yml');
    lab.project.write({
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
        'schema: from_ch, threads: 2}}}\n',
      'connections.yml':
        `${connections}analytics: {type: clickhouse, path: ${clickhouseFolder()}, ` + 'schema: from_ch_copy}\n',
    });
    adapter = clickhouseAdapter('from_ch');
  });
  afterAll(async () => {
    await adapter.close();
    await lab.close();
  });
  const asked = (sql: string): Promise<string[][]> => textsOf(adapter, sql);
  const publish = (sql: string, settings: unknown) => {
    lab.model(TABLE + sql, settings);
    return lab.project.run(['build']);
  };
  const everything = `select toInt64(1) as id, 'a\\tb\\\\c\\nd\\'eΩ' as t, true as b,
  toDecimal128('1234567890123456.123456', 6) as n, toDateTime64('2026-11-23 08:00:00.123456', 6, 'Europe/Berlin') as at,
  toDate32('1900-01-01') as d, cast(null as Nullable(Int32)) as i, nan as f, toUInt64('18446744073709551615') as u,
  toUUID('11111111-2222-3333-4444-555555555555') as w, toDateTime('2026-10-25 00:30:00', 'UTC') as z
union all select 2, '', false, -1, toDateTime64('1969-12-31 23:59:59.5', 6, 'UTC'), toDate32('2299-12-31'), 7, -inf, 0,
  toUUID('00000000-0000-0000-0000-000000000000'), toDateTime('1970-01-01 00:00:00', 'UTC')`;

  it('sends values of every type exactly to Postgres, and nothing if unchanged', async () => {
    const built = await publish(everything, IN_POSTGRES);
    expect(built.out).toContain('PUBLISH 2');
    const columns =
      "id, t, b, trim_scale(n) as n, at at time zone 'UTC' as at, d, coalesce(i::text, 'null') as i, f, u, w, " +
      "z at time zone 'UTC' as z";
    expect(
      await lab.there(
        `select (jsonb_each_text(to_jsonb(q))).value from (select ${columns} from serving.m order by id) q`,
      ),
    ).toEqual(
      await lab.there(
        `select (jsonb_each_text(to_jsonb(q))).value from (select ${columns} from (values
  (1::bigint, e'a\\tb\\\\c\\nd''eΩ', true, 1234567890123456.123456::numeric(38, 6),
   timestamptz '2026-11-23 07:00:00.123456+00', date '1900-01-01', null::int, 'NaN'::float8,
   18446744073709551615::numeric(20, 0), '11111111-2222-3333-4444-555555555555'::uuid,
   timestamptz '2026-10-25 00:30+00'),
  (2, '', false, -1, '1969-12-31 23:59:59.5+00', '2299-12-31', 7, '-Infinity', 0,
   '00000000-0000-0000-0000-000000000000', '1970-01-01 00:00+00')) v (id, t, b, n, at, d, i, f, u, w, z)) q`,
      ),
    );
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
    expect((await publish("select toInt64(3) as id, 'x' as t", IN_POSTGRES)).out).toContain('PUBLISH 1');
    expect(await lab.there('select * from serving.m')).toEqual([['3', 'x']]);
  });

  it('reports that the model is not built yet', async () => {
    lab.model(`${TABLE}select 1 as id`, IN_POSTGRES);
    await asked('drop table if exists from_ch.m');
    const { code, out } = await lab.project.run(['publish']);
    expect([code, out]).toEqual([
      1,
      expect.stringContaining("'`from_ch`.`m`' is not published: it is not there: it is built before it is published"),
    ]);
  });

  it('changes rows in Postgres by key, and by partition', async () => {
    const keyed = { to: 'lookup', table: 'serving.keyed', key: 'id', mode: 'upsert' };
    await publish("select toInt32(arrayJoin([1, 2, 3])) as id, 'a' as t", keyed);
    expect((await publish("select toInt32(arrayJoin([2, 3, 4])) as id, if(id = 3, 'b', 'a') as t", keyed)).code).toBe(
      0,
    );
    expect(await lab.there('select id, t from serving.keyed order by id')).toEqual([
      ['2', 'a'],
      ['3', 'b'],
      ['4', 'a'],
    ]);
    const parted = { to: 'lookup', table: 'serving.parted', mode: 'partitions', partition_by: ['day(at)', 'c'] };
    const day = (n: number, v: string, c = "'x'") =>
      `select toDateTime('2026-11-2${n} 23:30:00', 'UTC') as at, cast(${c} as Nullable(String)) as c, '${v}' as v`;
    await publish(`${day(1, 'a')} union all ${day(2, 'a', 'null')}`, parted);
    expect((await publish(`${day(2, 'b', 'null')} union all ${day(3, 'b')}`, parted)).out).toContain('PUBLISH 3');
    expect(await lab.there("select (at at time zone 'UTC')::date, c, v from serving.parted order by 1")).toHaveLength(
      3,
    );
    expect(await lab.there('select v from serving.parted order by at')).toEqual([['a'], ['b'], ['b']]);
  });

  it('replaces partitions by values of every type whose text is the same in both', async () => {
    const keys = [
      "' a\\tΩ' as s",
      "toLowCardinality('') as lc",
      "cast('b' as Enum8('a' = 1, 'b' = 2)) as e",
      'toInt8(-1) as i',
      "toUInt64('18446744073709551615') as u",
      "toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968') as w",
      'true as b',
      "toDate32('1900-01-01') as d",
      "toUUID('ABCDEF00-2222-3333-4444-555555555555') as x",
      'cast(null as Nullable(Int32)) as z',
    ];
    const early = "toDateTime64('1969-12-31 23:59:59.5', 1, 'UTC') as at";
    const names = keys.map((key) => key.slice(key.lastIndexOf(' ') + 1));
    const parted = {
      to: 'lookup',
      table: 'serving.by_value',
      mode: 'partitions',
      partition_by: [...names, 'hour(at)', 'year(d)'],
    };
    for (const v of [1, 2]) {
      const { out } = await publish(`select ${[...keys, early].join(', ')}, ${v} as v`, parted);
      expect(out).toContain('PUBLISH 1');
    }
    expect(await lab.there('select v from serving.by_value')).toEqual([['2']]);
  });

  it('sends every type unchanged to ClickHouse, in one exchange', async () => {
    const types =
      "[1, 2] as l, map('k', toNullable(1)) as m, tuple(1, 'a') as tu, toLowCardinality('lc') as lc, " +
      "toDateTime('2026-10-25 02:30:00', 'Europe/Berlin') as at, cast(1 as Nullable(Int64)) as id, " +
      "toFixedString('ab', 4) as fs, [tuple(1, 'a')]::Nested(a Int32, b String) as ne";
    expect((await publish(`select ${types}`, IN_CLICKHOUSE)).out).toContain('PUBLISH 1');
    const shape = (database: string) =>
      asked(`select name, type from system.columns where database = '${database}' and table = 'm' and name != 'id'`);
    expect(await shape('from_ch_copy')).toEqual(await shape('from_ch'));
    expect(await asked('select * from from_ch_copy.m')).toEqual(await asked('select * from from_ch.m'));
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
    expect((await publish(`select ${types} union all select ${types}`, IN_CLICKHOUSE)).out).toContain('is not unique');
    expect(await asked("select name from system.tables where database = 'from_ch_copy'")).toEqual([['m']]);
  });

  it('keeps quotes that are part of a column name', async () => {
    const columns = 'select 1 as id, 2 as "a", 3 as `"a"`, 4 as `\\`b\\``, 5 as `"`';
    const to = [
      { ...IN_POSTGRES, table: 'serving.quoted' },
      { ...IN_CLICKHOUSE, table: 'from_ch_copy.quoted', order_by: ['"a"'] },
    ];
    const built = await publish(columns, to);
    expect([built.code, built.out.match(/PUBLISH 1/g)?.length], built.out).toEqual([0, 2]);
    const names = ['id', 'a', '"a"', '`b`', '"'];
    expect(
      await lab.there("select attname from pg_attribute where attrelid = 'serving.quoted'::regclass and attnum > 0"),
    ).toEqual(names.map((name) => [name]));
    expect(await asked("select name from system.columns where database = 'from_ch_copy' and table = 'quoted'")).toEqual(
      names.map((name) => [name]),
    );
    expect(await lab.there('select * from serving.quoted')).toEqual([['1', '2', '3', '4', '5']]);
    expect(await asked('select * from from_ch_copy.quoted')).toEqual([['1', '2', '3', '4', '5']]);
    const compared = await lab.project.run(['diff', '--copies']);
    expect(compared.code, compared.out).toBe(0);
  });

  it.each(['text', 'native'] as const)(
    'rejects %s rows of a table that was truncated and filled with the same rows while they were read',
    async (format) => {
      const session = adapter.session({ name: 'test' });
      const into = adapter.session({ name: 'receiver' });
      const columns = ['id', 'v'].map((name) => ({ name, expression: `t.${name}` }));
      const fill = () =>
        asked("insert into from_ch.moving select number, if(number = 1, null, 'NULL') from numbers(5)");
      try {
        await asked(
          'create or replace table from_ch.moving (id Int32, v Nullable(String)) engine = MergeTree order by id',
        );
        await asked(
          'create or replace table from_ch.arrived (id Int32, v Nullable(String)) engine = MergeTree order by id',
        );
        const relation = adapter.createRelation({ schema: 'from_ch', identifier: 'moving' });
        const source = new ClickHouseSource(session, relation);
        // Sends the rows, and confirms them as a receiver does.
        const send = async (received: Omit<Received, 'mark'>): Promise<void> => {
          const texts: Uint8Array[] = [];
          await source.rows(columns, format, null, async (rows) => {
            if (format === 'native') return into.insert('INSERT INTO from_ch.arrived FORMAT Native', rows);
            for await (const chunk of rows) texts.push(chunk);
          });
          if (format === 'text') return source.confirm({ ...received, mark: null });
          const [row = []] = await asked(`select count(), toString(sum(${rowHash(columns)})) from from_ch.arrived t`);
          return source.confirm({ ...received, mark: `${row[0]}:${row[1]}` });
        };
        await send({ summary: await source.summary([], columns), partitions: null });
        await fill();
        const summary = await source.summary([], columns);
        const partitions = await source.partitions([{ column: 'v', grain: null }], columns);
        expect(partitions.map(({ rows }) => rows)).toEqual([4, 1]);
        await asked('truncate table from_ch.moving');
        await expect(send({ summary, partitions: null })).rejects.toThrow('its rows changed while they were read');
        await fill();
        await send({ summary, partitions: null });
        await asked('truncate table from_ch.arrived');
        await send({ summary, partitions });
        await asked('optimize table from_ch.moving final');
        await asked('truncate table from_ch.arrived');
        await send({ summary, partitions: null });
        await asked("alter table from_ch.moving update v = 'other' where id = 3 settings mutations_sync = 2");
        await asked('truncate table from_ch.arrived');
        await expect(send({ summary, partitions: null })).rejects.toThrow('its rows changed while they were read');
        await expect(source.partitions([{ column: 'v', grain: null }], columns)).rejects.toThrow('its rows changed');
      } finally {
        await into.release();
        await session.release();
      }
    },
  );

  it('distinguishes the hours that clocks repeat', async () => {
    const session = adapter.session({ name: 'test' });
    try {
      const source = new ClickHouseSource(session, adapter.createRelation({ schema: 'from_ch', identifier: 'clocks' }));
      const zone = "'Europe/Berlin'";
      const marks = new Set<string>();
      // 00:30 and 01:30 in UTC, as values of each kind.
      for (const seconds of [1792888200, 1792891800])
        for (const [column, value] of [
          [`DateTime(${zone})`, seconds],
          [`Nullable(DateTime64(6, ${zone}))`, `${seconds}.5`],
          [`Array(DateTime(${zone}))`, `[${seconds}]`],
        ] as const) {
          await asked(
            `create or replace table from_ch.clocks (part UInt8, v ${column}) engine = MergeTree order by part`,
          );
          await asked(`insert into from_ch.clocks values (1, ${value})`);
          const columns = ['part', 'v'].map((name) => ({ name, expression: `t.${name}` }));
          const { mark } = await source.summary([], columns);
          marks.add(mark);
          const [found] = await source.partitions([{ column: 'part', grain: null }], columns);
          expect(found?.mark).toBe(mark);
          // The text of a partition stays what it was.
          if (!column.startsWith('Array'))
            expect((await source.partitions([{ column: 'v', grain: null }], columns))[0]?.values[0]).toContain(
              '2026-10-25 02:30',
            );
        }
      expect(marks.size).toBe(6);
    } finally {
      await session.release();
    }
  });

  it('sends the rows of many thousand partitions, each once', async () => {
    const session = adapter.session({ name: 'test' });
    try {
      await asked(
        'create or replace view from_ch.many as select intDiv(number, 2) as part, if(part = 7, null, toString(part)) ' +
          'as name from numbers(40002)',
      );
      const source = new ClickHouseSource(session, adapter.createRelation({ schema: 'from_ch', identifier: 'many' }));
      const parts = ['part', 'name'].map((column) => ({ column, grain: null }));
      const columns = [{ name: 'part', expression: 't.part' }];
      await source.summary([], columns);
      const partitions = await source.partitions(parts, columns);
      const count = (only: PartitionChoice) =>
        source.rows(columns, 'text', only, async (rows) => {
          let text = '';
          for await (const chunk of rows) text += Buffer.from(chunk).toString();
          return text.trimEnd().split('\n').length;
        });
      expect(partitions.length).toBe(20_001);
      expect(await count({ parts, partitions: partitions.slice(1) })).toBe(40_000);
      expect(await count({ parts, partitions: partitions.slice(1), grouped: true })).toBe(40_000);
      expect(await count({ parts, partitions, all: true })).toBe(40_002);
      expect(await count({ parts: parts.slice(0, 1), partitions: [{ values: ['7'] }] })).toBe(2);
      expect(await count({ parts, partitions: [{ values: ['7', null] }] })).toBe(2);
    } finally {
      await session.release();
    }
  });

  it('suggests how to convert an aggregate state to a value', async () => {
    const merged: [string, string, string][] = [
      ['sumState', '3', 'sumMerge(`s`)'],
      ['quantilesState(0.5, 0.9)', '3', 'quantilesMerge(0.5, 0.9)(`s`)'],
      ['sumMapState', '[1], [2]', 'sumMapMerge(`s`)'],
    ];
    for (const [aggregate, value, merge] of merged) {
      const { out } = await publish(
        `select 1 as id, initializeAggregation('${aggregate}', ${value}) as s`,
        IN_POSTGRES,
      );
      const why = `finalizeAggregation(\`s\`) in the model is the value of a row, ${merge} that of all rows of a group`;
      expect(out).toContain(
        `cannot be published to Postgres: it is the state of an aggregate, and its text is bytes; ${why}`,
      );
      expect(
        await asked(`select toString(any(finalizeAggregation(\`s\`))) = toString(${merge}) from from_ch.m`),
      ).toEqual([['1']]);
      const [[type = ''] = []] = await asked('select toTypeName(s) from from_ch.m');
      expect(() => lakeColumnOfClickHouse({ name: 's', type, nullable: false })).toThrow(why);
    }
    const simple = 'SimpleAggregateFunction(max, Nullable(Int64))';
    const { out } = await publish(`select 1 as id, cast(3 as ${simple}) as s`, IN_POSTGRES);
    expect(out).toContain('it says how rows are merged; CAST(`s` AS Nullable(Int64)) in the model is the value');
    expect(await asked('select CAST(`s` AS Nullable(Int64)) from from_ch.m')).toEqual([['3']]);
  });

  const refused: [string, string, unknown, string][] = [
    [
      'an array',
      'select 1 as id, [1] as d',
      IN_POSTGRES,
      "Column 'd' of type Array(UInt8) cannot be published to Postgres",
    ],
    ['nanoseconds', "select 1 as id, toDateTime64('2026-01-01', 9, 'UTC') as d", IN_POSTGRES, 'DateTime64(6)'],
    ['a NUL', "select 1 as id, 'a\\0b' as d", IN_POSTGRES, 'a text has no NUL'],
    ['bytes that are no UTF-8', "select 1 as id, unhex('ff') as d", IN_POSTGRES, 'a text is UTF-8'],
    [
      'a null in the sorting key',
      'select cast(null as Nullable(Int32)) as id',
      IN_CLICKHOUSE,
      'a sorting key has no null',
    ],
    ...(
      [
        ['DateTime', "toDateTime('2026-11-23 08:00:00', 'UTC')"],
        ['DateTime64', "toDateTime64('2026-11-23 08:00:00', 3, 'UTC')"],
        ['Decimal', "toDecimal32('1.5', 2)"],
        ['Float64', 'toFloat64(1)'],
        ['IPv4', "toIPv4('10.0.0.1')"],
        ['Nullable', "toNullable(toIPv6('::1'))"],
      ] as const
    ).map(([type, value]): [string, string, unknown, string] => [
      `partitions by the value of a column of ${type}`,
      `select 1 as id, ${value} as d`,
      { to: 'lookup', table: 'serving.odd', mode: 'partitions', partition_by: ['id', 'd'] },
      `Column 'd' of type ${type}`,
    ]),
    ['a key twice', 'select arrayJoin([1, 1]) as id', IN_POSTGRES, 'is not unique'],
  ];
  for (const [name, sql, to, message] of refused)
    it(`rejects ${name} by name`, async () => {
      const ended = await publish(sql, to);
      expect([ended.code, ended.out.includes(message)], ended.out).toEqual([1, true]);
    });
});
