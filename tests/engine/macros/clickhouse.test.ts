// What models ask of ClickHouse, statement by statement, beside what dbt-clickhouse asks: clickhouse-golden.json is
// written by tests/oracle/clickhouse-statements.mjs. Where ours differs on purpose the difference stands here with
// its reason.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tableFromResult } from '../../../src/adapters/table-inference.ts';
import { PyDateTime } from '../../../src/values/datetime.ts';
import { type Case, clickhouseStatements, meaning } from './clickhouse-recorder.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const cases = read('./clickhouse-cases.json') as Case[];
const golden = read('./clickhouse-golden.json') as Readonly<Record<string, readonly string[]>>;

/** By which the views of a model are known later. dbt-clickhouse writes no comment. */
const VIEW_COMMENT = " comment 'tsdbt: view of model.p.m'";

/** The same in other words: a question to the catalogue, columns of an insert that the query names, too. */
function evened(sql: string): string {
  return meaning(sql)
    .replace("where database = 's' and table = 'm'", "where table = 'm' and database = 's'")
    .replace(/(insert into \S+)\(([^)]*)\)select \2 from/, '$1 select $2 from')
    .replace(VIEW_COMMENT, '');
}

/** What is built for the first time gets its name when it is whole; dbt-clickhouse fills it under that name. */
const NAMED = 'rename table s.m to s.m';
function named(sql: string): string {
  return sql.replace(/\bm__dbt_(?:tmp|backup)\b/g, 'm');
}

/** dbt-clickhouse asks for the columns of a table that it has just made of a query, and names them. */
function unasked(statements: readonly string[]): string[] {
  const made = (name: string | undefined): boolean =>
    statements.some(
      (sql) =>
        (sql.startsWith(`create table s.${name} `) && sql.includes('empty as')) ||
        sql.startsWith(`create table s.${name}(`),
    );
  return statements.flatMap((sql, i) => {
    const asked = /^select name,type from system\.columns where table = '(\S+)' and/.exec(sql)?.[1];
    if (asked !== undefined && made(asked) && statements[i + 1]?.startsWith(`insert into s.${asked}(`)) return [];
    const filled = /^insert into s\.(\S+?)\((?:id,name)\)select (?!id,name from)/.exec(sql)?.[1];
    return [made(filled) ? sql.replace('(id,name)', ' ') : sql];
  });
}

