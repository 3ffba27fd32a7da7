// Parses the macros of the built-in packages at build time into dist/builtin-macros.json, so that a start need not
// parse them, and into scripts that the command line calls instead of translating them. build.mjs bundles the rest.
import { createHash } from 'node:crypto';
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

/** Packages whose macros the commands of warm-code.mjs call. */
const WITH_SCRIPT = ['dbt', 'dbt_postgres'];

/** Begins the comment line before each macro of a script. */
const ROW = '//# ';

/** The module that provides the bundle's scripts. */
const SCRIPTS = /src[/\\]context[/\\]built-in-scripts\.ts$/;

/**
 * Writes builtin-macros.json and package scripts with all their macros; warm-code.mjs keeps a few of them.
 * @param {string} root folder of the repository
 * @param {string} folder to write to
 * @returns {Promise<import('esbuild').Plugin>} lets a bundle in that folder call the scripts
 */
export async function buildMacros(root, folder) {
  const temporary = mkdtempSync(join(tmpdir(), 'tsdbt-macros-'));
  try {
    const outfile = join(temporary, 'macros.mjs');
    await build({
      absWorkingDir: root,
      stdin: {
        contents: `export { parseMacroFiles } from './src/parser/read/macros.ts';
          export { macroScript } from './src/jinja/index.ts';
          export { createTemplateEnvironments, macroKey } from './src/context/templates.ts';`,
        resolveDir: root,
      },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'warning',
    });
    const made = await import(pathToFileURL(outfile).href);
    const facts = PACKAGES.flatMap(([name, packageName]) =>
      made.parseMacroFiles(macroFiles(join(root, 'src/include', name), packageName)),
    );
    writeFileSync(join(folder, 'builtin-macros.json'), JSON.stringify(facts));
    // A running program may find a newer build's scripts: it rejects those that its template engine did not generate.
    const stamp = createHash('md5').update(readFileSync(outfile)).digest('hex');
    for (const packageName of WITH_SCRIPT) {
      const own = facts.filter((each) => each.package_name === packageName);
      writeFileSync(join(folder, `${packageName}.cjs`), scriptOf(stamp, own, made));
    }
    return caller(stamp);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The text of a package's script. A macro without an entry is translated when it is called. */
function scriptOf(stamp, facts, { createTemplateEnvironments, macroKey, macroScript }) {
  const { runtime } = createTemplateEnvironments();
  const entries = new Map();
  for (const { macro_sql: text } of facts) {
    const script = macroScript(runtime, text);
    if (script !== null) entries.set(macroKey(text), script);
  }
  const rows = [...entries].map(([key, script]) => `${ROW}${key}\n${JSON.stringify(key)}: ${script},\n`);
  return `exports.stamp = "${stamp}"; exports.macros = {\n${rows.join('')}${ROW}\n};\n`;
}

/** A package's script with only the macros that usual commands call. @param {Set<string>} called their keys */
export function onlyCalled(script, called) {
  const [head, ...rows] = script.split(ROW);
  return [head, ...rows.filter((row) => row === rows.at(-1) || called.has(row.slice(0, row.indexOf('\n'))))].join(ROW);
}

function caller(stamp) {
  const contents = `export function builtInScripts(packageName) {
    if (!${JSON.stringify(WITH_SCRIPT)}.includes(packageName)) return undefined;
    try {
      const { stamp, macros } = (require.kept ?? require)('./' + packageName + '.cjs');
      return stamp === "${stamp}" ? macros : undefined;
    } catch {
      return undefined;
    }
  }`;
  return {
    name: 'built-in-scripts',
    setup: (bundle) => bundle.onLoad({ filter: SCRIPTS }, () => ({ contents, loader: 'js' })),
  };
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
