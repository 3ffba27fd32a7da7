// The order of statements of a flush in several partitions: every intent, one look at all of them, then the rows; and
// another look before rows that had to wait for others.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/adapters/adapter.ts';
import type { ClickHouseSession } from '../../../src/adapters/clickhouse/session.ts';
import { FlushRanges, type RangeContents } from '../../../src/loader/clickhouse/flush-ranges.ts';
import { readIntents, record } from '../../../src/loader/clickhouse/intents.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import { newIntent } from '../../../src/loader/clickhouse/load-flushes.ts';
import { RowBuffer } from '../../../src/loader/fast/row-buffer.ts';
import type { LoadTarget } from '../../../src/loader/load-target.ts';
import type { OffsetRange } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';

describe.skipIf(clickhouseMissing !== null)('ranges of one flush', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('flush_ranges');
  });
  afterAll(async () => lab.close());

  /** A table whose three partitions are at offset 0, and what flushes one dead letter of each. */
  const prepared = async (
    now: () => number,
  ): Promise<{
    target: LoadTarget;
    parts: RangeContents[];
    said: string[];
    write(): Promise<[number[], number[]]>;
  }> => {
    const target = lab.target({ id: 'Int64' }, {}, 3);
    await lab.sink.prepare(target);
    await lab.sink.startAt(target, null, new Map([0, 1, 2].map((partition) => [partition, 0n])));
    const said: string[] = [];
    const session = lab.adapter.session({
      name: 'test',
      onStatement: ({ sql, phase }) => {
        if (phase === 'start') said.push(/'done'|VALUES|dead_letters/.exec(sql)?.[0] ?? sql);
      },
    });
    const ranges = new FlushRanges(now);
    const lease = leaseOn(session);
    for (const intent of (await readIntents(lease, target)).values()) ranges.learn(target, intent);
    said.length = 0;
    const parts = [0, 1, 2].map((partition) => letterOf(target, partition));
    return {
      target,
      parts,
      said,
      async write() {
        const fenced: OffsetRange[] = [];
        const writing = { lease, sealer: lab.sealer, reached: () => undefined };
        const written = await ranges.write(writing, parts, fenced);
        await session.release();
        return [written.map(({ recorded }) => recorded.partition), fenced.map(({ partition }) => partition)];
      },
    };
  };

  it('are recorded before one of them is written, and looked at once', async () => {
    const { write, said } = await prepared(() => 0);
    expect(await write()).toEqual([[0, 1, 2], []]);
    expect(said).toEqual(['VALUES', 'VALUES', 'VALUES', "'done'", ...Array(3).fill('dead_letters')]);
  });

  it('are looked at again when those before took long', async () => {
    let clock = 0;
    const { write, said } = await prepared(() => (clock += 600));
    expect(await write()).toEqual([[0, 1, 2], []]);
    expect(said.slice(3)).toEqual(["'done'", 'dead_letters', "'done'", 'dead_letters', "'done'", 'dead_letters']);
  });

  it('that another loader has recorded are left to it, and the others are written', async () => {
    const { target, write } = await prepared(() => 0);
    const rival = lab.adapter.session({ name: 'rival' });
    const lease = leaseOn(rival);
    const before = (await readIntents(lease, target)).get(1) ?? null;
    await record(lease, { ...newIntent('flush', 1), to: 5n }, { target, loadId: 'rival', before });
    await rival.release();
    expect(await write()).toEqual([[0, 2], [1]]);
    expect(await lab.letters(target)).toHaveLength(2);
  });
});

function leaseOn(session: Session): LeasedSession {
  if (!takesRows(session)) throw new Error('no session of ClickHouse');
  return new LeasedSession(session);
}

/** Every session of the adapter does. */
function takesRows(session: Session): session is ClickHouseSession {
  return 'insert' in session;
}

/** One dead letter, at offset 0 of a partition. */
function letterOf(target: LoadTarget, partition: number): RangeContents {
  const message = { offset: 0n, timestamp: null, key: null, value: Buffer.from('x'), headers: [] };
  const range = {
    topic: 't',
    partition,
    from: 0n,
    to: 1n,
    end: 1n,
    rows: 0,
    dead: 1,
    lastTimestamp: null,
    epoch: null,
  };
  return {
    range,
    contents: {
      target,
      topic: 't',
      columns: ['id'],
      rows: new RowBuffer(),
      numbers: [],
      dead: [{ message, topic: 't', partition, error: 'no row' }],
      loadId: 'test',
      allowance: 0,
    },
  };
}
