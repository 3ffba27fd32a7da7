// Tests that positions belong to the table: a renamed source or project loads nothing twice, older loaders are
// rejected, and a table with rows but no position is not silently loaded from the beginning.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rewindTo } from '../../../src/loader/rewind.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { loadStatus } from '../../../src/loader/status.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { LoadLab, upTo } from './load-lab.ts';

/** The bookkeeping as the version before had it. */
const OLDER =
  `drop schema if exists tsdbt cascade; create schema tsdbt;
create table tsdbt.load_offsets (target text not null, topic text not null, partition integer not null, ` +
  'topic_id text, next_offset bigint not null, end_offset bigint, last_kafka_ts timestamptz, last_rows_at ' +
  `timestamptz,
  loaded_rows bigint not null default 0, dead_rows bigint not null default 0, updated_at timestamptz not null ` +
  `default now(), primary key (target, topic, partition));
create table tsdbt.dead_letters (id bigint generated always as identity primary key, target text not null, ` +
  'topic text not null, partition integer not null, "offset" bigint not null, kafka_ts timestamptz not null, key ' +
  `bytea, value bytea,
  headers jsonb, sealed boolean not null default false, error text not null, load_id text not null, failed_at ` +
  `timestamptz not null default now(), replayed_at timestamptz, replay bigint);
create table tsdbt.consumed_offsets (model text not null, source text not null, topic text not null, ` +
  'partition integer not null, next_offset bigint not null, updated_at timestamptz not null default now(), ' +
  'primary key (model, source, topic, partition))';

