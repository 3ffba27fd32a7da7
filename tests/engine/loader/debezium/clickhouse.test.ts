// Recorded changes of Debezium through the loader into ClickHouse: the rows of the source, in the order of its
// positions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { rewindTo } from '../../../../src/loader/rewind.ts';
import { clickhouseMissing } from '../../support/clickhouse.ts';
import { ClickHouseLab } from '../clickhouse-lab.ts';
import { recorded } from './envelopes.ts';

const CHANGES: ChangeConfig = {
  deletes: 'soft',
  keeps: false,
  truncate: 'ignore',
  decimals: 'string',
  times: 'isostring',
  binary: 'hex',
};

describe.skipIf(clickhouseMissing !== null)('recorded Debezium changes in ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('debezium');
  });
  afterAll(() => lab.close());

  /** Sends a change of Postgres; `committed` is where the transaction before it ends. */
  function change(
    op: string,
    id: number,
    lsn: number,
    second: number,
    committed: number | null,
    { name = 'app', partition = 0 } = {},
  ): void {
    const sequence = JSON.stringify([committed === null ? null : String(committed), String(lsn)]);
    const source = { connector: 'postgresql', name, lsn, ts_us: 1_780_000_000_000_000 + second * 1e6, sequence };
    const value = JSON.stringify({ before: null, after: { id, v: String(lsn) }, source, op });
    lab.broker.produce('t', partition, null, { key: `{"id":${id}}`, raw: Buffer.from(value) });
  }

  it('result in the rows of the source by its positions, even when repeated', async () => {
    const target = lab.target(
      { id: 'Int64', status: 'String', total: 'Nullable(Decimal(20, 4))', created_at: "DateTime64(6, 'UTC')" },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
    );
    const messages = recorded('debezium-readable').filter(({ topic }) => topic.endsWith('.shop.orders'));
    const truncate = messages.findIndex(({ value }) => value?.includes('"op":"t"'));
    // Years before 1900 are none of ClickHouse's.
    const kept = messages.slice(0, truncate).filter(({ value }) => value?.includes('-0043-') !== true);
    // Once more but for the last: what is older must not win by its offset.
    for (const { key, value } of [...kept, ...kept.slice(0, -4)])
      lab.broker.produce('t', 0, null, { key, raw: value === null ? null : Buffer.from(value) });
    const summary = await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    expect(summary.dead).toBe(0);
    expect(
      await lab.rows(
        `select id, status, toString(total), toString(created_at), _op from ${target.schema}.${target.identifier} ` +
          'final order by id',
      ),
    ).toEqual([
      ['1', 'paid', '10.26', '2026-03-01 09:00:00.123456', 'u'],
      ['2', 'paid', '20.51', '2026-03-01 10:00:00.123456', 'u'],
      ['5', 'new', null, '2026-03-01 13:00:00.123456', 'u'],
      ['6', 'new', '99.99', '2026-03-02 00:00:00.000000', 'c'],
      ['7', 'new', null, '2026-03-03 00:00:00.000000', 'c'],
      ['8', 'new', null, '2026-03-03 00:00:00.000000', 'c'],
      ['9', 'new', null, '2026-03-03 00:00:00.000000', 'c'],
      ['100', 'new', '30.75', '2026-03-01 11:00:00.123456', 'c'],
    ]);
  });

  it('of two topics with the same ids are separate with the topic in the key', async () => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      {
        ...{ format: 'debezium', mode: 'upsert', key: ['t', 'id'], changes: CHANGES, rest: null },
        ...{ topic: 'a, b', topics: ['a', 'b'] },
      },
    );
    const columns = [...target.columns, { name: 't', type: 'String', origin: { part: 'topic' } }] as const;
    for (const topic of ['a', 'b']) {
      lab.broker.create(topic, 1);
      for (const [op, id, lsn] of [
        ['c', 1, 10],
        ['c', 2, 20],
        ['u', 2, 30],
        [topic === 'b' ? 'd' : 'u', 1, 40],
      ] as const) {
        const after = op === 'd' ? 'null' : `{"id":${id},"v":"${topic}${lsn}"}`;
        const source = `{"connector":"postgresql","name":"app","lsn":${lsn},"ts_us":1780000000000000}`;
        const value = `{"before":null,"after":${after},"source":${source},"op":"${op}"}`;
        lab.broker.produce(topic, 0, null, { key: topic === 'a' ? `{"id":${id}}` : `${id}`, raw: Buffer.from(value) });
      }
    }
    const made = { ...target, columns };
    expect((await lab.load(made, { decoder: changeDecoder(null, made, Date.now) })).dead).toBe(0);
    expect(
      await lab.rows(
        `select t, id, v from ${target.schema}.${target.identifier} final where not _deleted order by t, id`,
      ),
    ).toEqual([
      ['a', '1', 'a40'],
      ['a', '2', 'a30'],
      ['b', '2', 'b30'],
    ]);
  });

  it('after a snapshot count even if none of its rows is left in the table', async () => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
    );
    const table = `${target.schema}.${target.identifier}`;
    for (const [op, v, lsn] of [
      ['r', 'a', 100],
      ['u', 'b', 90],
      ['', '', 0],
      ['u', 'c', 95],
      ['', '', 0],
      ['d', '', 96],
    ] as const) {
      if (op === '') {
        // Another loader, when the parts are merged.
        await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
        await lab.run(`optimize table ${table} final`);
        continue;
      }
      const after = op === 'd' ? 'null' : `{"id":1,"v":"${v}"}`;
      const source = `{"connector":"postgresql","name":"app","lsn":${lsn},"ts_us":1780000000000000}`;
      const value = `{"before":null,"after":${after},"source":${source},"op":"${op}"}`;
      lab.broker.produce('t', 0, null, { key: '{"id":1}', raw: Buffer.from(value) });
    }
    expect(await lab.rows(`select v, toString(_lsn) from ${table} final`)).toEqual([['c', '100']]);
    await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    expect(await lab.rows(`select v from ${table} final where not _deleted`)).toEqual([]);
  });

  it.each([false, true])('stop where the source steps back, even after a restart: %s', async (restart) => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
    );
    const table = `${target.schema}.${target.identifier}`;
    const load = (): Promise<unknown> => lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    change('u', 1, 1000, 0, 900);
    change('u', 2, 2000, 10, 1100);
    // A transaction that has taken longer.
    change('u', 1, 1500, 20, 2100);
    if (restart) await load();
    // Another server, whose log is behind.
    change('u', 1, 1200, 30, 1150);
    await expect(load()).rejects.toThrow('the source steps back: position 1200 at 2026-05-28T20:27:10.000000Z');
    expect(await lab.rows(`select id, v from ${table} final order by id`)).toEqual([
      ['1', '1500'],
      ['2', '2000'],
    ]);
    await expect(load()).rejects.toThrow('comes behind position 2000');
    await lab.run(`truncate table ${table}`);
    expect(await load()).toMatchObject({ rows: 1 });
  });

  it.each(['u', 'r'])('stop after the first changes of a new slot, even after a restart: %s', async (first) => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
    );
    const load = (): Promise<unknown> => lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    change('u', 1, 2000, 10, 1100);
    await load();
    change(first, 2, 100, 20, null);
    await load();
    change('u', 1, 110, 20.5, 105);
    await expect(load()).rejects.toThrow('position 110 at 2026-05-28T20:27:00.500000Z comes behind position 2000');
  });

  it.each([false, true])(
    'stop where another server fills a topic that was created again, after a restart: %s',
    async (restart) => {
      const target = lab.target(
        { id: 'Int32', v: 'String' },
        { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null, onGap: 'earliest' },
      );
      const load = (): Promise<unknown> => lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
      change('r', 2, 50, 8, null);
      change('u', 1, 2000, 10, 1100);
      await load();
      lab.broker.create('t');
      change('r', 2, 100, 20, null);
      if (restart) await load();
      change('u', 1, 110, 20.5, 105);
      await expect(load()).rejects.toThrow('position 110 at 2026-05-28T20:27:00.500000Z comes behind position 2000');
    },
  );

  it('stop after a gap that is skipped', async () => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null, onGap: 'earliest' },
    );
    const load = (): Promise<unknown> => lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    change('u', 1, 2000, 10, 1100);
    await load();
    change('u', 1, 2010, 11, 2001);
    change('u', 1, 110, 20, 105);
    lab.broker.expire('t', 0, 2n);
    await expect(load()).rejects.toThrow('comes behind position 2000');
  });

  it('before a snapshot keep their positions when a rewind in progress has deleted its rows', async () => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      {
        ...{ format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
        flush: { rows: 1, bytes: 1e6, ageMs: 60_000 },
      },
    );
    lab.broker.batch = 1;
    change('u', 2, 50, 0, 40);
    for (const id of [1, 3, 4]) change('r', id, 100, 1, null);
    let flushes = 0;
    const sink = new Proxy(lab.sink, {
      get: (own, name) =>
        name !== 'flush'
          ? Reflect.get(own, name).bind(own)
          : async (flush: Parameters<typeof own.flush>[0]) => {
              const flushed = await own.flush(flush);
              if (++flushes === 1) await rewindTo(lab.broker.client(), lab.anotherSink(), target, 'earliest');
              return flushed;
            },
    });
    await lab.load(target, { sink, decoder: changeDecoder(null, target, Date.now) });
    expect(flushes).toBeGreaterThan(2);
    expect(
      await lab.rows(`select id, toString(_lsn) from ${target.schema}.${target.identifier} final order by id`),
    ).toEqual([
      ['1', '100'],
      ['2', '50'],
      ['3', '100'],
      ['4', '100'],
    ]);
  });

  it.each([1, 2])('stop if they come from another source after a restart, of %s partitions', async (partitions) => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
      partitions,
    );
    const load = (): Promise<unknown> => lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    for (const name of ['app', 'app']) {
      change('r', 1, 10, 0, null, { name, partition: partitions - 1 });
      await load();
    }
    // Nothing is known of the first partition, whose source the reader has seen when it comes to the second one.
    for (let partition = 0; partition < partitions; partition++)
      change('r', 1, 10, 0, null, { name: 'other', partition });
    await expect(load()).rejects.toThrow("come from source 'other' and before from 'app'");
  });

  it('with a large value that the source omitted are dead letters', async () => {
    const target = lab.target(
      { id: 'Int32', big: 'String', n: 'Int32' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
    );
    for (const { key, value } of recorded('debezium-readable').filter(({ topic }) => topic.endsWith('.shop.wide')))
      lab.broker.produce('t', 0, null, { key, raw: value === null ? null : Buffer.from(value) });
    await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    expect((await lab.letters(target)).map(([offset]) => offset)).toEqual([1]);
    expect(
      await lab.rows(`select id, n, length(big) from ${target.schema}.${target.identifier} final order by id`),
    ).toEqual([['2', '3', '15000']]);
  });
});
