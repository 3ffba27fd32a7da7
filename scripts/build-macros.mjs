// Parses the macros of the built-in packages at build time into dist/builtin-macros.json; without that file every start
// parses them. Bundling is left to build.mjs.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Folder under src/include → package, and the folder of its macros. */
const PACKAGES = [
  ['global', 'dbt'],
  ['postgres', 'dbt_postgres'],
  ['clickhouse', 'dbt_clickhouse'],
];

/** @param {string} root folder of the repository @param {string} target file to write */
export async function buildMacros(root, target) {
  const folder = mkdtempSync(join(tmpdir(), 'tsdbt-macros-'));
  try {
    const outfile = join(folder, 'macros.mjs');
    await build({
      absWorkingDir: root,
      entryPoints: ['src/parser/read/macros.ts'],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'warning',
    });
    const { parseMacroFiles } = await import(pathToFileURL(outfile).href);
    const facts = PACKAGES.flatMap(([name, packageName]) =>
      parseMacroFiles(macroFiles(join(root, 'src/include', name), packageName)),
    );
    writeFileSync(target, JSON.stringify(facts));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function macroFiles(root, packageName) {
  const file = (path, kind) => ({
    package_name: packageName,
    original_file_path: path,
    kind,
    contents: readFileSync(join(root, path), 'utf8').trim(),
  });
  return [
    ...sqlFiles(root, 'macros').map((path) => file(path, 'macro')),
    ...sqlFiles(root, 'tests/generic').map((path) => file(path, 'generic_test')),
  ];
}

function sqlFiles(root, folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? sqlFiles(root, path) : entry.name.endsWith('.sql') ? [path] : [];
    })
    .sort();
}