describe('the position of a table', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const run = async (sql: string): Promise<void> => void (await lab.rows(sql));
  const renamed = (t: LoadTarget): LoadTarget => ({
    ...t,
    uniqueId: t.uniqueId.replace('source.p.raw', 'source.another.input'),
    name: t.name.replace('raw', 'input'),
  });

  it('is kept with its dead letters under another name of the source or project', async () => {
    const t = lab.target({ id: 'integer' });
    for (const id of upTo(20)) lab.broker.produce('t', 0, { id: id === 7 ? 'x' : id });
    await lab.load(t);
    for (const id of [20, 21]) lab.broker.produce('t', 0, { id });
    expect(await lab.load(renamed(t))).toEqual({ rows: 2, dead: 0, stopped: [] });
    expect(await lab.ids(t)).toEqual(upTo(22).filter((id) => id !== 7));
    expect(
      await lab.rows(
        `select relation, target, next_offset from tsdbt.load_offsets where relation like '%"${t.identifier}"'`,
      ),
    ).toEqual([[`"raw"."${t.identifier}"`, renamed(t).uniqueId, '22']]);
    expect(await lab.letters(renamed(t))).toEqual([[7, "column 'id': invalid input syntax for type integer"]]);
  });

  it('starts as configured, and a later partition starts at its first message', async () => {
    const next = async (t: LoadTarget): Promise<(string | null)[]> =>
      (
        await lab.rows(
          `select next_offset from tsdbt.load_offsets where target = '${t.uniqueId}' and partition >= 0 ` +
            'order by partition',
        )
      ).flat();
    for (const [start, loaded] of [
      ['latest', [12, 30, 40]],
      [1_700_000_000_001, [1, 2, 11, 12, 30, 40]],
      // No message is so late.
      [1_900_000_000_000, [12, 30, 40]],
      ['earliest', [0, 1, 2, 10, 11, 12, 30, 40]],
    ] as const) {
      const t = lab.target({ id: 'integer' }, { start }, 2);
      for (const id of [0, 1, 2]) lab.broker.produce('t', 0, { id });
      for (const id of [10, 11]) lab.broker.produce('t', 1, { id });
      const behind = async (): Promise<bigint> =>
        (await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now())).partitions.reduce(
          (sum, { lagRows }) => sum + (lagRows ?? 0n),
          0n,
        );
      const before = await behind();
      // Each of the two gets one partition, or one of them both.
      const firsts = await Promise.all([lab.load(t), lab.load(t)]);
      expect(BigInt(firsts.reduce((sum, { rows }) => sum + rows, 0)), String(start)).toBe(before);
      expect(await next(t)).toEqual(['3', '2']);
      lab.broker.produce('t', 1, { id: 12 });
      lab.broker.grow('t');
      for (const id of [30, 40]) lab.broker.produce('t', 2, { id });
      expect(await behind()).toBe(3n);
      await lab.load(t);
      expect(await lab.ids(t), String(start)).toEqual(loaded);
    }
  });

  it('prevents duplicates by a loader that is not in the group of another', async () => {
    const t = lab.target({ id: 'integer' }, { flush: { rows: 7, bytes: 1e6, ageMs: 5 } });
    lab.broker.batch = 5;
    for (const id of upTo(200)) lab.broker.produce('t', 0, { id });
    const stop = new AbortController();
    const one = lab.loader(t, { once: false, signal: stop.signal });
    await lab.sink.prepare(t);
    const meddler = (async () => {
      // Takes single messages that the other one has read too.
      for (let turn = 0; turn < 30; turn++) {
        const at = (await lab.sink.positions(t)).get(0)?.next ?? 0n;
        if (turn % 3 === 0 && at > 0n && at < 190n)
          await run(
            `with moved as (update tsdbt.load_offsets set next_offset = ${at + 1n} where relation = ` +
              `'"raw"."${t.identifier}"' and next_offset = ${at} returning 1) insert into raw.${t.identifier} ` +
              `(id, _topic, _partition, _offset) select ${at}, 't', 0, ${at} from moved`,
          );
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
      }
    })();
    const running = one.loader.run();
    await meddler;
    await expect.poll(async () => (await lab.ids(t)).length, FOR_EVENTS).toBeGreaterThanOrEqual(200);
    stop.abort();
    await running;
    expect(await lab.ids(t)).toEqual(upTo(200));
  });

  it('is taken over from an older version, whose loaders are then rejected', async () => {
    const t = lab.target({ id: 'integer' });
    await run(OLDER);
    await run(
      `create schema if not exists raw; create table raw.${t.identifier} (id integer, _topic text, _partition ` +
        `integer, _offset bigint, _deleted boolean not null default false); insert into raw.${t.identifier} select ` +
        `i, 't', 0, i from generate_series(0, 9) i;
insert into tsdbt.load_offsets (target, topic, partition, next_offset, loaded_rows) values ` +
        `('${t.uniqueId}', 't', 0, 10, 10), ('source.p.raw.elsewhere', 't', 0, 5, 5);
insert into tsdbt.dead_letters (target, topic, partition, "offset", kafka_ts, error, load_id) values ` +
        `('${t.uniqueId}', 't', 0, 4, now(), 'why', 'l');
insert into tsdbt.consumed_offsets values ('s.m', '${t.uniqueId}', 't', 0, 8)`,
    );
    for (const id of upTo(15)) lab.broker.produce('t', 0, { id });
    const loads = await Promise.all([lab.load(t), lab.load(t)]);
    expect(loads.map(({ rows }) => rows).reduce((a, b) => a + b)).toBe(5);
    expect(await lab.ids(t)).toEqual(upTo(15));
    expect(await lab.rows('select relation, target, next_offset from tsdbt.load_offsets order by 2, 3')).toEqual([
      [null, 'source.p.raw.elsewhere', '5'],
      [`"raw"."${t.identifier}"`, t.uniqueId, '15'],
    ]);
    expect(await lab.rows('select source, next_offset from tsdbt.consumed_offsets order by 1')).toEqual([
      [`"raw"."${t.identifier}"`, '8'],
      [t.uniqueId, '8'],
    ]);
    // A running one goes on where the table is, or not at all.
    const move = (target: string, since: number): Promise<unknown> =>
      lab.rows(
        `update tsdbt.load_offsets as o set next_offset = ${since + 1} where o.target = '${target}' and ` +
          `o.topic = 't' and o.partition = 0 and o.next_offset = ${since} returning 1`,
      );
    expect(await move(t.uniqueId, 10)).toEqual([]);
    await expect(move('source.p.raw.elsewhere', 5)).rejects.toThrow(/a_newer_tsdbt_loads_here_update_this_one/);
    await expect(
      run(
        'insert into tsdbt.load_offsets (target, topic, partition, topic_id, next_offset) values ' +
          "('source.p.raw.new', 't', 0, null, 0) on conflict do nothing",
      ),
    ).rejects.toThrow(/a_newer_tsdbt_loads_here_update_this_one/);
    await expect(
      run(
        "insert into tsdbt.load_offsets (target, topic, partition, next_offset) values ('source.p.raw.new', " +
          "'t', 0, 0) on conflict (target, topic, partition) do nothing",
      ),
    ).rejects.toThrow(/no unique or exclusion constraint/);
    // One that has some of it gets the rest.
    await run(
      'alter table tsdbt.load_offsets drop column topic_since, drop column leader_epoch, drop column snapshot_floor, ' +
        'drop column resets, drop column earlier_end; ' +
        'alter table ' +
        'tsdbt.dead_letters alter column kafka_ts set not null',
    );
    lab.broker.produce('t', 0, { id: 15 });
    const before = await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now());
    expect([before.problems, before.partitions.map(({ lagRows }) => lagRows)]).toEqual([[], [1n]]);
    expect((await lab.load(t)).rows).toBe(1);
    expect(
      await lab.rows(
        `select next_offset, leader_epoch, topic_since from tsdbt.load_offsets where target = '${t.uniqueId}'`,
      ),
    ).toEqual([['16', '0', null]]);
  });

  it('has a lag that is the age of the first message to load, however old the newest loaded one is', async () => {
    const t = lab.target({ id: 'integer' });
    const now = Date.now();
    lab.broker.produce('t', 0, { id: 0 }, { timestamp: now - 3_600_000 });
    await lab.load(t);
    for (const age of [5000, 4000]) lab.broker.produce('t', 0, { id: age }, { timestamp: now - age });
    const { partitions } = await loadStatus(lab.sink, async () => lab.broker.client(), t, now);
    expect(partitions.map(({ lagRows, lagSeconds }) => [lagRows, lagSeconds])).toEqual([[2n, 5]]);
  });

  it('is required if the table has rows of the topic, and the error names the solutions', async () => {
    const t = lab.target({ id: 'integer' }, {}, 2);
    for (const id of upTo(20)) lab.broker.produce('t', id % 2, { id });
    await lab.load(t);
    await run(`delete from tsdbt.load_offsets where relation = '"raw"."${t.identifier}"'`);
    await expect(lab.load(t)).rejects.toMatchObject({
      message:
        `The table of ${t.name} holds rows of t, and nothing says how far: loading from the beginning could ` +
        'double them.',
      details: { hint: expect.stringContaining(`\`tsdbt load rewind --select source:${t.name} --to loaded\``) },
    });
    expect(await lab.ids(t)).toEqual(upTo(20));
    lab.broker.produce('t', 1, { id: 20 });
    // What is taken over stays as it is.
    expect(await rewindTo(lab.broker.client(), lab.sink, t, 'loaded')).toEqual({
      next: new Map([
        ['t/0', 10n],
        ['t/1', 10n],
      ]),
      rows: 0,
      letters: 0,
    });
    expect((await lab.load(t)).rows).toBe(1);
    expect(await lab.ids(t)).toEqual(upTo(21));
    // The other way: what the topic still has goes, and comes again.
    await run(`delete from tsdbt.load_offsets where relation = '"raw"."${t.identifier}"'`);
    lab.broker.expire('t', 0, 2n);
    expect(await rewindTo(lab.broker.client(), lab.sink, t, 'earliest')).toMatchObject({ rows: 19, letters: 0 });
    expect((await lab.load(t)).rows).toBe(19);
    expect(await lab.ids(t)).toEqual(upTo(21));
  });

  it('is not required for rows of files, other topics or manual inserts, and a new partition starts at 0', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    await run(
      `insert into raw.${t.identifier} (id, _topic, _partition, _offset) values (100, 'file:a.ndjson', 0, 0), ` +
        "(101, 'other', 0, 0), (102, null, null, null)",
    );
    lab.broker.produce('t', 0, { id: 0 });
    await lab.load(t);
    lab.broker.create('t', 2);
    lab.broker.produce('t', 1, { id: 1 });
    await lab.load({ ...t, onGap: 'earliest' });
    expect(await lab.ids(t)).toEqual([0, 1, 100, 101, 102]);
  });

  it('is in the status of files without a broker, and with the error of a topic', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    const file = { ...t, topic: 'file:a.ndjson' };
    await lab.sink.startAt(file, null, new Map([[0, 3n]]));
    await run(`update tsdbt.load_offsets set end_offset = 3, dead_rows = 1 where relation = '"raw"."${t.identifier}"'`);
    const away = async (): Promise<never> => {
      throw new (await import('../../../src/errors.ts')).TsdbtError(
        'profile',
        "Connection 'default' is required, but connections.yml does not exist",
      );
    };
    expect(await loadStatus(lab.sink, away, t, Date.now())).toEqual({
      problems: [],
      slot: null,
      paused: null,
      partitions: [{ topic: 'file:a.ndjson', partition: 0, next: 3n, end: 3n, lagRows: 0n, lagSeconds: 0, dead: 1 }],
    });
    await lab.sink.note(t, 'it does not work');
    const missing = { ...t, topic: 'absent' };
    expect((await loadStatus(lab.sink, async () => lab.broker.client(), missing, Date.now())).problems).toEqual([]);
    lab.broker.produce('t', 0, { id: 1 });
    await lab.sink.startAt(t, null, new Map([[0, 1n]]));
    const { problems } = await loadStatus(lab.sink, async () => lab.broker.client(), missing, Date.now());
    expect(problems).toEqual(['topic absent does not exist']);
    expect((await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now())).problems).toEqual([
      expect.stringMatching(/^failed: it does not work \(since 20.* UTC\)$/),
    ]);
  });
});