/** Types and values are asked for where one might not fit into its column; dbt-clickhouse lets the server wrap it. */
const asksTypes = (sql: string): boolean => /^select (?:name,type from system\.columns |countif\(ignore\()/.test(sql);

/** `- ` what dbt-clickhouse sends and we do not, `+ ` what we send, in order; what both send is left out. */
async function difference(test: Case): Promise<string[]> {
  const theirs = unasked(golden[test.name]!.map(evened)).filter((sql) => !asksTypes(sql));
  let ours = (await clickhouseStatements(test)).map(evened).filter((sql) => !asksTypes(sql));
  if (['table', 'incremental'].includes(test.materialization) && !test.relations?.['m']) {
    const count = ours.length;
    ours = ours.map(named).filter((sql) => !sql.startsWith(NAMED));
    expect(ours).toHaveLength(count - 1);
  }
  const common = (i: number, j: number): number => table[i]?.[j] ?? 0;
  const table: number[][] = [];
  for (let i = theirs.length - 1; i >= 0; i--) {
    table[i] = [];
    for (let j = ours.length - 1; j >= 0; j--)
      table[i]![j] = theirs[i] === ours[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
  }
  const lines: string[] = [];
  for (let i = 0, j = 0; i < theirs.length || j < ours.length; ) {
    if (i < theirs.length && theirs[i] === ours[j]) {
      i++;
      j++;
    } else if (i < theirs.length && common(i + 1, j) >= common(i, j + 1)) lines.push(`- ${theirs[i++]}`);
    else if (j < ours.length) lines.push(`+ ${ours[j++]}`);
    else lines.push(`- ${theirs[i++]}`);
  }
  return lines;
}

// Who writes into a table is in the cache.
const SEARCH =
  "- select name from system.tables where engine = 'materializedview' and " +
  String.raw`extract(create_table_query,'to\\s+([^\\s(]+)')= 's.m'`;
// Whether a database can exchange is asked once a run, where the cache does not tell.
const ENGINE = "+ select name,engine,comment from system.databases where name = 's'";
// What is not there is not dropped.
const NO_DROP = '- drop table if exists s.m__dbt_distributed_new_data';
// The view that tells the columns does not stay.
const VIEW_GOES = '+ drop table if exists s.m__dbt_view_tmp on cluster c sync';
// The new table is exchanged under the name that it was built with.
const exchanged = (cluster: string, sync: string): string[] => [
  `- drop table if exists s.m__dbt_backup${cluster}`,
  `- rename table s.m__dbt_tmp to s.m__dbt_backup${cluster}`,
  `- exchange tables s.m__dbt_backup and s.m${cluster}`,
  `- drop table if exists s.m__dbt_backup${cluster}${sync}`,
  `+ exchange tables s.m__dbt_tmp and s.m${cluster}`,
  `+ drop table if exists s.m__dbt_tmp${cluster}${sync}`,
];
// Renaming leaves a moment without the table, and a killed run without the data.
const RENAMED_ON_CLUSTER = [
  '- drop table if exists s.m_local__dbt_backup on cluster c',
  '- rename table s.m_local to s.m_local__dbt_backup on cluster c',
  '- drop table if exists s.m_local on cluster c',
  '- rename table s.m_local__dbt_tmp to s.m_local on cluster c',
  '- drop table if exists s.m_temp on cluster c sync',
  "- create or replace table s.m_temp on cluster c as s.m_local engine = distributed('c','s','m_local',rand())",
  '- drop table if exists s.m__dbt_backup on cluster c',
  '- rename table s.m to s.m__dbt_backup on cluster c',
  '- drop table if exists s.m on cluster c',
  '- rename table s.m_temp to s.m on cluster c',
  '- drop table if exists s.m_local__dbt_backup on cluster c sync',
  '- drop table if exists s.m__dbt_backup on cluster c sync',
  '+ exchange tables s.m_local__dbt_tmp and s.m_local on cluster c',
  "+ create or replace table s.m on cluster c as s.m_local engine = distributed('c','s','m_local',rand())",
  VIEW_GOES,
  '+ drop table if exists s.m_local__dbt_tmp on cluster c sync',
];

/** Predicates of a project in parentheses: an OR deletes no rows of other keys. */
const parenthesized = (head: string, [theirs, ours]: readonly [string, string]): string[] => [
  `- ${head}${theirs}`,
  `+ ${head}${ours}`,
];

/** A run that ends before the views exist leaves a mark: the next one fills the table again. */
const marked = (table: string, cluster = '', text = 'tsdbt: not filled'): string =>
  `+ alter table ${table}${cluster} modify comment '${text}'`;
const replacedView = (cluster: string): readonly string[] => [
  SEARCH,
  marked('s.m__dbt_backup', cluster),
  marked('s.m', cluster),
  marked('s.m', cluster, ''),
];
const firstView = (order: string, rows: string, cluster = '', filled = true): readonly string[] => {
  const written = (sign: string, table: string): string[] => [
    `${sign} create table ${table}${cluster} engine = mergetree()order by(${order})settings ` +
      `replicated_deduplication_window='0' empty as(${rows})`,
    ...(filled ? [`${sign} insert into ${table} ${rows}`] : []),
  ];
  return [
    ...written('-', 's.m'),
    ...written('+', 's.m__dbt_backup'),
    marked('s.m__dbt_backup', cluster),
    `+ rename table s.m__dbt_backup to s.m${cluster}`,
    marked('s.m', cluster, ''),
  ];
};
const ROW = "select 1 as id,'x' as name";

/** By case: the difference. Not listed: none. */
const ON_PURPOSE: Readonly<Record<string, readonly string[]>> = {
  'view, exists': [SEARCH, ENGINE],
  'view, over a table': [SEARCH],
  'view, full refresh': [SEARCH, ENGINE],
  'view, on a cluster': [SEARCH, ENGINE],
  'table, over a view': [
    '- create table s.m__dbt_tmp engine = mergetree()order by(tuple())settings ' +
      "replicated_deduplication_window='0' empty as(select 1 as id,'x' as name)",
    "- insert into s.m__dbt_tmp select 1 as id,'x' as name",
    '- drop table if exists s.m__dbt_backup',
    '- rename table s.m to s.m__dbt_backup',
    '- drop table if exists s.m',
    '- rename table s.m__dbt_tmp to s.m',
    ENGINE,
    '+ create table s.m__dbt_backup engine = mergetree()order by(tuple())settings ' +
      "replicated_deduplication_window='0' empty as(select 1 as id,'x' as name)",
    "+ insert into s.m__dbt_backup select 1 as id,'x' as name",
    '+ exchange tables s.m__dbt_backup and s.m',
  ],
  'incremental, full refresh': exchanged('', ''),
  'incremental, full refresh, on a cluster': exchanged(' on cluster c', ' sync'),
  'incremental, legacy': exchanged('', ''),
  'incremental, legacy, on a cluster': exchanged(' on cluster c', ' sync'),
  'incremental, delete_insert': [
    ...parenthesized('delete from s.m where(id,name)in(select id,name from s.m__dbt_new_data_<id>)', [
      'and id > 3 and true settings max_threads=1',
      'and(id > 3)and(true)settings max_threads=1',
    ]),
    NO_DROP,
  ],
  'incremental, delete_insert, on a cluster': [`${NO_DROP} on cluster c sync`],
  'incremental, append_new_columns': [NO_DROP],
  'incremental, sync_all_columns': [NO_DROP],
  'materialized_view, exists': [SEARCH, '- drop table if exists s.m__dbt_backup'],
  'materialized_view, absent': firstView('id', ROW),
  'materialized_view, absent, no catchup': firstView('tuple()', ROW, '', false),
  'materialized_view, absent, on a cluster': firstView('tuple()', ROW, ' on cluster c'),
  'materialized_view, several': firstView('tuple()', `${ROW} union all select 2 as id,'y' as name`),
  'materialized_view, full refresh': replacedView(''),
  'materialized_view, full refresh, on a cluster': replacedView(' on cluster c'),
  'materialized_view, several, one new': [SEARCH, '- drop table if exists s.m__dbt_backup'],
  'materialized_view, refreshable, exists': [SEARCH, '- drop table if exists s.m__dbt_backup'],
  'materialized_view, new columns': [SEARCH, '- drop table if exists s.m__dbt_backup'],
  // dbt-clickhouse makes it twice.
  'distributed_table, absent': [
    "- create or replace table s.m on cluster c as s.m_local engine = distributed('c','s','m_local',rand())",
  ],
  // dbt-clickhouse exchanges an empty table in and fills it then, before the readers' eyes.
  'distributed_table, exists': [
    '+ drop table if exists s.m_local__dbt_backup on cluster c sync',
    '+ drop table if exists s.m__dbt_distributed_tmp on cluster c sync',
    '+ create database if not exists s on cluster c',
    '+ create or replace table s.m__dbt_distributed_tmp on cluster c as s.m_local__dbt_backup engine = ' +
      "distributed('c','s','m_local__dbt_backup',cityhash64(id))",
    "+ insert into s.m__dbt_distributed_tmp(id,name)select 1 as id,'x' as name",
    '+ drop table if exists s.m__dbt_distributed_tmp on cluster c sync',
    "- insert into s.m(id,name)select 1 as id,'x' as name",
  ],
  'distributed_incremental, absent': [VIEW_GOES],
  'distributed_incremental, full refresh': RENAMED_ON_CLUSTER,
  'distributed_incremental, legacy': [ENGINE, ...RENAMED_ON_CLUSTER],
  'distributed_incremental, append': [VIEW_GOES],
  'distributed_incremental, delete_insert': [
    ...parenthesized('delete from s.m_local on cluster c where(id)in(select id from s.m__dbt_distributed_new_data)', [
      'and id > 1',
      'and(id > 1)',
    ]),
    VIEW_GOES,
  ],
  'distributed_incremental, insert_overwrite': [
    `${NO_DROP} on cluster c sync`,
    '+ drop table if exists s.m__dbt_distributed_new_data on cluster c sync',
    VIEW_GOES,
  ],
  'distributed_incremental, sync_all_columns': [VIEW_GOES],
};

/** Staged, so that no reader sees a part of the rows: the tests of safe publishing look at these. */
const STAGED = [
  'incremental, append without key',
  'incremental, append with key',
  'incremental, inserts_only',
  'incremental, insert_overwrite',
];

describe('a ClickHouse macro sends the statements of dbt-clickhouse', () => {
  test.each(cases.filter(({ name }) => !STAGED.includes(name)).map((one) => [one.name, one] as const))(
    'for %s',
    async (name, one) => {
      expect(await difference(one)).toEqual(ON_PURPOSE[name] ?? []);
    },
  );
});

describe('where tables cannot be exchanged,', () => {
  const refused =
    'without a moment in which readers find nothing: the database "s" or its file system has no EXCHANGE ' +
    'TABLES. Nothing was changed.';

  test.each([
    ['a view', { materialization: 'view', relations: { m: 'view' } }],
    ['a table', { materialization: 'table', relations: { m: 'table' } }],
    [
      'an incremental model on a full refresh',
      { materialization: 'incremental', relations: { m: 'table' }, fullRefresh: true },
    ],
    [
      'an incremental model of the strategy legacy',
      { materialization: 'incremental', config: { unique_key: 'id' }, relations: { m: 'table' } },
    ],
    [
      'a materialized view on a full refresh',
      { materialization: 'materialized_view', relations: { m: 'table' }, fullRefresh: true },
    ],
    [
      'a distributed table',
      { materialization: 'distributed_table', relations: { m: 'table', m_local: 'table' }, cluster: true },
    ],
  ] as const)('%s is rejected before any change', async (_title, one) => {
    const statements: string[] = [];
    await expect(clickhouseStatements({ name: 'x', ordinary: true, ...one }, statements)).rejects.toThrow(refused);
    expect(statements.filter((sql) => !/^\s*select/i.test(sql))).toEqual([]);
  });

  test.each([
    ['in such a database', { ordinary: true }, 'the database `s` has no EXCHANGE TABLES'],
    ['on a cluster', { cluster: true }, 'it is built on a cluster, where working tables would lie on every server'],
  ] as const)('atomic_upsert and snapshots are rejected %s', async (_title, where, reason) => {
    for (const one of [
      { materialization: 'incremental', config: { incremental_strategy: 'atomic_upsert', unique_key: 'id' } },
      { materialization: 'snapshot', config: { strategy: 'check', unique_key: 'id', check_cols: ['name'] } },
    ]) {
      const statements: string[] = [];
      await expect(
        clickhouseStatements({ name: 'x', relations: { m: 'table' }, ...where, ...one }, statements),
      ).rejects.toThrow(`${reason}`);
      expect(statements.filter((sql) => !/^\s*select/i.test(sql))).toEqual([]);
    }
  });

  test('a new table is built', async () => {
    const statements = (await clickhouseStatements({ name: 'x', ordinary: true, materialization: 'table' }))
      .map(meaning)
      .map(named);
    expect(statements.at(-1)).toBe(NAMED);
    expect(statements.slice(0, -1)).toEqual(unasked(golden['table, absent']!.map(meaning)));
  });
});

test(
  'hooks on ClickHouse run in order, without a transaction; dbt-clickhouse sends a `commit` that the ' +
    'server rejects',
  async () => {
    const hook = (sql: string, transaction: boolean): object => ({ sql, transaction, index: null });
    const config = {
      'pre-hook': [hook('first', false), hook('second', true)],
      'post-hook': [hook('third', true), hook('fourth', false)],
    };
    expect((await clickhouseStatements({ name: 'x', materialization: 'view', config })).map(meaning)).toEqual([
      'first',
      'second',
      "create or replace view s.m as(select 1 as id,'x' as name)",
      'third',
      'fourth',
    ]);
  },
);

describe('a view', () => {
  test('that is unchanged since the last run costs no DDL, except for grants', async () => {
    const views = new Map<string, string>();
    const one = {
      name: 'x',
      materialization: 'view',
      views,
      config: { grants: { select: ['ann'] }, persist_docs: { relation: true } },
      description: 'd',
    };
    const first = await clickhouseStatements(one);
    expect(first).toContain(
      'alter table `s`.`m` modify comment $dbt_comment_literal_block$d$dbt_comment_literal_block$',
    );
    const again = { ...one, relations: { m: 'view' } } as const;
    expect((await clickhouseStatements(again)).map(meaning)).toEqual([
      'select tostring(access_type)as privilege_type,coalesce(user_name,role_name)as grantee from ' +
        "system.grants where database = 's' and table = 'm'",
      'revoke select on s.m from old',
      'grant select on s.m to ann',
    ]);
    for (const changed of [
      { sql: 'select 2 as id' },
      { description: 'other' },
      { config: { ...one.config, query_settings: { max_threads: 1 } } },
    ]) {
      expect(
        (await clickhouseStatements({ ...again, ...changed })).some((sql) => sql.startsWith('create or replace view')),
      ).toBe(true);
    }
  });

  test('that was a materialized view drops its triggers', async () => {
    const statements = await clickhouseStatements({
      name: 'x',
      materialization: 'view',
      relations: { m: 'table', m_mv: 'materialized_view' },
      writers: ['m_mv', 'other'],
    });
    expect(statements.map(meaning)).toEqual([
      'drop view if exists s.m_mv',
      "create or replace view s.m as(select 1 as id,'x' as name)",
    ]);
  });
});

describe('a table that materialized views write into', () => {
  const target = {
    name: 'x',
    materialization: 'table',
    relations: { m: 'table', v: 'materialized_view' },
    writers: ['v'],
    models: { v: 'materialized_view' },
  } as const;

  test('keeps its rows', async () => {
    expect((await clickhouseStatements(target)).map(meaning)).toEqual([
      'select 1',
      "select name,type from system.columns where table = 'm' and database = 's' order by position",
    ]);
  });

  test('fails if its columns would have to change, unless mv_on_schema_change is configured', async () => {
    const changed = { ...target, present: [['id', 'Int32']] } as const;
    await expect(clickhouseStatements(changed)).rejects.toThrow(
      'The source and target schemas on this table model are out of sync.',
    );
    expect(
      (await clickhouseStatements({ ...changed, config: { mv_on_schema_change: 'append_new_columns' } })).at(-1),
    ).toBe('alter table `s`.`m` add column if not exists "name" String');
    expect(
      (await clickhouseStatements({ ...changed, config: { mv_on_schema_change: 'ignore' } })).map(meaning),
    ).toEqual(['select 1']);
  });

  test('is filled from the views on a full refresh if configured', async () => {
    const statements = await clickhouseStatements({
      ...target,
      fullRefresh: true,
      config: { repopulate_from_mvs_on_full_refresh: true },
    });
    expect(statements.map(meaning).slice(-4)).toEqual([
      'select * from(select * from(select * from source_of_v))as __dbt_sbq where false limit 0',
      'insert into s.m__dbt_backup(id,name)select * from(select * from source_of_v)',
      'exchange tables s.m__dbt_backup and s.m',
      'drop table if exists s.m__dbt_backup',
    ]);
  });

  test('is rebuilt if the views are not the project’s', async () => {
    expect((await clickhouseStatements({ ...target, models: {} })).map(meaning)).toContain(
      'exchange tables s.m__dbt_backup and s.m',
    );
  });
});

describe('a seed', () => {
  const one = {
    name: 'x',
    materialization: 'seed',
    seed: tableFromResult(['id', 'name'], [['1', 'a']]),
    config: { column_types: { id: 'Int32' }, order_by: 'id' },
  } as const;
  const present = { ...one, relations: { m: 'table' } } as const;
  const changes = async (test: Case): Promise<string[]> =>
    (await clickhouseStatements(test)).map(meaning).filter((sql) => !sql.startsWith('select'));
  const created = 'create table s.m__dbt_tmp(id int32,name string)engine = mergetree()order by(id)';
  const loaded = 'load 1 rows into s.m__dbt_tmp(id,name)';

  test('is filled separately and then exchanged, so that it is never seen empty', async () => {
    expect(await changes(one)).toEqual([created, loaded, 'rename table s.m__dbt_tmp to s.m']);
    expect(await changes(present)).toEqual([
      'create table s.m__dbt_tmp as s.m',
      loaded,
      'exchange tables s.m__dbt_tmp and s.m',
      'drop table if exists s.m__dbt_tmp',
    ]);
    expect(await changes({ ...present, fullRefresh: true })).toEqual([
      created,
      loaded,
      'exchange tables s.m__dbt_tmp and s.m',
      'drop table if exists s.m__dbt_tmp',
    ]);
  });

  test('is truncated and filled as in dbt if views must see its rows, and on a cluster', async () => {
    expect(await changes({ ...present, read: true })).toEqual(['truncate table s.m', 'load 1 rows into s.m(id,name)']);
    expect(await changes({ ...present, cluster: true, fullRefresh: true })).toEqual([
      'drop table if exists s.m on cluster c sync',
      'create table s.m on cluster c(id int32,name string)engine = mergetree()order by(id)',
      'load 1 rows into s.m(id,name)',
    ]);
  });

  test('with settings is sent in one statement with its rows', async () => {
    expect((await changes({ ...one, config: { ...one.config, query_settings: { max_threads: 1 } } }))[1]).toBe(
      'insert into s.m__dbt_tmp(id,name)settings max_threads=1 format csv 1,a',
    );
  });
});

test('a dictionary replaces a table, which dbt-clickhouse cannot do', async () => {
  const config = { fields: [['id', 'Int32']], primary_key: 'id', layout: 'flat()' };
  const statements = await clickhouseStatements({
    name: 'x',
    materialization: 'dictionary',
    config,
    relations: { m: 'table' },
  });
  expect(statements.map(meaning)).toEqual([
    expect.stringMatching(/^create or replace dictionary s\.m__dbt_tmp\(/),
    'exchange tables s.m__dbt_tmp and s.m',
    'drop table if exists s.m__dbt_tmp',
  ]);
});

describe('a microbatch model', () => {
  const window = {
    __dbt_internal_microbatch_event_time_start: PyDateTime.fromIso('2026-01-01T00:00:00'),
    __dbt_internal_microbatch_event_time_end: PyDateTime.fromIso('2026-01-02T00:00:00'),
  };
  const statements = async (config: Readonly<Record<string, unknown>>, where: Partial<Case> = {}): Promise<string[]> =>
    (
      await clickhouseStatements({
        name: 'x',
        materialization: 'incremental',
        relations: { m: 'table' },
        config: { incremental_strategy: 'microbatch', event_time: 'at', ...window, ...config },
        ...where,
      })
    ).map(meaning);
  const type = "if(position(totypename(at),'string')> 0,'string','datetime64(0,\\'utc\\')')";
  const bound = (moment: string): string => `cast(todatetime64('${moment}',0,'utc'),${type})`;
  const [from, to] = [`at >= ${bound('2026-01-01 00:00:00')}`, `at < ${bound('2026-01-02 00:00:00')}`];
  const replaced = async (config: Readonly<Record<string, unknown>>): Promise<string | undefined> =>
    (await statements(config)).find((sql) => sql.startsWith('select distinct _partition_id'));
  const deleted = async (
    config: Readonly<Record<string, unknown>>,
    where: Partial<Case>,
  ): Promise<string | undefined> => (await statements(config, where)).find((sql) => sql.startsWith('delete'));

  test('replaces the keys within its window', async () => {
    expect(await replaced({ unique_key: 'id' })).toBe(
      'select distinct _partition_id from s.m where(id)in(select id from ' +
        `s.m__tsdbt_new)and(${from})and(${to})settings transform_null_in = 1`,
    );
  });

  test('replaces its window if it has no key, while dbt-clickhouse adds the rows again', async () => {
    expect(await replaced({})).toBe(
      `select distinct _partition_id from s.m where(${from})and(${to})settings transform_null_in = 1`,
    );
  });

  test('deletes and inserts if whole partitions cannot be replaced', async () => {
    for (const where of [{ read: true }, { cluster: true }, { ordinary: true }]) {
      expect(await deleted({ unique_key: 'id' }, where)).toBe(
        `delete from s.m where(id)in(select id from s.m__dbt_new_data_<id>)and(${from})and(${to})`,
      );
      expect(await deleted({}, where)).toBe(`delete from s.m where(${from})and(${to})`);
    }
  });
});

describe('insert_overwrite', () => {
  const one = {
    name: 'x',
    materialization: 'incremental',
    relations: { m: 'table' },
    config: { incremental_strategy: 'insert_overwrite', partition_by: 'id' },
  } as const;
  const publishing = async (test: Case): Promise<string[]> =>
    (await clickhouseStatements(test)).map(meaning).filter((sql) => /^(?:alter|exchange)/.test(sql));
  const both =
    "replace partition id '7' from s.m__dbt_new_data_<id>,replace partition id '8' from s.m__dbt_new_data_<id> " +
    'settings ';

  test('of several partitions is published by one EXCHANGE', async () => {
    expect(await publishing(one)).toEqual([
      'alter table s.m__tsdbt_shadow attach partition all from s.m settings max_partition_size_to_drop = 0',
      `alter table s.m__tsdbt_shadow ${both}max_partition_size_to_drop = 0`,
      'exchange tables s.m__tsdbt_shadow and s.m',
    ]);
  });

  test('replaces one partition after the other if there is no EXCHANGE or views read the table', async () => {
    for (const where of [{ read: true }, { ordinary: true }])
      expect(await publishing({ ...one, ...where })).toEqual([
        `alter table s.m ${both}allow_replace_partition_from_empty_source = 1`,
      ]);
  });
});

describe('a materialized view with its own target', () => {
  const one = {
    name: 'x',
    materialization: 'materialized_view',
    sql: '-- materialization_target_table: `s`.`target`\nselect 1 as id',
    relations: { target: 'table' },
  } as const;

  test('is created and fills the target', async () => {
    expect((await clickhouseStatements(one)).map(meaning)).toEqual([
      `create materialized view if not exists s.m to s.target as select 1 as id${VIEW_COMMENT}`,
      'select * from(select 1 as id)as __dbt_sbq where false limit 0',
      'insert into s.target(id,name)select 1 as id',
    ]);
  });

  test('is altered in place, created again on a full refresh, and rejected with another target', async () => {
    const present = { ...one, relations: { target: 'table', m: 'materialized_view', other: 'table' } } as const;
    expect((await clickhouseStatements(present)).map(meaning).slice(1)).toEqual([
      'alter table s.m modify query select 1 as id',
    ]);
    expect(
      (await clickhouseStatements({ ...present, fullRefresh: true, config: { catchup: false } })).map(meaning),
    ).toEqual([
      'drop view if exists s.m',
      `create materialized view if not exists s.m to s.target as select 1 as id${VIEW_COMMENT}`,
    ]);
    await expect(clickhouseStatements({ ...present, sql: one.sql.replace('target`', 'other`') })).rejects.toThrow(
      'Target table mismatch for MV "m"',
    );
    await expect(
      clickhouseStatements({ ...present, config: { refreshable: { interval: 'every 1 hour' } } }),
    ).rejects.toThrow('is not refreshable, but the model defines a "refreshable" config');
  });
});
