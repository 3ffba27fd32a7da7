// CPU seconds of column lineage of a whole project: `tsdbt lineage` reads one model, so this calls the library.
//
//   node bench/lineage.mjs PROJECT
import { resolve } from 'node:path';
import { load, parse, projectLineage } from '../dist/index.js';

const cwd = resolve(process.argv[2] ?? '.');
const loaded = await load({ cwd, env: process.env, options: {} });
const parsed = parse(loaded, { write: false });
const before = process.cpuUsage();
const lineage = await projectLineage(parsed, parsed.dag.nodes);
const { user, system } = process.cpuUsage(before);
console.log(`${lineage.size} nodes, ${((user + system) / 1e6).toFixed(2)} CPU s after the parse`);
