// Tests the other operations on a ClickHouse table of the loader: rewinds, replays of dead letters, drift, pauses,
// status.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TsdbtError } from '../../../src/errors.ts';
import { PyDateTime } from '../../../src/values/datetime.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { Sink } from '../../../src/loader/sink.ts';
import { loadStatus } from '../../../src/loader/status.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import { ClickHouseSink } from '../../../src/loader/clickhouse/sink.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { upTo } from './load-lab.ts';

describe.skipIf(clickhouseMissing !== null)('the bookkeeping of a loader in ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('books');
  });
  afterAll(() => lab.close());

  const produce = (from: number, to: number): void => {
    for (let id = from; id < to; id++) lab.broker.produce('t', id % 2, { id });
  };
  const rewind = (target: LoadTarget, to: string): ReturnType<typeof rewindTo> =>
    rewindTo(lab.broker.client(), lab.anotherSink(), target, to);
  const replay = (target: LoadTarget, sink: Sink = lab.sink): Promise<{ rows: number; dead: number }> =>
    replayLetters({
      sink,
      decoder: jsonDecoder,
      target,
      hashKey: 'key',
      loadId: 'replay',
      now: Date.now,
    });

  it('lets a rewind delete rows and dead letters from the position, which are loaded again', async () => {
    const target = lab.target({ id: 'Int64' }, {}, 2);
    produce(0, 60);
    lab.broker.produce('t', 0, null, { raw: Buffer.from('no JSON') });
    await lab.load(target);
    expect(await rewind(target, '0:10')).toEqual({ next: new Map([['t/0', 10n]]), rows: 20, letters: 1 });
    expect(await lab.ids(target)).toEqual(upTo(60).filter((id) => id % 2 === 1 || id < 20));
    expect(await lab.load(target)).toEqual({ rows: 20, dead: 1, stopped: [] });
    expect(await lab.ids(target)).toEqual(upTo(60));
    expect(await rewind(target, 'earliest')).toMatchObject({ rows: 60, letters: 1 });
    expect(await lab.ids(target)).toEqual([]);
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(upTo(60));
    expect(await lab.letters(target)).toHaveLength(1);
  });

  it('ignores the table of a killed loader that the user cannot drop', async () => {
    const target = lab.target({ id: 'Int64' });
    lab.broker.produce('t', 0, { id: 0 });
    const { ask, run } = LeasedSession.prototype;
    const left = vi.spyOn(LeasedSession.prototype, 'ask').mockImplementation(function (this: LeasedSession, sql) {
      return sql.includes('load_beside_') ? Promise.resolve([['load_beside_left']]) : ask.call(this, sql);
    });
    const refused = vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(function (this: LeasedSession, sql) {
      const drops = sql.startsWith('DROP TABLE');
      return drops ? Promise.reject(new TsdbtError('database', 'Not enough privileges')) : run.call(this, sql);
    });
    try {
      await lab.load(target);
      expect(refused.mock.calls.some(([sql]) => sql.includes('load_beside_left'))).toBe(true);
    } finally {
      left.mockRestore();
      refused.mockRestore();
    }
    expect(await lab.ids(target)).toEqual([0]);
  });

  it('refuses a rewind across an interrupted flush, but allows one to an earlier position', async () => {
    const target = lab.target({ id: 'Int64' }, { flush: { rows: 1000, bytes: 1e6, ageMs: 20 } }, 2);
    produce(0, 60);
    const sink = lab.anotherSink((point) => {
      if (point === 'before_commit') throw new Error('killed');
    });
    await expect(lab.load(target, { sink })).rejects.toThrow('killed');
    await lab.run(`alter table ${target.schema}.${target.identifier} delete where id in (10, 11)`);
    await expect(rewind(target, 'latest')).rejects.toThrow(/some of them may be missing/);
    await rewind(target, 'earliest');
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(upTo(60));
  });

  it('makes a running loader read again after a rewind', async () => {
    const target = lab.target({ id: 'Int64' }, {}, 2);
    produce(0, 40);
    await lab.load(target);
    produce(40, 80);
    let done: Promise<unknown> | null = null;
    const sink = lab.anotherSink((point) => {
      if (point === 'before_commit') done ??= rewind(target, '0:5');
    });
    await lab.load(target, { sink });
    await done;
    await lab.load(target);
    expect(await lab.ids(target)).toEqual(upTo(80));
  });

  it('turns dead letters that fit into rows, and keeps the others once each', async () => {
    const target = lab.target({ id: 'Int64', k: 'Int8' }, {}, 2);
    for (const id of upTo(10)) lab.broker.produce('t', id % 2, { id, k: id < 5 ? 1000 : id === 7 ? 'no' : 1 });
    await lab.run(`create database if not exists ${target.schema}`);
    await lab.load(target);
    const dead = (await lab.letters(target)).length;
    expect(dead).toBeGreaterThan(0);
    await lab.run(`alter table ${target.schema}.${target.identifier} modify column k Nullable(Int32)`);
    const wide = { ...target, columns: target.columns.map((c) => (c.name === 'k' ? { ...c, type: 'Int32' } : c)) };
    const killed = lab.anotherSink((point) => {
      if (point === 'before_commit') throw new Error('killed');
    });
    await expect(replay(wide, killed)).rejects.toThrow('killed');
    await replay(wide);
    expect(await lab.ids(target)).toEqual(upTo(10).filter((id) => id !== 7));
    expect((await lab.letters(target)).map(([offset]) => offset)).toEqual([3]);
    expect(await replay(wide)).toEqual({ rows: 0, dead: 1 });
    expect(await lab.letters(target)).toHaveLength(1);
  });

  it('seals dead letters of targets with hidden values, and opens them for a replay', async () => {
    const target = lab.target({ id: 'Int64', name: 'String' }, { hash: ['name'] });
    lab.broker.produce('t', 0, null, { raw: Buffer.from('{"id": "\u00e4", "name": "secret"}'), key: 'secret' });
    await lab.load(target);
    const stored = await lab.rows(
      `select position(value, 'secret') + position(key, 'secret'), sealed from tsdbt.dead_letters where relation ` +
        `like '%${target.identifier}%'`,
    );
    expect(stored).toEqual([['0', 'true']]);
    const [letter] = await lab.sink.letters(target, { after: '0', upTo: '18446744073709551615', limit: 5 });
    expect(Buffer.from(letter?.message.value ?? []).toString()).toContain('secret');
  });

  it('adds new fields as columns', async () => {
    const target = lab.target({ id: 'Int64' }, { schemaDrift: 'add_column' });
    for (const id of upTo(5)) lab.broker.produce('t', 0, { id });
    for (const id of upTo(5)) lab.broker.produce('t', 0, { id: 5 + id, extra: `e${id}`, number: 1.5, flag: true });
    await lab.load(target);
    await lab.load(target, { sink: lab.anotherSink() });
    expect(
      await lab.rows(
        `select extra, toString(number), flag from ${target.schema}.${target.identifier} where id in (1, 6) ` +
          'order by id',
      ),
    ).toEqual([
      [null, null, null],
      ['e1', '1.5', 'true'],
    ]);
  });

  it('keeps a field with an empty or reserved name in the rest instead of a column', async () => {
    const target = lab.target({ id: 'Int64' }, { schemaDrift: 'add_column' });
    for (const id of upTo(5)) lab.broker.produce('t', 0, { id, _deleted: true, _rest: 1, '': 2 });
    await lab.load(target);
    expect(
      await lab.rows(`select id, _deleted, _rest from ${target.schema}.${target.identifier} where id = 4`),
    ).toEqual([['4', 'false', '{"_deleted":true,"_rest":1,"":2}']]);
  });

  it('reports positions, dead letters, failures and pauses in the status', async () => {
    const target = lab.target({ id: 'Int64' });
    expect(await lab.sink.kept(target)).toEqual({ positions: new Map(), failure: null, paused: null });
    for (const id of upTo(5)) lab.broker.produce('t', 0, { id });
    lab.broker.produce('t', 0, null, { raw: Buffer.from('no JSON') });
    await lab.load(target);
    const session = lab.adapter.session({ name: 'test' });
    const loaded = await lab.adapter.loadedState(session, { ...target, unique_id: target.uniqueId }, 'topics');
    const never = await lab.adapter.loadedState(
      session,
      { schema: 's', identifier: 'never', unique_id: 'x' },
      'topics',
    );
    await session.release();
    expect(loaded?.rows).toBe(5);
    expect(loaded?.newestMessage).toBeInstanceOf(PyDateTime);
    expect(loaded?.newestLoad).toBeInstanceOf(PyDateTime);
    expect(never).toBeNull();
    await lab.sink.note(target, "it's broken");
    const { failure } = await lab.sink.kept(target);
    expect(failure).toMatch(/^it's broken \(since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)$/);
    // As where the server's clock was set back since.
    await lab.run(
      'insert into tsdbt.load_failures select relation, topic, message, failed_at + toIntervalHour(1) from ' +
        `tsdbt.load_failures final where relation like '%${target.identifier}\`'`,
    );
    await lab.sink.note(target, null);
    expect((await lab.sink.kept(target)).failure).toBeNull();
    await lab.sink.note(target, 'again');
    expect((await lab.sink.kept(target)).failure).toMatch(/^again /);
    await lab.sink.note(target, null);
    expect((await lab.sink.kept(target)).failure).toBeNull();
    expect(await lab.sink.setPaused(target, true)).toBe(true);
    expect(await lab.sink.setPaused(target, true)).toBe(false);
    expect((await lab.sink.kept(target)).paused).toMatch(/^\d{4}-\d\d-\d\dT/);
    const looked = await lab.sink.look([{ group: 'g', member: 'a' }], ['g'], [target]);
    expect(looked.paused.has(target)).toBe(true);
    expect(looked.positions.get(target)).toEqual(new Map([[0, { next: 6n, epoch: 0 }]]));
    const moving = await lab.sink.look([{ group: 'g', member: 'a' }], ['g'], [target], []);
    expect(moving.paused.has(target)).toBe(true);
    expect(moving.positions.get(target)).toEqual(new Map());
    // As where the server's clock was set back since.
    await lab.run(
      'insert into tsdbt.load_pauses select relation, paused, changed_at + toIntervalHour(1) from tsdbt.load_pauses ' +
        `final where relation like '%${target.identifier}\`'`,
    );
    expect(await lab.sink.setPaused(target, false)).toBe(true);
    expect((await lab.sink.kept(target)).paused).toBeNull();
    const status = await loadStatus(lab.sink, async () => lab.broker.client(), target, Date.now());
    expect(status.partitions).toMatchObject([{ next: 6n, end: 6n, lagRows: 0n, dead: 1 }]);
    const other = await lab.anotherSink().look([{ group: 'g', member: 'b' }], ['g'], []);
    expect(other.others.map(({ member }) => member)).toEqual(['a']);
    await lab.sink.forget([{ group: 'g', member: 'a' }]);
    expect((await lab.anotherSink().look([{ group: 'g', member: 'b' }], ['g'], [])).others).toEqual([]);
  });

  it('refuses to load a table with rows and without positions from the beginning', async () => {
    const target = lab.target({ id: 'Int64' });
    for (const id of upTo(5)) lab.broker.produce('t', 0, { id });
    await lab.load(target);
    await lab.run(`alter table tsdbt.load_flushes delete where relation like '%${target.identifier}%'`);
    await expect(lab.load(target)).rejects.toThrow(/nothing says how far/);
    expect((await rewind(target, 'loaded')).next).toEqual(new Map([['t/0', 5n]]));
    lab.broker.produce('t', 0, { id: 5 });
    expect(await lab.load(target)).toEqual({ rows: 1, dead: 0, stopped: [] });
    expect(await lab.ids(target)).toEqual(upTo(6));
  });

  it('rejects engines without deduplication tokens, and a table whose window was removed', async () => {
    const target = lab.target({ id: 'Int64' });
    lab.broker.produce('t', 0, { id: 0 });
    await lab.load(target);
    expect(await lab.sink.problems(target)).toEqual([]);
    const table = `${target.schema}.${target.identifier}`;
    await lab.run(`alter table ${table} modify setting non_replicated_deduplication_window = 10`);
    const problem = `${table} remembers the tokens of 10 inserts only`;
    expect(await lab.sink.problems(target)).toEqual([expect.stringContaining(problem)]);
    await expect(lab.load(target)).rejects.toThrow(problem);
    const other = lab.target({ id: 'Int64' });
    await lab.run(`create table ${other.schema}.${other.identifier} (id Int64) engine = Memory`);
    await expect(lab.load(other)).rejects.toThrow('has the engine Memory');
  });

  it('rejects a profile whose inserts are acknowledged before they are stored', async () => {
    const target = lab.target({ id: 'Int64' });
    const adapter = clickhouseAdapter(lab.schema, { custom_settings: { async_insert: 1, wait_for_async_insert: 0 } });
    try {
      const sink = new ClickHouseSink(adapter, lab.sealer);
      expect(await sink.problems(target)).toEqual([expect.stringContaining('wait_for_async_insert to 0')]);
    } finally {
      await adapter.close();
    }
  });
});
