#!/usr/bin/env node
// Starts the command line; in a clone that was never built it builds first. Leaves everything else to dist/cli.js.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cli = join(root, 'dist', 'cli.js');
nodeModule.enableCompileCache?.(); // Node 22 and later
// V8 gives a quarter of a cold parse to optimizing code that then hardly runs; only what stays hot for longer is worth it.
if (/^1[1-3]\./.test(process.versions.v8)) setFlagsFromString('--interrupt-budget=600000');
if (!existsSync(cli)) {
  try {
    nodeModule.createRequire(import.meta.url).resolve('esbuild');
  } catch {
    process.stderr.write(`tsdbt is not built and cannot be built: its development packages are missing. Run "npm ci" in ${root}.\n`);
    process.exit(2);
  }
  await import(pathToFileURL(join(root, 'scripts', 'build.mjs')).href);
}
await import(pathToFileURL(cli).href);
