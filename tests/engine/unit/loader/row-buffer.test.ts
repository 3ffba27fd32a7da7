// Tests the row buffer: it grows in few steps, because old memory waits for the garbage collector, and the next buffer
// has the size of the last.
import { describe, expect, it } from 'vitest';
import { recordsOf } from '../../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../../src/loader/formats/rows/row-buffer.ts';

const MEGABYTE = 1024 * 1024;

describe('a row buffer', () => {
  const filled = (rows: number, bytes: number): { rows: RowBuffer; sizes: number[] } => {
    const message = { offset: 0n, timestamp: 0, key: null, value: Buffer.from('x'), headers: [] };
    const buffer = new RowBuffer();
    buffer.from(recordsOf([message]), 't', 0);
    const sizes = [buffer.bytes.length];
    for (let i = 0; i < rows; i++) {
      buffer.add(0, `${String(i).padEnd(bytes - 1, 'x')}\n`, null, false);
      if (buffer.bytes.length !== sizes.at(-1)) sizes.push(buffer.bytes.length);
    }
    return { rows: buffer, sizes };
  };

  it('wastes little memory while it grows, and keeps its rows', () => {
    const { rows, sizes } = filled(10_000, 1000);
    expect(rows.length).toBe(10_000);
    expect([0, 777, 9999].map((row) => rows.line(row).slice(0, 5))).toEqual(['0xxxx', '777xx', '9999x']);
    const left = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
    expect(left).toBeLessThan(rows.end);
  });

  it('created like another one takes as many rows without growing', () => {
    const { rows } = filled(2000, 1000);
    const next = RowBuffer.like(rows);
    expect([next.length, next.end]).toEqual([0, 0]);
    expect(next.bytes.length).toBeGreaterThanOrEqual(rows.end);
    expect(next.bytes.length).toBeLessThan(3 * MEGABYTE);
    expect(RowBuffer.like(new RowBuffer()).bytes.length).toBeGreaterThan(0);
  });
});
