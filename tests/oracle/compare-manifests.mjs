#!/usr/bin/env node
// Compares two manifests field by field: ours with dbt's. Prints each difference and exits 1 when there is any that has
// no reason. Usage: npm run oracle -- compare-manifests OURS.json DBT.json [--macros] [--max N]
//        npm run oracle -- compare-manifests --golden DBT.json    prints what of it can be compared, for
//        expected/manifest.json
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Places that may differ, each with the reason. `*` stands for one key. */
export const IGNORED = [
  ['metadata', 'clock, identity and version of the invocation'],
  ['*.*.created_at', 'clock'],
  ['disabled.*.*.created_at', 'clock'],
  ['*.*.root_path', 'folder of the copy'],
];
/** Lists whose order dbt itself does not fix: they come from Python sets, or from the order of a folder's entries. */
const UNORDERED = [
  /^nodes\.[^/]*\.sources$/,
  /^nodes\.[^/]*\.tags$/,
  /\.config\.tags$/,
  /\.columns\.[^/]*\.tags$/,
  /^disabled\..*\.sources$/,
  /^group_map\./,
];

const patterns = IGNORED.map(([pattern]) => pattern.split('.'));
const ignored = (path) =>
  patterns.some(
    (pattern) => pattern.length === path.length && pattern.every((part, i) => part === '*' || part === path[i]),
  );
/** The built-in macros are texts of our own; macros.mjs compares their names and arguments. */
const isBuiltIn = (id) => /^(macro\.(dbt|dbt_postgres|dbt_clickhouse)|doc\.dbt)\./.test(id);

/** A manifest without what cannot be compared. */
export function comparable(manifest, { macros = false } = {}) {
  const strip = (value, path) => {
    if (Array.isArray(value)) return value.map((item, i) => strip(item, [...path, String(i)]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !ignored([...path, key]) && (macros || path.length !== 1 || !isBuiltIn(key)))
        .map(([key, item]) => [key, strip(item, [...path, key])]),
    );
  };
  return strip(manifest, []);
}

/** @returns {{ path: string[], ours: unknown, theirs: unknown }[]} */
export function differences(ours, theirs) {
  const found = [];
  const compare = (a, b, path) => {
    if (a === b) return;
    if (
      typeof a !== typeof b ||
      a === null ||
      b === null ||
      typeof a !== 'object' ||
      Array.isArray(a) !== Array.isArray(b)
    ) {
      found.push({ path, ours: a, theirs: b });
      return;
    }
    if (!Array.isArray(a)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(a[key], b[key], [...path, key]);
      return;
    }
    const sorted = UNORDERED.some((pattern) => pattern.test(path.join('.')));
    const order = (list) =>
      sorted ? [...list].sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1)) : list;
    const [left, right] = [order(a), order(b)];
    if (a.length !== b.length) found.push({ path, ours: a, theirs: b });
    else
      left.forEach((item, i) => {
        compare(item, right[i], [...path, String(i)]);
      });
  };
  compare(ours, theirs, []);
  return found;
}

function main(args) {
  const options = { macros: args.includes('--macros') };
  const files = args
    .filter((arg) => arg.endsWith('.json'))
    .map((path) => comparable(JSON.parse(readFileSync(path, 'utf8')), options));
  if (args.includes('--golden')) {
    console.log(JSON.stringify(files[0]));
    return 0;
  }
  const found = differences(files[0], files[1]);
  const max = args.includes('--max') ? Number(args[args.indexOf('--max') + 1]) : 40;
  // Grouped by kind of place, so that one cause shows once.
  const groups = new Map();
  for (const each of found) {
    const { path } = each;
    const group = path.length > 2 ? [path[0], path[1].split('.')[0], ...path.slice(2)].join('.') : `${path[0]}.*`;
    groups.set(group, [...(groups.get(group) ?? []), each]);
  }
  const short = (value) => {
    const text = JSON.stringify(value) ?? '(absent)';
    return text.length > 300 ? `${text.slice(0, 300)}…` : text;
  };
  for (const [group, [first, ...more]] of [...groups].slice(0, max)) {
    console.log(
      `${more.length + 1}× ${group}\n   at   ${first.path.join(' / ')}\n   ours ${short(first.ours)}\n   dbt  ` +
        `${short(first.theirs)}`,
    );
  }
  console.log(found.length === 0 ? 'no differences' : `${found.length} differences in ${groups.size} places`);
  return found.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
