// The statements of a flush in several partitions: one for all intents, one look at them, one for all rows; and another
// look at what is there before rows that had to wait.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/adapters/adapter.ts';
import type { ClickHouseSession } from '../../../src/adapters/clickhouse/session.ts';
import { FlushRanges } from '../../../src/loader/clickhouse/flush-ranges.ts';
import { readIntents, record } from '../../../src/loader/clickhouse/intents.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import { newIntent } from '../../../src/loader/clickhouse/load-flushes.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import type { Contents } from '../../../src/loader/clickhouse/settle.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { OffsetRange } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';

const WRITE = 'INTO tsdbt.dead_letters';

describe.skipIf(clickhouseMissing !== null)('the ranges of one flush', () => {
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
        if (phase === 'start')
          said.push(/'done'|max\(chain\)|VALUES|INTO \S*dead_letters|dead_letters/.exec(sql)?.[0] ?? sql);
      },
    });
    const ranges = new FlushRanges();
    const lease = leaseOn(session);
    for (const intent of (await readIntents(lease, target)).values()) ranges.learn(target, intent);
    said.length = 0;
    const ids = [0, 1, 2];
    return {
      target,
      said,
      async write() {
        const writing = { lease, sealer: lab.sealer, reached: () => undefined, now };
        const written = await ranges.write(writing, contentsOf(target, ids), ids.map(rangeOf));
        await session.release();
        return [
          written.ranges.map(({ recorded }) => recorded.partition),
          written.fenced.map(({ partition }) => partition),
        ];
      },
    };
  };

  it('are recorded, checked and written by one statement each', async () => {
    const { write, said } = await prepared(() => 0);
    expect(await write()).toEqual([[0, 1, 2], []]);
    expect(said).toEqual(['max(chain)', 'VALUES', "'done'", WRITE]);
  });

  it('are read back if their check is not recent', async () => {
    let clock = 0;
    const { target, write, said } = await prepared(() => (clock += 1500));
    expect(await write()).toEqual([[0, 1, 2], []]);
    const at = said.indexOf(WRITE);
    expect(said.slice(0, 3)).toEqual(['max(chain)', 'VALUES', "'done'"]);
    expect(at).toBeGreaterThan(3);
    expect(said.slice(3, at)).toContain("'done'");
    expect(said.slice(3, at)).toContain('dead_letters');
    expect(await lab.letters(target)).toHaveLength(3);
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

/** The first message of a partition. */
function rangeOf(partition: number): OffsetRange {
  return { topic: 't', partition, from: 0n, to: 1n, end: 1n, rows: 0, dead: 1, lastTimestamp: null, epoch: null };
}

/** One dead letter of each partition. */
function contentsOf(target: LoadTarget, partitions: readonly number[]): Contents {
  const message = { offset: 0n, timestamp: null, key: null, value: Buffer.from('x'), headers: [] };
  return {
    target,
    columns: ['id'],
    rows: new RowBuffer(),
    numbers: [],
    dead: partitions.map((partition) => ({ message, topic: 't', partition, error: 'no row' })),
    loadId: 'test',
    allowance: 0,
  };
}
