// The tables of serve in database `tsdbt` of ClickHouse, as SQL: rows are only added, and a row with a used token is
// not. SQL texts only: store.ts runs them.
import { cellsOf, FRESHNESS_COLUMNS, MOST_TEXT, NODE_COLUMNS } from '../store-rows.ts';

/** Shared with the loader. Projects that are run manually do not need it. */
export const STATE_DATABASE = 'tsdbt';
/** Number of insert tokens that are remembered. */
const WINDOW = 10_000;

const ONCE = `SETTINGS non_replicated_deduplication_window = ${WINDOW}`;

/** Tables whose next row gets the number after the greatest one. */
const NUMBERED = [
  ['job_claims', 'token'],
  ['job_requests', 'number'],
  ['incidents', 'number'],
] as const;

/** Creates missing objects. */
export const CREATE_STATE: readonly string[] = [
  `CREATE DATABASE IF NOT EXISTS ${STATE_DATABASE}`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_claims (
  job String,
  token UInt64,
  run_id String,
  due_at DateTime64(3, 'UTC'),
  attempt UInt32,
  host String,
  started_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (job, token) ${ONCE}
COMMENT 'tsdbt: who runs which due time of a job; the token is given once'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_leases (
  run_id String,
  seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(seen_at) ORDER BY run_id TTL toDateTime(seen_at) + INTERVAL 7 DAY
COMMENT 'tsdbt: when a run was last heard of'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_ends (
  run_id String,
  state LowCardinality(String),
  reason Nullable(String),
  project Nullable(String),
  ended_by String,
  finished_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY run_id ${ONCE}
COMMENT 'tsdbt: how a run ended'`,
  // Missing in stores of earlier versions.
  `ALTER TABLE ${STATE_DATABASE}.job_ends ADD COLUMN IF NOT EXISTS again_at Nullable(DateTime64(3, 'UTC'))`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.node_runs (
  run_id String,
  unique_id LowCardinality(String),
  status LowCardinality(String),
  thread LowCardinality(String),
  started_at DateTime64(3, 'UTC'),
  seconds Float64,
  rows Nullable(Int64),
  read_rows Nullable(Int64),
  read_bytes Nullable(Int64),
  failures Nullable(Int64),
  message Nullable(String),
  checksum Nullable(String),
  recorded_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (run_id, unique_id)
COMMENT 'tsdbt: nodes of runs'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.freshness_runs (
  run_id String,
  unique_id LowCardinality(String),
  status LowCardinality(String),
  max_loaded_at Nullable(DateTime64(3, 'UTC')),
  seconds Nullable(Float64),
  at DateTime64(3, 'UTC'),
  recorded_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (unique_id, run_id)
COMMENT 'tsdbt: freshness of sources as it was measured'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_begins (
  run_id String,
  made_of String
) ENGINE = ReplacingMergeTree ORDER BY run_id
COMMENT 'tsdbt: what a run is made of: two of the same make the same of the same inputs'`,
  // One row per reason between two runs, however many due times it covers.
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.due_left_out (
  job String,
  why LowCardinality(String),
  run_due_at DateTime64(3, 'UTC'),
  first_due_at DateTime64(3, 'UTC'),
  last_due_at DateTime64(3, 'UTC'),
  due_times UInt64
) ENGINE = ReplacingMergeTree(last_due_at) ORDER BY (job, why, run_due_at)
COMMENT 'tsdbt: due times of jobs that were not run, and why'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_pauses (
  job String,
  paused Bool,
  changed_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = ReplacingMergeTree(changed_at) ORDER BY job
COMMENT 'tsdbt: jobs that are paused, and since when'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.job_requests (
  job String,
  number UInt64,
  word LowCardinality(String),
  noted_by String,
  noted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (job, number, word) ${ONCE}
COMMENT 'tsdbt: runs of jobs that somebody has asked for, and who took them'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.incidents (
  key String,
  number UInt64,
  id String,
  reason String,
  opened_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (key, number) ${ONCE}
COMMENT 'tsdbt: promises that were broken'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.incident_ends (
  id String,
  closed_by String,
  closed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY id ${ONCE}
COMMENT 'tsdbt: incidents that are over'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.alarms_sent (
  incident String,
  channel String,
  occasion String,
  noted_by String,
  at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (incident, channel, occasion) ${ONCE}
COMMENT 'tsdbt: messages about incidents, noted before they were sent'`,
  // The next number must fit into the column: otherwise one row of another user would stop all jobs.
  ...NUMBERED.map(
    ([table, column]) =>
      `ALTER TABLE ${STATE_DATABASE}.${table} ADD CONSTRAINT IF NOT EXISTS ${table}_values CHECK ${column} < ` +
      '1000000000000000',
  ),
];

const TABLES = CREATE_STATE.flatMap((sql) => /^CREATE TABLE IF NOT EXISTS \w+\.(\w+)/.exec(sql)?.[1] ?? []);
/** Tables that are missing in stores of earlier versions. */
const LATER: readonly string[] = ['due_left_out', 'job_begins'];
const present = (names: readonly string[]): string =>
  `SELECT toString(count() = ${names.length}) FROM system.tables WHERE database = '${STATE_DATABASE}' AND name IN ` +
  `(${names.map((name) => `'${name}'`).join(', ')})`;
/** Whether serve has created its tables. */
export const STATE_PRESENT = present(TABLES.filter((name) => !LATER.includes(name)));
/** Whether the newest part of them exists. */
export const STATE_CURRENT =
  `${present(TABLES)} AND (SELECT count() FROM system.columns WHERE database = '${STATE_DATABASE}' AND table = ` +
  "'job_ends' AND name = 'again_at') = 1 AND (SELECT count() FROM system.tables WHERE database = " +
  `'${STATE_DATABASE}' AND position(create_table_query, concat('CONSTRAINT ', name, '_values')) > 0) = ` +
  `${NUMBERED.length}`;

/** Milliseconds since 1970 of a nullable time, as text. */
export function millisecondsOf(column: string): string {
  return `toString(toUnixTimestamp64Milli(${column}))`;
}

/** A text of limited length. */
export const limited = (column: string): string => `leftUTF8(${column}, ${MOST_TEXT})`;

/** Milliseconds since 1970 as a DateTime64(3) in UTC. */
export function timeOf(milliseconds: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.floor(milliseconds)}), 'UTC')`;
}

/** All runs: their claims, and how they ended. Columns of `jobRunOf` by name, and `seen_at`. */
export function runsSql(where: string): string {
  return (
    `SELECT c.run_id AS id, c.job AS job, ${millisecondsOf('c.due_at')}, toString(c.attempt), ${limited('c.host')}, ` +
    "toString(c.token), if(e.state = '', 'running', e.state) AS run_state, " +
    `${millisecondsOf('c.started_at')}, if(e.state = '', NULL, ${millisecondsOf('e.finished_at')}), ` +
    `${limited('e.reason')}, ${limited('e.project')} FROM ${STATE_DATABASE}.job_claims AS c ` +
    `LEFT ANY JOIN ${STATE_DATABASE}.job_ends AS e ON ` +
    `e.run_id = c.run_id WHERE ${where}`
  );
}

/** Runs that have not ended: `run_id`, `job`, `token`, `host`, and the time of their last heartbeat as `seen`. */
export function runningSql(): string {
  const over = `run_id NOT IN (SELECT run_id FROM ${STATE_DATABASE}.job_ends)`;
  return (
    'SELECT c.run_id AS run_id, c.job AS job, c.token AS token, c.host AS host, greatest(c.started_at, l.seen) ' +
    `AS seen FROM (SELECT * FROM ${STATE_DATABASE}.job_claims WHERE ${over}) AS c LEFT JOIN (SELECT run_id, ` +
    `max(seen_at) AS seen FROM ${STATE_DATABASE}.job_leases WHERE ${over} GROUP BY run_id) AS l ON l.run_id = c.run_id`
  );
}

/** Columns of `leftOutOf`. */
export const LEFT_OUT_CELLS = [
  'job',
  'why',
  millisecondsOf('first_due_at'),
  millisecondsOf('last_due_at'),
  'toString(due_times)',
].join(', ');

const AS_TEXT = { time: millisecondsOf, number: (column: string) => `toString(${column})`, text: limited };
/** Columns of `nodeRunOf`. */
export const NODE_CELLS = cellsOf(NODE_COLUMNS, AS_TEXT);
/** Columns of `freshnessOf`. */
export const FRESHNESS_CELLS = cellsOf(FRESHNESS_COLUMNS, AS_TEXT);

/** What is deleted from which table, in this order: rows before a time, except unfinished ones. */
export function prunedRows(old: string): readonly (readonly [table: string, where: string])[] {
  const claims = `SELECT run_id FROM ${STATE_DATABASE}.job_claims`;
  const running = `run_id IN (${claims} WHERE run_id NOT IN (SELECT run_id FROM ${STATE_DATABASE}.job_ends))`;
  return [
    ['node_runs', `started_at < ${old} AND NOT ${running}`],
    ['freshness_runs', `at < ${old} AND NOT ${running}`],
    // The newest claim of a job determines which due times have passed.
    [
      'job_claims',
      `started_at < ${old} AND NOT ${running} AND (job, token) NOT IN (SELECT job, max(token) FROM ` +
        `${STATE_DATABASE}.job_claims GROUP BY job)`,
    ],
    ['job_ends', `finished_at < ${old} AND run_id NOT IN (${claims})`],
    ['job_begins', `run_id NOT IN (${claims})`],
    ['due_left_out', `last_due_at < ${old}`],
    ['incidents', `id IN (SELECT id FROM ${STATE_DATABASE}.incident_ends WHERE closed_at < ${old})`],
    ['incident_ends', `closed_at < ${old} AND id NOT IN (SELECT id FROM ${STATE_DATABASE}.incidents)`],
    ['alarms_sent', `at < ${old} AND incident NOT IN (SELECT id FROM ${STATE_DATABASE}.incidents)`],
    [
      'job_requests',
      `noted_at < ${old} AND (job, number) NOT IN (SELECT job, max(number) FROM ${STATE_DATABASE}.job_requests ` +
        'GROUP BY job)',
    ],
  ];
}
