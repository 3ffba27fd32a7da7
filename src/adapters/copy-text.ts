// Formats a table's rows for COPY's text format, in chunks.
import { TsdbtError } from '../errors.ts';
import { PyDate } from '../values/date.ts';
import { PyDateTime } from '../values/datetime.ts';
import { PyDecimal } from '../values/decimal.ts';
import { toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Table } from './table.ts';

const CHUNK_BYTES = 64 * 1024;
const SPECIAL = /[\\\n\r\t\b\f\v]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

/** Whether the table contains times with a zone. COPY drops the zone where a statement converts to the session's. */
export function needsStatements(table: Table): boolean {
  return table.types.some(
    (type, index) =>
      type.name === 'ISODateTime' &&
      table.rows.some((row) => {
        const value = row.values[index];
        return value instanceof PyDateTime && value.tzinfo !== null;
      }),
  );
}

/** Formats a table as COPY text, in chunks. @throws `database` error for a text with NUL */
export function* copyTextOf(table: Table): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let chunk = '';
  for (const [number, row] of table.rows.entries()) {
    const nul = row.values.findIndex((value) => typeof value === 'string' && value.includes('\0'));
    if (nul >= 0) {
      throw new TsdbtError(
        'database',
        `A string literal cannot contain NUL (0x00) characters (column "${table.columnNames[nul]}", row ` +
          `${number + 1}).`,
        placeOf(table, number),
      );
    }
    chunk += `${row.values.map(cell).join('\t')}\n`;
    if (chunk.length >= CHUNK_BYTES) {
      yield encoder.encode(chunk);
      chunk = '';
    }
  }
  if (chunk !== '') yield encoder.encode(chunk);
}

/** Position of a row in its source file. @param row 0-based */
export function placeOf({ origin }: Table, row: number): { path?: string; line?: number | undefined } {
  const line = origin?.lineOf(row);
  return origin === undefined || line === undefined ? {} : { path: origin.path, line };
}

/** Escapes COPY's special characters in a cell. */
export function escapeCopyText(value: string): string {
  return value.replace(SPECIAL, (character) => ESCAPES[character] ?? character);
}

function cell(value: Value): string {
  if (value === null) return '\\N';
  if (typeof value === 'string') return escapeCopyText(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof PyDecimal) return plainDecimal(value);
  if (value instanceof PyDateTime) return value.isoformat();
  if (value instanceof PyDate) return value.isoDate();
  return toText(value);
}

/**
 * Removes exponents and fractions of zeros: COPY does not accept the whole numbers `1E+2` and `50.00`, which an insert
 * converts.
 */
function plainDecimal(value: PyDecimal): string {
  if (value.special !== undefined) return value.special;
  if (value.coefficient === 0n) return '0';
  if (value.exponent > 0 && value.exponent < 1000) return String(value.coefficient * 10n ** BigInt(value.exponent));
  return value.jinjaText().replace(/\.0+$/, '');
}
