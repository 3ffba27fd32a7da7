// Compares the expected and actual rows of a unit test regardless of order, and formats the difference as dbt (daff)
// does: `@@` lists the columns, `+++` and `---` mark whole rows, `→` a row with changed cells.
import { compare, equals, toText, type Value } from '../values/index.ts';

/** Cells as text, except booleans; null is SQL's NULL. */
type DiffCell = string | boolean | null;
type DiffRow = readonly DiffCell[];

/** One side may be missing, but not both. */
type Pair =
  | { readonly expected: DiffRow; readonly actual: DiffRow | null }
  | { readonly expected: null; readonly actual: DiffRow };
/** @property keys columns that were tried as keys */
interface Alignment {
  readonly pairs: readonly Pair[];
  readonly keys: ReadonlySet<number>;
}

const BOLD = '\u001b[0;1m';
const RED = '\u001b[31;1m';
const GREEN = '\u001b[32;1m';
const BLUE = '\u001b[34;1m';
const COMMA = '\u001b[33m,\u001b[0m';
const END = '\u001b[0m';

/**
 * @param columns names, in the order of the cells
 * @param expected values of one type per column; null is SQL's NULL
 * @returns null if both contain the same rows; otherwise the text, with colors, each line ended by CR LF
 */
export function tableDiff(
  columns: readonly string[],
  expected: readonly (readonly Value[])[],
  actual: readonly (readonly Value[])[],
): string | null {
  const [left, right] = [sortRows(expected).map(cellsOf), sortRows(actual).map(cellsOf)];
  if (left.length === right.length && left.every((row, i) => sameRow(row, right[i]))) return null;
  return render(columns, align(columns, left, right));
}

