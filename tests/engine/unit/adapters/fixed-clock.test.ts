// Tests how calls of the clock are replaced where their texts touch each other. Unit tests on both databases show that
// the results are times.
import { describe, expect, it } from 'vitest';
import { withFixedClock as onClickhouse } from '../../../../src/adapters/clickhouse/fixed-clock.ts';
import { withFixedClock as onPostgres } from '../../../../src/adapters/postgres/fixed-clock.ts';

describe('a fixed clock on Postgres', () => {
  const TIME = "(timestamptz 'epoch' + 0 * interval '1 microsecond')";

  it('replaces a call that is the argument of age', () => {
    expect(onPostgres('age(now())', 0n)).toBe(`age((${TIME}::date)::timestamp, (${TIME}::timestamptz))`);
    expect(onPostgres('age(current_date)', 0n)).toBe(`age((${TIME}::date)::timestamp, (${TIME}::date))`);
  });

  it('leaves other names and texts as they are', () => {
    for (const sql of [
      "'now()'",
      'x.now()',
      '"now"()',
      'select 1 as current_date',
      '-- now()',
      "E'\\'now()'",
      '$$now()$$',
    ])
      expect(onPostgres(sql, 0n)).toBe(sql);
  });
});

describe('a fixed clock on ClickHouse', () => {
  it('keeps arguments with parentheses, and texts in them', () => {
    expect(onClickhouse("now(toString(')'))", 0n)).toBe("toDateTime(0, toString(')'))");
    expect(onClickhouse('now64(toUInt8(6)) + now()', 0n)).toBe(
      "toDateTime64(toDecimal64('0.000000', 6), toUInt8(6)) + toDateTime(0)",
    );
  });

  it('writes times before 1970', () => {
    expect(onClickhouse('now64()', -1_500_000n)).toBe("toDateTime64(toDecimal64('-1.500000', 6), 3)");
    expect(onClickhouse('now()', -1_500_000n)).toBe('toDateTime(-2)');
  });

  it('leaves other names and texts as they are', () => {
    for (const sql of ["'now()'", 'x.now()', '`now`()', 'select 1 as current_date', '-- now()', "'\\'now()'"])
      expect(onClickhouse(sql, 0n)).toBe(sql);
  });
});
