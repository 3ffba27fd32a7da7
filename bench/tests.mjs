// Measures tests of a table of a million rows, one by one and in one statement (`batch_tests`), and what an audit costs
// a build, on the embedded servers. Prints Markdown: CPU seconds of the server and of the command, least and mean of
// --reps, in turns, forwards and backwards.
//
//   node bench/tests.mjs [--reps 3] [--rows 1000000] [--targets postgres,clickhouse] [--ways 3,4]
//     [--program ../other/bin/tsdbt.js]
//   --ways  1 and 2: tests, one by one and in one statement; 3: build and tests; 4 and 5: build and audit, likewise
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { processorSeconds } from './timing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    reps: { type: 'string', default: '3' },
    rows: { type: 'string', default: '1000000' },
    targets: { type: 'string', default: 'postgres,clickhouse' },
    ways: { type: 'string' },
    program: { type: 'string' },
  },
});
const program = values.program ?? join(here, '..', 'bin', 'tsdbt.js');
const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-tests-'));
const ROWS = {
  postgres:
    `select i as id, 'user-' || md5(i::text) as uid, i % 1000 as a, (i::bigint * 7919) % 100000 as b, ` +
    `case i % 5 when 0 then 'x' when 1 then 'y' else 'z' end as kind, case i % 3 when 0 then 'new' else 'old' end ` +
    `as state, timestamp '2026-01-01' + i * interval '1 s' as at, i * 1.5 as amount, i / 7.0::float8 as ratio, ` +
    `'text ' || i as note, i % 10000 as customer, i % 7 as d from generate_series(1, ${values.rows}) i`,
  clickhouse:
    `select number as id, concat('user-', hex(MD5(toString(number)))) as uid, number % 1000 as a, number * 7919 % ` +
    `100000 as b, ['x', 'y', 'z', 'z', 'z'][number % 5 + 1] as kind, if(number % 3 = 0, 'new', 'old') as state, ` +
    `toDateTime('2026-01-01') + number as at, number * 1.5 as amount, number / 7 as ratio, concat('text ', ` +
    `toString(number)) as note, number % 10000 as customer, number % 7 as d from numbers(${values.rows})`,
};

/** Twenty tests: ten of NULL, two of repetition, four of values, two of ranges, two of references. */
function properties(batched, audit) {
  const range = '{in_range: {arguments: {least: 0}}}';
  const half = 'config: {where: "a > 500"}';
  const columns = {
    id: ['not_null', 'unique'],
    uid: ['not_null', 'unique'],
    a: ['not_null', range],
    b: ['not_null'],
    kind: ['not_null', "{accepted_values: {arguments: {values: ['x', 'y', 'z']}}}"],
    state: ['not_null', "{accepted_values: {arguments: {values: ['new', 'old']}}}"],
    at: ['not_null'],
    amount: ['not_null', range],
    note: ['not_null'],
    customer: [
      'not_null',
      `{relationships: {arguments: {to: "ref('customers')", field: id}}}`,
      `{relationships: {name: once_more, arguments: {to: "ref('customers')", field: id}, ${half}}}`,
    ],
    d: [
      '{accepted_values: {arguments: {values: [0, 1, 2, 3, 4, 5, 6], quote: false}}}',
      `{accepted_values: {name: d_again, arguments: {values: [0, 1, 2, 3, 4, 5, 6], quote: false}, ${half}}}`,
    ],
  };
  return (
    `models:\n  - name: t\n    config: {materialized: table, meta: {tsdbt: {batch_tests: ${batched}, ` +
    `audit: ${audit}}}}\n` +
    `    columns:\n${Object.entries(columns)
      .map(([name, tests]) => `      - {name: ${name}, data_tests: [${tests.join(', ')}]}\n`)
      .join('')}`
  );
}

function project(target) {
  mkdirSync(join(dir, 'models'), { recursive: true });
  mkdirSync(join(dir, 'tests', 'generic'), { recursive: true });
  writeFileSync(
    join(dir, 'dbt_project.yml'),
    'name: bench\nversion: "1.0.0"\nprofile: bench\nflags: {send_anonymous_usage_stats: false}\n',
  );
  writeFileSync(
    join(dir, 'profiles.yml'),
    'bench: {target: postgres, outputs: {postgres: {type: postgres, embedded: pg, schema: bench, threads: 1}, ' +
      'clickhouse: {type: clickhouse, path: ch, schema: bench, threads: 1}}}\n',
  );
  writeFileSync(
    join(dir, 'tests', 'generic', 'in_range.sql'),
    '{% test in_range(model, column_name, least) %}\nselect 1\nfrom {{ model }}\nwhere not({{ column_name }} >= ' +
      '{{ least }})\n{% endtest %}\n',
  );
  writeFileSync(join(dir, 'models', 'rows_of_t.sql'), `{{ config(materialized='table') }} ${ROWS[target]}`);
  writeFileSync(
    join(dir, 'models', 'customers.sql'),
    "{{ config(materialized='table') }} select distinct customer as id from {{ ref('rows_of_t') }}",
  );
  writeFileSync(join(dir, 'models', 't.sql'), "select * from {{ ref('rows_of_t') }}");
}

