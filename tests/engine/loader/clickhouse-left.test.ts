// Tests that a full flush into ClickHouse leaves its completion to the next one: which INSERT completes it, without a
// next flush, with another loader in between, after a lost connection, and after the process died.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TsdbtError } from '../../../src/errors.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { Fenced, type Flush, type Sink } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { upTo } from './load-lab.ts';

describe.skipIf(clickhouseMissing !== null)('a flush that leaves its completion to the next one', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('left_over');
  });
  afterAll(async () => lab.close());

  /** A table whose partitions are at offset 0, and a sink that knows it. */
  const prepared = async (partitions = 2): Promise<{ target: LoadTarget; sink: Sink }> => {
    const target = lab.target({ id: 'Int64' }, {}, partitions);
    const sink = lab.anotherSink();
    await sink.prepare(target);
    await sink.startAt(target, null, new Map(upTo(partitions).map((partition) => [partition, 0n])));
    return { target, sink };
  };

  /** Numbers of the partitions' intents, and of those that are called done, each as often as it is. */
  const chain = async ({ schema, identifier }: LoadTarget): Promise<Record<string, string>> => {
    const rows = await lab.rows(
      "select partition, arraySort(groupArrayIf(seq, kind = 'flush')), arraySort(groupArrayIf(seq, kind = 'done')) " +
        `from tsdbt.load_flushes where relation = '\`${schema}\`.\`${identifier}\`' group by partition order by 1`,
    );
    return Object.fromEntries(
      rows.map(([partition, flushes, done]) => [partition ?? '', `${flushes} done ${done}`.replaceAll(', ', ',')]),
    );
  };

  it('is completed by the INSERT of the next intents, in whichever partitions', async () => {
    const { target, sink } = await prepared();
    await sink.flush(flushOf(target, [0, 1], 0n));
    expect(await chain(target)).toEqual({ 0: '[2] done []', 1: '[2] done []' });
    const run = vi.spyOn(LeasedSession.prototype, 'run');
    await sink.flush(flushOf(target, [0], 1n));
    expect(run.mock.calls.filter(([sql]) => /INTO tsdbt\.load_flushes/.test(sql))).toHaveLength(1);
    run.mockRestore();
    expect(await chain(target)).toEqual({ 0: '[2,3] done [2]', 1: '[2] done [2]' });
    await sink.rest?.(target, 'load');
    await sink.rest?.(target, 'load');
    expect(await chain(target)).toEqual({ 0: '[2,3] done [2,3]', 1: '[2] done [2]' });
  });

  it('is completed at once if none may follow', async () => {
    const { target, sink } = await prepared();
    await sink.flush(flushOf(target, [0, 1], 0n));
    await sink.flush({ ...flushOf(target, [1], 1n), follows: false });
    expect(await chain(target)).toEqual({ 0: '[2] done [2]', 1: '[2,3] done [2,3]' });
  });

  it('is completed once if the INSERT fails, before or after it has run', async () => {
    for (const [fails, seen] of [
      ['before', '[2] done []'],
      ['after', '[2,3] done [2]'],
    ] as const) {
      const { target, sink } = await prepared(1);
      await sink.flush(flushOf(target, [0], 0n));
      const cut = cutOff(/INTO tsdbt\.load_flushes .*'flush'/s, fails);
      const next = flushOf(target, [0], 1n);
      await expect(sink.flush(next)).rejects.toThrow('cut off');
      cut.mockRestore();
      expect(await chain(target)).toEqual({ 0: seen });
      // Whoever asks whether the database lives reads the positions meanwhile.
      expect((await sink.positions(target)).get(0)?.next).toBe(fails === 'before' ? 1n : 2n);
      await sink.flush(next);
      await sink.flush({ ...flushOf(target, [0], 2n), follows: false });
      expect(await chain(target)).toEqual({ 0: '[2,3,4] done [2,3,4]' });
      expect(await lab.letters(target)).toHaveLength(3);
    }
  });

  it('is completed by the next rest if one fails', async () => {
    const { target, sink } = await prepared(1);
    await sink.flush(flushOf(target, [0], 0n));
    const cut = cutOff(/'done'/, 'before');
    await expect(sink.rest?.(target, 'load')).rejects.toThrow('cut off');
    cut.mockRestore();
    await sink.rest?.(target, 'load');
    expect(await chain(target)).toEqual({ 0: '[2] done [2]' });
  });

  it('is completed once by a rest alongside a flush', async () => {
    const { target, sink } = await prepared(1);
    await sink.flush(flushOf(target, [0], 0n));
    await Promise.all([sink.flush(flushOf(target, [0], 1n)), sink.rest?.(target, 'load'), sink.rest?.(target, 'load')]);
    await sink.rest?.(target, 'load');
    expect(await chain(target)).toEqual({ 0: '[2,3] done [2,3]' });
  });

  it('is settled once by another loader, and completed by the first one when it is fenced', async () => {
    const { target, sink } = await prepared();
    await sink.flush(flushOf(target, [0, 1], 0n));
    const rival = lab.anotherSink();
    // It counts what is there.
    expect(await rival.unsettled(target, [0, 1])).toEqual([]);
    await rival.positions(target);
    await rival.flush({ ...flushOf(target, [0, 1], 1n), follows: false });
    await expect(sink.flush(flushOf(target, [0, 1], 1n))).rejects.toThrow(Fenced);
    expect(await lab.letters(target)).toHaveLength(4);
    const open = 'select count() from (select id from tsdbt.load_flushes where relation = ';
    expect(
      await lab.rows(
        `${open}'\`${target.schema}\`.\`${target.identifier}\`' group by id having countIf(kind = 'done') = 0 ` +
          "and countIf(kind = 'flush') > 0)",
      ),
    ).toEqual([['0']]);
  });

  it('belongs to the loader that was first, even if the clock was set back since', async () => {
    const { target, sink } = await prepared(1);
    const rival = lab.anotherSink();
    await rival.positions(target, [0]);
    await sink.flush({ ...flushOf(target, [0], 0n), follows: false });
    // The number is taken at a time that comes again.
    const there = `relation like '%${target.identifier}\`' and seq = 2`;
    const later = `${target.schema}.later`;
    await lab.run(`create table ${later} as tsdbt.load_flushes`);
    await lab.run(
      `insert into ${later} select * replace (written_at + interval 1 hour as written_at) from tsdbt.load_flushes ` +
        `where ${there}`,
    );
    await lab.run(`alter table tsdbt.load_flushes delete where ${there}`);
    await lab.run(`insert into tsdbt.load_flushes select * from ${later}`);
    await expect(rival.flush(flushOf(target, [0], 0n))).rejects.toThrow(Fenced);
    expect(await lab.letters(target)).toHaveLength(1);
  });

  it('fences a loader whose machine was suspended, even after the server has forgotten its tokens', async () => {
    const { target, sink } = await prepared();
    const whole = (partition: number, offset: bigint): Flush => ({
      ...flushOf(target, [partition], offset),
      follows: false,
    });
    // The clock that is never set stands still while a machine sleeps.
    const [steady, woken] = [performance.now(), Date.now() + 3_600_000];
    const still = vi.spyOn(performance, 'now').mockImplementation(() => steady);
    await sink.flush(whole(0, 0n));
    const rival = lab.anotherSink();
    await rival.positions(target, [0, 1]);
    await rival.flush(whole(1, 0n));
    await rival.flush(whole(0, 1n));
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => woken);
    const run = LeasedSession.prototype.run;
    const forgotten = vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(function (this: LeasedSession, sql) {
      return run.call(this, sql.replace(/(?<=insert_deduplication_token = '\[".*",")/, 'forgotten '));
    });
    try {
      await expect(sink.flush(whole(0, 1n))).rejects.toThrow(Fenced);
      expect(forgotten.mock.calls.length).toBeGreaterThan(0);
    } finally {
      for (const mock of [forgotten, clock, still]) mock.mockRestore();
    }
    expect(await lab.letters(target)).toHaveLength(3);
  });

  it('lets a rewind of another process begin when the loader rests or is fenced', async () => {
    for (const way of ['rest', 'fenced'] as const) {
      const { target, sink } = await prepared(1);
      await sink.flush(flushOf(target, [0], 0n));
      const rewound = lab.anotherSink().rewind(target, null, new Map([[0, 0n]]), new Map([[0, 0n]]));
      await expect.poll(async () => (await lab.anotherSink().positions(target)).get(0)?.next, FOR_EVENTS).toBe(0n);
      if (way === 'rest') await sink.rest?.(target, 'load');
      else await expect(sink.flush(flushOf(target, [0], 1n))).rejects.toThrow(Fenced);
      expect(await rewound).toEqual({ rows: 0, letters: 1 });
      expect(await lab.letters(target)).toEqual([]);
    }
  });

  it('is completed at the end of a load and at the end of its messages', async () => {
    const target = lab.target({ id: 'Int64' }, { flush: { rows: 20, bytes: 1e6, ageMs: 60_000 } }, 3);
    for (const id of upTo(200)) lab.broker.produce('t', id % 3, { id });
    const flush = vi.spyOn(lab.sink, 'flush');
    await lab.load(target);
    expect(flush.mock.calls.filter(([{ follows }]) => follows === true).length).toBeGreaterThan(1);
    flush.mockRestore();
    for (const state of Object.values(await chain(target))) expect(state).toMatch(/^(\[\S+\]) done \1$/);
    // The last of them is full, and what is left is no flush for a minute.
    for (const id of upTo(65)) lab.broker.produce('t', 0, { id: 200 + id });
    const stop = new AbortController();
    const { loader, events } = lab.loader(target, { once: false, signal: stop.signal });
    const ended = loader.run();
    await expect.poll(() => events.some(({ kind }) => kind === 'flushed'), FOR_EVENTS).toBe(true);
    await expect.poll(async () => (await chain(target))['0'], FOR_EVENTS).toMatch(/^(\[\S+\]) done \1$/);
    stop.abort();
    await ended;
    expect(await lab.ids(target)).toEqual(upTo(265));
  });

  it('is completed, with all due rows written, while the broker is unavailable', async () => {
    const target = lab.target({ id: 'Int64' }, { flush: { rows: 20, bytes: 1e6, ageMs: 1000 } });
    for (const id of upTo(30)) lab.broker.produce('t', 0, { id });
    lab.broker.batch = 20;
    const stop = new AbortController();
    const { loader, client } = lab.loader(target, { once: false, signal: stop.signal });
    const poll = client.poll.bind(client);
    let away = false;
    vi.spyOn(client, 'poll').mockImplementation(async () => {
      const polled = away ? null : await poll();
      if (polled === null) throw new TsdbtError('connection', 'the broker is away');
      away = polled.batches.some(({ next }) => next === 30n);
      return polled;
    });
    const ended = loader.run();
    await expect.poll(async () => (await chain(target))['0'], FOR_EVENTS).toMatch(/^(\[2,3\]) done \1$/);
    expect(await lab.ids(target)).toEqual(upTo(30));
    away = false;
    stop.abort();
    await ended;
  });

  it('is completed if the loader ends with an error', async () => {
    const target = lab.target({ id: 'Int64' }, { flush: { rows: 20, bytes: 1e6, ageMs: 60_000 } });
    for (const id of upTo(100)) lab.broker.produce('t', 0, { id });
    const { loader, client } = lab.loader(target, { once: false });
    const poll = client.poll.bind(client);
    let polls = 0;
    vi.spyOn(client, 'poll').mockImplementation(async () => {
      const polled = await poll();
      if (polled.batches.length === 0 && ++polls > 2) throw new TsdbtError('runtime', 'no more');
      return polled;
    });
    await expect(loader.run()).rejects.toThrow('no more');
    await expect.poll(async () => (await chain(target))['0'], FOR_EVENTS).toMatch(/^(\[\S+\]) done \1$/);
  });
});

/** A dead letter of each partition at an offset, after which a flush may follow. */
function flushOf(target: LoadTarget, partitions: readonly number[], offset: bigint): Flush {
  const message = { offset, timestamp: null, key: null, value: Buffer.from('x'), headers: [] };
  const place = { topic: 't', from: offset, to: offset + 1n, end: 9n, rows: 0, dead: 1, lastTimestamp: null };
  return {
    target,
    columns: target.columns,
    ranges: partitions.map((partition) => ({ ...place, partition, epoch: null })),
    rows: new RowBuffer(),
    dead: partitions.map((partition) => ({ message, topic: 't', partition, error: 'no row' })),
    loadId: 'load',
    follows: true,
  };
}

/** Fails the statements that match, before or after the server has run them. */
function cutOff(statement: RegExp, when: 'before' | 'after'): { mockRestore(): void } {
  const run = LeasedSession.prototype.run;
  return vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(async function (this: LeasedSession, sql) {
    if (!statement.test(sql)) return run.call(this, sql);
    if (when === 'after') await run.call(this, sql);
    throw new TsdbtError('connection', 'cut off');
  });
}
