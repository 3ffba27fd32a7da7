// `node bench/load.mjs throughput|batches|avro|latency|end-to-end|cdc|debezium|stalled [--small]`: measures the
// loader on a real Kafka and an embedded Postgres, which it starts itself. Bundles bench/load/*.ts with the sources
// that it measures; needs Java and Maven.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [what = ''] = process.argv.slice(2);
if (!['throughput', 'batches', 'avro', 'latency', 'end-to-end', 'cdc', 'debezium', 'stalled'].includes(what)) {
  process.stderr.write(
    'node bench/load.mjs throughput|batches|avro|latency|end-to-end|cdc|debezium|stalled [--small]\n',
  );
  process.exit(2);
}
const out = mkdtempSync(join(root, '.dist-bench-'));
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
// What starts an embedded server looks for its keeper beside itself.
writeFileSync(join(out, 'keeper.js'), `import '${pathToFileURL(join(root, 'dist', 'keeper.js'))}';\n`);
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
