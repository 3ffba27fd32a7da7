// Compares what a failed unit test shows, and the rows of CSV texts, with dbt's on random ones: npm run oracle --
// fuzz-tables [first seed] [batches] [of each a batch]. Needs no database. Prints what differs; exit code 1 when
// something does. TABLE_DIFF and CSV_READER name modules to play in the place of ours, with `diff(columns, expected,
// actual)`, and with `records(text)` and `rows(text)`.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { oracleBin, root } from '../support/servers.mjs';
import { importSource } from '../support/source.mjs';
import { Random } from './random.mjs';

const [first = 1, batches = 10, size = 200] = process.argv.slice(2).map(Number);
const WORDS = ['a', 'b', 'ab', '', ' ', ' a', 'a b', 'a  b', 'a,b', 'x"y', 'NULL', '_NULL', 'null', 'True', '1'];
const MORE_WORDS = [
  '10',
  '9',
  '007',
  '1.0',
  '1e3',
  'two\nlines',
  'tab\there',
  'é',
  '😀',
  '→',
  'a→b',
  '...',
  '@@',
  '+++',
];
const NAMES = ['id', 'name', 'n', 'amount', 'day', 'a b', 'x,y', 'null', '@@', 'é', 'flag', 'total', 'c1', 'c2', 'c3'];
const CSV_PARTS = [
  'a',
  'b',
  '1',
  '1.50',
  'null',
  ' ',
  'é',
  '\t',
  ';',
  '""',
  '"',
  '"',
  ',',
  ',',
  ',',
  '\n',
  '\n',
  '\r\n',
];

/** A column's kind of value: what makes one. Few different ones, so that rows meet. */
const KINDS = {
  integer: (random, range) => random.below(range) - (random.chance(0.1) ? 5 : 0),
  big: (random, range) => 123456789 * random.below(range),
  decimal: (random, range) => ({ decimal: `${random.below(range)}.${random.pick(['0', '5', '50', '125'])}` }),
  text: (random, range) => (range > 20 ? `w${random.below(range)}` : random.pick([...WORDS, ...MORE_WORDS])),
  code: (random, range) => String(random.below(range)),
  bool: (random) => random.chance(0.5),
  date: (random, range) => ({ date: `2024-01-${String(1 + random.below(Math.min(range, 28))).padStart(2, '0')}` }),
  datetime: (random, range) => ({
    datetime: `2024-01-01T0${random.below(Math.min(range, 10))}:05:00${random.pick(['', '.5'])}`,
  }),
};

function tables(random) {
  const columns = random.some(NAMES, 1, random.chance(0.2) ? 12 : 5);
  const range = random.pick([2, 5, 30, 500]);
  const kinds = columns.map(() => random.pick(Object.keys(KINDS)));
  const nulls = random.pick([0, 0.1, 0.4]);
  const cell = (c) => (random.chance(nulls) ? null : KINDS[kinds[c]](random, range));
  const row = () => columns.map((_, c) => cell(c));
  const expected = Array.from({ length: random.below(random.pick([4, 8, 25, 80])) }, row);
  const unlike = random.pick([0, 0.1, 0.5]);
  const actual = expected
    .filter(() => !random.chance(unlike * 0.3))
    .map((one) => (random.chance(unlike) ? one.map((old, c) => (random.chance(0.4) ? cell(c) : old)) : one));
  while (random.chance(unlike)) actual.splice(random.below(actual.length + 1), 0, row());
  return { columns, expected, actual };
}

