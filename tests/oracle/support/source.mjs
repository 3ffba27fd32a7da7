// Modules of src/ for scripts of plain JavaScript: bundled, then imported. Leaves what is exported to the script.
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './servers.mjs';

/**
 * What a TypeScript module exports.
 * @param {string} contents its text; paths in it begin at the repository
 * @param {string} outfile where the bundle is written
 */
export async function importSource(contents, outfile) {
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}
