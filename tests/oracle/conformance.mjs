// `npm run conformance [-- --quick] [-k TEXT] [-n WORKERS] [--cli COMMAND] [--outputFile.json=FILE] [--write-list]`:
// runs the adapter tests that dbt publishes (the package dbt-tests-adapter) with this program in the place of dbt, on a
// Postgres of its own. Prints passed/total by area and what failed; exits 1 unless all pass. A test that crashes, is
// skipped or does not run has failed. `--cli dbt` runs real dbt through the same harness; --outputFile.json, as
// vitest's, takes the counts. How a command is run and judged is in conformance/plugin.py.
//
// conformance/list.txt says which tests count: those that real dbt passes here and a program which does nothing does
// not (`--write-list` finds them again). `+` marks the quick list; `!` a test that asserts what we do differently on
// purpose (docs/differences.md says which): it is run and named, and counts as neither.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TSDBT } from './support/play.mjs';
import { oracleBin, root, startPostgres } from './support/servers.mjs';

const HERE = join(root, 'tests', 'oracle', 'conformance');
const LIST = join(HERE, 'list.txt');
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    'write-list': { type: 'boolean' },
    k: { type: 'string', short: 'k', default: '' },
    n: { type: 'string', short: 'n', default: '2' },
    cli: { type: 'string' },
    'outputFile.json': { type: 'string' },
    reporter: { type: 'string', multiple: true },
  },
});
const started = Date.now();
const bin = oracleBin('tests');
/** Real dbt's command line, with the clock that a test has frozen. */
const DBT_CLI =
  `${join(bin, 'python')} -c 'import os, freezegun as f; c = os.environ.get("FROZEN_CLOCK"); c and ` +
  "f.freeze_time(f.api.real_datetime.fromtimestamp(float(c))).start(); from dbt.cli.main import cli; cli()'";
const work = mkdtempSync(join(tmpdir(), 'tsdbt-conformance-'));

/** The list: id → mark (`+`, `!` or ' '). */
function listed() {
  const lines = existsSync(LIST)
    ? readFileSync(LIST, 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
    : [];
  return new Map(lines.map((line) => [line.slice(2), line[0]]));
}

/** The folder of dbt-tests-adapter, and its modules that hold tests of `ids` (all, without). */
function testFiles(ids) {
  const lib = join(bin, '..', 'lib');
  const dir = join(
    lib,
    readdirSync(lib).find((name) => name.startsWith('python')),
    'site-packages',
    'dbt',
    'tests',
    'adapter',
  );
  if (ids) return [...new Set(ids.map((id) => join(dir, ...id.split('::')[0].split('.')) + '.py'))];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((f) => f.name.endsWith('.py') && f.name !== '__init__.py')
    .map((f) => join(f.parentPath, f.name));
}

/** Runs the tests against a program. @returns id → what went wrong ('' when nothing did), and pytest's own output */
function runTests(cli, server, ids) {
  const report = join(work, 'report.jsonl');
  const wanted = join(work, 'ids.txt');
  writeFileSync(report, '');
  if (ids) writeFileSync(wanted, ids.join('\n'));
  writeFileSync(join(work, 'pytest.ini'), '[pytest]\npython_classes = *\nconsider_namespace_packages = true\n');
  const done = spawnSync(
    join(bin, 'python'),
    [
      '-m',
      'pytest',
      '-c',
      join(work, 'pytest.ini'),
      '--import-mode=importlib',
      '-p',
      'dbt.tests.fixtures.project',
      '-p',
      'plugin',
      '-p',
      'no:cacheprovider',
      '-q',
      '-W',
      'ignore',
      '--tb=short',
      '-n',
      options.n,
      '--dist',
      'loadscope',
      '--basetemp',
      join(work, 'projects'),
      ...testFiles(ids),
    ],
    {
      cwd: work,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        PYTHONPATH: HERE,
        TZ: 'UTC',
        DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
        DBT_VERSION_CHECK: 'false',
        DBT_TEST_USER_1: 'reader_1',
        DBT_TEST_USER_2: 'reader_2',
        DBT_TEST_USER_3: 'reader_3',
        POSTGRES_TEST_PORT: String(server.port),
        CONFORMANCE_CLI: cli,
        CONFORMANCE_REPORT: report,
        CONFORMANCE_IDS: ids ? wanted : '',
      },
    },
  );
  const seen = new Map();
  for (const line of readFileSync(report, 'utf8').split('\n').filter(Boolean)) {
    const { id, when, outcome, text } = JSON.parse(line);
    const wrong = outcome === 'passed' ? '' : `${outcome} (${when}) ${text}`;
    // Its last phase tells that a test has come to its end.
    seen.set(id, { wrong: seen.get(id)?.wrong || wrong, ended: when === 'teardown' });
  }
  const results = new Map([...seen].map(([id, { wrong, ended }]) => [id, wrong || (ended ? '' : 'did not end')]));
  return { results, output: (done.stdout ?? '') + (done.stderr ?? '') };
}

