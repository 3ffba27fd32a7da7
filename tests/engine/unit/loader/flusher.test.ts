// When pending rows are flushed, what goes into the sink and what becomes of it (src/loader/flusher.ts): by value, with
// a sink that answers as a test plans it.
import { beforeEach, describe, expect, it } from 'vitest';
import { recordsOf } from '../../../../src/loader/brokers/message-records.ts';
import { DeadLimit, TooManyDead } from '../../../../src/loader/dead-limit.ts';
import type { LoadEvent } from '../../../../src/loader/events.ts';
import { Flusher, flushedEvent } from '../../../../src/loader/flusher.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { Partitions } from '../../../../src/loader/partitions.ts';
import type { PendingRows } from '../../../../src/loader/pending-rows.ts';
import { type DeadLetter, Fenced, type Flush, type Flushed, TooManyRefused } from '../../../../src/loader/sink.ts';

const TARGET = {
  name: 'raw.t',
  topic: 't',
  path: 'p.yml',
  flush: { rows: 3, bytes: 1e6, ageMs: 50 },
  maxDead: 5,
} as LoadTarget;
const AT = { topic: 't', partition: 0 };
const letter = (offset: number, error: string): DeadLetter => ({
  message: { offset: BigInt(offset), timestamp: null, key: null, value: null, headers: [] },
  ...AT,
  error,
});

