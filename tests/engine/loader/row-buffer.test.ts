// Tests the row buffer: its rows, their messages and their keys.
import { describe, expect, it } from 'vitest';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';

describe('a row buffer', () => {
  const filled = (keys: readonly string[], partition = (_row: number): number => 0): RowBuffer => {
    const rows = new RowBuffer(1);
    const records = recordsOf(
      keys.map((key, i) => ({
        offset: BigInt(i),
        timestamp: i,
        key: Buffer.from(key),
        value: null,
        headers: [['h', null]],
      })),
    );
    keys.forEach((key, i) => {
      rows.from(records, 't', partition(i));
      rows.add(i, `${key}-${i}\n`, `${key}\t`, i === 1);
    });
    return rows;
  };

  it('knows the last row of each key', () => {
    const rows = filled(['a', 'b', 'a', 'ab', 'b', 'a', 'c']);
    expect(rows.latest()).toEqual([3, 4, 5, 6]);
    expect(Buffer.concat([...rows.chunks(rows.latest())]).toString()).toBe('ab-3\nb-4\na-5\nc-6\n');
    const many = filled(Array.from({ length: 5000 }, (_, i) => `k${i % 1700}`));
    expect(many.latest()).toEqual(Array.from({ length: 1700 }, (_, i) => 3300 + i));
  });

  it('returns all its bytes in chunks, even if a row replaces another', () => {
    const rows = filled(Array.from({ length: 60_000 }, (_, i) => `k${i}`));
    const text = rows.all().map((row) => rows.line(row));
    expect([...rows.allChunks()].length).toBeGreaterThan(1);
    expect(Buffer.concat([...rows.allChunks()]).toString()).toBe(text.join(''));
    const changed = new RowBuffer(1);
    const records = recordsOf(
      [0, 1].map((i) => ({ offset: BigInt(i), timestamp: i, key: null, value: null, headers: [] })),
    );
    changed.from(records, 't', 0);
    changed.add(0, 'a\t1\tc\n', 'a\t', false, { position: 1n, kept: [], truncates: false });
    changed.add(1, 'a\t\\N\tu,1,\n', 'a\t', false, { position: 2n, kept: [1], truncates: false });
    changed.fill(2, () => false);
    expect(Buffer.concat([...changed.allChunks()]).toString()).toBe('a\t1\tc\na\t1\tu\n');
  });

  it('returns rows, messages and positions, also without those of a partition', () => {
    const rows = filled(['a', 'b', 'c', 'd'], (row) => row % 2);
    const rest = rows.without((_, partition) => partition === 0);
    expect(rest.all().map((row) => [rest.line(row), rest.partition(row), rest.message(row)])).toEqual(
      [1, 3].map((row) => [rows.line(row), 1, rows.message(row)]),
    );
    expect(Buffer.concat([...rest.chunks(rest.all())]).toString()).toBe('b-1\nd-3\n');
    expect(Buffer.concat([...rest.allChunks()]).toString()).toBe('b-1\nd-3\n');
    expect(rows.message(3)).toEqual({
      offset: 3n,
      timestamp: 3,
      key: Buffer.from('d'),
      value: null,
      headers: [['h', null]],
    });
  });
});
