// Reads CSV text as Python's csv module does: `reader` and `DictReader`. Callers interpret column names and types.
import { TsdbtError } from '../errors.ts';

interface CsvRecord {
  readonly cells: string[];
  readonly line: number;
}

/** Maximum number of missing cells. */
const MOST_MISSING = 1_000_000;

interface CsvFormat {
  /** A single character. Default `,`. */
  readonly delimiter?: string;
  /** Name of the file, if an unclosed quote is an error. By default the end of the text closes it, as in Python. */
  readonly strictIn?: string;
}

/**
 * Returns the records of a text; a blank line is a record without cells. `\n`, `\r\n` and `\r` end a line, except in
 * quotes, where they are kept.
 * @throws `runtime` error with file and line, if `strictIn` is given
 */
export function csvRecords(text: string, { delimiter = ',', strictIn }: CsvFormat = {}): CsvRecord[] {
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
          let close = text.indexOf('"', at);
          if (close < 0) {
            if (strictIn !== undefined) throw unclosed(strictIn, opened);
            close = length;
          }
          const part = text.slice(at, close);
          line += lineBreaks(part);
          cell += part;
          at = close + 1;
          if (text[at] !== '"') break;
          cell += '"';
          at++;
        }
      }
      // As in Python, text after a closing quote belongs to the cell, and quotes in it are literal.
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

/**
 * Returns one dict per row with text values. Missing cells are null, surplus cells are dropped, blank lines are
 * skipped.
 * @throws {TsdbtError} `runtime` if too many cells are missing
 */
export function csvRows(text: string, path: string): { [column: string]: string | null }[] {
  const [header, ...records] = csvRecords(text).filter(({ cells }) => cells.length > 0);
  if (header === undefined) return [];
  checkMissingCells(text, records.length, header.cells.length, path);
  return records.map(({ cells }) =>
    Object.fromEntries(header.cells.map((column, i): [string, string | null] => [column, cells[i] ?? null])),
  );
}

/** @throws {TsdbtError} `runtime` if so many cells are missing that a short text would fill the memory */
export function checkMissingCells(text: string, rows: number, columns: number, path: string): void {
  // Each cell that is not missing has a delimiter or a line end.
  if (rows * columns <= text.length + MOST_MISSING) return;
  throw new TsdbtError(
    'runtime',
    `CSV text has ${rows} rows and ${columns} columns, but most cells are missing; at most ${MOST_MISSING} may be`,
    { path, hint: 'Remove unused columns from the header.' },
  );
}

/** Normalizes line ends to `\n`, as Python does for text files. */
export function unixBreaks(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function unclosed(path: string, line: number): TsdbtError {
  return new TsdbtError('runtime', `a double quote that opens in line ${line} is never closed`, { path, line });
}

function lineBreaks(text: string): number {
  let count = 0;
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) count++;
  return count;
}

function isBreak(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 10 || code === 13;
}

function afterBreak(text: string, at: number): number {
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
}
