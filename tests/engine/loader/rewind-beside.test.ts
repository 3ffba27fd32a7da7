// Tests rewinds in Postgres while loaders run, and topics that were created again: the table has every message of the
// topic once, and the rows of earlier topics with that name.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { changeDecoder } from '../../../src/loader/formats/debezium/debezium-decoder.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { Pulse } from '../../../src/loader/pulse.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { Sink } from '../../../src/loader/sink.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { CHANGES, envelope } from './debezium/changes-lab.ts';
import { LoadLab, loaderOn, sinkWith, upTo } from './load-lab.ts';

const INTEGERS = [
  { name: 'id', type: 'integer' },
  { name: 'v', type: 'text' },
];

describe('a rewind', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());

  const columns = { id: 'integer', v: 'text' };
  const send = (...ids: readonly number[]): void => {
    for (const id of ids) lab.broker.produce('t', 0, { id, v: `v${id}` });
  };
  const replay = (t: LoadTarget): ReturnType<typeof replayLetters> =>
    replayLetters({
      ...{ sink: lab.sink, decoder: jsonDecoder, target: t, hashKey: null, loadId: 'replay', now: Date.now },
    });
  const rewind = (t: LoadTarget, to: string): ReturnType<typeof rewindTo> =>
    rewindTo(lab.broker.client(), lab.sink, t, to);
  const set = (t: LoadTarget, what: string): Promise<unknown> =>
    lab.rows(`update tsdbt.load_offsets set ${what} where target = '${t.uniqueId}' and topic = 't'`);
  /** Loads by a loader of another group. */
  const rival = (t: LoadTarget): Promise<unknown> => loaderOn(lab.broker.rival(), lab.sink, t).loader.run();
  /** Does other work once, before or behind a method of the sink. */
  const once = (name: 'flush' | 'rewind', when: 'before' | 'behind', work: () => Promise<unknown>): Sink => {
    let left = 1;
    const own = lab.sink;
    const around = async <T>(call: () => Promise<T>): Promise<T> => {
      const now = left-- > 0;
      if (now && when === 'before') await work();
      const done = await call();
      if (now && when === 'behind') await work();
      return done;
    };
    return sinkWith(own, {
      ...(name === 'flush'
        ? { flush: (flush) => around(() => own.flush(flush)) }
        : { rewind: (...given) => around(() => own.rewind(...given)) }),
    });
  };

  describe('to a topic that was created again', () => {
    it('deletes its rows by their offsets, whatever the clock says', async () => {
      const t = lab.target(columns, { onGap: 'earliest' });
      send(0, 1, 2);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
      await lab.load(t);
      lab.broker.create('t');
      send(50, 51, 52, 53, 54, 55);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
      lab.broker.expire('t', 0, 4n);
      await rewind(t, 'earliest');
      // As where the clock is set back by an hour.
      await set(t, "topic_since = topic_since + interval '1 hour'");
      await lab.load(t);
      expect(await rewind(t, 'earliest')).toMatchObject({ rows: 2, letters: 1 });
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([0, 1, 2, 54, 55]);
      expect((await lab.letters(t)).map(([offset]) => offset)).toEqual([3, 6]);
    });

    it('waits for the clock if the earlier topic has rows of the same offsets', async () => {
      const t = lab.target(columns, { onGap: 'earliest' });
      send(0, 1, 2);
      await lab.load(t);
      // They were written before the clock was set back.
      await lab.rows(`update raw.${t.identifier} set _loaded_at = now() + interval '1 hour'`);
      lab.broker.create('t');
      send(50, 51);
      await expect(lab.load(t, { timeoutMs: 3000 })).rejects.toThrow(
        /the server's clock is at .*, and topic t was found made again at .*Z: what is written before that would count/,
      );
      expect(await lab.ids(t)).toEqual([0, 1, 2]);
      // Rows of other offsets need no clock.
      lab.broker.expire('t', 0, 2n);
      lab.broker.produce('t', 0, { id: 52, v: 'x' });
      await rewind(t, 'earliest');
      await set(t, 'earlier_end = 2');
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([0, 1, 2, 52]);
    });

    it('keeps the rows of the earlier topic whose time is later than the clock', async () => {
      const t = lab.target(columns, { onGap: 'earliest' });
      send(0, 1, 2);
      await lab.load(t);
      await lab.rows(`update raw.${t.identifier} set _loaded_at = now() + interval '1 second'`);
      lab.broker.create('t');
      send(50, 51);
      await lab.load(t);
      expect(await rewind(t, 'earliest')).toMatchObject({ rows: 2 });
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([0, 1, 2, 50, 51]);
    });

    it('fences a flush of the earlier topic that began at the same offset', async () => {
      const t = lab.target(columns, { onGap: 'earliest' });
      send(0, 1, 2);
      const sink = once('flush', 'before', async () => {
        lab.broker.create('t');
        send(50, 51, 52, 53);
        await rewind(t, 'earliest');
      });
      await lab.load(t, { sink });
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([50, 51, 52, 53]);
    });

    it('is done by one of two loaders that find the topic', async () => {
      const t = lab.target(columns, { onGap: 'earliest' });
      send(0, 1, 2);
      await lab.load(t);
      lab.broker.create('t');
      send(50, 51);
      await lab.load(t, { sink: once('rewind', 'before', () => rival(t)) });
      expect(await lab.ids(t)).toEqual([0, 1, 2, 50, 51]);
    });

    it("keeps the rows of a replay of the earlier topic's dead letters", async () => {
      const narrow = lab.target({ id: 'smallint', v: 'text' }, { onGap: 'earliest' });
      send(40_000, 1, 50_000);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
      await lab.load(narrow);
      lab.broker.create('t');
      send(2, 60_000, 3, 4, 5);
      await lab.load(narrow);
      await lab.rows(`alter table raw.${narrow.identifier} alter column id type integer`);
      const t = { ...narrow, columns: INTEGERS };
      expect(await replay(t)).toEqual({ rows: 3, dead: 1 });
      expect(await replay(t)).toEqual({ rows: 0, dead: 1 });
      expect(await rewind(t, 'earliest')).toMatchObject({ rows: 5, letters: 1 });
      expect([await lab.ids(t), await lab.letters(t)]).toEqual([[1, 40_000, 50_000], [[3, expect.any(String)]]]);
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([1, 2, 3, 4, 5, 40_000, 50_000, 60_000]);
    });

    it('deletes the rows of a replay of its own dead letters at offsets that the earlier topic has, too', async () => {
      const narrow = lab.target({ id: 'smallint', v: 'text' }, { onGap: 'earliest' });
      const at = (timestamp: number, values: readonly (number | null)[]): void => {
        for (const id of values) {
          const more = id === null ? { raw: Buffer.from('bad') } : {};
          lab.broker.produce('t', 0, { id, v: 'x' }, { timestamp, ...more });
        }
      };
      at(1_700_000_000_000, [40_000, 40_001, null]);
      await lab.load(narrow);
      lab.broker.create('t');
      at(1_700_000_000_001, [60_000, 1, null, 60_001]);
      await lab.load(narrow);
      await lab.rows(`alter table raw.${narrow.identifier} alter column id type integer`);
      const t = { ...narrow, columns: INTEGERS };
      expect(await replay(t)).toEqual({ rows: 4, dead: 2 });
      expect(await rewind(t, 'earliest')).toMatchObject({ rows: 3 });
      expect([await lab.ids(t), await lab.letters(t)]).toEqual([[40_000, 40_001], [[2, expect.any(String)]]]);
      await lab.load(t);
      expect(await lab.ids(t)).toEqual([1, 40_000, 40_001, 60_000, 60_001]);
    });

    it('is not overwritten by dead letters of the earlier topic', async () => {
      const t = lab.target(columns, { mode: 'upsert', key: ['id'], onGap: 'earliest' });
      for (const id of upTo(3)) lab.broker.produce('t', 0, { id: `no ${id}` });
      await lab.load(t);
      lab.broker.create('t');
      send(1);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
      await lab.load(t);
      // As where the column's type was what did not fit.
      await lab.rows(
        `update tsdbt.dead_letters set value = '{"id":1,"v":"old"}' where target = '${t.uniqueId}' and ` +
          `convert_from(value, 'UTF8') <> 'bad'`,
      );
      expect(await replay(t)).toEqual({ rows: 0, dead: 4 });
      expect(await lab.rows(`select id, v from raw.${t.identifier}`)).toEqual([['1', 'v1']]);
      expect(await lab.letters(t)).toHaveLength(4);
    });

    it('begins at its first message with `--to loaded`, whatever the table has of the earlier topic', async () => {
      const t = lab.target(columns);
      send(0, 1, 2);
      await lab.load(t);
      lab.broker.create('t');
      send(50, 51);
      expect(await rewind(t, 'loaded')).toEqual({ next: new Map([['t/0', 0n]]), rows: 0, letters: 0 });
      await lab.load(t);
      expect(await rewind(t, 'loaded')).toEqual({ next: new Map([['t/0', 2n]]), rows: 0, letters: 0 });
      expect(await lab.ids(t)).toEqual([0, 1, 2, 50, 51]);
    });
  });

  it('alongside a running loader counts repeated dead letters once', async () => {
    const t = lab.target(columns, { maxDead: 3, flush: { rows: 1, bytes: 1e6, ageMs: 60_000 } });
    lab.broker.batch = 1;
    const bad = { raw: Buffer.from('bad') };
    for (const _ of upTo(3)) lab.broker.produce('t', 0, null, bad);
    await lab.load(t);
    send(3, 4, 5);
    let flushes = 0;
    const sink = sinkWith(lab.sink, {
      flush: async (flush) => {
        const flushed = await lab.sink.flush(flush);
        if (++flushes === 1) await rewind(t, 'earliest');
        return flushed;
      },
    });
    expect(await lab.load(t, { sink })).toMatchObject({ stopped: [] });
    expect(await lab.ids(t)).toEqual([3, 4, 5]);
    expect(await lab.letters(t)).toHaveLength(3);
  });

  it('alongside a replay of dead letters duplicates none of them', async () => {
    const narrow = lab.target({ id: 'smallint', v: 'text' });
    send(1, 40_000);
    await lab.load(narrow);
    await lab.rows(`alter table raw.${narrow.identifier} alter column id type integer`);
    const t = {
      ...narrow,
      columns: INTEGERS,
    };
    const waiting = async (count: number): Promise<void> =>
      expect
        .poll(
          () =>
            lab.rows(
              "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
            ),
          FOR_EVENTS,
        )
        .toEqual([[String(count)]]);
    const session = lab.adapter.session({ name: 'lock' });
    await session.begin();
    await session.execute(`select from tsdbt.dead_letters where target = '${t.uniqueId}' for update`);
    // It has written the row, and is about to mark the letter.
    const replayed = replay(t);
    await waiting(1);
    const rewound = rewind(t, 'earliest');
    await waiting(2);
    await session.commit();
    await session.release();
    expect([await replayed, await rewound]).toMatchObject([{ rows: 1 }, { rows: 2, letters: 1 }]);
    await lab.load(t);
    expect(await lab.ids(t)).toEqual([1, 40_000]);
  });

  it('of a stopped partition is followed while others are flushed continuously', async () => {
    const t = lab.target(columns, { flush: { rows: 1, bytes: 1e6, ageMs: 60_000 } }, 2);
    lab.broker.batch = 1;
    send(0, 1);
    await lab.load(t);
    send(2, 3);
    lab.broker.expire('t', 0, 3n);
    const stop = new AbortController();
    let id = 100;
    const more = (): void => void lab.broker.produce('t', 1, { id: id++, v: 'x' });
    for (const _ of upTo(5)) more();
    const sink = sinkWith(lab.sink, {
      // There is always a flush under way, and the next one is ready.
      flush: async (flush) => {
        more();
        await new Promise((done) => setTimeout(done, 100));
        return lab.sink.flush(flush);
      },
    });
    const pulse = new Pulse(lab.sink, Date.now);
    const { loader, events } = lab.loader(t, { sink, once: false, signal: stop.signal, pulse });
    const running = loader.run();
    await expect.poll(() => events.some(({ kind }) => kind === 'stopped'), FOR_EVENTS).toBe(true);
    await rewind(t, '0:3');
    await expect.poll(() => lab.rows(`select 1 from raw.${t.identifier} where id = 3`), FOR_EVENTS).toEqual([['1']]);
    stop.abort();
    await running;
  });

  it('after a gap is done by one of two loaders that find it', async () => {
    const t = lab.target(columns, { onGap: 'earliest' });
    send(...upTo(3));
    await lab.load(t);
    send(3, 4, 5, 6);
    lab.broker.expire('t', 0, 5n);
    await lab.load(t, { sink: once('rewind', 'before', () => rival(t)) });
    expect(await lab.ids(t)).toEqual([0, 1, 2, 5, 6]);
  });

  it('to the position of a running loader makes it forget the snapshot in the table', async () => {
    const t = lab.target(
      { id: 'integer', v: 'integer' },
      {
        ...{ format: 'debezium', mode: 'upsert', key: ['id'], changes: { ...CHANGES, keeps: false }, rest: null },
        flush: { rows: 1, bytes: 1e6, ageMs: 60_000 },
      },
    );
    lab.broker.batch = 1;
    const change = (op: string, id: number, lsn: number): void =>
      void lab.broker.produce('t', 0, null, {
        key: JSON.stringify({ id }),
        raw: Buffer.from(envelope(op, { id, v: lsn }, lsn)),
      });
    change('r', 1, 100);
    change('u', 2, 50);
    change('u', 3, 60);
    const sink = once('flush', 'behind', async () => {
      await lab.rows(`truncate raw.${t.identifier}`);
      await rewind(t, '0:1');
    });
    await lab.load(t, { sink, decoder: changeDecoder(null, t, Date.now) });
    expect(await lab.rows(`select id, _lsn from raw.${t.identifier} order by id`)).toEqual([
      ['2', '50'],
      ['3', '60'],
    ]);
  });
});
