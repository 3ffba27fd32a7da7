// `node bench/serve.mjs MEASURE [--small]`: measures `tsdbt serve` on an embedded server, which it starts itself.
// Bundles bench/serve/*.ts with the sources that it measures; the program is that of dist/.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [what = ''] = process.argv.slice(2);
const MEASURES = ['idle', 'start', 'history', 'page', 'steady'];
if (!MEASURES.includes(what)) {
  process.stderr.write(`node bench/serve.mjs ${MEASURES.join('|')} [--small]\n`);
  process.exit(2);
}
const out = mkdtempSync(join(root, '.dist-bench-'));
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
// What starts an embedded server looks for its keeper beside itself.
for (const keeper of ['keeper.js', 'clickhouse-keeper.js'])
  writeFileSync(join(out, keeper), `import '${pathToFileURL(join(root, 'dist', keeper))}';\n`);
const outfile = join(out, 'bench.mjs');
await build({
  entryPoints: [join(root, 'bench/serve', `${what}.ts`)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});
const { main } = await import(pathToFileURL(outfile).href);
await main(process.argv.includes('--small'), process.argv.slice(3));
process.exit(process.exitCode ?? 0);
