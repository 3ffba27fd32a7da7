// The tables of serve in schema `tsdbt` of Postgres, as SQL. SQL texts only: store.ts runs them.
import { cellsOf, FRESHNESS_COLUMNS, MOST_TEXT, NODE_COLUMNS } from '../store-rows.ts';

/** Shared with the loader. Projects that are run manually do not need it. */
export const STATE_SCHEMA = 'tsdbt';

/** Times that a Date can hold. */
const inRange = (column: string): string => `${column} between '0001-01-01 00:00:00+00' and '9999-12-31 00:00:00+00'`;
/**
 * What rows contain that serve writes. Without these constraints, one row of another user of the database would make
 * the statements fail that read the table for all jobs.
 */
const CHECKS: readonly (readonly [table: string, condition: string])[] = [
  [
    'job_runs',
    'attempt between 1 and 1000000 and token between 1 and 1000000000000000 and ' +
      ['due_at', 'started_at', 'seen_at', 'finished_at', 'again_at'].map(inRange).join(' and '),
  ],
  ['node_runs', inRange('started_at')],
  ['freshness_runs', `${inRange('at')} and isfinite(max_loaded_at)`],
  [
    'due_left_out',
    'due_times between 1 and 1000000000000000 and ' +
      ['run_due_at', 'first_due_at', 'last_due_at'].map(inRange).join(' and '),
  ],
  ['job_requests', inRange('asked_at')],
  ['incidents', `${inRange('opened_at')} and ${inRange('closed_at')}`],
  ['alarms_sent', inRange('at')],
];

/** Creates missing objects. */
export const CREATE_STATE: readonly string[] = [
  `create schema if not exists ${STATE_SCHEMA}`,
  // A due time is claimed by inserting its row. Each token of a job is used once.
  `create table if not exists ${STATE_SCHEMA}.job_runs (
  run_id text primary key,
  job text not null,
  due_at timestamptz not null,
  attempt integer not null,
  host text not null,
  token bigint not null,
  state text not null default 'running',
  started_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  seen_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  reason text,
  project text,
  unique (job, due_at, attempt),
  unique (job, token)
)`,
  `create index if not exists job_runs_started_at on ${STATE_SCHEMA}.job_runs (started_at)`,
  `create index if not exists job_runs_running on ${STATE_SCHEMA}.job_runs (run_id) where state = 'running'`,
  `create index if not exists job_runs_lost on ${STATE_SCHEMA}.job_runs (due_at) where state = 'lost'`,
  // Missing in stores of earlier versions.
  `alter table ${STATE_SCHEMA}.job_runs add column if not exists again_at timestamptz`,
  `create index if not exists job_runs_again on ${STATE_SCHEMA}.job_runs (again_at) where again_at is not null`,
  `create table if not exists ${STATE_SCHEMA}.node_runs (
  run_id text not null,
  unique_id text not null,
  status text not null,
  thread text not null,
  started_at timestamptz not null,
  seconds double precision not null,
  rows bigint,
  read_rows bigint,
  read_bytes bigint,
  failures bigint,
  message text,
  checksum text,
  primary key (run_id, unique_id)
)`,
  `create index if not exists node_runs_of_node on ${STATE_SCHEMA}.node_runs (unique_id, started_at)`,
  `create table if not exists ${STATE_SCHEMA}.freshness_runs (
  run_id text not null,
  unique_id text not null,
  status text not null,
  max_loaded_at timestamptz,
  seconds double precision,
  at timestamptz not null,
  primary key (run_id, unique_id)
)`,
  `create index if not exists freshness_runs_of_source on ${STATE_SCHEMA}.freshness_runs (unique_id, at)`,
  `create table if not exists ${STATE_SCHEMA}.job_begins (
  run_id text primary key,
  made_of text not null
)`,
  // One row per reason between two runs, however many due times it covers.
  `create table if not exists ${STATE_SCHEMA}.due_left_out (
  job text not null,
  why text not null,
  run_due_at timestamptz not null,
  first_due_at timestamptz not null,
  last_due_at timestamptz not null,
  due_times bigint not null,
  primary key (job, why, run_due_at)
)`,
  `create index if not exists due_left_out_last on ${STATE_SCHEMA}.due_left_out (last_due_at)`,
  `create table if not exists ${STATE_SCHEMA}.job_pauses (
  job text primary key,
  paused_at timestamptz not null default clock_timestamp()
)`,
  `create table if not exists ${STATE_SCHEMA}.job_requests (
  job text primary key,
  asked_at timestamptz not null default clock_timestamp()
)`,
  `create table if not exists ${STATE_SCHEMA}.incidents (
  id text primary key,
  key text not null,
  opened_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  closed_at timestamptz,
  reason text not null
)`,
  `create unique index if not exists incidents_open on ${STATE_SCHEMA}.incidents (key) where closed_at is null`,
  `create table if not exists ${STATE_SCHEMA}.alarms_sent (
  incident text not null,
  channel text not null,
  occasion text not null,
  at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  primary key (incident, channel, occasion)
)`,
  // Existing rows are not checked.
  ...CHECKS.map(
    ([table, condition]) =>
      `alter table ${STATE_SCHEMA}.${table} drop constraint if exists ${table}_values, add constraint ` +
      `${table}_values check (${condition}) not valid`,
  ),
];

