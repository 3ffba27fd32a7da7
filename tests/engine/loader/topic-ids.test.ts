// Tests positions that were stored before the broker had topic ids: loading continues, unless the topic was created
// again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { LoaderOptions } from '../../../src/loader/loader.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { Sink } from '../../../src/loader/sink.ts';
import { idOf, NO_ID } from '../../../src/loader/topic-ids.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { LoadLab, upTo } from './load-lab.ts';
import type { MemoryBroker } from './memory-broker.ts';

/** What both labs have. */
interface Lab {
  readonly broker: MemoryBroker;
  target(columns: Readonly<Record<string, string>>, more?: Partial<LoadTarget>, partitions?: number): LoadTarget;
  load(target: LoadTarget, more?: Partial<LoaderOptions>): Promise<unknown>;
  ids(target: LoadTarget): Promise<number[]>;
  rows(sql: string): Promise<unknown>;
  close(): Promise<void>;
}

const LABS: readonly [string, boolean, () => Promise<{ lab: Lab; sink: () => Sink }>][] = [
  [
    'Postgres',
    true,
    async () => {
      const lab = await LoadLab.open();
      return { lab, sink: () => lab.sink };
    },
  ],
  [
    'ClickHouse',
    clickhouseMissing === null,
    async () => {
      const lab = new ClickHouseLab('topic_ids');
      return { lab, sink: () => lab.anotherSink() };
    },
  ],
];

describe.each(LABS)('a position in %s that was stored without a topic id', (name, there, open) => {
  let lab: Lab;
  let sink: () => Sink;
  beforeAll(async () => {
    if (there) ({ lab, sink } = await open());
  });
  afterAll(() => lab?.close());

  const send = (from: number, to: number, time: number): void => {
    for (let id = from; id < to; id++) lab.broker.produce('t', id % 2, { id }, { timestamp: time + id });
  };
  const [EARLIER, LATER] = [1_700_000_000_000, 1_800_000_000_000];
  const load = (target: LoadTarget): Promise<unknown> => lab.load(target, { sink: sink() });
  const rewind = (target: LoadTarget, to: string): Promise<unknown> =>
    rewindTo(lab.broker.client(), sink(), target, to);
  /** A table that was loaded while the broker had no ids, which it has since. */
  const loaded = async (onGap: LoadTarget['onGap'] = 'stop'): Promise<LoadTarget> => {
    const target: LoadTarget = {
      ...lab.target({ id: name === 'Postgres' ? 'integer' : 'Int64' }, {}, 2),
      onGap,
      flush: { rows: 6, bytes: 1e6, ageMs: 60_000 },
    };
    lab.broker.hasIds = false;
    send(0, 20, EARLIER);
    await load(target);
    lab.broker.hasIds = true;
    return target;
  };
  const madeAgain = (messages: number): void => {
    lab.broker.create('t', 2);
    send(100, 100 + messages, LATER);
  };
  const all = (to: number): number[] => upTo(to).map((id) => 100 + id);

  it.runIf(there)('is continued, and has the id from then on', async () => {
    const target = await loaded();
    send(20, 30, EARLIER);
    await load(target);
    expect(await lab.ids(target)).toEqual(upTo(30));
    madeAgain(40);
    await expect(load(target)).rejects.toThrow('was deleted and made again');
  });

  it.runIf(name === 'Postgres').each(['t', NO_ID])('is continued if it was stored with %s for an id', async (id) => {
    const target = await loaded();
    await lab.rows(`update tsdbt.load_offsets set topic_id = '${id}' where target = '${target.uniqueId}'`);
    send(20, 30, EARLIER);
    await load(target);
    expect(await lab.ids(target)).toEqual(upTo(30));
    madeAgain(40);
    await expect(load(target)).rejects.toThrow('was deleted and made again');
  });

  it.runIf(there).each([40, 10])(
    'is rejected for a topic that was created again and has %i messages',
    async (messages) => {
      const target = await loaded();
      madeAgain(messages);
      await expect(load(target)).rejects.toThrow('was deleted and made again');
      await rewind(target, 'earliest');
      await load(target);
      expect(await lab.ids(target)).toEqual([...upTo(20), ...all(messages)]);
    },
  );

  it.runIf(there)('moves to the first message of a topic that was created again with `on_gap: earliest`', async () => {
    const target = await loaded('earliest');
    madeAgain(30);
    await load(target);
    await load(target);
    expect(await lab.ids(target)).toEqual([...upTo(20), ...all(30)]);
  });

  it.runIf(there)('that a rewind has set after messages is continued there', async () => {
    const target = await loaded();
    lab.broker.hasIds = false;
    send(20, 40, LATER);
    await rewind(target, 'latest');
    lab.broker.hasIds = true;
    send(40, 44, LATER);
    await load(target);
    expect(await lab.ids(target)).toEqual([...upTo(20), ...upTo(4).map((id) => 40 + id)]);
  });
});

it('idOf returns null for the placeholders of brokers without topic ids', () => {
  expect([idOf('t', null), idOf('t', 't'), idOf('t', NO_ID), idOf('t', 'u')]).toEqual([null, null, null, 'u']);
});
