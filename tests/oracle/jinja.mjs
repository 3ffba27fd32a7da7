// Compares our Jinja with the real one: npm run oracle -- jinja [--update] [FOLDER...]
// 1. The trees of every macro file that dbt ships, of ours and of the .sql files below FOLDER are equal to jinja2's
//   (packages.mjs does the same for the packages). 2. The goldens of tests/engine/unit/jinja and unit/values are what
//   jinja2 and dbt give today; --update writes them anew. The Python environment is TSDBT_ORACLE, ORACLE_DIR, or one in
//   the user's cache; made when missing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from './support/servers.mjs';
import { differentTrees, sqlFiles } from './support/trees.mjs';

const support = join(root, 'tests/engine/support');
const goldens = join(root, 'tests/engine/unit/jinja');
const update = process.argv.includes('--update');
const folders = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const dir =
  process.env.TSDBT_ORACLE ??
  process.env.ORACLE_DIR ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-oracle');
execFileSync('bash', [join(root, 'tests/oracle/setup.sh'), dir], { stdio: 'inherit' });
const python = join(dir, 'bin/python');
const options = { maxBuffer: 1 << 30, encoding: 'utf8', env: { ...process.env, PYTHONHASHSEED: '0' } };

const out = mkdtempSync(join(tmpdir(), 'oracle-jinja-'));
let failed = 0;
try {
  const include = execFileSync(
    python,
    ['-c', 'import dbt.include, os; print("\\n".join(os.path.abspath(p) for p in dbt.include.__path__))'],
    options,
  )
    .trim()
    .split('\n');
  const files = [...include, join(root, 'src/include'), join(root, 'macros'), ...folders].flatMap(sqlFiles);
  const different = await differentTrees(python, files);
  failed += different.length;
  for (const text of different) console.log(text);
  console.log(`${files.length} macro files, ${different.length} trees differ`);

  for (const [script, golden] of [
    ['jinja_cases.py', 'jinja2-cases.json'],
    ['jinja_dbt_cases.py', 'dbt-cases.json'],
    ['python_values.py', '../values/python-values.json'],
  ]) {
    const target = join(goldens, golden);
    const written = update ? target : join(out, basename(golden));
    execFileSync(python, [join(support, script), written], { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
    const same = readFileSync(written, 'utf8') === readFileSync(target, 'utf8');
    if (!same) failed++;
    const differs = same ? 'is what jinja2 gives' : 'differs from what jinja2 gives: --update writes it anew';
    console.log(`${golden} ${update ? 'written' : differs}`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