/** Whether serve has created its tables. */
export const STATE_PRESENT = `select to_regclass('${STATE_SCHEMA}.alarms_sent') is not null`;
/** Whether the newest part of them exists. */
export const STATE_CURRENT =
  `select to_regclass('${STATE_SCHEMA}.alarms_sent') is not null and to_regclass('${STATE_SCHEMA}.job_runs_again') ` +
  `is not null and to_regclass('${STATE_SCHEMA}.due_left_out_last') is not null and ` +
  `to_regclass('${STATE_SCHEMA}.job_begins') is not null and (select count(*) from pg_constraint where ` +
  `connamespace = ` +
  `to_regnamespace('${STATE_SCHEMA}') and conname in (${CHECKS.map(([table]) => `'${table}_values'`).join(', ')})) = ` +
  `${CHECKS.length}`;

/** Milliseconds since 1970 of a time, as text. */
export function millisecondsOf(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::bigint::text`;
}

const limited = (column: string): string => `left(${column}, ${MOST_TEXT})`;

/** A time from nullable milliseconds since 1970. */
export function timeOf(milliseconds: string): string {
  return `to_timestamp(${milliseconds} / 1000.0)`;
}

/** Columns of `jobRunOf`. */
export const RUN_COLUMNS = [
  'run_id',
  'job',
  millisecondsOf('due_at'),
  'attempt::text',
  limited('host'),
  'token::text',
  'state',
  millisecondsOf('started_at'),
  millisecondsOf('finished_at'),
  limited('reason'),
  limited('project'),
].join(', ');

const AS_TEXT = { time: millisecondsOf, number: (column: string) => `${column}::text`, text: limited };
/** Columns of `nodeRunOf`. */
export const NODE_CELLS = cellsOf(NODE_COLUMNS, AS_TEXT);
/** Columns of `freshnessOf`. */
export const FRESHNESS_CELLS = cellsOf(FRESHNESS_COLUMNS, AS_TEXT);

/** Columns of `leftOutOf`. */
export const LEFT_OUT_CELLS = [
  'job',
  'why',
  millisecondsOf('first_due_at'),
  millisecondsOf('last_due_at'),
  'due_times::text',
].join(', ');

/** Columns of `incidentOf`. */
export const INCIDENT_CELLS = [
  'id',
  'key',
  millisecondsOf('opened_at'),
  millisecondsOf('closed_at'),
  limited('reason'),
].join(', ');

/** The distinct names in a table, each found by one index lookup. Reads no more rows than there are names. */
export function namesIn(table: string): string {
  return (
    `with recursive names as (
  (select unique_id from ${STATE_SCHEMA}.${table} order by unique_id limit 1)
  union all
  select (select t.unique_id from ${STATE_SCHEMA}.${table} as t where t.unique_id > n.unique_id order by ` +
    `t.unique_id limit 1) from names as n where n.unique_id is not null
)`
  );
}

/** The key of the lock that a run's publishing transactions share, and that marking it as lost needs exclusively. */
export function fenceLock(runId: string): string {
  return `hashtext('tsdbt run'), hashtext(${runId})`;
}
