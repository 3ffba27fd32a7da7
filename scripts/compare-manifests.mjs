#!/usr/bin/env node
// Compares two manifests field by field: ours with dbt's. Prints each difference and exits 1 when there is any that has no reason.
// Usage: node scripts/compare-manifests.mjs OURS.json DBT.json [--macros] [--max N]
import { readFileSync } from 'node:fs';

/** Places that may differ, each with the reason. `*` stands for one key. */
const IGNORED = [
  ['metadata.generated_at', 'time of the run'],
  ['metadata.invocation_id', 'random'],
  ['metadata.invocation_started_at', 'time of the run'],
  ['metadata.run_started_at', 'time of the run'],
  ['metadata.user_id', 'random, of the machine'],
  ['metadata.tsdbt_version', 'ours only'],
  ['metadata.dbt_version', 'the patch version of the oracle'],
  ['*.*.created_at', 'time of the run'],
  ['disabled.*.*.created_at', 'time of the run'],
  ['*.*.root_path', 'folder of the copy'],
  ['child_map.macro.*', 'macros have no children here'],
];
/** Lists whose order dbt itself does not fix (they come from Python sets). */
const UNORDERED = [/^nodes\.[^/]*\.sources$/, /^nodes\.[^/]*\.tags$/, /\.config\.tags$/, /\.columns\.[^/]*\.tags$/, /^disabled\..*\.sources$/, /^group_map\./];

const args = process.argv.slice(2);
const [ours, theirs] = args.filter((arg) => arg.endsWith('.json')).map((path) => JSON.parse(readFileSync(path, 'utf8')));
const max = args.includes('--max') ? Number(args[args.indexOf('--max') + 1]) : 40;
const withMacros = args.includes('--macros');
const differences = new Map();
let total = 0;

const patterns = IGNORED.map(([pattern]) => pattern.split('.'));
const ignored = (path) => patterns.some((pattern) => pattern.length === path.length && pattern.every((part, i) => part === '*' || part === path[i]));

function report(path, a, b) {
  total += 1;
  // Grouped by kind of place, so that one cause shows once.
  const group = path.length > 2 ? [path[0], String(path[1]).split('.')[0], ...path.slice(2)].join('.') : path.slice(0, 1).join('.') + '.*';
  const entry = differences.get(group) ?? { count: 0, path: path.join(' / '), a, b };
  entry.count += 1;
  differences.set(group, entry);
}

function compare(a, b, path) {
  if (a === b || ignored(path)) return;
  if (typeof a !== typeof b || a === null || b === null || typeof a !== 'object' || Array.isArray(a) !== Array.isArray(b)) {
    report(path, a, b);
    return;
  }
  if (Array.isArray(a)) {
    const sorted = UNORDERED.some((pattern) => pattern.test(path.join('.')));
    const order = (list) => (sorted ? [...list].sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1)) : list);
    if (a.length !== b.length) report(path, a, b);
    else {
      const right = order(b);
      order(a).forEach((item, i) => { compare(item, right[i], [...path, String(i)]); });
    }
    return;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const inner = [...path, key];
    if (!(key in a)) { if (!ignored(inner)) report(inner, undefined, b[key]); }
    else if (!(key in b)) { if (!ignored(inner)) report(inner, a[key], undefined); }
    else compare(a[key], b[key], inner);
  }
}

const builtIn = (id) => /^macro\.(dbt|dbt_postgres|dbt_clickhouse)\./.test(id);
for (const manifest of [ours, theirs]) {
  // The built-in macros are texts of our own; `npm run oracle:macros` compares their names and arguments.
  if (!withMacros) for (const id of Object.keys(manifest.macros)) if (builtIn(id)) delete manifest.macros[id];
  for (const id of Object.keys(manifest.docs)) if (id.startsWith('doc.dbt.')) delete manifest.docs[id];
}
compare(ours, theirs, []);

const short = (value) => { const text = JSON.stringify(value); return text === undefined ? '(absent)' : text.length > 300 ? `${text.slice(0, 300)}…` : text; };
for (const [group, { count, path, a, b }] of [...differences].slice(0, max)) console.log(`${count}× ${group}\n   at   ${path}\n   ours ${short(a)}\n   dbt  ${short(b)}`);
console.log(total === 0 ? 'no differences' : `${total} differences in ${differences.size} places`);
process.exitCode = total === 0 ? 0 : 1;
