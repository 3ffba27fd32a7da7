// Batches of microbatch models. The goldens are what dbt-core 1.12 gives (tests/engine/support/batch_cases.py); minutes
// and gaps are ours.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type BatchSize,
  batchId,
  batchName,
  ceiling,
  coveredInterval,
  isoUtc,
  missingBatches,
  offset,
  parseBatchSize,
  splitIntoBatches,
  truncate,
  wallTime,
} from '../../../../src/state/batches.ts';

interface Single {
  size: string;
  moment: string;
  truncate: string;
  ceiling: string;
  offsets: Record<string, string>;
  name: string;
  id: string;
}
interface Run {
  size: string;
  begin: string;
  now: string;
  lookback: number;
  incremental: boolean;
  given: [string, string] | null;
  batches: [string, string][];
}
const golden = JSON.parse(readFileSync(new URL('./golden/batches.json', import.meta.url), 'utf8')) as {
  single: Single[];
  runs: Run[];
};
const size = (text: string): BatchSize => parseBatchSize(text) as BatchSize;
const span = (from: string, to: string) => ({ start: wallTime(from), end: wallTime(to) });
const texts = (batches: readonly { start: number; end: number }[]): string[] =>
  batches.map((b) => `${isoUtc(b.start).slice(5, 16)} ${isoUtc(b.end).slice(5, 16)}`);

describe('batches are computed as in dbt:', () => {
  it.each(golden.single)('$size of $moment', (c) => {
    const of = size(c.size);
    const at = wallTime(c.moment);
    expect({
      truncate: isoUtc(truncate(at, of)),
      ceiling: isoUtc(ceiling(at, of)),
      name: batchName(truncate(at, of), of),
      id: batchId(truncate(at, of), of),
      offsets: Object.fromEntries(Object.keys(c.offsets).map((n) => [n, isoUtc(offset(at, of, Number(n)))])),
    }).toEqual({ truncate: c.truncate, ceiling: c.ceiling, name: c.name, id: c.id, offsets: c.offsets });
  });

  it.each(golden.runs)(
    '$size since $begin at $now, lookback $lookback, incremental $incremental, given $given',
    (c) => {
      const given = c.given && span(...c.given);
      const covered = coveredInterval(
        { given, now: wallTime(c.now), incremental: c.incremental, begin: wallTime(c.begin), lookback: c.lookback },
        size(c.size),
      );
      expect(splitIntoBatches(covered, size(c.size)).map((b) => [isoUtc(b.start), isoUtc(b.end)])).toEqual(c.batches);
    },
  );
});

describe('a batch size that dbt does not have', () => {
  it.each([
    ['5m', '01-02T1355', '20260102T1355'],
    ['30m', '01-02T1330', '20260102T1330'],
    ['2h', '01-02T12', '20260102T12'],
    ['24h', '01-02', '20260102'],
  ])('names its batches: %s', (text, name, id) => {
    const start = truncate(wallTime('2026-01-02T13:58:20'), size(text));
    expect([batchName(start, size(text)).slice(5), batchId(start, size(text))]).toEqual([name, id]);
  });

  it.each(['7m', '0m', '48h', '5h', '2000m'])('%s is rejected because it does not divide a day', (text) => {
    expect(parseBatchSize(text)).toBe(`'${text}' does not divide a day into equal parts`);
  });

  it.each(['week', '5', 'm', '-5m', 'constructor', '', 5, null])('is not %s', (text) => {
    expect(parseBatchSize(text)).toBeNull();
  });
});

describe('the list of missing batches', () => {
  const whole = span('2026-01-01T00:00', '2026-01-01T01:00');
  const missing = (done: [string, string][], of = '15m'): string[] =>
    texts(
      missingBatches(
        whole,
        done.map(([a, b]) => span(`2026-01-01T${a}`, `2026-01-01T${b}`)),
        size(of),
      ),
    );

  it('contains all batches when nothing is done', () => {
    expect(missing([])).toEqual([
      '01-01T00:00 01-01T00:15',
      '01-01T00:15 01-01T00:30',
      '01-01T00:30 01-01T00:45',
      '01-01T00:45 01-01T01:00',
    ]);
  });

  it('is empty when everything is done, in pieces and beyond', () => {
    expect(
      missing([
        ['00:30', '03:00'],
        ['00:00', '00:30'],
      ]),
    ).toEqual([]);
  });

  it('contains each gap, oldest first, as whole batches even if a part is done', () => {
    expect(
      missing([
        ['00:20', '00:45'],
        ['00:00', '00:10'],
      ]),
    ).toEqual(['01-01T00:00 01-01T00:15', '01-01T00:15 01-01T00:30', '01-01T00:45 01-01T01:00']);
    expect(
      missing(
        [
          ['00:00', '00:15'],
          ['00:30', '00:45'],
        ],
        'hour',
      ),
    ).toEqual(['01-01T00:00 01-01T01:00']);
  });

  it('does not depend on the batch size of the finished intervals', () => {
    expect(
      missing(
        [
          ['00:00', '00:15'],
          ['00:15', '00:30'],
          ['00:45', '01:00'],
        ],
        '5m',
      ),
    ).toEqual(['01-01T00:30 01-01T00:35', '01-01T00:35 01-01T00:40', '01-01T00:40 01-01T00:45']);
  });
});
