// CSV text as a table: Python's csv reader and agate's rules for names, as dbt reads seeds. Types are decided in
// table-inference.ts, reading the file is left to whoever has it.
import { TsdbtError } from '../errors.ts';
import type { Value } from '../values/value.ts';
import { inferTable } from './table-inference.ts';
import type { Table } from './table.ts';

export interface CsvOptions {
  /** Columns that stay text: those with a type of their own. */
  readonly textColumns?: Iterable<string>;
  /** One character. Default `,`. */
  readonly delimiter?: string;
  /** Of the file, for errors. */
  readonly path: string;
}

export interface CsvRecord {
  readonly cells: string[];
  readonly line: number;
}

/**
 * The table of a seed.
 * @param text decoded as UTF-8; a byte order mark is passed over
 * @throws `runtime` error naming file and line
 */
export function tableFromCsv(text: string, options: CsvOptions): Table {
  const { path, delimiter = ',' } = options;
  if ([...delimiter].length !== 1)
    throw new TsdbtError('runtime', '"delimiter" must be a 1-character string', { path });
  const [header, ...records] = readRecords(text.startsWith('\ufeff') ? text.slice(1) : text, delimiter, path);
  if (header === undefined)
    throw new TsdbtError('runtime', 'the seed is empty: its first line must name the columns', { path, line: 1 });
  const names = columnNames(header.cells);
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
  return inferTable(names, rows, new Set(options.textColumns ?? [])).readFrom({
    path,
    lineOf: (row) => records[row]?.line,
  });
}

/**
 * The records of a text, blank lines as records without cells; Python's csv reader.
 * @throws `runtime` error naming file and line
 */
export function readRecords(text: string, delimiter: string, path: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  const length = text.length;
  let at = 0;
  let line = 1;
  while (at < length) {
    const record: CsvRecord = { cells: [], line };
    records.push(record);
    if (isBreak(text, at)) {
      at = afterBreak(text, at);
      line++;
      continue;
    }
    for (;;) {
      let cell = '';
      if (text[at] === '"') {
        const opened = line;
        at++;
        for (;;) {
          const close = text.indexOf('"', at);
          if (close < 0)
            throw new TsdbtError('runtime', `a double quote that opens in line ${opened} is never closed`, {
              path,
              line: opened,
            });
          const part = text.slice(at, close).replace(/\r\n?/g, '\n');
          for (let i = part.indexOf('\n'); i >= 0; i = part.indexOf('\n', i + 1)) line++;
          cell += part;
          at = close + 1;
          if (text[at] !== '"') break;
          cell += '"';
          at++;
        }
      }
      // Text behind a closing quote belongs to the cell, quotes in it are letters: so Python.
      const start = at;
      while (at < length && text[at] !== delimiter && !isBreak(text, at)) at++;
      record.cells.push(cell + text.slice(start, at));
      if (at < length && text[at] === delimiter) {
        at++;
        continue;
      }
      break;
    }
    if (at < length) {
      at = afterBreak(text, at);
      line++;
    }
  }
  return records;
}

function isBreak(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 10 || code === 13;
}

function afterBreak(text: string, at: number): number {
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
}

/** agate's names: an empty one becomes a letter, a second `a` is `a_2`. */
function columnNames(cells: readonly string[]): string[] {
  const names: string[] = [];
  const seen = new Set<string>();
  cells.forEach((cell, index) => {
    const base = cell === '' ? letterName(index) : cell;
    let name = base;
    for (let n = 2; seen.has(name); n++) name = `${base}_${n}`;
    seen.add(name);
    names.push(name);
  });
  return names;
}

function letterName(index: number): string {
  return 'abcdefghijklmnopqrstuvwxyz'.charAt(index % 26).repeat(Math.floor(index / 26) + 1);
}
