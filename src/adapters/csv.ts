// Reads CSV text as a table, with agate's rules for names, as dbt reads seeds. table-inference.ts infers types; the
// caller reads the file.
import { TsdbtError } from '../errors.ts';
import { checkMissingCells, csvRecords, unixBreaks } from '../values/csv.ts';
import type { Value } from '../values/value.ts';
import type { Table } from './table.ts';
import { inferTable } from './table-inference.ts';

export interface CsvOptions {
  /** Columns that stay text: those with a declared type. */
  readonly textColumns?: Iterable<string>;
  /** One character. Default `,`. */
  readonly delimiter?: string;
  /** Path of the file, for errors. */
  readonly path: string;
  /** Called for each column whose name differs from the header's, with the header's line. */
  readonly onRenamed?: (column: RenamedColumn, line: number) => void;
  /** Called when lines have fewer values than the header has names, once. */
  readonly onShort?: (lines: ShortLines) => void;
}

/** Lines whose last values are missing; a blank line has none. They are null. */
export interface ShortLines {
  /** The first one. */
  readonly line: number;
  readonly values: number;
  readonly columns: number;
  readonly count: number;
}

/** A column without a name, or with the name of an earlier column. */
export interface RenamedColumn {
  /** 0-based. */
  readonly index: number;
  /** As in the header. */
  readonly written: string;
  readonly name: string;
}

/**
 * Reads the table of a seed.
 * @param text decoded as UTF-8; a byte order mark is skipped
 * @throws `runtime` error with file and line
 */
export function tableFromCsv(text: string, options: CsvOptions): Table {
  const { path, delimiter = ',' } = options;
  if ([...delimiter].length !== 1)
    throw new TsdbtError('runtime', '"delimiter" must be a 1-character string', { path });
  const [header, ...records] = csvRecords(unixBreaks(text.startsWith('\ufeff') ? text.slice(1) : text), {
    delimiter,
    strictIn: path,
  });
  if (header === undefined)
    throw new TsdbtError('runtime', 'the seed is empty: its first line must name the columns', { path, line: 1 });
  checkMissingCells(text, records.length, header.cells.length, path);
  const names = columnNames(header.cells);
  names.forEach((name, index) => {
    const written = header.cells[index] ?? '';
    if (written !== name) options.onRenamed?.({ index, written, name }, header.line);
  });
  const rows = records.map(({ cells, line }, index): readonly Value[] => {
    if (cells.length > names.length) {
      throw new TsdbtError(
        'runtime',
        `Row ${index} has ${cells.length} values, but Table only has ${names.length} columns.`,
        { path, line, hint: 'A value with the delimiter in it must stand in double quotes.' },
      );
    }
    return cells;
  });
  // With one column, a blank line is how a null is written.
  const short = names.length === 1 ? [] : records.filter(({ cells }) => cells.length < names.length);
  const [first] = short;
  if (first !== undefined) {
    const values = first.cells.length;
    options.onShort?.({ line: first.line, values, columns: names.length, count: short.length });
  }
  return inferTable(names, rows, new Set(options.textColumns ?? [])).readFrom({
    path,
    lineOf: (row) => records[row]?.line,
  });
}

/** agate's names: an empty one becomes a letter, a second `a` is `a_2`. */
function columnNames(cells: readonly string[]): string[] {
  const names: string[] = [];
  const seen = new Set<string>();
  /** The next number of each name, so that many equal names take linear time. */
  const numbers = new Map<string, number>();
  cells.forEach((cell, index) => {
    const base = cell === '' ? letterName(index) : cell;
    let name = base;
    let n = numbers.get(base) ?? 2;
    for (; seen.has(name); n++) name = `${base}_${n}`;
    numbers.set(base, n);
    seen.add(name);
    names.push(name);
  });
  return names;
}

function letterName(index: number): string {
  return 'abcdefghijklmnopqrstuvwxyz'.charAt(index % 26).repeat(Math.floor(index / 26) + 1);
}
