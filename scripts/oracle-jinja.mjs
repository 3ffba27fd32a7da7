// Compares our Jinja with the real one: node scripts/oracle-jinja.mjs [--update]
// 1. The trees of every macro file that dbt ships are equal to jinja2's. 2. The goldens of tests/engine/unit/jinja are what jinja2 and dbt give
// today; --update writes them anew. The Python environment is TSDBT_ORACLE, ORACLE_DIR, or one in the user's cache; made when missing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const support = join(root, 'tests/engine/support');
const goldens = join(root, 'tests/engine/unit/jinja');
const update = process.argv.includes('--update');
const dir = process.env.TSDBT_ORACLE ?? process.env.ORACLE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-oracle');
execFileSync('bash', [join(root, 'scripts/oracle-setup.sh'), dir], { stdio: 'inherit' });
const python = join(dir, 'bin/python');
const options = { maxBuffer: 1 << 30, encoding: 'utf8', env: { ...process.env, PYTHONHASHSEED: '0' } };

const out = mkdtempSync(join(tmpdir(), 'oracle-jinja-'));
let failed = 0;
try {
  const outfile = join(out, 'jinja.mjs');
  await build({ entryPoints: [join(root, 'src/jinja/index.ts')], bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'warning' });
  const { dumpAst, parseTemplate } = await import(pathToFileURL(outfile).href);

  const include = execFileSync(python, ['-c', 'import dbt.include, os; print("\\n".join(os.path.abspath(p) for p in dbt.include.__path__))'], options).trim().split('\n');
  const files = [...include, join(root, 'src/include'), join(root, 'macros')].flatMap(sqlFiles);
  const trees = JSON.parse(execFileSync(python, [join(support, 'jinja_ast.py'), ...files], options));
  for (const file of files) {
    let ours;
    try {
      ours = dumpAst(parseTemplate(readFileSync(file, 'utf8')));
    } catch (error) {
      ours = `TemplateSyntaxError: ${error.message}`;
    }
    if (ours === trees[file]) continue;
    failed++;
    const at = [...ours].findIndex((char, i) => char !== trees[file][i]);
    console.log(`${relative(root, file)}\n  jinja2 … ${trees[file].slice(Math.max(0, at - 60), at + 60)}\n  ours   … ${ours.slice(Math.max(0, at - 60), at + 60)}`);
  }
  console.log(`${files.length} macro files, ${failed} trees differ`);

  for (const [script, golden] of [['jinja_cases.py', 'jinja2-cases.json'], ['jinja_dbt_cases.py', 'dbt-cases.json']]) {
    const target = join(goldens, golden);
    const written = update ? target : join(out, golden);
    execFileSync(python, [join(support, script), written], { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
    const same = readFileSync(written, 'utf8') === readFileSync(target, 'utf8');
    if (!same) failed++;
    console.log(`${golden} ${update ? 'written' : same ? 'is what jinja2 gives' : 'differs from what jinja2 gives: --update writes it anew'}`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;

function sqlFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