function run(target, ...args) {
  const all = [program, ...args, '--target', target, '--quiet'];
  const began = process.hrtime.bigint();
  const cpu = processorSeconds('self', false);
  const { status, stdout, stderr } = spawnSync(process.execPath, all, {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, DBT_PROFILES_DIR: dir },
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: exit ${status}\n${stdout}${stderr}`);
  return { wall: Number(process.hrtime.bigint() - began) / 1e9, client: processorSeconds('self', false) - cpu };
}

/** CPU seconds of the servers that work in the folder and of their processes, also of those that have ended. */
function serverSeconds() {
  const parents = new Map();
  const servers = new Set();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(pid, readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
      if (Number(pid) !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir)) servers.add(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  let sum = 0;
  for (const [pid, parent] of parents) {
    try {
      if (servers.has(pid) || servers.has(parent)) sum += processorSeconds(pid, true) + processorSeconds(pid, false);
    } catch {
      // It has ended meanwhile: its parent has its seconds.
    }
  }
  return sum;
}

function address(target) {
  const env = { ...process.env, DBT_PROFILES_DIR: dir };
  const args = [program, 'db', 'url', '--target', target];
  return execFileSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8' }).trim();
}

/** ClickHouse keeps which granules a condition found nothing in: what one way has asked must not help the next. */
async function forgetConditions() {
  const { host, username, password } = new URL(address('clickhouse'));
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const body = 'system clear query condition cache';
  const answer = await fetch(`http://${host}/`, { method: 'POST', headers: { authorization }, body });
  if (!answer.ok) throw new Error(await answer.text());
}

/** A table that was built a moment ago is analysed by the server when it likes: that is not the tests' time. */
async function withoutAutovacuum() {
  const client = new pg.Client({ connectionString: address('postgres') });
  await client.connect();
  await client.query('alter system set autovacuum = off');
  await client.query('select pg_reload_conf()');
  await client.end();
}

function measured(work) {
  const before = serverSeconds();
  const { wall, client } = work();
  const server = serverSeconds() - before;
  return { server, client, both: server + client, wall };
}

function inWords(list, of) {
  const all = list.map((each) => each[of]);
  const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
  return `${Math.min(...all).toFixed(2)} / ${mean.toFixed(3)}`;
}

const load = () => loadavg()[0].toFixed(1);
const about = `${cpus().length} cores (${cpus()[0].model.trim()}), ${values.rows} rows`;
console.log(`${about}, least / mean of ${values.reps}, load ${load()} at the beginning.\n`);
console.log('| target | what | server CPU s | command CPU s | both CPU s | wall s |\n|---|---|---|---|---|---|');
try {
  for (const target of values.targets.split(',')) {
    project(target);
    writeFileSync(join(dir, 'models', 't.yml'), properties(false, false));
    execFileSync(process.execPath, [program, 'db', 'start', '--target', target], {
      cwd: dir,
      env: { ...process.env, DBT_PROFILES_DIR: dir },
    });
    try {
      if (target === 'postgres') await withoutAutovacuum();
      run(target, 'run');
      const every = {
        '20 tests, one by one': [false, false, 'test'],
        '20 tests, in one statement': [true, false, 'test'],
        'build and tests': [false, false, 'build', '--select', 't'],
        'build and audit': [false, true, 'build', '--select', 't'],
        'build and audit in one statement': [true, true, 'build', '--select', 't'],
      };
      const wanted = values.ways?.split(',') ?? null;
      const ways = Object.fromEntries(
        Object.entries(every).filter((_, at) => wanted === null || wanted.includes(String(at + 1))),
      );
      const found = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
      for (let round = 0; round <= Number(values.reps); round++) {
        // What one leaves to be done in the background must not always meet the same other.
        const all = Object.entries(ways);
        const turns = round % 2 === 0 ? all : all.reverse();
        for (const [name, [batched, audit, ...args]] of turns) {
          writeFileSync(join(dir, 'models', 't.yml'), properties(batched, audit));
          run(target, 'parse');
          if (target === 'clickhouse') await forgetConditions();
          const took = measured(() => run(target, ...args));
          if (round > 0) found[name].push(took);
        }
      }
      for (const [name, list] of Object.entries(found)) {
        const columns = ['server', 'client', 'both', 'wall'].map((of) => inWords(list, of));
        console.log(`| ${target} | ${name} | ${columns.join(' | ')} |`);
      }
    } finally {
      execFileSync(process.execPath, [program, 'db', 'stop', '--target', target], {
        cwd: dir,
        env: { ...process.env, DBT_PROFILES_DIR: dir },
      });
    }
  }
  console.log(`\nLoad ${load()} at the end.`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
