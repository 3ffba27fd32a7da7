// A table's rows in the text format of COPY, in chunks. Which columns it goes to is the caller's.
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

/** Does the table hold moments with a zone? COPY would drop the zone where a statement converts to the session's. */
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

/** A table as text of COPY, in chunks. @throws `database` error for a text with NUL */
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

/** A text as a cell: with COPY's own characters escaped. */
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
 * Without an exponent and without a fraction of zeros: `1E+2` and `50.00` are whole numbers, which COPY does not know,
 * where an insert converts them.
 */
function plainDecimal(value: PyDecimal): string {
  if (value.special !== undefined) return value.special;
  if (value.coefficient === 0n) return '0';
  if (value.exponent > 0 && value.exponent < 1000) return String(value.coefficient * 10n ** BigInt(value.exponent));
  return value.jinjaText().replace(/\.0+$/, '');
}
