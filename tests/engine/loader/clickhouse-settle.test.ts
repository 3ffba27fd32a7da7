// Tests a loader into ClickHouse that ends in the middle of a flush, and how the next one completes it: each message is
// a row or a dead letter once, whichever rows and tokens exist.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import { newIntent } from '../../../src/loader/clickhouse/load-flushes.ts';
import { rewindPartition } from '../../../src/loader/clickhouse/rewinds.ts';
import { insertRows } from '../../../src/loader/clickhouse/write.ts';
import { ClickHouseSession } from '../../../src/adapters/clickhouse/session.ts';
import { TsdbtError } from '../../../src/errors.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { ClickHouseLab, LEASE_SECONDS } from './clickhouse-lab.ts';
import { loaderOn, upTo } from './load-lab.ts';
import { MemoryClient } from './memory-broker.ts';

const COLUMNS = { id: 'Int64', at: "DateTime64(3, 'UTC')" };
const MONTHS = ['2026-01-05', '2026-02-05', '2026-03-05', '2026-04-05'];
const POINTS: readonly FaultPoint[] = ['before_copy', 'before_merge', 'before_commit', 'after_commit'];

describe.skipIf(clickhouseMissing !== null)('an interrupted flush in ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('settle');
  });
  afterAll(() => lab.close());

  /** Messages over four months, one in ten of them no JSON. */
  const produce = (from: number, to: number, partitions = 1): void => {
    for (let id = from; id < to; id++) {
      const raw = id % 10 === 9 ? { raw: Buffer.from(`no JSON ${id}`) } : {};
      lab.broker.produce('t', id % partitions, { id, at: `${MONTHS[id % 4]}T00:00:00Z` }, raw);
    }
  };
  /** A table of months, with a view that counts its rows. */
  const byMonth = async (partitions = 1, ttl = ''): Promise<LoadTarget & { readonly view: string }> => {
    const target = lab.target(COLUMNS, {}, partitions);
    const table = `${target.schema}.${target.identifier}`;
    const view = `${table}_sum`;
    const window = 'settings non_replicated_deduplication_window = 10000';
    await lab.run(`create database if not exists ${target.schema}`);
    await lab.run(
      `create table ${table} (id Nullable(Int64), at DateTime64(3, 'UTC'), processing_ts DateTime64(3, 'UTC'), ` +
        '_rest Nullable(String), _topic LowCardinality(String), _partition Int32, _offset Int64, _kafka_ts ' +
        "Nullable(DateTime64(3, 'UTC')), _loaded_at DateTime64(3, 'UTC') default now64(3), _load_id String, _deleted " +
        `Bool) engine = MergeTree partition by toYYYYMM(at) order by _offset ${ttl} ${window}`,
    );
    await lab.run(`create table ${view} (ids Int64, n UInt64) engine = SummingMergeTree order by tuple() ${window}`);
    await lab.run(
      `create materialized view ${view}_mv to ${view} as select sum(id) as ids, count() as n from ${table}`,
    );
    return { ...target, view };
  };
  /** Loads until it ends at a fault point, as a process that is killed there. */
  const loadUntil = async (target: LoadTarget, point: FaultPoint, times = 1): Promise<void> => {
    let left = times;
    const sink = lab.anotherSink((reached) => {
      if (reached === point && --left === 0) throw new Error('killed');
    });
    await expect(lab.load(target, { sink })).rejects.toThrow('killed');
  };
  const wholeNumbers = (to: number): number[] => upTo(to).filter((id) => id % 10 !== 9);
  /** Is each message there once, and does the view agree? */
  const expectWhole = async (target: LoadTarget & { readonly view?: string }, to: number): Promise<void> => {
    expect(await lab.ids(target)).toEqual(wholeNumbers(to));
    expect((await lab.letters(target)).length).toBe(upTo(to).length - wholeNumbers(to).length);
    if (target.view === undefined) return;
    const sum = wholeNumbers(to).reduce((total, id) => total + id, 0);
    expect(await lab.rows(`select sum(ids), sum(n) from ${target.view}`)).toEqual([
      [String(sum), String(wholeNumbers(to).length)],
    ]);
  };
  const repairs = async (target: LoadTarget): Promise<string[][]> =>
    (await lab.rows(
      `select partition, rows from system.parts where database = '${target.schema}' and table = ` +
        `'${target.identifier}' and active order by 1, 2`,
    )) as string[][];

  it.each(POINTS)('at %s is completed by the next loader', async (point) => {
    const target = await byMonth(2);
    produce(0, 40, 2);
    expect((await lab.load(target)).rows).toBe(36);
    produce(40, 100, 2);
    await loadUntil(target, point);
    await lab.load(target);
    await expectWhole(target, 100);
    produce(100, 120, 2);
    await lab.load(target);
    await expectWhole(target, 120);
  });

  it.each(['append', 'upsert', 'view'])('is not part of an earlier topic with that name (%s)', async (kind) => {
    const made =
      kind === 'view' ? await byMonth() : lab.target(COLUMNS, kind === 'upsert' ? { mode: 'upsert', key: ['id'] } : {});
    const target: LoadTarget = { ...made, onGap: 'earliest' };
    produce(0, 40);
    await lab.load(target);
    lab.broker.remove('t');
    lab.broker.create('t');
    const other = (id: number): number => 1000 + id;
    // What was no message before is one now, and the other way round.
    for (let id = 0; id < 30; id++)
      lab.broker.produce(
        't',
        0,
        { id: other(id), at: `${MONTHS[0]}T00:00:00Z` },
        id % 10 === 3 ? { raw: Buffer.from('no JSON') } : {},
      );
    if (kind === 'upsert') {
      // Their greater offsets would count.
      await expect(lab.load(target)).rejects.toThrow('was deleted and made again, and');
      await expect(rewindTo(lab.broker.client(), lab.sink, target, 'earliest')).rejects.toThrow(
        'the one with the greater offset counts',
      );
      await lab.run(`truncate table ${target.schema}.${target.identifier}`);
    }
    await loadUntil(target, 'before_copy');
    await lab.load(target);
    const found = await lab.rows(
      `select id from ${target.schema}.${target.identifier} ${kind === 'upsert' ? 'final' : ''} where id >= 1000 ` +
        'order by 1',
    );
    expect(found.map(([id]) => Number(id))).toEqual(
      upTo(30)
        .filter((id) => id % 10 !== 3)
        .map(other),
    );
    expect((await lab.letters(target)).length).toBe(4 + 3);
  });

  /** Says that the topic was made anew so many seconds from now. */
  const madeAnew = (target: LoadTarget, seconds: number): Promise<void> =>
    lab.run(
      `alter table tsdbt.load_flushes update topic_since = now64(3, 'UTC') + toIntervalSecond(${seconds}) where ` +
        `relation like '%${target.identifier}%' and topic_since is not null settings mutations_sync = 1`,
    );
  /** Lets rows and dead letters be as if they had been written so many seconds from when they were. */
  const shifted = async ({ schema, identifier }: LoadTarget, seconds: number): Promise<void> => {
    const by = (column: string): string =>
      `update ${column} = ${column} + toIntervalSecond(${seconds}) where true settings mutations_sync = 1`;
    await lab.run(`alter table ${schema}.${identifier} ${by('_loaded_at')}`);
    const letters = by('failed_at').replace('true', `relation like '%${identifier}%'`);
    await lab.run(`alter table tsdbt.dead_letters ${letters}`);
  };
  /** An append whose topic was made anew, as if the server's clock had been set back behind that since. */
  const clockBack = async (seconds: number): Promise<LoadTarget> => {
    const target: LoadTarget = { ...lab.target(COLUMNS), onGap: 'earliest' };
    produce(0, 20);
    await lab.load(target);
    // What a slow flush reads back must be rows of the present topic alone.
    await shifted(target, -600);
    lab.broker.remove('t');
    lab.broker.create('t');
    await lab.load(target);
    await madeAnew(target, seconds);
    for (let id = 100; id < 109; id++) lab.broker.produce('t', 0, { id, at: `${MONTHS[0]}T00:00:00Z` });
    return target;
  };
  const fromHundred = [...wholeNumbers(20), ...upTo(9).map((id) => 100 + id)];

  it('is not started while the clock is before the time when the topic was created again', async () => {
    const target = await clockBack(4);
    const sink = lab.anotherSink((reached) => {
      if (reached === 'before_commit') throw new Error('killed');
    });
    const { loader, events } = lab.loader(target, { sink });
    await expect(loader.run()).rejects.toThrow('killed');
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'waiting', message: expect.stringContaining("the server's clock") }),
    );
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(fromHundred);
  });

  it('of a clock that was set back is not sent as another block', async () => {
    const target = await clockBack(-300);
    await loadUntil(target, 'before_commit');
    // Its rows, and its record, are of a time when the topic was the earlier one.
    await madeAnew(target, 0);
    await expect(lab.load(target)).rejects.toThrow("while the server's clock was set back");
    expect(await lab.ids(target)).toEqual(fromHundred);
    // Of a topic that was made anew before them they count.
    await madeAnew(target, -300);
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(fromHundred);
  });

  it('is not taken for rows of an earlier topic if the clock was set back since', async () => {
    const target: LoadTarget = { ...lab.target(COLUMNS), onGap: 'earliest' };
    produce(0, 20);
    await lab.load(target);
    await shifted(target, 4);
    lab.broker.remove('t');
    lab.broker.create('t');
    for (let id = 100; id < 120; id++) lab.broker.produce('t', 0, { id, at: `${MONTHS[0]}T00:00:00Z` });
    await loadUntil(target, 'before_copy');
    await lab.load(target);
    expect(await lab.ids(target)).toEqual([...wholeNumbers(20), ...upTo(20).map((id) => 100 + id)]);
  });

  it('finds rows missing that the server has lost, although it remembers their tokens', async () => {
    const target = lab.target(COLUMNS);
    produce(0, 40);
    await loadUntil(target, 'before_commit');
    const table = `${target.schema}.${target.identifier}`;
    await lab.run(`alter table ${table} delete where id % 3 = 0`);
    await lab.run("alter table tsdbt.dead_letters delete where offset = 19 and relation like '%settle%'");
    expect((await lab.ids(target)).length).toBeLessThan(36);
    await lab.load(target);
    await expectWhole(target, 40);
  });

  describe('with a view, after a crash of the server,', () => {
    /** A flush of 36 rows over four months that no loader has called done. */
    const cutOff = async (): Promise<Awaited<ReturnType<typeof byMonth>>> => {
      const target = await byMonth();
      produce(0, 40);
      await loadUntil(target, 'before_commit');
      await expectWhole(target, 40);
      return target;
    };

    // A dropped partition and an emptied table forget their tokens, as if nothing had come.
    it.each([
      ['has some months, the view nothing', ['202602'], true],
      ['has no row, the view all', ['202601', '202602', '202603', '202604'], false],
      ['has every row, the view nothing', [], true],
      ['has some months, the view all', ['202602', '202603'], false],
    ] as const)('is completed if the table %s', async (_, months, emptied) => {
      const target = await cutOff();
      const before = await repairs(target);
      for (const month of months)
        await lab.run(`alter table ${target.schema}.${target.identifier} drop partition ${month}`);
      if (emptied) await lab.run(`truncate table ${target.view}`);
      await lab.load(target);
      expect(await repairs(target)).toEqual(before);
      await expectWhole(target, 40);
    });

    it('is completed if the table has lost months whose tokens it remembers, and the view nothing', async () => {
      const target = await cutOff();
      const table = `${target.schema}.${target.identifier}`;
      // Rows that are deleted keep their tokens.
      await lab.run(`alter table ${table} delete where toYYYYMM(at) in (202602, 202603) settings mutations_sync = 1`);
      await lab.load(target);
      await expectWhole(target, 40);
      // Several that settle the same flush move the rows once.
      produce(40, 80);
      await loadUntil(target, 'before_commit');
      await lab.run(
        `alter table ${table} delete where toYYYYMM(at) = 202601 and _offset >= 40 settings mutations_sync = 1`,
      );
      await Promise.all(
        upTo(3).map(() => lab.load(target, { sink: lab.anotherSink(), client: lab.broker.rival().client() })),
      );
      await expectWhole(target, 80);
    });

    it('is completed if the table has forgotten the token of rows that it has', async () => {
      const target = await cutOff();
      const table = `${target.schema}.${target.identifier}`;
      await lab.run(`alter table ${table} modify setting non_replicated_deduplication_window = 0`);
      await lab.run(`alter table ${table} modify setting non_replicated_deduplication_window = 10000`);
      await lab.load(target);
      const deleted = `select is_done from system.mutations where database || '.' || table = '${table}'`;
      expect(await lab.rows(deleted)).toEqual([['1']]);
      await expectWhole(target, 40);
    });
  });

  it('whose rows the TTL has deleted counts as written, in the view, too', async () => {
    const target = await byMonth(1, 'ttl toDateTime(at) + interval 1 day');
    produce(0, 40);
    await loadUntil(target, 'before_commit');
    await lab.run(`optimize table ${target.schema}.${target.identifier} final`);
    expect(await lab.ids(target)).toEqual([]);
    await lab.load(target);
    const sum = wholeNumbers(40).reduce((total, id) => total + id, 0);
    expect(await lab.rows(`select sum(ids), sum(n) from ${target.view}`)).toEqual([[String(sum), '36']]);
    expect(await lab.letters(target)).toHaveLength(4);
    produce(40, 60);
    expect((await lab.load(target)).rows).toBe(18);
  });

  it('is settled by the loader itself when the connection breaks', async () => {
    for (const point of ['before_merge', 'before_commit', 'after_commit'] as const) {
      const target = await byMonth(3);
      produce(0, 100, 3);
      let breaks = 3;
      const sink = lab.anotherSink((reached) => {
        if (reached === point && breaks-- > 0) throw new TsdbtError('connection', 'cut off');
      });
      const { rows, dead } = await lab.load(target, { sink });
      expect([rows, dead]).toEqual([90, 10]);
      await expectWhole(target, 100);
    }
  });

  it('alongside rivals that all believe they own every partition leaves each message once', async () => {
    const target = await byMonth(3);
    await lab.load(target);
    produce(0, 300, 3);
    const loaders = upTo(3).map((n) => {
      const sink = lab.anotherSink();
      const broker = n === 0 ? lab.broker : lab.broker.rival();
      broker.batch = 10 + n * 7;
      return loaderOn(broker, sink, target, { loadId: `rival-${n}` });
    });
    await Promise.all(loaders.map(({ loader }) => loader.run()));
    expect(loaders.some(({ events }) => events.some(({ kind }) => kind === 'fenced'))).toBe(true);
    await expectWhole(target, 300);
  });

  it('fences a loader that resumes after others have continued, and it writes nothing', async () => {
    const target = await byMonth();
    produce(0, 20);
    let asleep = true;
    const sink = lab.anotherSink((reached) => {
      if (reached === 'before_copy' && asleep) throw new TsdbtError('connection', 'asleep');
    });
    const sleeper = lab.loader(target, {
      sink,
      pause: async () => {
        if (!asleep) return;
        produce(20, 30);
        await lab.load(target, { sink: lab.anotherSink(), client: lab.broker.rival().client() });
        asleep = false;
      },
    });
    await sleeper.loader.run();
    expect(sleeper.events.map(({ kind }) => kind)).toContain('fenced');
    await expectWhole(target, 30);
  });

  it('whose messages the topic has lost stops the partition', async () => {
    const target = lab.target(COLUMNS);
    produce(0, 20);
    await loadUntil(target, 'before_copy');
    lab.broker.expire('t', 0, 15n);
    await expect(lab.load(target)).rejects.toThrow(/the log begins at 15.*rewind --select source:raw/s);
    expect((await lab.load({ ...target, onGap: 'earliest' })).rows).toBeGreaterThanOrEqual(0);
    expect(await lab.ids(target)).toEqual([15, 16, 17, 18]);
  });

  it('is completed in the partitions whose messages still exist', async () => {
    const flush = { rows: 1000, bytes: 1_000_000, ageMs: 60_000 };
    const target = lab.target(COLUMNS, { flush }, 2);
    produce(0, 40, 2);
    await loadUntil(target, 'before_copy');
    lab.broker.expire('t', 0, 15n);
    expect((await lab.load(target)).stopped).toEqual([expect.stringContaining('the log begins at 15')]);
    const odd = wholeNumbers(40).filter((id) => id % 2 === 1);
    expect(await lab.ids(target)).toEqual(odd);
    await lab.load({ ...target, onGap: 'earliest' });
    expect(await lab.ids(target)).toEqual(wholeNumbers(40).filter((id) => id % 2 === 1 || id >= 30));
  });

  it.each([
    ['without a view', false],
    ['with a view and a TTL that deletes', true],
  ] as const)('whose rest becomes readable later is completed, %s', async (_, expiring) => {
    const flush = { rows: 1000, bytes: 1_000_000, ageMs: 60_000 };
    const ttl = expiring ? 'ttl toDateTime(at) + interval 20 year' : '';
    const target = expiring ? { ...(await byMonth(3, ttl)), flush } : lab.target(COLUMNS, { flush }, 3);
    produce(0, 60, 3);
    await loadUntil(target, 'before_copy');
    const read = MemoryClient.prototype.read;
    for (const unreadable of [[1, 2], [2], []]) {
      const client = lab.broker.client();
      client.read = (at, from, to) =>
        unreadable.includes(at.partition)
          ? Promise.resolve({ batches: [], failure: { ...at, reason: 'too_large', message: 'a batch is too large' } })
          : read.call(client, at, from, to);
      await lab.load(target, { client, sink: lab.anotherSink() });
    }
    await expectWhole(target, 60);
  });

  it("is completed in a loader's partitions while one of another loader has no leader", async () => {
    const target = lab.target(COLUMNS, { flush: { rows: 1000, bytes: 1_000_000, ageMs: 60_000 } }, 2);
    produce(0, 40, 2);
    await loadUntil(target, 'before_copy');
    const start = { next: 0n, epoch: null };
    await lab.broker.client().join(['t'], {
      assigned: async (come) => new Map(come.map((at) => [`t/${at.partition}`, { ...at, ...start }])),
      revoked: async () => undefined,
    });
    const client = lab.broker.client();
    const { read } = MemoryClient.prototype;
    const away = new Set<number>();
    client.read = async (at, from, to, waitMs = null) => {
      if (at.partition === 1) return read.call(client, at, from, to);
      away.add(at.partition);
      if (waitMs === null) throw new TsdbtError('connection', 'it has no leader');
      return { batches: [], failure: { ...at, reason: 'unreachable', message: 'it has no leader' } };
    };
    await lab.load(target, { client, sink: lab.anotherSink() });
    const odd = wholeNumbers(40).filter((id) => id % 2 === 1);
    expect([await lab.ids(target), [...away]]).toEqual([odd, [0]]);
    await lab.load(target, { client: lab.broker.rival().client(), sink: lab.anotherSink() });
    await expectWhole(target, 40);
  });

  it('of two topics, one of which was deleted, is completed in the other one', async () => {
    const flush = { rows: 1000, bytes: 1_000_000, ageMs: 60_000 };
    const target = lab.target(COLUMNS, { flush, topic: 't, u', topics: ['t', 'u'] });
    lab.broker.create('u', 1);
    produce(0, 20);
    lab.broker.produce('u', 0, { id: 1000, at: `${MONTHS[0]}T00:00:00Z` });
    await loadUntil(target, 'before_copy');
    lab.broker.remove('u');
    await lab.load({ ...target, topic: 't', topics: ['t'] });
    await expectWhole(target, 20);
  });

  it('of several loaders is written once, whichever loader then has its partitions', async () => {
    const target = { ...(await byMonth(3)), flush: { rows: 1000, bytes: 1_000_000, ageMs: 60_000 } };
    produce(0, 90, 3);
    await loadUntil(target, 'before_copy');
    const sinks = upTo(3).map(() => lab.anotherSink());
    const open = await Promise.all(sinks.map((sink, partition) => sink.unsettled(target, [partition])));
    const all = open.flat();
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.map(({ ranges }) => ranges.map(({ partition }) => partition).sort())).toEqual(Array(3).fill([0, 1, 2]));
    const rivals = sinks.map((sink, n) =>
      loaderOn(n === 0 ? lab.broker : lab.broker.rival(), sink, target, { loadId: `after-${n}` }),
    );
    await Promise.all(rivals.map(({ loader }) => loader.run()));
    await expectWhole(target, 90);
  });

  /** The id under which the newest flush was recorded. */
  const newestId = async ({ schema, identifier }: LoadTarget): Promise<string> => {
    const relation = `relation = '\`${schema}\`.\`${identifier}\`'`;
    const where = `${relation} and kind = 'flush'`;
    return (await lab.rows(`select id from tsdbt.load_flushes where ${where} order by seq desc limit 1`))[0]?.[0] ?? '';
  };
  /** An INSERT of rows that takes some seconds a row, as a loader's that was not heard of since. */
  const slowInsert = (
    { schema, identifier }: LoadTarget,
    at: { readonly token: string; readonly partition: number; readonly rows: number; readonly seconds: number },
  ): Promise<void> =>
    lab.run(
      `INSERT INTO \`${schema}\`.\`${identifier}\` (id, at, _topic, _partition, _offset) SETTINGS ` +
        `insert_deduplication_token = '${at.token}', max_block_size = 1, ` +
        'function_sleep_max_microseconds_per_block = 0 SELECT number, now64(3), ' +
        `if(sleepEachRow(${at.seconds}) = 0, 't', ''), ${at.partition}, number FROM numbers(${at.rows})`,
    );
  const rewindAll = (target: LoadTarget): Promise<{ rows: number; letters: number }> =>
    lab.anotherSink().rewind(target, null, new Map([[0, 0n]]), new Map([[0, 0n]]));

  it('whose INSERT is still running makes a rewind wait, which then deletes its rows', async () => {
    const target = lab.target(COLUMNS);
    produce(0, 20);
    await loadUntil(target, 'before_copy');
    // It takes longer than its lease.
    const token = await newestId(target);
    const slow = slowInsert(target, { token, partition: 0, rows: 20, seconds: 0.5 });
    const running = (): Promise<unknown> =>
      lab.rows(
        `select count() > 0 from system.processes where query like 'INSERT%${token}%' and query not like '%processes%'`,
      );
    await expect.poll(running, FOR_EVENTS).toEqual([['1']]);
    await rewindAll(target);
    await slow;
    expect(await lab.ids(target)).toEqual([]);
    await lab.load(target);
    await expectWhole(target, 20);
  });

  it('with slow dead letters adds no rows after a rewind', async () => {
    const target = lab.target(COLUMNS);
    produce(0, 20);
    const insert = LeasedSession.prototype.insert;
    let [held, rewound] = [false, false];
    const spy = vi.spyOn(LeasedSession.prototype, 'insert').mockImplementation(async function (
      this: LeasedSession,
      ...args
    ) {
      await insert.apply(this, args);
      if (held || !args[0].includes('dead_letters')) return;
      held = true;
      // Its session stays known.
      for (; !rewound; await new Promise((done) => setTimeout(done, 100))) await this.ask('SELECT 1');
    });
    try {
      const loaded = lab.load(target, { sink: lab.anotherSink() });
      while (!held) await new Promise((done) => setTimeout(done, 20));
      await rewindAll(target).finally(() => (rewound = true));
      await loaded;
    } finally {
      spy.mockRestore();
    }
    await lab.load(target, { sink: lab.anotherSink() });
    await expectWhole(target, 20);
  });

  it('is rewound while INSERTs of other flushes into the table continue', async () => {
    const target = lab.target(COLUMNS);
    produce(0, 20);
    await loadUntil(target, 'before_copy');
    let rewound = false;
    // Some run at any time.
    const busy = upTo(3).map(async (n) => {
      for (let count = 0; !rewound; count++)
        await slowInsert(target, { token: `${n}-${count}`, partition: 7, rows: 1, seconds: 1 + n / 4 });
    });
    await rewindAll(target).finally(() => (rewound = true));
    await Promise.all(busy);
    await lab.run(`alter table ${target.schema}.${target.identifier} delete where _partition = 7`);
    await lab.load(target);
    await expectWhole(target, 20);
  });

  it.each([
    ['waits', 'FROM system.processes'],
    ['is about to delete', 'SELECT toString(count())'],
  ])('whose rewind a loader has completed keeps the reloaded rows if the other process %s', async (_, text) => {
    const target = lab.target(COLUMNS);
    produce(0, 20);
    await loadUntil(target, 'before_commit');
    let [loaded, asked] = [false, false];
    const session = lab.adapter.session({ name: 'test' });
    if (!(session instanceof ClickHouseSession)) throw new Error('it is a session of ClickHouse');
    try {
      const lease = new LeasedSession(session, LEASE_SECONDS);
      const ask = lease.ask.bind(lease);
      // The process is late there, and keeps its lease.
      lease.ask = async (sql) => {
        if (!sql.includes(text)) return ask(sql);
        asked = true;
        if (!loaded && text.startsWith('FROM')) return [['1']];
        for (; !loaded; await new Promise((done) => setTimeout(done, 100))) await ask('SELECT 1');
        return ask(sql);
      };
      const rewound = rewindPartition(lease, target, { ...newIntent('rewind', 0), topicId: null });
      const [gone] = await Promise.all([
        rewound,
        (async () => {
          // The rewind is recorded by then.
          while (!asked) await new Promise((done) => setTimeout(done, 20));
          await lab.load(target, { sink: lab.anotherSink() });
          loaded = true;
        })(),
      ]);
      expect([asked, gone]).toEqual([true, { rows: 0, letters: 0 }]);
    } finally {
      await session.release();
    }
    await lab.load(target, { sink: lab.anotherSink() });
    await expectWhole(target, 20);
  });

  it('writes no rows in a session that the server has forgotten', async () => {
    await lab.run(`create table ${lab.schema}.leased (id Int64) engine = MergeTree order by id`);
    const session = lab.adapter.session({ name: 'test' });
    expect(session).toBeInstanceOf(ClickHouseSession);
    if (!(session instanceof ClickHouseSession)) return;
    try {
      const lease = new LeasedSession(session, 1);
      await lease.ask('select 1');
      const insert = (): Promise<void> =>
        lease.insert(insertRows(`${lab.schema}.leased`, ['id'], 'a'), [Buffer.from('1\n')]);
      await insert();
      await expect(
        (async () => {
          for (;;) {
            await new Promise((resolve) => {
              setTimeout(resolve, 2000);
            });
            await insert();
          }
        })(),
      ).rejects.toThrow('SESSION_NOT_FOUND');
    } finally {
      await session.release();
    }
    expect(await lab.rows(`select count() from ${lab.schema}.leased`)).not.toEqual([['0']]);
  });
});