describe('a flusher', () => {
  let clock: number;
  let flushes: {
    readonly flush: Flush;
    readonly text: string;
    resolve(flushed: Flushed): void;
    reject(error: unknown): void;
  }[];
  let log: string[];
  let committed: ReadonlyMap<string, bigint>[];
  let commit: (next: ReadonlyMap<string, bigint>) => Promise<void>;
  let partitions: Partitions;
  let limit: DeadLimit;
  let flusher: Flusher;
  let fenced: (pending: PendingRows) => Promise<void>;
  let retries: number;
  let target: LoadTarget;
  let takesSmall: true | undefined;
  let rest: (() => Promise<void>) | undefined;
  beforeEach(() => {
    [clock, flushes, log, committed, retries, target] = [1000, [], [], [], 0, TARGET];
    [takesSmall, rest] = [undefined, undefined];
    open();
  });

  const open = (): void => {
    partitions = new Partitions();
    partitions.give([AT]);
    partitions.goOn(new Map([['t/0', { ...AT, next: 0n, epoch: 4 }]]));
    limit = new DeadLimit(TARGET);
    fenced = async () => undefined;
    commit = async (next) => void committed.push(next);
    flusher = new Flusher({
      target,
      loadId: 'l',
      sink: {
        ...(takesSmall && { takesSmall }),
        ...(rest && { rest }),
        flush: (flush) =>
          new Promise((resolve, reject) => {
            const text = [...flush.rows.chunks(flush.rows.all())].join('');
            flushes.push({ flush, text, resolve, reject });
          }),
      },
      client: { commit: (next) => commit(next) },
      partitions,
      limit,
      now: () => clock,
      notify: (event: LoadEvent) => log.push(event.kind),
      columns: () => [{ name: 'id', type: 'integer' }],
      patiently: async (statement) => {
        for (let left = retries; ; left--)
          try {
            return await statement();
          } catch (error) {
            if (left === 0) throw error;
          }
      },
      fenced: (pending) => fenced(pending),
    });
  };

  /** Takes messages from one offset to another, each a row. */
  const fill = (from: number, to: number): void => {
    const pending = flusher.filling;
    const held = pending.hold(AT, BigInt(from), 100n, () => clock);
    const message = { timestamp: null, key: null, value: Buffer.from('{}'), headers: [] };
    const offsets = Array.from({ length: to - from }, (_, i) => from + i);
    const records = recordsOf(offsets.map((offset) => ({ ...message, offset: BigInt(offset) })));
    pending.rows.from(records, 't', 0);
    for (const [i, offset] of offsets.entries()) pending.rows.add(i, `${offset}\n`, null, false);
    held.next = BigInt(to);
    held.rows += offsets.length;
    held.newest = to;
  };
  const answer = async (at: number, flushed: Partial<Flushed> = {}): Promise<void> => {
    const { flush, resolve } = flushes[at]!;
    resolve({ rows: flush.rows.length, dead: flush.dead, ...flushed });
    await new Promise((done) => {
      setImmediate(done);
    });
  };

  it('flushes what is full or old enough, and nothing else', async () => {
    fill(0, 2);
    await flusher.flushDue();
    expect(flushes).toHaveLength(0);
    clock += 50;
    await flusher.flushDue();
    expect(flushes.map(({ text }) => text)).toEqual(['0\n1\n']);
    await answer(0);
    fill(2, 5);
    await flusher.flushDue();
    expect(flushes.map(({ text }) => text)).toEqual(['0\n1\n', '2\n3\n4\n']);
    await answer(1);
    expect([flusher.written, flusher.busy, flusher.filling.empty]).toEqual([{ rows: 5, dead: 0 }, false, true]);
    expect(committed).toEqual([new Map([['t/0', 2n]]), new Map([['t/0', 5n]])]);
    expect(partitions.place).toBe('t/0 offset 5');
  });

  it('starts with a small flush after an idle period, if the sink supports it', async () => {
    const sizes = (): number[] => flushes.map(({ text }) => text.split('\n').length - 1);
    target = { ...TARGET, flush: { rows: 40_000, bytes: 1e9, ageMs: 50 } };
    open();
    fill(0, 39_999);
    await flusher.flushDue();
    expect(sizes()).toEqual([]);
    takesSmall = true;
    open();
    let at = 0;
    const read = async (rows: number): Promise<number[]> => {
      fill(at, (at += rows));
      await flusher.flushDue();
      return sizes();
    };
    expect(await read(4999)).toEqual([]);
    expect(await read(1)).toEqual([5000]);
    await answer(0);
    expect(await read(9999)).toEqual([5000]);
    expect(await read(1)).toEqual([5000, 10_000]);
    await answer(1);
    expect(await read(20_000)).toEqual([5000, 10_000, 20_000]);
    await answer(2);
    expect(await read(39_999)).toHaveLength(3);
    expect(await read(1)).toHaveLength(4);
    await answer(3);
    flusher.rest();
    expect(await read(5000)).toHaveLength(5);
  });

  it('does not wait until the broker has committed the offsets, until everything is written', async () => {
    let told: (() => void)[] = [];
    commit = (next) => {
      committed.push(next);
      return new Promise((resolve) => {
        told.push(resolve);
      });
    };
    for (const from of [0, 3, 6]) {
      fill(from, from + 3);
      await flusher.flushDue();
      await answer(from / 3);
    }
    expect([flusher.busy, flusher.written.rows]).toEqual([false, 9]);
    expect(committed).toEqual([new Map([['t/0', 3n]])]);
    let ended = false;
    const end = flusher.flushAll().then(() => {
      ended = true;
    });
    for (const known of [3n, 9n]) {
      await new Promise(setImmediate);
      expect([ended, committed.at(-1)]).toEqual([false, new Map([['t/0', known]])]);
      const [now] = told;
      told = [];
      now?.();
    }
    await end;
    expect(committed).toHaveLength(2);
  });

  it('passes rows, dead letters, columns and the range of positions to the sink', async () => {
    fill(0, 1);
    flusher.filling.dead.push(letter(1, 'why'));
    const done = flusher.flushAll();
    await new Promise(setImmediate);
    const { rows, ...flush } = flushes[0]!.flush;
    expect(flush).toEqual({
      target: TARGET,
      columns: [{ name: 'id', type: 'integer' }],
      ranges: [{ ...AT, from: 0n, to: 1n, end: 100n, rows: 1, dead: 0, lastTimestamp: 1, epoch: null }],
      dead: [letter(1, 'why')],
      loadId: 'l',
      allowance: 5,
      follows: false,
    });
    expect(rows.length).toBe(1);
    await answer(0, { rows: 0, dead: [letter(1, 'why'), letter(0, 'refused')] });
    await done;
    expect(flusher.written).toEqual({ rows: 0, dead: 2 });
    // What the database has refused counts for the limit; what was dead before counted when it was read.
    expect(limit.left).toBe(4);
  });

  it('calls rest on the sink once when nothing follows a full flush for a while, and at the end', async () => {
    let rests = 0;
    rest = async () => {
      rests++;
    };
    open();
    const flushed = async (from: number, to: number): Promise<boolean | undefined> => {
      fill(from, to);
      await flusher.flushDue();
      await answer(flushes.length - 1);
      return flushes.at(-1)?.flush.follows;
    };
    const restsIn = async (ms: number): Promise<number> => {
      clock += ms;
      await flusher.flushDue();
      return rests;
    };
    expect(await flushed(0, 3)).toBe(true);
    expect([await restsIn(499), await restsIn(1), await restsIn(500)]).toEqual([0, 1, 1]);
    await flushed(3, 6);
    fill(6, 9);
    await flusher.flushDue();
    expect(await restsIn(500)).toBe(1);
    await answer(2);
    expect([await restsIn(499), await restsIn(1)]).toEqual([1, 2]);
    // A small one is called done at once, with what was left before it.
    await flushed(9, 12);
    fill(12, 13);
    clock += 50;
    await flusher.flushDue();
    await answer(4);
    expect([flushes[4]?.flush.follows, await restsIn(500)]).toEqual([false, 2]);
    await flushed(13, 16);
    await flusher.flushAll();
    await flusher.flushAll();
    expect(rests).toBe(3);
    await flushed(16, 19);
    await flusher.leave();
    expect(rests).toBe(4);
  });

  it('calls rest on the sink again after a failure, and ends without it', async () => {
    let rests = 0;
    rest = async () => {
      rests++;
      throw new Error('away');
    };
    open();
    fill(0, 3);
    await flusher.flushDue();
    await answer(0);
    clock += 500;
    await expect(flusher.flushDue()).rejects.toThrow('away');
    await expect(flusher.flushAll()).rejects.toThrow('away');
    expect(await flusher.leave()).toBeUndefined();
    expect(rests).toBe(3);
  });

  it('with two buffers stops reading when both are full, and then flushes the waiting one at once', async () => {
    fill(0, 3);
    await flusher.flushDue();
    fill(3, 5);
    await flusher.flushDue();
    expect([flushes.length, log]).toEqual([1, ['flushing']]);
    fill(5, 6);
    let waited = false;
    const reading = flusher.flushDue().then(() => {
      waited = true;
    });
    await new Promise(setImmediate);
    expect([waited, log]).toEqual([false, ['flushing', 'paused']]);
    const { turns } = partitions;
    await answer(0);
    await reading;
    expect([flushes.length, flushes[1]!.text, log]).toEqual([
      2,
      '3\n4\n5\n',
      ['flushing', 'paused', 'flushed', 'flushing'],
    ]);
    // What somebody has read of the positions meanwhile says nothing.
    expect(partitions.turns).toBeGreaterThan(turns);
  });

  it('reuses the memory of a written buffer, unless an abandoned connection may still send it', async () => {
    const first = flusher.filling.rows;
    fill(0, 3);
    await flusher.flushDue();
    await answer(0);
    fill(3, 6);
    await flusher.flushDue();
    expect(flusher.filling.rows).toBe(first);
    retries = 1;
    fill(6, 9);
    await answer(1);
    await flusher.flushDue();
    flushes[2]!.reject(new Error('away'));
    await new Promise(setImmediate);
    expect(flushes[3]!.text).toBe('6\n7\n8\n');
    await answer(3);
    expect(flushes[2]!.flush.rows.length).toBe(3);
    fill(9, 12);
    await flusher.flushDue();
    expect(flusher.filling.rows).not.toBe(first);
  });

  it('fails everything after a flush that fails for good, and writes nothing more', async () => {
    fill(0, 3);
    await flusher.flushDue();
    flushes[0]!.reject(new Error('full for good'));
    await new Promise(setImmediate);
    expect(() => flusher.throwFailure()).toThrow('full for good');
    fill(3, 4);
    await expect(flusher.flushAll()).rejects.toThrow('full for good');
    expect([flushes.length, flusher.written, partitions.place]).toEqual([1, { rows: 0, dead: 0 }, 't/0 offset 0']);
  });

  it('reports a position that another loader has moved, and leaves the decision to its caller', async () => {
    let left: PendingRows | null = null;
    fenced = async (pending) => {
      left = pending;
    };
    fill(0, 3);
    const { filling } = flusher;
    const done = flusher.flushAll();
    await new Promise(setImmediate);
    flushes[0]!.reject(new Fenced([AT]));
    await done;
    expect([left, log, flusher.written, committed]).toEqual([
      filling,
      ['flushing', 'fenced'],
      { rows: 0, dead: 0 },
      [],
    ]);
    flusher.throwFailure();
  });

  it('stops the table when too many rows are rejected, and the error names their position', async () => {
    fill(0, 3);
    await flusher.flushDue();
    flushes[0]!.reject(new TooManyRefused(Array.from({ length: 6 }, (_, i) => letter(i, 'no'))));
    await new Promise(setImmediate);
    expect(() => flusher.throwFailure()).toThrow(TooManyDead);
    expect(() => flusher.throwFailure()).toThrow(/6 of the last .* the table is at t\/0 offset 0/);
  });
});

it('flushedEvent reports how far the topic is ahead of a flush, and its newest message', () => {
  const range = { ...AT, from: 0n, to: 5n, end: 9n, rows: 5, dead: 0, lastTimestamp: null, epoch: null };
  expect(
    flushedEvent(
      TARGET,
      { messageBytes: 77 },
      [range, { ...range, partition: 1, end: 3n, lastTimestamp: 12 }],
      { rows: 9, dead: [] },
      8,
    ),
  ).toEqual({
    kind: 'flushed',
    target: TARGET,
    rows: 9,
    bytes: 77,
    dead: [],
    ms: 8,
    lag: 4n,
    newest: 12,
    oldest: null,
  });
  expect(flushedEvent(TARGET, { messageBytes: 0 }, [range], { rows: 0, dead: [] }, 8)).toMatchObject({ newest: null });
});
