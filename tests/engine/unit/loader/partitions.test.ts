// Tests the state that a loader keeps of its partitions (src/loader/partitions.ts).
import { describe, expect, it } from 'vitest';
import { recordsOf } from '../../../../src/loader/brokers/message-records.ts';
import { Partitions } from '../../../../src/loader/partitions.ts';

const at = (partition: number) => ({ topic: 't', partition });
const start = (partition: number, next: bigint, epoch: number | null = 1) =>
  [`t/${partition}`, { ...at(partition), next, epoch }] as const;
const range = (partition: number, to: bigint, lastTimestamp: number | null = null, epoch: number | null = null) => ({
  ...at(partition),
  from: 0n,
  to,
  end: to,
  rows: 0,
  dead: 0,
  lastTimestamp,
  epoch,
});

describe('the partitions of a loader', () => {
  const given = (): Partitions => {
    const partitions = new Partitions();
    partitions.aimAt('t/0', 10n);
    partitions.give([at(0), at(1)]);
    partitions.goOn(new Map([start(0, 4n), start(1, 0n), start(2, 5n)]));
    return partitions;
  };

  it('are read from the position of the table, and those of other loaders are not read', () => {
    const partitions = given();
    expect([0, 1, 2].map((each) => partitions.nextOf(at(each)))).toEqual([4n, 0n, null]);
    expect([partitions.place, partitions.atEnds, partitions.behind]).toEqual([
      't/0 offset 4, t/1 offset 0',
      false,
      ['t/0 is at 4 of 10'],
    ]);
    partitions.reach(at(0), 10n);
    expect([partitions.atEnds, partitions.isAt(at(0), 10n), partitions.isAt(at(0), 4n)]).toEqual([true, true, false]);
    // It was read and not written. When it is requested again it has no epoch, because the epoch is that of written
    // messages.
    expect(partitions.readPosition(at(0), 10n)).toEqual({ next: 10n, epoch: null });
    expect(partitions.readPosition(at(0), 4n)).toEqual({ next: 4n, epoch: 1 });
  });

  it('are not read while they are suspended or stopped, until a new start', () => {
    const partitions = given();
    partitions.suspend([at(0)]);
    partitions.stop(at(1), 'why');
    expect([partitions.nextOf(at(0)), partitions.nextOf(at(1)), partitions.stopped]).toEqual([
      null,
      null,
      ['t/1: why'],
    ]);
    expect(partitions.allStopped).toBe(false);
    partitions.stop(at(0), 'too');
    expect(partitions.allStopped).toBe(true);
    partitions.goOn(new Map([start(0, 2n), start(1, 3n)]));
    expect([partitions.nextOf(at(0)), partitions.nextOf(at(1)), partitions.stopped]).toEqual([2n, 3n, []]);
    partitions.release([at(0), at(1)]);
    expect([partitions.has(at(0)), partitions.nextOf(at(1)), partitions.place, partitions.allStopped]).toEqual([
      false,
      null,
      '',
      false,
    ]);
  });

  it('have a lag of what the topic has beyond the table, and keep known times and epochs after a flush', () => {
    const partitions = given();
    expect(partitions.lag).toEqual(
      new Map([
        ['t/0', { rows: 6n, oldest: null }],
        ['t/1', { rows: 0n, oldest: null }],
      ]),
    );
    partitions.saw({ ...at(0), end: 12n, next: 4n, records: [] });
    partitions.wrote([range(0, 7n, 99, 2), range(2, 9n, 99)]);
    partitions.wrote([range(0, 8n)]);
    expect(partitions.lag).toEqual(
      new Map([
        ['t/0', { rows: 4n, oldest: 99 }],
        ['t/1', { rows: 0n, oldest: null }],
      ]),
    );
    expect(partitions.readPosition(at(0), 8n)).toEqual({ next: 8n, epoch: 2 });
  });

  it("have a lag that counts from the first message not in the table, however old the table's newest is", () => {
    const partitions = given();
    const saw = (next: bigint, ...times: number[]): void => {
      const messages = times.map((timestamp, i) => {
        return { offset: next - BigInt(times.length - i), timestamp, key: null, value: null, headers: [] };
      });
      partitions.saw({ ...at(0), end: 20n, next, records: [recordsOf(messages)] });
      partitions.reach(at(0), next);
    };
    const oldest = (): number | null | undefined => partitions.lag.get('t/0')?.oldest;
    partitions.wrote([range(0, 5n, 10)]);
    expect(oldest()).toBe(10);
    saw(7n, 5000, 5001);
    saw(9n, 6000, 6001);
    expect(oldest()).toBe(5000);
    partitions.wrote([range(0, 6n, 5000)]);
    expect(oldest()).toBe(5000);
    partitions.wrote([range(0, 7n, 5001)]);
    expect(oldest()).toBe(6000);
    // A message that is read again counts once.
    saw(9n, 6000, 6001);
    partitions.wrote([range(0, 9n, 6001)]);
    expect(oldest()).toBe(6001);
    saw(10n, Number.NaN);
    expect(oldest()).toBeNull();
    partitions.goOn(new Map([start(0, 2n)]));
    expect(oldest()).toBe(6001);
  });

  it('are elsewhere after their position was set by hand, even to the same offset', () => {
    const partitions = given();
    const found = (next: bigint, epoch: number | null) => partitions.elsewhere(new Map([['t/0', { next, epoch }]]));
    expect([found(4n, 1), found(4n, null), found(3n, 1)]).toEqual([[], [at(0)], [at(0)]]);
    expect(partitions.elsewhere(new Map([['t/2', { next: 0n, epoch: null }]]))).toEqual([]);
    const moved = new Map([0, 1].map((partition) => [`t/${partition}`, { next: 9n, epoch: null }]));
    const { turns } = partitions;
    const range = { ...at(0), from: 4n, to: 5n, end: 5n, rows: 1, dead: 0, lastTimestamp: null, epoch: null };
    expect(partitions.elsewhere(moved, turns)).toEqual([at(0), at(1)]);
    partitions.wrote([range]);
    expect(partitions.elsewhere(moved, turns)).toEqual([at(1)]);
    expect(partitions.elsewhere(moved)).toEqual([at(0), at(1)]);
  });

  it('count a turn whenever the position of the table may have changed', () => {
    const partitions = given();
    const { turns } = partitions;
    partitions.reach(at(0), 5n);
    expect(partitions.turns).toBe(turns);
    partitions.goOn(new Map());
    expect(partitions.turns).toBe(turns + 1);
  });
});
