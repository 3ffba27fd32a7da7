// Runs dbt's own Python tests with another program in the place of dbt (conformance/plugin.py judges each command), and
// reads the report that the plugin writes. Leaves which tests count, and the table, to conformance.mjs and
// functional.mjs.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TSDBT } from './play.mjs';
import { root } from './servers.mjs';

const PLUGIN = join(root, 'tests', 'oracle', 'conformance');

/** The command line that `--cli` means: `dbt` is real dbt, with the clock that a test has frozen; ours without one. */
export const commandLine = (given, bin) =>
  given === 'dbt'
    ? `${join(bin, 'python')} -c 'import os, freezegun as f; c = os.environ.get("FROZEN_CLOCK"); c and ` +
      "f.freeze_time(f.api.real_datetime.fromtimestamp(float(c))).start(); from dbt.cli.main import cli; cli()'"
    : (given ?? TSDBT().join(' '));

/** The roles and databases that dbt's tests expect. */
export async function prepareServer(server) {
  await server.psql(
    'postgres',
    'create role root login; create role reader_1; create role reader_2; create role reader_3',
  );
  await server.psql('postgres', 'create database dbt owner root');
  await server.psql('postgres', 'create database "dbtMixedCase" owner root');
}

/**
 * Runs tests against a program.
 * @param bin the environment's bin folder; `cli`: the program's command line; `server`: a Postgres; `work`: a folder
 * for files in between; `ids`: the tests, else all of `files`; `classes`: pytest's python_classes; `cwd`: where
 * modules named `tests` lie; `more`: further arguments
 * @returns id → what went wrong ('' when nothing did), and pytest's own output
 */
export function runPytest({ bin, cli, server, work, ids, files, workers, classes = 'Test', cwd = work, more = [] }) {
  const report = join(work, 'report.jsonl');
  const wanted = join(work, 'ids.txt');
  const settings = join(work, 'pytest.ini');
  writeFileSync(report, '');
  if (ids) writeFileSync(wanted, ids.join('\n'));
  writeFileSync(settings, `[pytest]\npython_classes = ${classes}\nconsider_namespace_packages = true\n`);
  const plugins = ['dbt.tests.fixtures.project', 'plugin', 'no:cacheprovider'].flatMap((name) => ['-p', name]);
  const spread = ['-n', workers, '--dist', 'loadscope', '--basetemp', join(work, 'projects')];
  const quiet = ['-q', '-W', 'ignore', '--tb=short'];
  const done = spawnSync(
    join(bin, 'python'),
    ['-m', 'pytest', '-c', settings, '--import-mode=importlib', ...plugins, ...quiet, ...spread, ...more, ...files],
    {
      cwd,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        PYTHONPATH: cwd === work ? PLUGIN : `${PLUGIN}:${cwd}`,
        TZ: 'UTC',
        DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
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

/** What pytest marks as the error itself, else the end of its report. */
export function cause(text) {
  const marked = text.split('\n').filter((line) => line.startsWith('E '));
  return (marked.length > 0 ? marked.slice(0, 30).join('\n') : text).slice(-3000);
}
