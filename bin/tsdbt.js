#!/usr/bin/env node
// Starts the command line; in a clone that was never built it builds first. Leaves everything else to dist/cli.cjs.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { load } from './program.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cli = join(root, 'dist', 'cli.cjs');
nodeModule.enableCompileCache?.(); // Node 22 and later
if (!existsSync(cli)) {
  try {
    nodeModule.createRequire(import.meta.url).resolve('esbuild');
  } catch {
    process.stderr.write(
      `tsdbt is not built and cannot be built: its development packages are missing. Run "npm ci" in ${root}.\n`,
    );
    process.exit(2);
  }
  await import(pathToFileURL(join(root, 'scripts', 'build.mjs')).href);
}
load(cli);