const sameRow = (a: DiffRow, b: DiffRow | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

/** A missing cell of a row is NULL. */
const valueAt = (row: DiffRow, column: number): DiffCell => row[column] ?? null;

const cellsOf = (row: readonly Value[]): DiffRow =>
  row.map((value) => (value === null || typeof value === 'boolean' ? value : toText(value)));

/** In Python's order of the values, with NULL last. */
function sortRows(rows: readonly (readonly Value[])[]): (readonly Value[])[] {
  return [...rows].sort((a, b) => {
    for (const [i, x] of a.entries()) {
      const y = b[i] ?? null;
      if (x === y) continue;
      if (x === null) return 1;
      if (y === null) return -1;
      if (!equals(x, y)) return compare(x, y);
    }
    return 0;
  });
}

/** Number of columns that are tried as keys: those with the most values. */
const KEY_COLUMNS = 5;
/** A value that more than this share of the rows (plus ROWS_MORE) have does not identify rows. */
const SHARED = 0.1;
const ROWS_MORE = 20;

/**
 * Pairs rows by daff's rules: each set of columns is tried as a key for values that occur once on both sides. Remaining
 * rows are paired by position.
 */
function align(columns: readonly string[], expected: readonly DiffRow[], actual: readonly DiffRow[]): Alignment {
  // The column names are the first row on both sides.
  const left = [columns, ...expected];
  const right = [columns, ...actual];
  const toRight = new Map<number, number>();
  const toLeft = new Map<number, number>();
  const link = (l: number, r: number): void => {
    toRight.set(l, r);
    toLeft.set(r, l);
  };
  const candidates = keyColumns(left, right, columns.length);
  const sets = 2 ** candidates.length;
  const share = Math.max(left.length, right.length) + ROWS_MORE;
  const tried = new Set<number>();
  let all: { readonly left: readonly string[]; readonly right: readonly string[] } | undefined;
  for (let set = 1, used = 0; set < sets && toRight.size < left.length; set++) {
    const active = candidates.filter((_, at) => (set >> at) % 2 === 1);
    for (const column of active) tried.add(column);
    const keys = {
      left: left.map((row, i) => keyOf(row, i, active)),
      right: right.map((row, i) => keyOf(row, i, active)),
    };
    if (set === sets - 1) all = keys;
    const [leftAt, rightAt] = [placesOf(keys.left), placesOf(keys.right)];
    const most = Math.max(...[...leftAt.values(), ...rightAt.values()].map((places) => places.length));
    if (most / share >= SHARED && (used > 0 || set < sets - 1)) continue;
    used++;
    keys.left.forEach((key, l) => {
      if (toRight.has(l) || key === '') return;
      const [r, other] = rightAt.get(key) ?? [];
      if (r !== undefined && other === undefined && leftAt.get(key)?.length === 1 && !toLeft.has(r)) link(l, r);
    });
  }
  if (all !== undefined) {
    byPlace(all.left, all.right, toRight, toLeft, link);
    byPlace(all.right, all.left, toLeft, toRight, (r, l) => link(l, r));
  }
  // Removed rows are shown at their old position, after rows added there.
  const pairs: Pair[] = [];
  let next = 1;
  const removedBefore = (end: number): void => {
    left.slice(next, end).forEach((row, i) => {
      if (!toRight.has(next + i)) pairs.push({ actual: null, expected: row });
    });
    next = Math.max(next, end);
  };
  right.forEach((row, r) => {
    if (r === 0) return;
    const l = toLeft.get(r);
    if (l !== undefined) removedBefore(l);
    pairs.push({ actual: row, expected: (l === undefined ? undefined : left[l]) ?? null });
  });
  removedBefore(left.length);
  return { pairs, keys: tried };
}

/** Equal rows adjacent to a pair form a pair too: downwards, then upwards. */
function byPlace(
  mine: readonly string[],
  theirs: readonly string[],
  known: ReadonlyMap<number, number>,
  taken: ReadonlyMap<number, number>,
  link: (mine: number, theirs: number) => void,
): void {
  for (const step of [1, -1]) {
    let at = step === 1 ? undefined : theirs.length - 1;
    for (let n = 0; n < mine.length && known.size < mine.length; n++) {
      const i = step === 1 ? n : mine.length - 1 - n;
      const partner = known.get(i);
      if (partner === undefined) {
        if (at === undefined || mine[i] !== theirs[at] || taken.has(at)) continue;
        link(i, at);
        at += step;
      } else at = partner + step;
      if (at < 0 || at >= theirs.length) break;
    }
  }
}

function keyColumns(left: readonly DiffRow[], right: readonly DiffRow[], count: number): number[] {
  const all = Array.from({ length: count }, (_, c) => c);
  if (count <= KEY_COLUMNS) return all;
  const distinct = (rows: readonly DiffRow[], c: number): number => new Set(rows.map((row) => cellText(row[c]))).size;
  return all
    .map((column) => ({ column, values: distinct(left, column) + distinct(right, column) }))
    .sort((a, b) => b.values - a.values || a.column - b.column)
    .slice(0, KEY_COLUMNS)
    .map(({ column }) => column);
}

const cellText = (value: DiffCell | undefined): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : (value ?? '');

function keyOf(row: DiffRow, place: number, active: readonly number[]): string {
  return (
    (place === 0 ? '_' : '') +
    active
      .map((c) => cellText(row[c]))
      .map((text) => (text === 'null' || text === 'undefined' ? '' : text))
      .join(' // ')
  );
}

function placesOf(keys: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  keys.forEach((key, i) => {
    const known = places.get(key);
    if (known === undefined) places.set(key, [i]);
    else known.push(i);
  });
  return places;
}

interface Cell {
  readonly plain: string;
  readonly colored: string;
}
const cell = (plain: string, color = ''): Cell => ({
  plain: quoted(plain),
  colored: quoted(color === '' ? plain : `${color}${plain}${END}`),
});

const lengthOf = ({ plain }: Cell): number => [...plain].length;

/** As in CSV, a cell is quoted if it contains a comma, a quote, a tab or a line end, or begins or ends with a space. */
function quoted(text: string): string {
  return /^ | $|[",\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function change(before: DiffCell, after: DiffCell): Cell {
  const named = (value: DiffCell): string => (value === null ? 'NULL' : cellText(value).replace(/^_*NULL$/, '_$&'));
  const [from, to] = [named(before), named(after)];
  const [left, right] = [markSpaces(from, to), markSpaces(to, from)];
  return { plain: quoted(`${left}→${right}`), colored: quoted(`${RED}${left}${BLUE}→${GREEN}${right}${END}`) };
}

/** Makes spaces visible that only `text` has, if nothing else differs. */
function markSpaces(text: string, other: string): string {
  if (text === other || text.replaceAll(' ', '') !== other.replaceAll(' ', '')) return text;
  let at = 0;
  return [...text]
    .map((letter) => {
      if (letter === ' ' && other[at] !== ' ') return '\u2423';
      if (letter !== ' ') while (other[at] === ' ') at++;
      at++;
      return letter;
    })
    .join('');
}

const shown = (value: DiffCell): string => (value === null ? 'NULL' : cellText(value));
/** In added and removed rows, NULL and booleans are written in lower case. */
const whole = (value: DiffCell): string => String(value);
const GAP = cell('...');
type Line = (mark: Cell, show: (column: number) => Cell, gapColor?: string) => Cell[];
/** The first row contains the column names. */
type Lines = [Cell[], ...Cell[][]];

function render(columns: readonly string[], { pairs, keys }: Alignment): string {
  const changed = pairs.map((p) => p.expected === null || p.actual === null || !sameRow(p.expected, p.actual));
  const kept = shownColumns(columns.length, pairs, keys);
  const line: Line = (mark, show, gapColor = '') => [
    mark,
    ...kept.map((c) => (c === null ? cell('...', gapColor) : show(c))),
  ];
  const names = kept.map((c) => cell(c === null ? '...' : cellText(columns[c]), BOLD));
  const lines: Lines = [[cell('@@', BOLD), ...names]];
  let gap = false;
  pairs.forEach((p, i) => {
    // One unchanged row of context on each side of a change; longer runs are elided.
    if (!changed[i] && !changed[i - 1] && !changed[i + 1]) {
      if (!gap) lines.push(line(GAP, () => GAP));
      gap = true;
      return;
    }
    gap = false;
    lines.push(row(p, line));
  });
  const widths = columnWidths(lines);
  return lines.map((l) => padded(l, widths)).join('');
}

/**
 * Of the columns that are not keys and never differ, shows those next to a shown one, and one `...` (null) per run of
 * others. Shows all if a row was added.
 */
function shownColumns(count: number, pairs: readonly Pair[], keys: ReadonlySet<number>): (number | null)[] {
  const all = Array.from({ length: count }, (_, c) => c);
  if (pairs.some((p) => p.expected === null)) return all;
  const active = all.map(
    (c) => keys.has(c) || pairs.some((p) => p.expected !== null && p.actual !== null && p.expected[c] !== p.actual[c]),
  );
  return all
    .map((c) => (active[c] || active[c - 1] || active[c + 1] ? c : null))
    .filter((c, i, list) => c !== null || i === 0 || list[i - 1] !== null);
}

function row({ expected, actual }: Pair, line: Line): Cell[] {
  if (expected === null) return line(cell('+++', GREEN), (c) => cell(whole(valueAt(actual, c)), GREEN));
  if (actual === null) return line(cell('---', RED), (c) => cell(whole(valueAt(expected, c)), RED), RED);
  if (sameRow(expected, actual)) return line(cell(''), (c) => cell(shown(valueAt(actual, c))));
  return line({ plain: '→', colored: `${RED}${BLUE}→${GREEN}${END}` }, (c) => {
    const [before, after] = [valueAt(expected, c), valueAt(actual, c)];
    return before === after ? cell(shown(after)) : change(before, after);
  });
}

/** The column width that fits all but outliers; null if it exceeds a screen. */
function columnWidths(lines: Readonly<Lines>): number[] | null {
  const columns = lines[0].map((head): { head: number; lengths: number[] } => ({ head: lengthOf(head), lengths: [] }));
  for (const line of lines) for (const [c, x] of line.entries()) columns[c]?.lengths.push(lengthOf(x));
  const widths = columns.map(({ head, lengths }) => {
    const mean = lengths.reduce((sum, n) => sum + n, 0) / lengths.length;
    const variance = lengths.reduce((sum, n) => sum + n * n, 0) / lengths.length - mean * mean;
    const usual = variance < 0 ? Number.NaN : Math.trunc(mean + Math.sqrt(variance) * 2 + 0.5);
    return Math.max(head, ...lengths.filter((n) => n <= usual));
  });
  return widths.reduce((sum, n) => sum + n, widths.length - 1) > 130 ? null : widths;
}

function padded(line: readonly Cell[], widths: readonly number[] | null): string {
  let text = '';
  let at = 0;
  let target = 0;
  line.forEach((x, c) => {
    if (c > 0) {
      const spaces = widths === null ? 0 : Math.max(0, target - at);
      text += `${' '.repeat(spaces)}${COMMA}`;
      at += spaces;
    }
    text += x.colored;
    at += lengthOf(x);
    target += widths?.[c] ?? 0;
  });
  return `${text}\r\n`;
}