/**
 * The tests that real dbt passes and that neither success nor failure without doing anything passes; marks are kept.
 */
function writeList(server) {
  const marks = listed();
  const passing = (cli, ids) =>
    [...runTests(cli, server, ids).results].filter(([, wrong]) => wrong === '').map(([id]) => id);
  const real = passing(DBT_CLI);
  const idle = new Set(
    ["sh -c 'exit 0' x", "sh -c 'echo Encountered an error:; echo Runtime Error; exit 2' x"].flatMap((cli) =>
      passing(cli, real),
    ),
  );
  const ids = real.filter((id) => !idle.has(id)).sort();
  writeFileSync(
    LIST,
    '# Made by `npm run conformance -- --write-list`; tests/oracle/conformance.mjs says what the marks mean.\n' +
      `${ids.map((id) => `${marks.get(id) ?? ' '} ${id}\n`).join('')}`,
  );
  console.log(`${ids.length} tests (real dbt passes ${real.length})`);
}

/** What pytest marks as the error itself, else the end of its report. */
function cause(text) {
  const marked = text.split('\n').filter((line) => line.startsWith('E '));
  return (marked.length > 0 ? marked.slice(0, 30).join('\n') : text).slice(-3000);
}

/** The table by area, and the failures. @returns whether all passed */
function judge(marks, results, output) {
  const areas = new Map();
  const failures = [];
  for (const [id, mark] of marks) {
    const wrong = results.get(id) ?? 'did not run';
    if (mark === '!') {
      console.log(`different on purpose: ${id}${wrong ? '' : ' (but it passes)'}`);
      continue;
    }
    const area = id.split(/[.:]/)[0];
    const [passed, total] = areas.get(area) ?? [0, 0];
    areas.set(area, [passed + (wrong ? 0 : 1), total + 1]);
    if (wrong) failures.push(`- ${id}: ${cause(wrong)}`);
  }
  const total = [...areas.values()].reduce(([p, t], [passed, all]) => [p + passed, t + all], [0, 0]);
  if (failures.length > 0) console.log(failures.join('\n\n'));
  if (results.size === 0) console.log(output.slice(-5000));
  for (const [area, [passed, all]] of [...areas].sort()) console.log(`${area.padEnd(30)} ${passed}/${all}`);
  console.log(`${'total'.padEnd(30)} ${total[0]}/${total[1]}  (${Math.round((Date.now() - started) / 1000)} s)`);
  const report = options['outputFile.json'];
  if (report) writeFileSync(report, JSON.stringify({ numPassedTests: total[0], numFailedTests: total[1] - total[0] }));
  return total[1] > 0 && total[0] === total[1];
}

const server = await startPostgres();
try {
  await server.psql(
    'postgres',
    'create role root login; create role reader_1; create role reader_2; create role reader_3',
  );
  await server.psql('postgres', 'create database dbt owner root');
  await server.psql('postgres', 'create database "dbtMixedCase" owner root');
  if (options['write-list']) writeList(server);
  else {
    const marks = new Map(
      [...listed()].filter(([id, mark]) => (!options.quick || mark === '+') && id.includes(options.k)),
    );
    const cli = options.cli === 'dbt' ? DBT_CLI : (options.cli ?? TSDBT().join(' '));
    const { results, output } = runTests(cli, server, [...marks.keys()]);
    process.exitCode = judge(marks, results, output) ? 0 : 1;
  }
} finally {
  server.stop();
  rmSync(work, { recursive: true, force: true });
}
