// `npm run conformance [-- --quick] [-k TEXT] [-n WORKERS] [--cli COMMAND] [--outputFile.json=FILE] [--write-list]`:
// runs the adapter tests that dbt publishes (the package dbt-tests-adapter) with this program in the place of dbt, on a
// Postgres of its own. Prints passed/total by area and what failed; exits 1 unless all pass. A test that crashes, is
// skipped or does not run has failed. `--cli dbt` runs real dbt through the same harness; --outputFile.json, as
// vitest's, takes the counts. How a command is run and judged is in conformance/plugin.py.
//
// conformance/list.txt says which tests count: those that real dbt passes here and a program which does nothing does
// not (`--write-list` finds them again). `+` marks the quick list; `!` a test that asserts what we do differently on
// purpose (docs/differences.md says which): it is run and named, and counts as neither.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cause, commandLine, prepareServer, runPytest } from './support/pytest.mjs';
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
const runTests = (cli, server, ids) =>
  runPytest({ bin, cli, server, work, ids, files: testFiles(ids), workers: options.n, classes: '*' });

/**
 * The tests that real dbt passes and that neither success nor failure without doing anything passes; marks are kept.
 */
function writeList(server) {
  const marks = listed();
  const passing = (cli, ids) =>
    [...runTests(cli, server, ids).results].filter(([, wrong]) => wrong === '').map(([id]) => id);
  const real = passing(commandLine('dbt', bin));
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
  await prepareServer(server);
  if (options['write-list']) writeList(server);
  else {
    const marks = new Map(
      [...listed()].filter(([id, mark]) => (!options.quick || mark === '+') && id.includes(options.k)),
    );
    const cli = commandLine(options.cli, bin);
    const { results, output } = runTests(cli, server, [...marks.keys()]);
    process.exitCode = judge(marks, results, output) ? 0 : 1;
  }
} finally {
  server.stop();
  rmSync(work, { recursive: true, force: true });
}
