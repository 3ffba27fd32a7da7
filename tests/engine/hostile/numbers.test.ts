// Numbers of 300,000 digits, and texts that begin like them, in messages, rows and templates: each is read, or refused,
// in a few seconds of the processor.
import { describe, expect, it } from 'vitest';
import { NUMBER } from '../../../src/adapters/data-type.ts';
import { columnFormat } from '../../../src/loader/clickhouse/cells.ts';
import { columnCheck } from '../../../src/loader/formats/values/column-check.ts';
import { PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { fromEpoch } from '../../../src/loader/formats/values/epoch.ts';
import { versionFits } from '../../../src/project/versions.ts';
import { parseFloatText, parseIntText } from '../../../src/values/number-text.ts';

const LENGTH = 300_000;
const SECONDS = 5;
const digits = '7'.repeat(LENGTH);
const TEXTS = [
  `2020-01-01${' '.repeat(LENGTH)}x`,
  `2020-01-01 ${digits}`,
  digits,
  `${digits}x`,
  `0.${digits}`,
  `${'0'.repeat(LENGTH)}1`,
  `${digits}.${digits}e5`,
  `1e${digits}`,
];

/** A refusal is an answer. */
function answered(work: (text: string) => unknown): number {
  const before = process.cpuUsage();
  for (const text of TEXTS)
    try {
      work(text);
    } catch (error) {
      if (!(error instanceof PoisonMessage) && !/digit|number|float|valid|version/i.test(String(error))) throw error;
    }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const stored = { input: '', modifier: -1, element: null, labels: null, required: false };
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'a numeric column of Postgres': (text) => columnCheck({ ...stored, type: 'numeric' }).text?.(text),
  'a limited numeric column of Postgres': (text) =>
    columnCheck({ ...stored, type: 'numeric', modifier: ((10 << 16) | 2) + 4 }).text?.(text),
  'a bigint column of Postgres': (text) => columnCheck({ ...stored, type: 'int8' }).text?.(text),
  'a float column of Postgres': (text) => columnCheck({ ...stored, type: 'float8' }).text?.(text),
  'a timestamp column of Postgres': (text) => columnCheck({ ...stored, type: 'timestamptz' }).text?.(text),
  'a timestamp column of ClickHouse': (text) => columnFormat("DateTime64(6, 'UTC')", false).cell(text),
  'a decimal column of ClickHouse': (text) => columnFormat('Decimal(76, 10)', false).cell(text),
  'a whole column of ClickHouse': (text) => columnFormat('Int256', false).cell(text),
  'a float column of ClickHouse': (text) => columnFormat('Float64', false).cell(text),
  'a moment of a number': (text) => fromEpoch(text, 0, { name: 'c', years: null, epoch: 0 }),
  'a cell of a seed': (text) => NUMBER.cast(text),
  'a version of a package': (text) => versionFits(`1.0.1${text}`, ['>=1.0.0']),
  'a text of a template': parseFloatText,
  'a hexadecimal text of a template': (text) => parseIntText(text, 16),
  'a binary text of a template': (text) => parseIntText(text.replaceAll('7', '1'), 2),
};

describe('a number of 300,000 digits', () => {
  it.each(Object.entries(READERS))('is read quickly in %s', { timeout: 120_000 }, (_, read) => {
    expect(answered(read)).toBeLessThan(SECONDS);
  });

  it('is read the same from bits and from digits', () => {
    for (const [digits, radix] of [
      ['f', 16],
      ['1', 2],
      ['7', 8],
      ['3', 4],
      ['v', 32],
    ] as const)
      expect(parseIntText(`-1_${digits.repeat(5000)}`, radix)).toBe(1n - 2n * BigInt(radix) ** 5000n);
    expect(parseIntText(`${'f'.repeat(5000)}g`, 16)).toBe(undefined);
  });
});

describe('a whole number of 20 million digits', () => {
  const long = '7'.repeat(20_000_000);

  it('is rejected as out of range by a bigint of Postgres within a second', { timeout: 20_000 }, () => {
    const { text } = columnCheck({ ...stored, type: 'int8' });
    const began = performance.now();
    expect(text?.(long)).toMatch(/out of range/);
    expect(text?.(`-${'0'.repeat(1000)}9223372036854775808`)).toBeNull();
    expect(text?.('9223372036854775808')).toMatch(/out of range/);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('is rejected as out of range by an Int64 and an Int256 of ClickHouse within a second', { timeout: 20_000 }, () => {
    const began = performance.now();
    for (const type of ['Int64', 'Int256'])
      expect(() => columnFormat(type, false).cell?.(long)).toThrow(/out of range/);
    expect(columnFormat('Int64', false).cell?.(`${'0'.repeat(1000)}7.0`)).toBe('7');
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
