// Numbers since 1970 as moments: every digit, before 1970, other ways of writing them, and what is no moment.
import { describe, expect, it } from 'vitest';
import { EPOCHS } from '../../../../src/loader/settings/column-origin.ts';
import { fromEpoch } from '../../../../src/loader/formats/values/epoch.ts';
import { parseJson } from '../../../../src/loader/formats/values/lossless-json.ts';

const COLUMN = { name: 'c', years: null, epoch: 0 };
const value = (written: string): unknown => (parseJson(`[${written}]`) as unknown[])[0];

describe('fromEpoch converts', () => {
  it.each([
    ['1767225600', 'seconds', '2026-01-01T00:00:00Z'],
    ['1767225600.123456', 'seconds', '2026-01-01T00:00:00.123456Z'],
    ['"1767225600.5"', 'seconds', '2026-01-01T00:00:00.5Z'],
    ['1.7672256e9', 'seconds', '2026-01-01T00:00:00Z'],
    ['1767225600123', 'milliseconds', '2026-01-01T00:00:00.123Z'],
    ['1767225600123.5', 'milliseconds', '2026-01-01T00:00:00.1235Z'],
    ['1767225600123456', 'microseconds', '2026-01-01T00:00:00.123456Z'],
    ['1767225600123456789', 'nanoseconds', '2026-01-01T00:00:00.123456789Z'],
    ['5', 'nanoseconds', '1970-01-01T00:00:00.000000005Z'],
    ['0', 'milliseconds', '1970-01-01T00:00:00.000Z'],
    ['-1', 'seconds', '1969-12-31T23:59:59Z'],
    ['-0.25', 'seconds', '1969-12-31T23:59:59.75Z'],
    ['-1', 'microseconds', '1969-12-31T23:59:59.999999Z'],
    ['-62167219200', 'seconds', '0001-01-01T00:00:00Z BC'],
    ['253402300800', 'seconds', '10000-01-01T00:00:00Z'],
  ] as const)('%s in %s', (written, unit, moment) => {
    expect(fromEpoch(value(written), EPOCHS[unit], COLUMN)).toBe(moment);
  });

  it.each(['1e400', '1e30', '-1e15', '12345678901234567890123', '0.1e-60'])(
    'no number out of range, but throws: %s',
    (written) => {
      expect(() => fromEpoch(value(written), 0, COLUMN)).toThrow(
        "column 'c': the number, read as seconds since 1970, is outside of the years 1900 to 2200",
      );
    },
  );

  it('no other value, but returns it unchanged', () => {
    for (const other of ['2026-01-01', '', 'infinity', true, { a: 1 }, [1], null])
      expect(fromEpoch(other, 3, COLUMN)).toBe(other);
  });
});
