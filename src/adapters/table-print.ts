// Formats a table as text: the grid of `print_table`, CSV and JSON, byte for byte as agate does. The caller writes it.
import { PyDecimal } from '../values/decimal.ts';
import { PyDict } from '../values/dict.ts';
import { groupDigits } from '../values/format-number.ts';
import { dumpJson } from '../values/json.ts';
import { toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import { BYTES } from './data-type.ts';
import type { Table } from './table.ts';

export interface PrintOptions {
  /** Null: all. */
  readonly maxRows?: number | null;
  readonly maxColumns?: number | null;
  readonly maxColumnWidth?: number | null;
  /** Decimal places of Number columns. */
  readonly maxPrecision?: number | null;
}

const ELLIPSIS = '...';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Characters that a text for people does not have. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

/** The grid with a header, in GitHub's Markdown; ends with a newline. */
export function printTable(table: Table, options: PrintOptions = {}): string {
  const { maxRows = 20, maxColumns = 6, maxColumnWidth = 20, maxPrecision = 3 } = options;
  const rows = table.rows.slice(0, maxRows ?? undefined);
  const shownColumns = Math.min(maxColumns ?? table.columnNames.length, table.columnNames.length);
  const columnsCut = shownColumns < table.columnNames.length;
  const cut = (text: string): string => {
    const points = [...text];
    return maxColumnWidth !== null && points.length > maxColumnWidth
      ? points.slice(0, maxColumnWidth - ELLIPSIS.length).join('') + ELLIPSIS
      : text;
  };
  const header = table.columnNames.slice(0, shownColumns).map(cut);
  const formatters = table.types.slice(0, shownColumns).map((type, i) =>
    type.name === 'Number'
      ? numberFormatter(
          rows.map((row) => row.at(i)),
          maxPrecision,
        )
      : type === BYTES
        ? bytesText
        : toText,
  );
  const grid = rows.map((row) => {
    const cells = formatters.map((format, i) => {
      const value = row.at(i);
      return cut(value === null ? '' : format(value));
    });
    if (columnsCut) cells.push(ELLIPSIS);
    return cells;
  });
  if (columnsCut) header.push(ELLIPSIS);
  const widths = header.map((name, i) => Math.max(lengthOf(name), ...grid.map((row) => lengthOf(row[i] ?? ''))));
  const line = (cells: readonly string[]): string =>
    `|${cells
      .map((cell, i) => {
        const pad = ' '.repeat(Math.max(0, (widths[i] ?? 0) - lengthOf(cell)));
        return ` ${table.typeAt(i).name === 'Text' ? cell + pad : pad + cell} `;
      })
      .join('|')}|\n`;
  let out = `${line(header)}| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n${grid.map(line).join('')}`;
  if (rows.length < table.rows.length) out += line(header.map(() => ELLIPSIS));
  return out;
}

function lengthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length;
}

/** Number of decimal places that the values need; all are printed with it: `1,234.50`. */
function numberFormatter(values: readonly Value[], maxPrecision: number | null): (value: Value) => string {
  const places = mostDecimals(values);
  const more = maxPrecision !== null && places > maxPrecision;
  const shown = more ? maxPrecision : Math.max(0, places);
  return (value) => {
    if (!(value instanceof PyDecimal) || value.special !== undefined) return toText(value);
    const scaled = value.quantized(shown).coefficient;
    const negative = value.coefficient < 0n;
    const digits = (negative ? -scaled : scaled).toString().padStart(shown + 1, '0');
    const whole = groupDigits(digits.slice(0, digits.length - shown), ',');
    const decimals = shown > 0 ? `.${digits.slice(digits.length - shown)}` : '';
    return `${negative ? '-' : ''}${whole}${decimals}${more ? '…' : ''}`;
  };
}

const PRECISION = 28;

/**
 * The maximum number of fractional digits, ignoring trailing zeros: agate's MaxPrecision. As in agate, numbers with
 * more than 28 digits before the point make it negative, and their column does not count as integers.
 */
export function mostDecimals(values: readonly Value[]): number {
  let whole = 1;
  let decimals = 0;
  for (const value of values) {
    if (!(value instanceof PyDecimal) || value.special !== undefined) continue;
    let { coefficient, exponent } = value;
    // A number outside of a float's range counts as infinite.
    if (coefficient === 0n || exponent > 280) continue;
    while (coefficient % 10n === 0n) {
      coefficient /= 10n;
      exponent++;
    }
    whole = Math.max(whole, coefficient.toString().replace('-', '').length + exponent);
    decimals = Math.max(decimals, -exponent);
  }
  return whole + decimals > PRECISION ? PRECISION - whole : decimals;
}

function csvCell(text: string): string {
  const clean = text.replaceAll('\r', '\n');
  return /[",\n]/.test(clean) ? `"${clean.replaceAll('"', '""')}"` : clean;
}

/** The table as CSV with a header. */
export function csvOfTable(table: Table): string {
  const line = (cells: readonly string[]): string =>
    `${cells.length === 1 && cells[0] === '' ? '""' : cells.join(',')}\n`;
  const rows = table.rows.map((row) =>
    line(
      row.values.map((value, i) => {
        if (value === null) return '';
        const type = table.typeAt(i);
        return csvCell(
          type.name === 'Date' || type.name === 'DateTime' || type.name === 'ISODateTime'
            ? toText(type.jsonify(value))
            : toText(value),
        );
      }),
    ),
  );
  return line(table.columnNames.map(csvCell)) + rows.join('');
}

/** The table as a JSON array of objects, or one object per line. */
export function jsonOfTable(table: Table, options: { newline?: boolean; indent?: number | null } = {}): string {
  const dicts = table.rows.map((row) =>
    PyDict.from(table.columnNames.map((name, i) => [name, table.typeAt(i).jsonify(row.at(i))] as const)),
  );
  if (options.newline) return dicts.map((dict) => `${unescaped(dumpJson(dict))}\n`).join('');
  return unescaped(dumpJson(dicts, options.indent ? { indent: options.indent } : {}));
}

/** agate writes non-ASCII characters unescaped. */
function unescaped(json: string): string {
  return json.replace(/(\\\\)|\\u([0-9a-f]{4})/g, (match, backslash: string | undefined, hex: string) => {
    if (backslash !== undefined) return match;
    const code = Number.parseInt(hex, 16);
    return code < 0x20 ? match : String.fromCharCode(code);
  });
}

/** Bytes that are text in UTF-8, such as a message in the dead letters, as this text; others as they are written. */
function bytesText(value: Value): string {
  const written = toText(value);
  if (!/^\\x(?:[0-9a-f]{2})+$/.test(written)) return written;
  try {
    const text = UTF8.decode(Buffer.from(written.slice(2), 'hex'));
    return CONTROL.test(text) ? written : text;
  } catch {
    return written;
  }
}
