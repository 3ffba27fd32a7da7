// Tests a topic that was deleted and created again, upserted into ClickHouse, where the greater offset wins: rows of
// the earlier topic are rejected, and current rows are not taken for them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import { startingPoints } from '../../../src/loader/starts.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { upTo } from './load-lab.ts';

describe.skipIf(clickhouseMissing !== null)('an upsert from a topic that was created again', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('made_anew');
  });
  afterAll(() => lab.close());

  const produce = (from: number, partitions: number): void => {
    for (const id of upTo(12)) lab.broker.produce('t', id % partitions, { id: from + id });
  };
  const name = ({ schema, identifier }: LoadTarget): string => `${schema}.${identifier}`;
  /** A table of an earlier topic of three partitions; the present one has fewer. */
  const loaded = async (partitions: number, onGap: LoadTarget['onGap'] = 'earliest'): Promise<LoadTarget> => {
    const target: LoadTarget = { ...lab.target({ id: 'Int64' }, { mode: 'upsert', key: ['id'] }, 3), onGap };
    produce(0, 3);
    await lab.load(target);
    lab.broker.remove('t');
    lab.broker.create('t', partitions);
    produce(100, partitions);
    return target;
  };
  const rewind = (target: LoadTarget, to: string): Promise<unknown> =>
    rewindTo(lab.broker.client(), lab.sink, target, to);

  it('is continued by several loaders one after the other', async () => {
    const target = await loaded(2);
    await lab.run(`truncate table ${name(target)}`);
    const start = (partition: number): Promise<unknown> =>
      startingPoints({ target, sink: lab.sink, client: lab.broker.client() }, [{ topic: 't', partition }]);
    await start(0);
    await lab.run(`insert into ${name(target)} (id, _topic, _partition, _offset) values (100, 't', 0, 0)`);
    await start(1);
    await lab.load(target);
    expect([...new Set(await lab.ids(target))]).toEqual(upTo(12).map((id) => 100 + id));
  });

  it('is rewound if a partition that it lacks has a position of the earlier topic', async () => {
    const target = await loaded(2);
    await lab.run(`truncate table ${name(target)}`);
    await lab.load(target);
    await rewind(target, 'earliest');
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(upTo(12).map((id) => 100 + id));
  });

  it('is rewound by one partition after the other', async () => {
    const target = await loaded(2, 'stop');
    await expect(lab.load(target)).rejects.toMatchObject({
      details: { hint: expect.stringMatching(/^Delete the table's rows of t, .*; then `tsdbt load rewind/) },
    });
    // Rows of any partition may have the key.
    await lab.run(`alter table ${name(target)} delete where _partition < 2`);
    await expect(rewind(target, '0:earliest')).rejects.toMatchObject({
      details: { hint: expect.stringContaining("whose _topic is 't' and whose _partition is 2; then load again") },
    });
    await lab.run(`truncate table ${name(target)}`);
    await rewind(target, '0:earliest');
    await lab.run(`insert into ${name(target)} (id, _topic, _partition, _offset) values (100, 't', 0, 0)`);
    await rewind(target, '1:earliest');
    await lab.load(target);
    expect([...new Set(await lab.ids(target))]).toEqual(upTo(12).map((id) => 100 + id));
  });
});
