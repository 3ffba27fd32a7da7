// Tests which files of closed days are joined.
import { describe, expect, it } from 'vitest';
import { planCompaction } from '../../../../src/loader/archive/compact-plan.ts';
import type { ArchiveConfig } from '../../../../src/loader/settings/archive-settings.ts';
import type { KeptFile } from '../../../../src/loader/archive/ledger.ts';

const ARCHIVE: ArchiveConfig = {
  ...{ connection: 'lake', path: 'x/dt={day}/', format: 'ndjson.gz', table: true },
  flush: { rows: 1, bytes: 1, ageMs: 1 },
};
const COMPACT = { afterMs: 1, keepMs: 1000, bytes: 100 };
const NOW = Date.parse('2026-06-01T00:00:00Z');

function file(from: number, to: number, size: number, more: Partial<KeptFile> & { end?: string } = {}): KeptFile {
  const number = (value: number): string => String(value).padStart(14, '0');
  const { end = '.ndjson.gz', ...rest } = more;
  return {
    key: `x/dt=2026-05-01/p00000-${number(from)}-${number(to)}${end}`,
    ...{ topic: 't', partition: 0, from: BigInt(from), to: BigInt(to), rows: 1, bytes: size, size },
    ...{ status: 'done', ageMs: 0, ...rest },
  };
}

/** Returns the joined ranges, by the names of their files. */
function joins(files: readonly KeptFile[]): string[] {
  const { joins: planned } = planCompaction({ files, openFrom: null }, ARCHIVE, COMPACT, { keepMs: 1000, now: NOW });
  return planned.map(({ file: { from, to }, inputs, begun }) => `${from}-${to} of ${inputs.length}${begun ? '!' : ''}`);
}

describe('the plan of an archive compaction', () => {
  it('joins files up to the target size', () => {
    expect(joins([file(0, 5, 40), file(5, 9, 40), file(9, 12, 40), file(12, 15, 10)])).toEqual([
      '0-9 of 2',
      '9-15 of 2',
    ]);
    expect(joins([file(0, 5, 90), file(5, 9, 40), file(9, 12, 40)])).toEqual(['5-12 of 2']);
  });

  it('does not join across a file that is already joined, because the new file would include its messages', () => {
    const done = file(5, 9, 60, { end: '-day.ndjson.gz', ageMs: 5 });
    expect(joins([file(0, 5, 10), done, file(9, 12, 10)])).toEqual([]);
    expect(joins([file(0, 5, 10), done, file(9, 12, 10), file(12, 14, 10)])).toEqual(['9-14 of 2']);
    const begun = file(5, 9, 60, { end: '-day.ndjson.gz', status: 'joining' });
    expect(joins([file(0, 5, 10), begun, file(5, 7, 10), file(7, 9, 10), file(9, 12, 10)])).toEqual(['5-9 of 2!']);
    const parquet = file(5, 9, 60, { end: '-day.parquet' });
    expect(joins([file(0, 5, 10), parquet, file(9, 12, 10)])).toEqual([]);
  });

  it('skips a range with two formats, and joins the files on both sides of it', () => {
    const both = [file(6, 8, 10), file(6, 8, 10, { end: '.parquet' })];
    expect(joins([file(0, 3, 10), file(3, 6, 10), ...both, file(8, 9, 10), file(9, 11, 10)])).toEqual([
      '0-6 of 2',
      '8-11 of 2',
    ]);
  });

  it('takes all files of a range, or none', () => {
    expect(joins([file(0, 3, 40), file(3, 6, 40), file(6, 9, 10)])).toEqual(['0-9 of 3']);
    expect(joins([file(0, 3, 40), ...[file(3, 6, 40), file(3, 6, 40)], file(6, 9, 10)])).toEqual(['3-9 of 3']);
  });
});
