// Times in the wrong unit: which numbers and texts a time column refuses, for both databases and both ways to a row.
import { describe, expect, it } from 'vitest';
import { columnFormat } from '../../../src/loader/clickhouse/cells.ts';
import { EPOCHS, type EpochUnit } from '../../../src/loader/settings/column-origin.ts';
import { jsonDecoder, PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { FastPath } from '../../../src/loader/formats/rows/json-row-path.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import type { LoadColumn } from '../../../src/loader/settings/load-target.ts';
import { RowEncoder } from '../../../src/loader/formats/rows/row-encoder.ts';
import { loadTargetOf } from '../support/load-target.ts';

const stored = (type: string) => ({ input: type, type, modifier: -1, element: null, labels: null, required: false });
const POSTGRES = (type: string): Partial<LoadColumn> => ({ type, stored: stored(type) });
const CLICKHOUSE = (type: string): Partial<LoadColumn> => ({ type, format: columnFormat(type, false) });
const COLUMNS: Readonly<Record<string, Partial<LoadColumn>>> = {
  timestamptz: POSTGRES('timestamptz'),
  timestamp: POSTGRES('timestamp'),
  date: POSTGRES('date'),
  DateTime64: CLICKHOUSE("DateTime64(6, 'UTC')"),
  'Nullable(DateTime)': CLICKHOUSE('Nullable(DateTime)'),
  Date32: CLICKHOUSE('Date32'),
};
const DECLARED = { first: 2000, last: 2100, declared: true };

/** The cell of a JSON value, or why it is refused; the fast path makes the same cell, or none. */
function cellOf(json: string, column: Partial<LoadColumn>): string {
  const target = loadTargetOf('t', { rest: null });
  const encoder = new RowEncoder(target, {
    columns: [{ name: 'at', type: 'timestamptz', ...column }],
    hashKey: null,
    loadId: 'l',
  });
  const value = Buffer.from(`{"at":${json}}`);
  const records = recordsOf([{ offset: 1n, timestamp: 0, key: null, headers: [], value }]);
  const rows = new RowBuffer(16);
  rows.from(records, 't', 0);
  const quick = new FastPath(encoder.plan).add(records, 0, rows, encoder.place('t', 0), Buffer.from('x'))
    ? rows.line(0).split('\t')[0]
    : null;
  let close: string;
  try {
    const record = jsonDecoder.decode(value) as Record<string, unknown>;
    close = encoder.encode(records.message(0), record, 't', 0, 'x').line.split('\t')[0] ?? '';
  } catch (error) {
    if (!(error instanceof PoisonMessage)) throw error;
    close = error.message;
  }
  if (quick !== null && column.format === undefined) expect(quick).toBe(close);
  if (quick !== null) expect(close).not.toMatch(/^column/);
  return close;
}

describe.each(Object.entries(COLUMNS))('a column of %s', (_, column) => {
  it.each([
    ['1767225600123', 'seconds', 'milliseconds'],
    ['1767225600123', undefined, null],
    ['1767225600123456', undefined, 'microseconds'],
    ['1767225600123456789', undefined, 'nanoseconds'],
    ['1767225600123456789', 'microseconds', 'nanoseconds'],
    ['"1767225600123456"', 'milliseconds', 'microseconds'],
    ['-1767225600123', 'seconds', 'milliseconds'],
  ] as const)('reports that %s read as %s has probably the unit %s', (json, unit: EpochUnit | undefined, likely) => {
    const cell = cellOf(json, { ...column, ...(unit === undefined ? {} : { epoch: EPOCHS[unit] }) });
    if (likely === null) expect(cell).toMatch(/^2026-01-01/);
    else
      expect(cell).toBe(
        `column 'at': the number, read as ${unit ?? 'milliseconds'} since 1970, is outside of the years 1900 to ` +
          `2200; it is probably in ${likely}: \`epoch\` sets the unit, \`years\` the years`,
      );
  });

  it('with `years` rejects seconds that are read as milliseconds, and texts', () => {
    expect(cellOf('1767225600', { ...column, years: DECLARED })).toContain('it is probably in seconds');
    expect(cellOf('"1999-12-31T00:00:00Z"', { ...column, years: DECLARED })).toBe(
      "column 'at': a time outside of the years 2000 to 2100",
    );
    expect(cellOf('"2026-01-01T00:00:00Z"', { ...column, years: DECLARED })).toMatch(/^2026-01-01/);
    expect(cellOf('1767225600123', { ...column, years: DECLARED })).toMatch(/^2026-01-01/);
    expect(cellOf('"1767225600"', { ...column, epoch: 0, years: DECLARED })).toMatch(/^2026-01-01/);
  });
});

describe('a time column of Postgres', () => {
  const { timestamptz: column = {} } = COLUMNS;

  it.each(['infinity', '-infinity', '0001-01-01', '9999-12-31', '1582-10-15', '2999-12-31', '0044-03-15 BC'])(
    'accepts the text %s',
    (text) => {
      expect(cellOf(`"${text}"`, column)).toBe(text);
    },
  );

  it('accepts the first and last day that sources write for no limit', () => {
    expect(cellOf('253402300799999', column)).toBe('9999-12-31T23:59:59.999Z');
    expect(cellOf('253402214400', { ...column, epoch: 0 })).toBe('9999-12-31T00:00:00Z');
    expect(cellOf('-62135596800000', column)).toBe('0001-01-01T00:00:00.000Z');
    expect(cellOf('"9999-12-31"', { ...column, years: DECLARED })).toBe('9999-12-31');
  });

  it('rejects the text of a five-digit year, which a decoder made from a number', () => {
    expect(cellOf('"58209-03-15T11:02:03Z"', column)).toContain("column 'at': the year has more than four digits");
  });

  it('accepts every year with `years: false`', () => {
    expect(cellOf('7258118400000', { ...column, years: null })).toBe('2200-01-01T00:00:00.000Z');
    expect(cellOf('1767225600123', { ...column, epoch: 0, years: null })).toMatch(/^57971-/);
    expect(cellOf('"58209-03-15T11:02:03Z"', { ...column, years: null })).toMatch(/^58209-/);
  });

  it('accepts the first and the last moment of its years', () => {
    expect(cellOf('-2208988800000', column)).toBe('1900-01-01T00:00:00.000Z');
    expect(cellOf('-2208988800001', column)).toContain('outside of the years');
    expect(cellOf('7289654399999', column)).toBe('2200-12-31T23:59:59.999Z');
    expect(cellOf('7289654400000', column)).toContain('outside of the years');
  });
});
