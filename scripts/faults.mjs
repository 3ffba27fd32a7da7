// Runs the long fault proofs: tests that also run in CI, here with hundreds of kills, crashes and lost connections. A
// proof fails if a file runs no test, for example because a program that it needs is not installed.
//
//   npm run faults                              the list
//   npm run faults -- load archive              these two, one after the other
//   npm run faults -- publish --rounds 10       a shorter or longer form
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const HOUR = 3_600_000;

/**
 * `rounds`: the variable that --rounds sets, its default, and what it counts. `also`: other variables and their
 * defaults. `limit`: milliseconds that one test may take. Files below tests/engine/kafka/ need Java and Maven.
 */
const PROOFS = {
  clickhouse: {
    what: 'runs and loads on ClickHouse, killed at every statement',
    rounds: ['TSDBT_FAULT_KILLS', 200, 'kills'],
    limit: HOUR,
    takes: '1 h',
    files: [
      'tests/engine/faults/clickhouse.test.ts',
      'tests/engine/faults/clickhouse-live-views.test.ts',
      'tests/engine/faults/clickhouse-load.test.ts',
      'tests/engine/faults/clickhouse-sync.test.ts',
    ],
  },
  load: {
    what: 'loaders from Kafka: kills, crashes of database and broker',
    rounds: ['TSDBT_LOAD_KILLS', 200, 'kills'],
    limit: HOUR,
    takes: '1 h',
    files: ['tests/engine/kafka/faults.test.ts', 'tests/engine/kafka/clickhouse-faults.test.ts'],
  },
  sync: {
    what: 'syncs of Postgres tables, killed at each point while their source changes',
    rounds: ['TSDBT_SYNC_KILLS', 200, 'kills per cursor and target'],
    limit: HOUR,
    takes: '20 min',
    files: ['tests/engine/loader/sync.test.ts', 'tests/engine/loader/clickhouse-sync.test.ts'],
  },
  replicate: {
    what: 'replicated tables of a Postgres under load, alone and sharing a slot: loaders killed in snapshot and stream',
    rounds: ['TSDBT_REPLICATE_KILLS', 100, 'kills per target, alone and shared'],
    limit: HOUR,
    takes: '1 h',
    files: ['tests/engine/loader/replicate/kills.test.ts', 'tests/engine/loader/replicate/shared-slot.test.ts'],
  },
  partitions: {
    what: 'partitioned models on Postgres: builds killed while a reader looks',
    rounds: ['TSDBT_PARTITION_BUILDS', 200, 'builds'],
    limit: HOUR,
    takes: '10 min',
    files: ['tests/engine/faults/postgres-partitions.test.ts'],
  },
  publish: {
    what: 'publications: publishers killed, targets crash, stores fail, while readers look',
    rounds: ['TSDBT_PUBLISH_ROUNDS', 67, 'rounds of each kind'],
    limit: 2 * HOUR,
    takes: '1 h',
    files: [
      'tests/engine/publish/readers.test.ts',
      'tests/engine/publish/store.test.ts',
      'tests/engine/publish/store-from-clickhouse.test.ts',
      'tests/engine/publish/clickhouse-partitions.test.ts',
      'tests/engine/publish/clickhouse-readers.test.ts',
    ],
  },
  iceberg: {
    what: 'two publishers of one Iceberg table: kills, catalog and store fail',
    rounds: ['TSDBT_ICEBERG_COMMITS', 100, 'commits per mode'],
    limit: 2 * HOUR,
    takes: '20 min',
    files: ['tests/engine/kafka/iceberg-commits.test.ts'],
  },
  reuse: {
    what: 'builds with --reuse after random edits of a random project, on both databases',
    rounds: ['TSDBT_REUSE_EDITS', 250, 'edits per database'],
    limit: HOUR,
    takes: '20 min',
    files: ['tests/engine/reuse/random-edits.test.ts'],
  },
  serve: {
    what: 'two hosts of `serve`, killed and suspended',
    rounds: ['TSDBT_SERVE_FAULTS', 200, 'faults'],
    limit: 2 * HOUR,
    takes: '1 h',
    files: ['tests/engine/serve/hosts.test.ts'],
  },
  days: {
    what: 'days of due times on a fake clock: jobs fail, hang and are killed, clocks jump',
    rounds: ['TSDBT_DAYS', 50, 'days of each kind'],
    limit: 4 * HOUR,
    takes: '1 h',
    files: ['tests/engine/serve/day.test.ts'],
  },
  alerts: {
    what: 'a healthy `serve` without one alert, then twenty incidents',
    rounds: ['TSDBT_ALERT_MINUTES', 90, 'healthy minutes'],
    limit: 4 * HOUR,
    takes: '2 h',
    files: ['tests/engine/kafka/alerts.test.ts'],
  },
  archive: {
    what: 'archives of topics: loaders killed, the object store fails',
    rounds: ['TSDBT_ARCHIVE_KILLS', 200, 'kills'],
    limit: HOUR,
    takes: '20 min',
    files: ['tests/engine/kafka/archive.test.ts'],
  },
  changes: {
    what: 'a live Postgres through Debezium, and kills while recorded changes are replayed',
    rounds: ['TSDBT_CHANGE_KILLS', 204, 'kills'],
    also: { TSDBT_CHANGE_SECONDS: 300 },
    limit: HOUR,
    takes: '15 min',
    files: [
      'tests/engine/kafka/debezium.test.ts',
      'tests/engine/kafka/debezium-clickhouse.test.ts',
      'tests/engine/loader/debezium/replay.test.ts',
      'tests/engine/loader/debezium/clickhouse-replay.test.ts',
    ],
  },
};