function csv(random) {
  const wild = Array.from({ length: random.below(25) }, () => random.pick(CSV_PARTS)).join('');
  if (random.chance(0.4)) return wild;
  const width = 1 + random.below(4);
  const cell = () => {
    const text = random.pick([...WORDS, 'two\nlines', 'two\r\nlines', 'é']);
    return /[",\n]/.test(text) || random.chance(0.2) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const line = () => Array.from({ length: random.chance(0.1) ? random.below(6) : width }, cell).join(',');
  const end = random.pick(['\n', '\r\n']);
  return Array.from({ length: random.below(7) }, line).join(end) + random.pick(['', end]);
}

const work = mkdtempSync(join(tmpdir(), 'fuzz-tables-'));
const python = spawn(join(oracleBin(), 'python'), [join(root, 'tests/oracle/fuzz/tables.py')], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
const ask = async (job) => {
  python.stdin.write(`${JSON.stringify(job)}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error('tables.py ended');
  return JSON.parse(value);
};
const seconds = { diff: 0, csv: 0 };
/** What `play` gives, its CPU time counted. */
const timed = (kind, play) => {
  const before = process.cpuUsage();
  try {
    return play();
  } finally {
    const { user, system } = process.cpuUsage(before);
    seconds[kind] += (user + system) / 1e6;
  }
};
const count = { diff: 0, csv: 0 };
const different = { diff: 0, csv: 0 };
const compare = (kind, input, theirs, ours) => {
  count[kind]++;
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return;
  different[kind]++;
  if (different[kind] > 5) return;
  const text = (answer) => JSON.stringify(answer)?.replace(/\\u001b\[[\d;]*m/g, '');
  console.log(`${kind} ${JSON.stringify(input)}\n  dbt  ${text(theirs)}\n  ours ${text(ours)}`);
};

try {
  const outfile = join(work, 'ours.mjs');
  const contents = [
    "export { tableDiff as diff } from './src/runner/table-diff.ts';",
    "export { PyDate } from './src/values/date.ts';",
    "export { PyDateTime } from './src/values/datetime.ts';",
    "export { PyDecimal } from './src/values/decimal.ts';",
    "export { csvRecords as records, csvRows as rows } from './src/values/csv.ts';",
  ].join('\n');
  const ours = await importSource(contents, outfile);
  const cellOf = (cell) => {
    if (cell === null || typeof cell !== 'object') return cell;
    if (cell.decimal !== undefined) return ours.PyDecimal.from(cell.decimal);
    if (cell.datetime !== undefined) return ours.PyDateTime.fromIso(cell.datetime);
    return new ours.PyDate(...cell.date.split('-').map(Number));
  };
  const other = async (variable) =>
    process.env[variable] === undefined ? {} : import(pathToFileURL(resolve(process.env[variable])).href);
  const { diff } = { ...ours, ...(await other('TABLE_DIFF')) };
  const { records, rows } = { ...ours, ...(await other('CSV_READER')) };
  for (let seed = first; seed < first + batches; seed++) {
    const random = new Random(seed);
    for (let i = 0; i < size; i++) {
      const job = tables(random);
      const { rendered } = await ask(job);
      const [expected, actual] = [job.expected, job.actual].map((side) => side.map((row) => row.map(cellOf)));
      compare(
        'diff',
        job,
        rendered,
        timed('diff', () => diff(job.columns, expected, actual)),
      );
    }
    for (let i = 0; i < size; i++) {
      const text = csv(random);
      const { fixture, seed: theirs } = await ask({ csv: text });
      const attempt = (play) => {
        try {
          return timed('csv', play);
        } catch (error) {
          return { error: error.message };
        }
      };
      if (theirs.error === undefined) {
        const translated = text.replace(/\r\n?/g, '\n');
        compare(
          'csv',
          text,
          theirs.records,
          attempt(() => records(translated).map(({ cells }) => cells)),
        );
      }
      // Blank lines before the names are no names here.
      if (fixture.error === undefined && !/^[\r\n]/.test(text))
        compare(
          'csv',
          text,
          fixture.rows,
          attempt(() => rows(text)),
        );
    }
  }
} finally {
  python.stdin.end();
  rmSync(work, { recursive: true, force: true });
}
for (const kind of ['diff', 'csv'])
  console.log(`${kind}: ${count[kind]} compared, ${different[kind]} differ, ${seconds[kind].toFixed(3)} CPU s`);
process.exitCode = different.diff + different.csv > 0 || count.diff + count.csv === 0 ? 1 : 0;
