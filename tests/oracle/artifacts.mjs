// `npm run oracle -- artifacts [CASE]`: builds the root project and some cases with dbt and with tsdbt and compares
// what programs that live on dbt's artifacts (dbt --state, dbt-artifacts-parser, dbt-colibri, Cosmos) make of both.
// Exits 1 on any difference. The readers are in the Python environment TSDBT_READERS, or one in the user's cache; made
// when missing (Cosmos brings Airflow: some 300 MB).
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { differences, sqlTokens } from './support/differences.mjs';
import { DBT, nameOf, play, projects, readSteps, TSDBT } from './support/play.mjs';
import { root, startPostgres } from './support/servers.mjs';

const STEPS = ['seed', 'build', 'source freshness', 'docs generate', 'build'];
/**
 * `build` skips the other unit tests of a model after the first that fails, and dbt's order of them is another in every
 * run.
 */
const STEPS_OF = { 'tests/unit-tests': ['seed', 'run', 'source freshness', 'docs generate', 'test'] };
const wanted = process.argv.slice(2);
const names =
  wanted.length > 0 ? wanted : ['root', 'models/governance', 'semantic-layer/on-models', 'tests/unit-tests'];
const dir = process.env.TSDBT_READERS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-readers');
if (!existsSync(join(dir, 'bin', 'colibri'))) {
  const pip = (...args) =>
    execFileSync(join(dir, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...args], {
      stdio: 'inherit',
    });
  execFileSync('bash', [join(root, 'tests', 'oracle', 'setup.sh'), dir], { stdio: 'inherit' });
  pip('sqlglot', 'astronomer-cosmos');
  pip('--no-deps', 'dbt-colibri');
}

const server = await startPostgres();
process.once('SIGINT', () => {
  server.stop();
  process.exit(130);
});
let failed = 0;
try {
  for (const project of projects(names).filter((each) => names.includes(nameOf(each)))) {
    // A case whose first step makes tables that its sources name needs them here, too.
    const made = readSteps(project).steps[0]?.sql;
    const read = async (tool) => {
      let found;
      const inspect = (folder, profiles) => {
        found = JSON.parse(
          execFileSync(
            join(dir, 'bin', 'python'),
            [join(root, 'tests', 'oracle', 'support', 'read_artifacts.py'), folder, profiles],
            { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] },
          ),
        );
      };
      const steps = (STEPS_OF[nameOf(project)] ?? STEPS).map((run) => ({ run }));
      await play(
        tool,
        project,
        { steps: made === undefined ? steps : [{ sql: made }, ...steps] },
        server,
        Date.now() - 60_000,
        inspect,
      );
      return found;
    };
    const theirs = await read(DBT);
    const ours = await read(TSDBT);
    for (const reader of Object.keys(theirs)) {
      // A reader that knows less than dbt writes has to refuse both in the same words.
      const lines = differences(comparable(theirs[reader]), comparable(ours[reader]));
      if (lines.length > 0) failed++;
      process.stdout.write(
        `${lines.length === 0 ? 'same     ' : 'DIFFERENT'} ${nameOf(project)}: ` +
          `${reader}${lines.length === 0 ? ` (${JSON.stringify(theirs[reader]).length} bytes)` : ''}\n`,
      );
      for (const line of lines.slice(0, 15)) process.stdout.write(`    ${line}\n`);
    }
  }
} finally {
  server.stop();
}
process.exitCode = failed === 0 ? 0 : 1;

/** SQL as tokens, lists of ids in one order. The words of our own macros and messages do not count. */
function comparable(value, key = '') {
  if (typeof value === 'string' && /^(compiled_code|raw_code|compiledCode|rawCode)$/.test(key)) return sqlTokens(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item));
    // What runs at the same depth has no order of its own, and colibri's lists come from Python sets.
    const order = (item) => item?.unique_id ?? JSON.stringify(item);
    return items.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, comparable(item, name)]));
  }
  return value;
}
