// Tests which conversions of an INSERT SELECT are checked value by value. tests/engine/faults/clickhouse-values.test.ts
// tests the checks on a server.
import { expect, it } from 'vitest';
import { exactCast, mayLoseDigits } from '../../../../../src/adapters/clickhouse/exact-casts.ts';

it.each([
  ['UInt8', 'UInt16'],
  ['UInt8', 'Int16'],
  ['Int8', 'LowCardinality(Int8)'],
  ['UInt8', 'Nullable(UInt8)'],
  ['Nullable(UInt8)', 'Variant(String, UInt8)'],
  ['Array(JSON)', 'Array(String)'],
  ['Date', 'Date32'],
  ['DateTime', "DateTime64(3, 'UTC')"],
  ['DateTime', 'Date'],
  ['Float32', 'Float64'],
  ['String', "Enum8('a' = 1)"],
  ['Decimal(9, 2)', 'Decimal(18, 2)'],
])('an exact cast from %s to %s inserts the value unchanged', (from, to) => {
  expect(exactCast('"v"', from, to)).toBeNull();
});

it.each([
  ['UInt16', 'UInt8'],
  ['Int8', 'UInt64'],
  ['UInt64', 'Int64'],
  ['Nullable(UInt8)', 'UInt8'],
  ['LowCardinality(Nullable(String))', 'LowCardinality(String)'],
  ['Float64', 'Int64'],
  ['Float64', 'Float32'],
  ['String', 'Int32'],
  ['Array(UInt16)', 'Array(UInt8)'],
  ['Array(Array(UInt16))', 'Array(Array(UInt8))'],
  ['Map(String, Int64)', 'Map(String, Int32)'],
  ['String', "DateTime('UTC')"],
  ['Int64', 'DateTime'],
  ['Date32', 'Date'],
  ["DateTime64(3, 'UTC')", "DateTime('UTC')"],
  ['Date', 'DateTime'],
])('an exact cast from %s to %s fails unless the type can hold the value', (from, to) => {
  const cast = exactCast('"v"', from, to);
  expect(cast).toMatch(/^if\(throwIf\(.* = 0, "v", defaultValueOfTypeName\('.*'\)\) as "v"$/);
});

it.each([
  ['Float64', 'Int32'],
  ['Decimal(9, 3)', 'Decimal(9, 2)'],
  ['UInt64', 'Float64'],
  ["DateTime64(3, 'UTC')", "DateTime('UTC')"],
  ['DateTime', 'Date'],
  ['Array(Float64)', 'Array(Float32)'],
])('an exact cast from %s to %s with all digits fails if digits are lost', (from, to) => {
  expect(exactCast('"v"', from, to, true)).toContain('!= toString("v")');
  expect(exactCast('"v"', from, to)).not.toEqual(exactCast('"v"', from, to, true));
});

it('an exact cast with all digits checks no types that have the same digits', () => {
  for (const [from = '', to = ''] of [
    ['UInt8', 'UInt16'],
    ['String', 'LowCardinality(String)'],
    ['Date', 'Date'],
  ])
    expect(exactCast('"v"', from, to, true)).toBeNull();
});

it.each([
  ['Float64', 'Int32', true],
  ['Int64', 'Float64', true],
  ['Int32', 'Float64', false],
  ['Float32', 'Float64', false],
  ['Float64', 'Float32', true],
  ['Nullable(Decimal(9, 3))', 'Decimal(18, 2)', true],
  ['Decimal(9, 2)', 'Decimal(18, 2)', false],
  ['Decimal(18, 2)', 'Float64', true],
  ["DateTime64(6, 'UTC')", 'DateTime64(3)', true],
  ['DateTime', 'DateTime64(3)', false],
  ['DateTime', 'Date32', true],
  ['Date', 'DateTime', false],
  ['String', 'Decimal(9, 2)', false],
])('a value of %s may lose digits as %s: %s', (from, to, expected) => {
  expect(mayLoseDigits(from, to)).toBe(expected);
});
