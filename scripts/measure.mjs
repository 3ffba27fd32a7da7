// Counts properties that make the code hard to read, prints a table, and fails if a count exceeds its limit. Limits
// only go down: a change that lowers a count also lowers its limit here.
//
//   npm run measure                  the table
//   npm run measure -- --list NAME   also the places of one row, e.g. --list wide
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { circles, graphsOf, importsOf } from './import-graph.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** name: [what is counted, current limit, goal]. */
const ROWS = {
  wide: ['lines over 120 columns', 0, 0],
  prose: ['lines over 100 columns in *.md', 0, 0],
  casts: ['casts in src (`as X`, but `as const`)', 550, 550],
  asserted: ['non-null assertions in src (`x!`)', 102, 102],
  long: ['files over 600 lines', 0, 0],
  folders: ['circles of folders in src', 0, 0],
  files: ['circles of files at run time in src', 2, 2],
  typed: ['circles of files in src, types included', 21, 5],
  names: ['file names that src has more than once', 52, 0],
  class: ['lines of the largest class in src', 527, 300],
  typescript: ['lines of TypeScript in src', 155_064, 115_000],
  loader: ['lines of the loader and its commands', 33_344, 21_000],
  readme: ['lines of README.md', 90, 90],
  changelog: ['lines of CHANGELOG.md', 80, 80],
  architecture: ['lines of ARCHITECTURE.md', 150, 150],
};

const CODE = /\.(ts|mts|mjs|cjs|js|sql|py|sh|ya?ml|css|html)$|^\.ci\/run$/;
/**
 * Text that is not wrapped: output of real dbt, real jinja2 or our scripts, and dbt projects whose text the recordings
 * contain (`raw_code`, checksums, line numbers).
 */
const RECORDED = [
  /^tests\/engine\/(cases|clickhouse)\//,
  /^tests\/engine\/(overrides|requests)\/(postgres|clickhouse)\//,
  /^tests\/oracle\/mistakes\/table\.md$/,
];

const names = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((name) => name !== '' && existsSync(join(root, name)) && !RECORDED.some((r) => r.test(name)));
const read = (name) => readFileSync(join(root, name), 'utf8');
const linesOf = (text) => text.replace(/\n$/, '').split('\n');

/** Places by row, each as `path:line` or as a text. */
const places = Object.fromEntries(Object.keys(ROWS).map((row) => [row, []]));
/** Rows that are not the number of their places. */
const totals = { class: 0, typescript: 0, loader: 0 };
/** The folder of a database: files may have the same name if their paths differ in this folder only. */
const DATABASE = /(?<=^|\/)(postgres|clickhouse)(?=\/)/;
const LOADER = /^src\/(loader\/|cli\/(commands\/)?(load|produce|place-of-load)[^/]*$)/;

const sources = [];
for (const name of names) {
  const prose = name.endsWith('.md');
  if (!prose && !CODE.test(name)) continue;
  const text = read(name);
  const lines = linesOf(text);
  lines.forEach((line, at) => {
    // Characters, not UTF-16 units. A link or a table row cannot be wrapped.
    const width = [...line].length;
    if (!prose && width > 120) places.wide.push(`${name}:${at + 1}`);
    if (prose && width > 100 && !/^\s*\||^\S+$/.test(line)) places.prose.push(`${name}:${at + 1}`);
  });
  if (!prose && lines.length > 600) places.long.push(`${name}: ${lines.length}`);
  if (!name.startsWith('src/') || !name.endsWith('.ts')) continue;
  totals.typescript += lines.length;
  if (LOADER.test(name)) totals.loader += lines.length;
  count(name, text);
  sources.push({ name: name.slice(4), imports: importsOf(join(root, name), text, join(root, 'src')) });
}

/** Counts casts, non-null assertions and lines of classes of one TypeScript file. */
function count(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, false);
  const lineOf = (position) => file.getLineAndCharacterOfPosition(position).line + 1;
  const place = (node) => `${name}:${lineOf(node.getStart(file))}`;
  const visit = (node) => {
    if ((ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) && !ts.isConstTypeReference(node.type)) {
      places.casts.push(place(node));
    }
    if (ts.isNonNullExpression(node)) places.asserted.push(place(node));
    if (ts.isClassLike(node)) {
      const length = lineOf(node.end) - lineOf(node.getStart(file)) + 1;
      totals.class = Math.max(totals.class, length);
      if (length > ROWS.class[2]) places.class.push(`${place(node)}: ${length}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
}

const graphs = graphsOf(sources);
places.folders = circles(graphs.folders).map((c) => c.join(' <-> '));
places.files = circles(graphs.files).map((c) => c.join(' <-> '));
places.typed = circles(graphs.typed).map((c) => c.join(' <-> '));
const byName = new Map();
for (const { name } of sources) byName.set(basename(name), [...(byName.get(basename(name)) ?? []), name]);
byName.delete('index.ts');
for (const paths of byName.values()) {
  if (new Set(paths.map((path) => path.replace(DATABASE, '*'))).size > 1) places.names.push(paths.join(' '));
}
for (const row of ['readme', 'changelog', 'architecture']) places[row] = linesOf(read(`${row.toUpperCase()}.md`));

const { values } = parseArgs({ options: { list: { type: 'string' } } });
if (values.list !== undefined) {
  if (!(values.list in ROWS)) throw new Error(`no row is called ${values.list}: ${Object.keys(ROWS).join(', ')}`);
  for (const place of places[values.list]) console.log(place);
}
for (const [row, [what, limit, goal]] of Object.entries(ROWS)) {
  const found = totals[row] ?? places[row].length;
  const judged =
    found > limit ? `over its limit of ${limit}` : found > goal ? `goal ${goal}, limit ${limit}` : 'reached';
  console.log(`${row.padEnd(13)} ${what.padEnd(38)} ${String(found).padStart(5)}  ${judged}`);
  if (found <= limit) continue;
  process.exitCode = 1;
  if (row !== values.list) for (const place of places[row]) console.log(`  ${place}`);
}
