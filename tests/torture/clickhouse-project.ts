// The project that the ClickHouse campaign builds: every kind of relation that is published in one step, what a reader
// may never see of it, and what must hold when all is built.
/** A moment of the last month or of this one: a microbatch model has two batches. */
const MONTH = new Date();
const AT = (months: number): string =>
  new Date(Date.UTC(MONTH.getUTCFullYear(), MONTH.getUTCMonth() - months, 1)).toISOString().slice(0, 10);

export const FILES: Readonly<Record<string, string>> = {
  'dbt_project.yml':
    "name: torture\nversion: '1.0.0'\nconfig-version: 2\nprofile: torture\nflags: {send_anonymous_usage_stats: " +
    'false}\n',
  'seeds/s.csv': `k,name\n${[0, 1, 2, 3, 4].map((k) => `${k},n${k}\n`).join('')}`,
  'models/s.yml': `
sources: [{name: raw, schema: raw, tables: [{name: e, config: {event_time: at}}, {name: m}]}]
models:
  - {name: t, columns: [{name: id, data_tests: [unique, not_null]}]}
  - {name: up, columns: [{name: id, data_tests: [unique]}]}
`,
  'models/t.sql':
    "{{ config(materialized='table', order_by='id', engine='MergeTree()') }} select id, k, amount from {{ " +
    "source('raw', 'e') }} final",
  'models/v.sql': "select k, count() as n, sum(amount) as total from {{ ref('t') }} group by k",
  'models/ap.sql':
    "{{ config(materialized='incremental', incremental_strategy='append', order_by='id') }} select id, k from " +
    "{{ source('raw', 'e') }} final " +
    '{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}',
  'models/up.sql':
    "{{ config(materialized='incremental', incremental_strategy='atomic_upsert', unique_key='id', " +
    "order_by='id', partition_by='id % 3') }} " +
    "select id, id % 3 as third, k, amount from {{ source('raw', 'e') }} final",
  'models/ow.sql':
    "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', order_by='id', " +
    "partition_by='k') }} " +
    "select id, k, amount from {{ source('raw', 'e') }} final",
  'models/mb.sql':
    "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
    "batch_size='month', lookback=2, " +
    `begin='${AT(1)}', order_by='id', partition_by='id % 3') }} select id, k, amount, at from {{ source('raw', ` +
    "'e') }} order by version desc limit 1 by id",
  'models/mv.sql':
    "{{ config(materialized='materialized_view', order_by='id', engine='MergeTree()') }} select id, id % 5 as " +
    "k from {{ source('raw', 'm') }}",
  'snapshots/sn.sql':
    "{% snapshot sn %}{{ config(target_schema='an', unique_key='id', strategy='check', check_cols=['amount']) }} " +
    "select id, amount from {{ source('raw', 'e') }} final{% endsnapshot %}",
};

/** Nodes that real dbt builds beside. */
export const THEIRS: Readonly<Record<string, string>> = {
  'models/theirs.sql':
    "{{ config(materialized='table', order_by='k') }} select k, count() as n from {{ ref('t') }} group by k",
  'models/theirs_inc.sql':
    "{{ config(materialized='incremental', unique_key='id', order_by='id') }} select id, amount from {{ ref('up') }}",
  'models/theirs_view.sql': "{{ config(materialized='view') }} select count() as n from {{ ref('ow') }}",
};

export const SETUP: readonly string[] = [
  'create database if not exists raw',
  'create table raw.e (id UInt64, k UInt8, amount Int64, at DateTime, version UInt64) engine = ' +
    'ReplacingMergeTree(version) order by id',
  'create table raw.m (id UInt64) engine = MergeTree order by id',
];

/** Twenty more rows and other amounts. @param round from 0 @returns statements */
export function change(round: number): string[] {
  const from = round * 20 + 1;
  return [
    `insert into raw.e select ${from} + number, number % 5, number, if(number % 2 = 0, '${AT(1)}', '${AT(0)}'),` +
      ` ${round + 1} from numbers(20)`,
    `insert into raw.m select ${from} + number from numbers(20)`,
    `insert into raw.e select id, k, amount + 1, at, ${round + 1} from (select * from raw.e final where id % 7 ` +
      `= ${round % 7} and id < ${from})`,
  ];
}

/** Each is 0 at every moment, for every reader: one relation a question. */
export const ALWAYS: Readonly<Record<string, string>> = {
  't twice or empty': 'select toInt64(count()) - toInt64(uniqExact(id)) + (count() = 0) from an.t',
  'ap twice': 'select toInt64(count()) - toInt64(uniqExact(id)) from an.ap',
  'up twice or empty': 'select toInt64(count()) - toInt64(uniqExact(id)) + (count() = 0) from an.up',
  'ow twice or empty': 'select toInt64(count()) - toInt64(uniqExact(id)) + (count() = 0) from an.ow',
  'mb twice': 'select toInt64(count()) - toInt64(uniqExact(id)) from an.mb',
  'mv twice or empty': 'select toInt64(count()) - toInt64(uniqExact(id)) + (count() = 0) from an.mv',
  'sn open twice': 'select toInt64(count()) - toInt64(uniqExact(id)) from an.sn where dbt_valid_to is null',
  'sn version twice': 'select toInt64(count()) - toInt64(uniqExact(dbt_scd_id)) from an.sn',
  seed: 'select toInt64(count()) - 5 from an.s',
};

const both = (a: string, b: string): string => `select count() from ((${a} except ${b}) union all (${b} except ${a}))`;

/** Each is 0 when all is built and the rows have not changed since. */
export const BUILT: Readonly<Record<string, string>> = {
  ...ALWAYS,
  t: both('select id, k, amount from raw.e final', 'select id, k, amount from an.t'),
  v: both('select k, n, total from an.v', 'select k, count(), sum(amount) from raw.e final group by k'),
  ap: both('select id from raw.e final', 'select id from an.ap'),
  up: both('select id, k, amount from raw.e final', 'select id, k, amount from an.up'),
  ow: both('select id, k, amount from raw.e final', 'select id, k, amount from an.ow'),
  mb: both('select id, k, amount from raw.e final', 'select id, k, amount from an.mb'),
  mv: both('select id from raw.m', 'select id from an.mv'),
  sn: both('select id, amount from raw.e final', 'select id, amount from an.sn where dbt_valid_to is null'),
  'left behind': "select count() from system.tables where database = 'an' and match(name, '__tsdbt_|__dbt_')",
};
