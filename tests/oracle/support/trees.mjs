// Compares the syntax trees that our Jinja and jinja2 (with dbt's extensions) make of files. Leaves which files to its
// callers.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './servers.mjs';

/** Every .sql file below a folder, in order. */
export function sqlFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/**
 * @param {string} python one that has jinja2 and dbt-common
 * @param {string[]} files
 * @returns what differs, a text a file; a syntax error counts as a tree
 */
export async function differentTrees(python, files) {
  const out = mkdtempSync(join(tmpdir(), 'oracle-trees-'));
  try {
    const outfile = join(out, 'jinja.mjs');
    await build({
      entryPoints: [join(root, 'src/jinja/index.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      logLevel: 'warning',
    });
    const { dumpAst, parseTemplate } = await import(pathToFileURL(outfile).href);
    const script = join(root, 'tests/engine/support/jinja_ast.py');
    const trees = JSON.parse(
      execFileSync(python, [script, ...files], {
        maxBuffer: 1 << 30,
        encoding: 'utf8',
        env: { ...process.env, PYTHONHASHSEED: '0' },
      }),
    );
    return files.flatMap((file) => {
      let ours;
      try {
        ours = dumpAst(parseTemplate(readFileSync(file, 'utf8')));
      } catch (error) {
        ours = `TemplateSyntaxError: ${error.message}`;
      }
      const theirs = trees[file];
      if (ours === theirs) return [];
      const at = [...ours].findIndex((char, i) => char !== theirs[i]);
      return [
        `${relative(root, file)}\n  jinja2 … ${theirs.slice(Math.max(0, at - 60), at + 60)}\n  ours   … ` +
          `${ours.slice(Math.max(0, at - 60), at + 60)}`,
      ];
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
