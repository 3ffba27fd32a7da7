// Packs the extension: bundles it with the client library, and writes tsdbt-VERSION.vsix. Publishes nothing.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = dirname(fileURLToPath(import.meta.url));
await build({
  absWorkingDir: folder,
  entryPoints: ['extension.js'],
  outfile: 'dist/extension.js',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  logLevel: 'warning',
});
copyFileSync(join(folder, '../../LICENSE'), join(folder, 'LICENSE'));
const vsce = join(folder, 'node_modules', '@vscode', 'vsce', 'vsce');
const args = ['package', '--no-dependencies', '--skip-license', '--allow-missing-repository'];
execFileSync(process.execPath, [vsce, ...args], { cwd: folder, stdio: 'inherit' });
