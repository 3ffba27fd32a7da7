// `npm run oracle -- functional [--area NAME] [-k TEXT] [-n WORKERS] [--cli COMMAND] [--ids FILE] [--failures FILE]`:
// runs the functional tests of dbt-core and of dbt-postgres, at the commits that functional.json names, with this
// program in the place of dbt, on a Postgres of its own. Prints passed/total by area, what failed, and what is listed
// by group; exits 1 when a test fails that functional.json does not list, or passes though it is listed. What dbt's own
// tests skip does not count. How a command is run and judged is in conformance/plugin.py.
//
// `--area core/show` runs one folder of tests, `--area show` that of both, `--area core` one repository (several with
// commas); -k is pytest's; `--cli dbt` runs real dbt through the same harness, and lists nothing; `--ids` runs the
// tests of a file, one a line; `--failures` writes what failed to a file, as JSON. With TSDBT_STRANGERS=folder the
// repositories come from Git directories in it.
//
// functional.json: `repositories` (git, commit, folder of the tests), `groups` (name: what it means), `listed`
// { group: { test, or a pattern with `*` each test of which fails: why } }; a note may be empty where the group says
// it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cause, commandLine, prepareServer, runPytest } from './support/pytest.mjs';
import { oracleBin, root, startPostgres } from './support/servers.mjs';
import { extract } from './support/strangers.mjs';

const { values: options } = parseArgs({
  options: {
    area: { type: 'string' },
    k: { type: 'string', short: 'k' },
    n: { type: 'string', short: 'n', default: '2' },
    cli: { type: 'string' },
    ids: { type: 'string' },
    failures: { type: 'string' },
  },
});
const { repositories, groups, listed } = JSON.parse(
  readFileSync(join(root, 'tests', 'oracle', 'functional.json'), 'utf8'),
);
/** The group of tests that may pass. */
const BY_ORDER = 'order';
const started = Date.now();
const work = mkdtempSync(join(tmpdir(), 'tsdbt-functional-'));
const given = options.ids === undefined ? undefined : readFileSync(options.ids, 'utf8').split('\n').filter(Boolean);

/** The entries of the list: group, note, and a pattern for the ids that it covers. */
const entries = Object.entries(listed).flatMap(([group, tests]) =>
  Object.entries(tests).map(([id, note]) => {
    const parts = id.split('*').map((part) => part.replace(/[.[\]()+?^$|{}\\]/g, '\\$&'));
    return { id, group, note, pattern: new RegExp(`^${parts.join('.*')}$`), passed: [], failed: 0 };
  }),
);

/** The folders or files of tests that --area and --ids leave. */
function testFiles(name, dir) {
  const functional = join(dir, 'tests', 'functional');
  if (given !== undefined) {
    const modules = given.filter((id) => id.startsWith(`${name}/`)).map((id) => id.slice(name.length + 1));
    return [...new Set(modules.map((id) => `${join(functional, ...id.split('::')[0].split('.'))}.py`))];
  }
  const areas = options.area?.split(',') ?? [name];
  if (areas.includes(name)) return [functional];
  const asked = new Set(areas.flatMap((area) => [area, `${area}.py`]));
  return readdirSync(functional)
    .filter((file) => asked.has(file) || asked.has(`${name}/${file}`))
    .map((file) => join(functional, file));
}

/** Runs the tests of every repository. @returns id with the repository's name → what went wrong, '' when nothing did */
function runAll(cli, bin, server) {
  const results = new Map();
  for (const [name, { folder, ...repository }] of Object.entries(repositories)) {
    const cwd = join(work, name);
    extract(repository, folder, join(cwd, 'tests'));
    const files = testFiles(name, cwd);
    if (files.length === 0) continue;
    const ids = given?.filter((id) => id.startsWith(`${name}/`)).map((id) => id.slice(name.length + 1));
    const more = options.k === undefined ? [] : ['-k', options.k];
    const done = runPytest({ bin, cli, server, work, cwd, ids, files, workers: options.n, more });
    const errors = done.output.split('\n').filter((line) => /^(ERROR |INTERNALERROR)/.test(line));
    if (done.results.size === 0 || errors.some((line) => !line.includes('::')))
      console.log(`${name}: ${done.output.slice(-5000)}`);
    for (const [id, wrong] of done.results) results.set(`${name}/${id}`, wrong);
  }
  return results;
}

/** Sorts results by the list and prints the tables. @returns how many tests passed, and how many lines of faults */
function judge(results) {
  const areas = new Map();
  const faults = [];
  const counts = { passed: 0, skipped: 0, listed: 0, failed: 0 };
  for (const [id, wrong] of results) {
    const area = id.split(/[.:]/)[0];
    const [passed, total] = areas.get(area) ?? [0, 0];
    if (wrong.startsWith('skipped')) {
      counts.skipped++;
      continue;
    }
    areas.set(area, [passed + (wrong ? 0 : 1), total + 1]);
    counts[wrong ? 'failed' : 'passed']++;
    const entry = options.cli === undefined ? entries.find(({ pattern }) => pattern.test(id)) : undefined;
    if (entry === undefined) {
      if (wrong) faults.push(`- ${id}: ${cause(wrong)}`);
    } else if (wrong) {
      entry.failed++;
      counts.listed++;
    } else entry.passed.push(id);
  }
  for (const { group, passed } of entries.filter((entry) => entry.group !== BY_ORDER))
    for (const id of passed) faults.push(`- ${id}: listed (${group}), but passes`);
  if (options.area === undefined && options.k === undefined && given === undefined && options.cli === undefined)
    for (const { id, passed, failed } of entries)
      if (passed.length + failed === 0) faults.push(`- ${id}: listed, but there is no such test`);
  if (faults.length > 0) console.log(faults.join('\n\n'));
  for (const [area, [passed, all]] of [...areas].sort()) console.log(`${area.padEnd(40)} ${passed}/${all}`);
  for (const [group, meaning] of Object.entries(groups)) {
    const failed = entries.filter((entry) => entry.group === group).reduce((sum, entry) => sum + entry.failed, 0);
    if (failed > 0) console.log(`${`listed: ${group}`.padEnd(40)} ${failed}  (${meaning})`);
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `${results.size} tests: ${counts.passed} passed, ${counts.failed} did not (${counts.listed} of them listed), ` +
      `${counts.skipped} skipped by dbt; ${seconds} s`,
  );
  return { passed: counts.passed, faults: faults.length };
}

const bin = oracleBin('tests');
const server = await startPostgres();
try {
  await prepareServer(server);
  const results = runAll(commandLine(options.cli, bin), bin, server);
  if (options.failures !== undefined)
    writeFileSync(options.failures, JSON.stringify(Object.fromEntries([...results].filter(([, w]) => w)), null, 1));
  const { passed, faults } = judge(results);
  console.log(`${passed} passed, ${faults} failed`);
  process.exitCode = faults === 0 && passed > 0 ? 0 : 1;
} finally {
  server.stop();
  rmSync(work, { recursive: true, force: true });
}