const { values, positionals } = parseArgs({ options: { rounds: { type: 'string' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !(name in PROOFS));
if (unknown.length > 0) fail(`unknown proof ${unknown.join(', ')}: choose from ${Object.keys(PROOFS).join(', ')}`);
if (values.rounds !== undefined && !/^[1-9]\d*$/.test(values.rounds)) {
  fail(`--rounds is ${JSON.stringify(values.rounds)}: expected a whole number from 1`);
}
if (positionals.length === 0) list();
else {
  run(process.execPath, ['scripts/build.mjs'], {});
  for (const name of positionals) prove(PROOFS[name]);
}

function list() {
  console.log('npm run faults -- NAME... [--rounds N]\n');
  for (const [name, { what, rounds, also, takes, files }] of Object.entries(PROOFS)) {
    const kafka = files.some(onKafka) ? ', needs Java and Maven' : '';
    const variables = [rounds.slice(0, 2), ...Object.entries(also ?? {})].map((pair) => pair.join('=')).join(' ');
    console.log(`${name.padEnd(11)} ${what}`);
    console.log(`${''.padEnd(11)} ${rounds[1]} ${rounds[2]}, about ${takes}${kafka}; ${variables}`);
  }
}

/** Runs the files of one proof; vitest.config.ts includes either those on Kafka or the others. */
function prove({ rounds: [variable, rounds], also, limit, files }) {
  const env = { [variable]: values.rounds ?? process.env[variable] ?? rounds };
  for (const [name, value] of Object.entries(also ?? {})) env[name] = process.env[name] ?? value;
  const vitest = (some, more) => {
    if (some.length === 0) return;
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-faults-'));
    const report = join(folder, 'report.json');
    const limits = ['--testTimeout', limit, '--hookTimeout', HOUR / 6];
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    run('npx', ['vitest', 'run', ...some, ...limits, ...reporters], { ...env, ...more });
    for (const name of untested(some, report)) {
      console.error(`${name} ran no test: a program that it needs is missing`);
      process.exitCode = 1;
    }
    rmSync(folder, { recursive: true });
  };
  vitest(files.filter(onKafka), { TSDBT_TEST_KAFKA: '1' });
  vitest(
    files.filter((file) => !onKafka(file)),
    {},
  );
}

/** The files of which no test passed or failed. */
function untested(files, report) {
  const { testResults } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { testResults: [] };
  const ran = testResults.filter(({ assertionResults }) =>
    assertionResults.some(({ status }) => status === 'passed' || status === 'failed'),
  );
  return files.filter((file) => !ran.some(({ name }) => name === join(root, file)));
}

function onKafka(file) {
  return file.startsWith('tests/engine/kafka/');
}

/** A failed proof does not stop the ones after it. */
function run(program, args, env) {
  const { status } = spawnSync(program, args.map(String), {
    cwd: root,
    env: { ...process.env, ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])) },
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
