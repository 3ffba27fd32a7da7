// A project whose models and snapshot are audited, in each way that they can be built, for both databases. Its source
// is a table `s.src (id, v, at)`; a row whose v is null makes every audit fail.
export type Dialect = 'postgres' | 'clickhouse';

const KINDS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgres: {
    plain: "materialized='table'",
    looked: "materialized='view'",
    merged: "materialized='incremental', incremental_strategy='merge', unique_key='id'",
    deleted: "materialized='incremental', incremental_strategy='delete+insert', unique_key='id'",
    appended: "materialized='incremental', incremental_strategy='append'",
  },
  clickhouse: {
    plain: "materialized='table', order_by='id'",
    looked: "materialized='view'",
    merged: "materialized='incremental', incremental_strategy='atomic_upsert', unique_key='id', order_by='id'",
    deleted: "materialized='incremental', incremental_strategy='delete_insert', unique_key='id', order_by='id'",
    legacied: "materialized='incremental', incremental_strategy='legacy', unique_key='id', order_by='id'",
    overwritten:
      "materialized='incremental', incremental_strategy='insert_overwrite', order_by='id', " +
      "partition_by='intDiv(id, 10)'",
    appended: "materialized='incremental', incremental_strategy='append', order_by='id'",
  },
};

/** Start of the microbatch model's only batch: batches of a year, so that a test at midnight has one batch as well. */
const thisYear = (): string => new Date().toISOString().slice(0, 4);

/** Names of the project's audited relations. */
export function auditedNames(dialect: Dialect): string[] {
  return [...Object.keys(KINDS[dialect]), 'batched', 'snapped'];
}

/** The files of the project. @param audit false: the same without audits */
export function auditedProject(dialect: Dialect, audit = true): Record<string, string> {
  const config = `config: {meta: {tsdbt: {audit: ${audit}}}}`;
  const tests = '[not_null, {accepted_values: {arguments: {values: [1, 2, 3], quote: false}}}]';
  const columns = `columns: [{name: id, data_tests: [unique]}, {name: v, data_tests: ${tests}}]`;
  const names = [...Object.keys(KINDS[dialect]), 'batched'];
  const micro =
    "materialized='incremental', incremental_strategy='microbatch', event_time='at', batch_size='year', " +
    `begin='${thisYear()}-01-01', unique_key='id', lookback=0`;
  const models = Object.entries({
    ...KINDS[dialect],
    batched: dialect === 'postgres' ? micro : `${micro}, order_by='id', partition_by='toDate(at)'`,
  }).map(([name, settings]) => {
    const newest =
      name === 'appended' ? ' {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}' : '';
    return [
      `models/${name}.sql`,
      `{{ config(${settings}) }}\nselect id, v, at from {{ source('raw', 'src') }}${newest}\n`,
    ];
  });
  return Object.fromEntries([
    ...models,
    ['models/below.sql', "{{ config(materialized='table') }} select count(*) as n from {{ ref('plain') }}"],
    ['tests/few.sql', "select id from {{ ref('plain') }} where id > 1000"],
    [
      'tests/with_child.sql',
      "select n from {{ ref('below') }} where n < 0 and 0 = (select count(*) from {{ ref('plain') }})",
    ],
    [
      'models/all.yml',
      `sources: [{name: raw, schema: s, tables: [{name: src, config: {event_time: at}}]}]\nmodels:\n${names
        .map((name) => `  - {name: ${name}, ${config}, ${columns}}\n`)
        .join('')}`,
    ],
    [
      'snapshots/snapped.yml',
      `snapshots:\n  - {name: snapped, relation: "source('raw', 'src')", config: {strategy: check, ` +
        `unique_key: id, check_cols: [v], meta: {tsdbt: {audit: ${audit}}}}, ${columns}}\n`,
    ],
  ]);
}
