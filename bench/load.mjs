// `node bench/load.mjs throughput|batches|avro|latency|end-to-end|debezium|stalled [--small]`: measures the loader on a
// real Kafka and an embedded Postgres, which it starts itself. Bundles bench/load/*.ts with the sources that it
// measures; needs Java and Maven.
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [what = ''] = process.argv.slice(2);
if (!['throughput', 'batches', 'avro', 'latency', 'end-to-end', 'debezium', 'stalled'].includes(what)) {
  process.stderr.write('node bench/load.mjs throughput|batches|avro|latency|end-to-end|debezium|stalled [--small]\n');
  process.exit(2);
}
const out = mkdtempSync(join(root, '.dist-bench-'));
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
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
