// Runs one measurement that is written in TypeScript: bundles it, and calls its `main`. What is measured stands there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Runs the measurement that the command line names, and ends the process: with 2 for one that is not known.
 * @param {string} name of the script, and of the folder of its measurements
 * @param {readonly string[]} measures
 */
export async function runMeasure(name, measures) {
  const [what = '', ...rest] = process.argv.slice(2);
  if (!measures.includes(what)) {
    process.stderr.write(`node bench/${name}.mjs ${measures.join('|')} [--small]\n`);
    process.exit(2);
  }
  const out = mkdtempSync(join(root, '.dist-bench-'));
  process.once('exit', () => rmSync(out, { recursive: true, force: true }));
  // What starts an embedded server looks for its keeper beside itself.
  for (const keeper of ['keeper.js', 'clickhouse-keeper.js'])
    writeFileSync(join(out, keeper), `import '${pathToFileURL(join(root, 'dist', keeper))}';\n`);
  const outfile = join(out, 'bench.mjs');
  await build({
    entryPoints: [join(root, 'bench', name, `${what}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  const { main } = await import(pathToFileURL(outfile).href);
  await main(rest.includes('--small'), rest);
  process.exit(process.exitCode ?? 0);
}
