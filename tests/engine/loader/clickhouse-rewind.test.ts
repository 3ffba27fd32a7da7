// Positions in ClickHouse that are set while other loaders are at work, or left a flush open: the table has what the
// topic has, once, and what earlier topics of the name had.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import type { ChangeConfig } from '../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../src/loader/formats/debezium/debezium-decoder.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { Sink } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { loaderOn, sinkWith } from './load-lab.ts';

const CHANGES: ChangeConfig = {
  ...{ deletes: 'soft', keeps: false, truncate: 'ignore' },
  ...{ decimals: 'string', times: 'isostring', binary: 'hex' },
};

describe.skipIf(clickhouseMissing !== null)('a rewind in ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('rewind');
  });
  afterAll(() => lab.close());

  const send = (...ids: readonly number[]): void => {
    for (const id of ids) lab.broker.produce('t', 0, { id });
  };
  const name = ({ schema, identifier }: LoadTarget): string => `${schema}.${identifier}`;
  const rewind = (target: LoadTarget, to: string): ReturnType<typeof rewindTo> =>
    rewindTo(lab.broker.client(), lab.anotherSink(), target, to);
  let replays = 0;
  const replay = (target: LoadTarget): ReturnType<typeof replayLetters> =>
    replayLetters({
      ...{ sink: lab.anotherSink(), decoder: jsonDecoder, target, hashKey: null, now: Date.now },
      loadId: `replay-${replays++}`,
    });
  /** Loads by a loader of another group. */
  const rival = (target: LoadTarget): Promise<unknown> =>
    loaderOn(lab.broker.rival(), lab.anotherSink(), target).loader.run();
  const changed = (): LoadTarget => {
    const target = lab.target(
      { id: 'Int32', v: 'String' },
      {
        ...{ format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, rest: null },
        flush: { rows: 1, bytes: 1e6, ageMs: 60_000 },
      },
    );
    lab.broker.batch = 1;
    return target;
  };
  const change = (op: string, id: number, lsn: number): void => {
    const source = { connector: 'postgresql', name: 'app', lsn, ts_us: 1_780_000_000_000_000 + lsn };
    const value = JSON.stringify({ before: null, after: { id, v: String(lsn) }, source, op });
    lab.broker.produce('t', 0, null, { key: `{"id":${id}}`, raw: Buffer.from(value) });
  };
  const loadChanges = (target: LoadTarget, sink: Sink = lab.anotherSink()): Promise<unknown> =>
    lab.load(target, { sink, decoder: changeDecoder(null, target, Date.now) });
  const places = (target: LoadTarget): Promise<unknown> =>
    lab.rows(`select id, toString(_lsn) from ${name(target)} final order by id`);

  describe('to a topic that was created again', () => {
    it('keeps rows of the earlier topic that a flush in flight has still written', async () => {
      const target: LoadTarget = { ...lab.target({ id: 'Int64' }), onGap: 'earliest' };
      send(0, 1, 2);
      const killed = lab.anotherSink((point) => {
        if (point === 'before_merge') throw new Error('killed');
      });
      await expect(lab.load(target, { sink: killed })).rejects.toThrow('killed');
      lab.broker.create('t');
      send(50, 51, 52);
      const recorded = async (): Promise<boolean> =>
        (
          await lab.rows(
            `select 1 from tsdbt.load_flushes where relation like '%${target.identifier}\`' and kind = 'rewind'`,
          )
        ).length > 0;
      const rewound = rewind(target, 'earliest');
      while (!(await recorded())) await new Promise((done) => setTimeout(done, 20));
      // What the loader has sent ends only now.
      await lab.run(
        `insert into ${name(target)} (id, _topic, _partition, _offset) select number, 't', 0, number from numbers(3)`,
      );
      await rewound;
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await rewind(target, 'earliest')).toMatchObject({ rows: 3 });
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await lab.ids(target)).toEqual([0, 1, 2, 50, 51, 52]);
    });

    it('is done by one of two loaders that find the topic', async () => {
      const target: LoadTarget = { ...lab.target({ id: 'Int64' }), onGap: 'earliest' };
      send(0, 1, 2);
      await lab.load(target, { sink: lab.anotherSink() });
      lab.broker.create('t');
      send(50, 51);
      const own = lab.anotherSink();
      let left = 1;
      const sink = sinkWith(own, {
        rewind: async (...given) => {
          if (left-- > 0) await rival(target);
          return own.rewind(...given);
        },
      });
      await lab.load(target, { sink });
      expect(await lab.ids(target)).toEqual([0, 1, 2, 50, 51]);
    });

    it('fences a flush of the earlier topic that is retried from the same offset', async () => {
      const target: LoadTarget = { ...lab.target({ id: 'Int64' }), onGap: 'earliest' };
      send(0, 1, 2);
      const own = lab.anotherSink();
      const { run } = LeasedSession.prototype;
      let left = 1;
      const sink = sinkWith(own, {
        flush: async (flush) => {
          if (left-- <= 0) return own.flush(flush);
          const away = vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(function (this: LeasedSession, sql) {
            return sql.startsWith('INSERT INTO tsdbt.load_flushes')
              ? Promise.reject(new TsdbtError('connection', 'the server is away'))
              : run.call(this, sql);
          });
          try {
            return await own.flush(flush).finally(() => away.mockRestore());
          } finally {
            lab.broker.create('t');
            send(50, 51, 52, 53);
            await rewind(target, 'earliest');
          }
        },
      });
      await lab.load(target, { sink });
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await lab.ids(target)).toEqual([50, 51, 52, 53]);
    });

    it("keeps the rows of a replay of the earlier topic's dead letters", async () => {
      const narrow: LoadTarget = { ...lab.target({ id: 'Int8' }), onGap: 'earliest' };
      send(1000, 1, 2000);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('no JSON') });
      await lab.load(narrow, { sink: lab.anotherSink() });
      lab.broker.create('t');
      send(2, 3000, 3, 4, 5);
      await lab.load(narrow, { sink: lab.anotherSink() });
      await lab.run(`alter table ${name(narrow)} modify column id Int64`);
      const target = { ...narrow, columns: [{ name: 'id', type: 'Int64' }] };
      expect(await replay(target)).toEqual({ rows: 3, dead: 1 });
      expect(await replay(target)).toEqual({ rows: 0, dead: 1 });
      expect(await rewind(target, 'earliest')).toMatchObject({ rows: 5 });
      expect([await lab.ids(target), await lab.letters(target)]).toEqual([[1, 1000, 2000], [[3, expect.any(String)]]]);
      // What a loader finds written of a flush that was cut off is none of theirs.
      const killed = lab.anotherSink((point) => {
        if (point === 'before_copy') throw new Error('killed');
      });
      await expect(lab.load(target, { sink: killed })).rejects.toThrow('killed');
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await lab.ids(target)).toEqual([1, 2, 3, 4, 5, 1000, 2000, 3000]);
    });

    it('deletes the rows of a replay of its own dead letters at offsets that the earlier topic has, too', async () => {
      const narrow: LoadTarget = { ...lab.target({ id: 'Int8' }), onGap: 'earliest' };
      const at = (timestamp: number, value: unknown): unknown =>
        value === null
          ? lab.broker.produce('t', 0, null, { raw: Buffer.from('no JSON'), timestamp })
          : lab.broker.produce('t', 0, { id: value }, { timestamp });
      for (const value of [1000, 1001, null]) at(1_700_000_000_000, value);
      await lab.load(narrow, { sink: lab.anotherSink() });
      lab.broker.create('t');
      for (const value of [3000, 1, null, 4000]) at(1_700_000_000_001, value);
      await lab.load(narrow, { sink: lab.anotherSink() });
      await lab.run(`alter table ${name(narrow)} modify column id Int64`);
      const target = { ...narrow, columns: [{ name: 'id', type: 'Int64' }] };
      expect(await replay(target)).toEqual({ rows: 4, dead: 2 });
      expect(await rewind(target, 'earliest')).toMatchObject({ rows: 3 });
      expect([await lab.ids(target), await lab.letters(target)]).toEqual([[1000, 1001], [[2, expect.any(String)]]]);
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await lab.ids(target)).toEqual([1, 1000, 1001, 3000, 4000]);
      expect((await lab.letters(target)).map(([offset]) => offset)).toEqual([2, 2]);
    });

    it('begins at its first message with `--to loaded`, whatever the table has of the earlier topic', async () => {
      const target = lab.target({ id: 'Int64' });
      send(0, 1, 2);
      lab.broker.produce('t', 0, null, { raw: Buffer.from('no JSON') });
      await lab.load(target, { sink: lab.anotherSink() });
      lab.broker.create('t');
      send(50, 51);
      expect(await rewind(target, 'loaded')).toMatchObject({ next: new Map([['t/0', 0n]]), rows: 0 });
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await rewind(target, 'loaded')).toMatchObject({ next: new Map([['t/0', 2n]]), rows: 0 });
      expect(await lab.ids(target)).toEqual([0, 1, 2, 50, 51]);
    });
  });

  it('waits for a flush in flight even if the clock is set meanwhile', async () => {
    const target = lab.target({ id: 'Int64' });
    send(0, 1, 2, 3);
    const { insert, ask } = LeasedSession.prototype;
    let held = false;
    // What was recorded before the clock is set looks an hour old from then on.
    let set = new Date(0);
    const clock = (): string =>
      `(now64(6, 'UTC') + toIntervalHour(if(written_at < fromUnixTimestamp64Milli(toInt64(${set.getTime()}), 'UTC'), ` +
      '1, 0)))';
    const spies = [
      vi.spyOn(LeasedSession.prototype, 'insert').mockImplementation(async function (this: LeasedSession, ...args) {
        if (!held) {
          held = true;
          // Its lease is not over then.
          await new Promise((done) => setTimeout(done, 2000));
        }
        await insert.apply(this, args);
      }),
      vi.spyOn(LeasedSession.prototype, 'ask').mockImplementation(async function (this: LeasedSession, sql) {
        return ask.call(this, sql.replaceAll("now64(6, 'UTC')", clock()));
      }),
    ];
    try {
      const loaded = lab.load(target, { sink: lab.anotherSink() });
      while (!held) await new Promise((done) => setTimeout(done, 20));
      const rewound = rewind(target, '0:0');
      const recorded =
        "select toString(count()) from tsdbt.load_flushes where kind = 'rewind' and " +
        `relation like '%${target.identifier}\`'`;
      while ((await lab.rows(recorded))[0]?.[0] === '0') await new Promise((done) => setTimeout(done, 20));
      set = new Date();
      expect(await rewound).toMatchObject({ rows: 4 });
      await loaded;
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    await lab.load(target, { sink: lab.anotherSink() });
    expect(await lab.ids(target)).toEqual([0, 1, 2, 3]);
  });

  // After a while a loader asks for the number of its next INSERT, and the server takes what is fenced, too.
  it.each([
    ['at once', 0],
    ['a while after its last flush', 10_000],
  ])('to the position of a running loader makes it forget the snapshot in the table, %s', async (_, laterMs) => {
    const target = changed();
    change('r', 1, 100);
    change('u', 2, 50);
    change('u', 3, 60);
    const own = lab.anotherSink();
    const clock = vi.spyOn(performance, 'now');
    let left = 1;
    const sink = sinkWith(own, {
      flush: async (flush) => {
        const flushed = await own.flush(flush);
        if (left-- <= 0) return flushed;
        // Else it would be a flush that was cut off, which nothing goes on behind.
        await own.rest(target, flush.loadId);
        await lab.run(`truncate table ${name(target)}`);
        await rewind(target, '0:1');
        // As a loader asks whether the database lives.
        await own.positions(target);
        const now = performance.now();
        const since = process.hrtime.bigint();
        clock.mockImplementation(() => now + laterMs + Number(process.hrtime.bigint() - since) / 1e6);
        return flushed;
      },
    });
    try {
      await loadChanges(target, sink);
    } finally {
      clock.mockRestore();
    }
    expect(await places(target)).toEqual([
      ['2', '50'],
      ['3', '60'],
    ]);
  });

  it.each(['before it writes the rows', 'before it is recorded'])(
    'alongside a replay of dead letters, %s, duplicates none of them',
    async (when) => {
      const narrow = lab.target({ id: 'Int8' });
      send(1, 1000);
      await lab.load(narrow, { sink: lab.anotherSink() });
      await lab.run(`alter table ${name(narrow)} modify column id Int64`);
      const target = { ...narrow, columns: [{ name: 'id', type: 'Int64' }] };
      const { insert, run } = LeasedSession.prototype;
      let rewound: Promise<unknown> | null = null;
      /** Lets a rewind come as far as it goes beside the replay. */
      const beside = async (): Promise<void> => {
        if (rewound !== null) return;
        rewound = rewind(target, 'earliest');
        await Promise.race([rewound, new Promise((done) => setTimeout(done, 1500))]);
      };
      const spies = [
        vi.spyOn(LeasedSession.prototype, 'insert').mockImplementation(async function (this: LeasedSession, ...args) {
          if (when.endsWith('rows') && args[0].includes(target.identifier)) await beside();
          return insert.apply(this, args);
        }),
        vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(async function (this: LeasedSession, sql) {
          if (when.endsWith('recorded') && sql.includes("'replay'")) await beside();
          return run.call(this, sql);
        }),
      ];
      try {
        await replayLetters({
          ...{ sink: lab.anotherSink(), decoder: jsonDecoder, target, hashKey: null, loadId: 'l', now: Date.now },
        }).catch((error: unknown) => {
          if (when.endsWith('rows') || !/by another process|rewind of .* is under way/.test(String(error))) throw error;
        });
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
      await rewound;
      await lab.load(target, { sink: lab.anotherSink() });
      expect(await lab.ids(target)).toEqual([1, 1000]);
      expect(await lab.letters(target)).toEqual([]);
    },
  );

  it('whose rows the next loader deletes leaves no snapshot that it knows', async () => {
    const target = changed();
    change('u', 2, 50);
    for (const id of [1, 3]) change('r', id, 100);
    await loadChanges(target);
    const { run } = LeasedSession.prototype;
    const killed = vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(function (this: LeasedSession, sql) {
      return / DELETE WHERE /.test(sql) ? Promise.reject(new Error('killed')) : run.call(this, sql);
    });
    await expect(rewind(target, 'earliest').finally(() => killed.mockRestore())).rejects.toThrow('killed');
    await loadChanges(target);
    expect(await places(target)).toEqual([
      ['1', '100'],
      ['2', '50'],
      ['3', '100'],
    ]);
  });
});
