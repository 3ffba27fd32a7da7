// Compares the rows that a unit test expects with the rows it got, whatever their order, and shows the difference as dbt (daff) does:
// `@@` names the columns, `+++` and `---` whole rows, `→` a row with changed cells. Knows nothing of tests or databases.

/** Cells as text; null is SQL's NULL. */
export type DiffRow = readonly (string | null)[];

interface Pair { readonly expected: DiffRow | null; readonly actual: DiffRow | null }

const BOLD = '\u001b[0;1m';
const RED = '\u001b[31;1m';
const GREEN = '\u001b[32;1m';
const BLUE = '\u001b[34;1m';
const COMMA = '\u001b[33m,\u001b[0m';
const END = '\u001b[0m';

/**
 * @param columns names, in the order of the cells
 * @returns null when both hold the same rows; otherwise the text, with colours, each line ended by CR LF
 */
export function tableDiff(columns: readonly string[], expected: readonly DiffRow[], actual: readonly DiffRow[]): string | null {
  const pairs = align(sortRows(expected), sortRows(actual));
  if (pairs.every((p) => p.expected !== null && p.actual !== null && sameRow(p.expected, p.actual))) return null;
  return render(columns, pairs);
}

const key = (row: DiffRow): string => JSON.stringify(row);
const sameRow = (a: DiffRow, b: DiffRow): boolean => key(a) === key(b);

function sortRows(rows: readonly DiffRow[]): DiffRow[] {
  return [...rows].sort((a, b) => {
    for (let i = 0; i < a.length; i++) {
      const x = a[i] ?? null;
      const y = b[i] ?? null;
      if (x === y) continue;
      if (x === null) return 1;
      if (y === null) return -1;
      const numbers = Number(x) - Number(y);
      return Number.isNaN(numbers) || numbers === 0 ? (x < y ? -1 : 1) : numbers;
    }
    return 0;
  });
}

/** Equal rows belong together; then rows that share a cell, most cells first; what remains is added or removed. */
function align(expected: readonly DiffRow[], actual: readonly DiffRow[]): Pair[] {
  const partner = new Map<number, number>();
  const free = new Map<string, number[]>();
  actual.forEach((row, i) => {
    const k = key(row);
    const at = free.get(k);
    if (at) at.push(i);
    else free.set(k, [i]);
  });
  expected.forEach((row, i) => {
    const at = free.get(key(row))?.shift();
    if (at !== undefined) partner.set(at, i);
  });
  const taken = new Set(partner.values());
  const open = actual.map((_, i) => i).filter((i) => !partner.has(i));
  const wanted = expected.map((_, i) => i).filter((i) => !taken.has(i));
  if (open.length * wanted.length <= 250_000) {
    const scored: [score: number, a: number, e: number][] = [];
    for (const a of open) for (const e of wanted) {
      const score = actual[a]!.filter((cell, c) => cell !== null && cell === expected[e]![c]).length;
      if (score > 0) scored.push([score, a, e]);
    }
    scored.sort((x, y) => y[0] - x[0] || x[1] - y[1] || x[2] - y[2]);
    for (const [, a, e] of scored) {
      if (partner.has(a) || taken.has(e)) continue;
      partner.set(a, e);
      taken.add(e);
    }
  }
  const pairs: Pair[] = actual.map((row, i) => ({ actual: row, expected: partner.has(i) ? expected[partner.get(i)!]! : null }));
  expected.forEach((row, i) => {
    if (!taken.has(i)) pairs.push({ actual: null, expected: row });
  });
  return pairs;
}

interface Cell { readonly plain: string; readonly colored: string }
const cell = (plain: string, color = ''): Cell => ({ plain, colored: color === '' ? plain : `${color}${plain}${END}` });
const change = (from: string, to: string): Cell => ({ plain: `${from}→${to}`, colored: `${RED}${from}${BLUE}→${GREEN}${to}${END}` });
const shown = (value: string | null): string => (value === null || value === '' ? (value === null ? 'null' : '') : value);

function render(columns: readonly string[], pairs: readonly Pair[]): string {
  const changed = pairs.map((p) => p.expected === null || p.actual === null || !sameRow(p.expected, p.actual));
  const lines: Cell[][] = [[cell('@@', BOLD), ...columns.map((c) => cell(c, BOLD))]];
  let gap = false;
  pairs.forEach((p, i) => {
    // One unchanged row of context on each side of a change; a longer run is elided.
    if (!changed[i] && !changed[i - 1] && !changed[i + 1]) {
      if (!gap) lines.push([cell('...'), ...columns.map(() => cell('...'))]);
      gap = true;
      return;
    }
    gap = false;
    lines.push(row(p));
  });
  const widths = lines[0]!.map((_, c) => Math.max(...lines.map((l) => l[c]?.plain.length ?? 0)));
  return lines.map((l) => `${l.map((x, c) => (c === l.length - 1 ? x.colored : x.colored + ' '.repeat(widths[c]! - x.plain.length))).join(COMMA)}\r\n`).join('');
}

function row(p: Pair): Cell[] {
  if (p.expected === null) return [cell('+++', GREEN), ...p.actual!.map((v) => cell(shown(v), GREEN))];
  if (p.actual === null) return [cell('---', RED), ...p.expected.map((v) => cell(shown(v), RED))];
  if (sameRow(p.expected, p.actual)) return [cell(''), ...p.actual.map((v) => cell(shown(v)))];
  return [{ plain: '→', colored: `${RED}${BLUE}→${GREEN}${END}` }, ...p.actual.map((v, c) => (v === p.expected![c] ? cell(shown(v)) : change(shown(p.expected![c] ?? null), shown(v))))];
}
