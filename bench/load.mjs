// `node bench/load.mjs MEASURE [--small]`: measures the loader on a real Kafka and an embedded Postgres or ClickHouse,
// which it starts itself. Bundles bench/load/*.ts with the sources that it measures; needs Java and Maven.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [what = ''] = process.argv.slice(2);
const MEASURES = [
  ...['throughput', 'batches', 'avro', 'latency', 'end-to-end', 'cdc', 'debezium', 'envelopes', 'stalled'],
  'archive',
  ...['clickhouse', 'clickhouse-settle', 'clickhouse-memory', 'clickhouse-parts'],
];
if (!MEASURES.includes(what)) {
  process.stderr.write(`node bench/load.mjs ${MEASURES.join('|')} [--small]\n`);
  process.exit(2);
}
const out = mkdtempSync(join(root, '.dist-bench-'));
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
// What starts an embedded server looks for its keeper beside itself.
for (const keeper of ['keeper.js', 'clickhouse-keeper.js'])
  writeFileSync(join(out, keeper), `import '${pathToFileURL(join(root, 'dist', keeper))}';\n`);
const outfile = join(out, 'bench.mjs');
await build({
  entryPoints: [join(root, 'bench/load', `${what}.ts`)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});
const { main } = await import(pathToFileURL(outfile).href);
await main(process.argv.includes('--small'));
process.exit(process.exitCode ?? 0);
