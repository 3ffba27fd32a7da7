// Tests how loading ends and continues: one table fails without affecting others, a stop while the table is locked, an
// unreachable broker, moved positions, and dead group members.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../src/errors.ts';
import type { LoadEvent } from '../../../src/loader/events.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { LoadMetrics } from '../../../src/loader/metrics.ts';
import { Pulse } from '../../../src/loader/pulse.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import { loadStatus } from '../../../src/loader/status.ts';
import { superviseTable } from '../../../src/loader/supervise.ts';
import { FaultProject } from '../faults/project.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { LoadLab, sinkWith } from './load-lab.ts';
import { MemoryBroker } from './memory-broker.ts';

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const until = (met: () => boolean | Promise<boolean>): Promise<void> => expect.poll(met, FOR_EVENTS).toBe(true);

describe('a loader of several tables', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const count = async (t: LoadTarget): Promise<number> =>
    Number((await lab.rows(`select count(*) from raw.${t.identifier}`))[0]![0]);
  const supervised = (
    t: LoadTarget,
    signal: AbortSignal,
    notify: (event: LoadEvent) => void,
    once = false,
    broker = lab.broker,
  ): ReturnType<typeof superviseTable> =>
    superviseTable({
      target: t,
      sink: lab.sink,
      once,
      signal,
      notify,
      pause: (ms) => pause(Math.min(ms, 50)),
      make: async (told) => lab.loader(t, { once, signal, notify: told, client: broker.client() }).loader,
    });

  it('reports a failed table at once, retries it, and continues it when possible, while others load', async () => {
    const good = lab.target({ id: 'integer' });
    const bad = {
      ...good,
      uniqueId: `${good.uniqueId}b`,
      name: `${good.name}b`,
      identifier: `${good.identifier}b`,
      topic: 'late',
    };
    const metrics = new LoadMetrics([good, bad], Date.now);
    const events: LoadEvent[] = [];
    const notify = (event: LoadEvent): void => {
      events.push(event);
      metrics.observe(event);
    };
    const stop = new AbortController();
    const late = new MemoryBroker();
    const running = [supervised(good, stop.signal, notify), supervised(bad, stop.signal, notify, false, late)];
    const failures = (): string[] =>
      events.flatMap((event) =>
        event.kind === 'failed' ? [`${event.target.name}: ${event.message}, ${event.seconds}`] : [],
      );
    await until(() => failures().length >= 3);
    expect(failures().slice(0, 3)).toEqual(
      [1, 2, 4].map((seconds) => `${bad.name}: topic late does not exist, ${seconds}`),
    );
    lab.broker.produce('t', 0, { id: 1 });
    await until(async () => (await count(good).catch(() => 0)) === 1);
    expect(metrics.health().tables.map(({ ok, reasons }) => [ok, reasons])).toEqual([
      [true, []],
      [false, [expect.stringMatching(/^failed: topic late does not exist \(trying again in \d+ s\)$/)]],
    ]);
    // The first failures may have come before there was anything to note them in.
    const problems = async (): Promise<readonly string[]> =>
      (await loadStatus(lab.sink, async () => late.client(), bad, Date.now())).problems;
    await until(async () => (await problems()).length === 2);
    expect(await problems()).toEqual([
      expect.stringMatching(/^failed: topic late does not exist \(since /),
      'topic late does not exist',
    ]);
    late.create('late');
    late.produce('late', 0, { id: 2 });
    await until(async () => (await count(bad).catch(() => 0)) === 1);
    await until(() => metrics.health().ok);
    await until(
      async () => (await loadStatus(lab.sink, async () => late.client(), bad, Date.now())).problems.length === 0,
    );
    // A privilege that is lost is no end either.
    await lab.rows(
      `alter table raw.${bad.identifier} add constraint none check (false) not valid; create function ` +
        'raw.denied() returns trigger language plpgsql as $$ begin raise insufficient_privilege using message = ' +
        `'permission denied for table'; end $$;
create trigger denied before insert on raw.${bad.identifier} execute function raw.denied()`,
    );
    late.produce('late', 0, { id: 3 });
    await until(() => failures().some((each) => each.includes('permission denied')));
    await lab.rows(
      `drop trigger denied on raw.${bad.identifier}; alter table raw.${bad.identifier} drop constraint none`,
    );
    await until(async () => (await count(bad)) === 2);
    stop.abort();
    expect(await Promise.all(running)).toEqual([
      { rows: 1, dead: 0, stopped: [] },
      { rows: 2, dead: 0, stopped: [] },
    ]);
  });

  it('ends at once for a caller that waits for a table, and if too many messages are dead letters', async () => {
    const t = lab.target({ id: 'integer' }, { maxDead: 1 });
    const events: LoadEvent[] = [];
    await expect(
      supervised({ ...t, topic: 'absent' }, new AbortController().signal, (event) => events.push(event), true),
    ).rejects.toThrow('topic absent does not exist');
    for (let i = 0; i < 5; i++) lab.broker.produce('t', 0, 'x');
    await expect(supervised(t, new AbortController().signal, (event) => events.push(event))).rejects.toThrow(
      /2 of the last 10000 messages/,
    );
    expect(events.filter(({ kind }) => kind === 'failed')).toMatchObject([{ seconds: null }, { seconds: null }]);
  });

  it('rejects what `load check` calls impossible', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.rows(
      `create schema if not exists raw; create table raw.${t.identifier} (id integer generated always as (1) ` +
        'stored, told text not null)',
    );
    await expect(lab.load(t)).rejects.toThrow(
      new RegExp(
        String.raw`cannot be loaded: column 'id' of raw\.t\d+ is computed by the database.*\n {2}column 'told' of` +
          String.raw` raw\.t\d+ takes no null`,
      ),
    );
    const view = lab.target({ id: 'integer' });
    await lab.rows(`create view raw.${view.identifier} as select 1 as id`);
    await expect(lab.load(view)).rejects.toThrow(/is no table/);
  });

  it('follows a position that another process moves, even where it had stopped', async () => {
    const t = lab.target({ id: 'integer' }, {}, 2);
    for (let i = 0; i < 20; i++) lab.broker.produce('t', i % 2, { id: i });
    const stop = new AbortController();
    const events: LoadEvent[] = [];
    const { loader } = lab.loader(t, {
      once: false,
      signal: stop.signal,
      pulse: new Pulse(lab.sink, Date.now),
      notify: (event) => events.push(event),
    });
    const running = loader.run();
    await until(async () => (await count(t).catch(() => 0)) === 20);
    expect(await rewindTo(lab.broker.client(), lab.sink, t, '5')).toMatchObject({ rows: 10 });
    await until(async () => (await count(t)) === 20);
    expect(events.find(({ kind }) => kind === 'moved')).toMatchObject({
      partitions: [
        { topic: 't', partition: 0 },
        { topic: 't', partition: 1 },
      ],
    });
    // One partition stops, as its messages are gone; set to where there are some, it goes on.
    lab.broker.log({ topic: 't', partition: 0 }).end = 30n;
    lab.broker.expire('t', 0, 30n);
    await until(() => events.some(({ kind }) => kind === 'stopped'));
    lab.broker.produce('t', 0, { id: 1000 });
    await rewindTo(lab.broker.client(), lab.sink, t, 'earliest').catch(() => undefined);
    await until(
      async () => (await lab.rows(`select count(*) from raw.${t.identifier} where id = 1000`))[0]![0] === '1',
    );
    stop.abort();
    await running;
  });

  it('removes members without a sign of life from the group, and keeps those that live', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    const evicted: string[] = [];
    const pulse = new Pulse(lab.sink, Date.now);
    const watched = (member: string): Parameters<Pulse['enter']>[0] => ({
      targets: () => [t],
      busy: () => false,
      member: () => ({ group: 'g', member }),
      evict: async (members) => void evicted.push(...members),
      mark: () => 0,
      positions: () => undefined,
      paused: () => undefined,
    });
    const leave = [pulse.enter(watched('one')), new Pulse(lab.sink, Date.now).enter(watched('two'))];
    await lab.rows(
      "insert into tsdbt.load_members values ('g', 'dead', now() - interval '1 second'), ('another', 'dead " +
        "too', now() - interval '1 hour')",
    );
    await until(() => evicted.length > 0);
    await pause(2500);
    expect(evicted.filter((member) => member !== 'dead')).toEqual([]);
    for (const end of leave) await end();
    expect(await lab.rows('select group_id, member_id from tsdbt.load_members')).toEqual([['another', 'dead too']]);
  });

  it.each([
    ['connection', 3],
    ['runtime', 1],
  ] as const)('retries to remove a dead member after a %s error %d times', async (kind, times) => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    const [group, member] = [`g ${kind}`, 'dead'];
    let tries = 0;
    const leave = new Pulse(lab.sink, Date.now).enter({
      targets: () => [t],
      busy: () => false,
      member: () => ({ group, member: 'one' }),
      evict: async () => {
        if (++tries < 3) throw new TsdbtError(kind, 'the broker moves its groups');
      },
      mark: () => 0,
      positions: () => undefined,
      paused: () => undefined,
    });
    await lab.rows(`insert into tsdbt.load_members values ('${group}', '${member}', now() - interval '1 second')`);
    const kept = (): Promise<unknown[]> =>
      lab.rows(`select 1 from tsdbt.load_members where group_id = '${group}' and member_id = '${member}'`);
    await until(async () => (await kept()).length === 0);
    expect(tries).toBe(times);
    await leave();
  });

  it('reads and writes positions at each check, and rarely during a flush', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    const wanted: number[] = [];
    const look = lab.sink.look.bind(lab.sink);
    const sink = sinkWith(lab.sink, {
      look: async (own, groups, targets, asked = targets) => {
        wanted.push(asked.length);
        return look(own, groups, targets);
      },
    });
    let [busy, handed] = [true, 0];
    const leave = new Pulse(sink, Date.now).enter({
      targets: () => [t],
      busy: () => busy,
      member: () => null,
      evict: async () => undefined,
      mark: () => 0,
      positions: () => void handed++,
      paused: () => undefined,
    });
    // With a backlog there is always a flush in flight, and the position of another partition may be set.
    await until(() => handed > 0);
    expect(wanted.slice(0, 10)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    busy = false;
    const before = wanted.length;
    await until(() => wanted.length > before + 2);
    expect(wanted.slice(before + 1)).toEqual(wanted.slice(before + 1).map(() => 1));
    await leave();
  });

  it('stops waiting after a timeout, and reports what it waited for', async () => {
    const t = lab.target({ id: 'integer' });
    const { loader, client } = lab.loader(t, { timeoutMs: 300 });
    client.topics = async () => {
      throw new TsdbtError('connection', 'no broker answers at 127.0.0.1:1');
    };
    await expect(loader.run()).rejects.toThrow(
      /gave up after 0 s without progress: no broker answers at 127\.0\.0\.1:1/,
    );
    const hangs = lab.loader(t, { timeoutMs: 300 });
    hangs.client.ends = () => new Promise(() => undefined);
    await expect(hangs.loader.run()).rejects.toThrow(/neither the broker nor the database answers/);
    lab.broker.produce('t', 0, { id: 1 });
    // A table that is locked is no database that is away.
    await lab.sink.prepare(t);
    await lab.sink.startAt(t, null, new Map([[0, 0n]]));
    const session = lab.adapter.session({ name: 'lock' });
    await session.begin();
    await session.execute(`lock table raw.${t.identifier} in exclusive mode`);
    const patient = lab.loader(t, { timeoutMs: 200 }).loader.run();
    await pause(1200);
    await session.commit();
    await session.release();
    expect(await patient).toEqual({ rows: 1, dead: 0, stopped: [] });
    lab.broker.produce('t', 0, { id: 2 });
    const idle = lab.loader(t, { timeoutMs: 300 });
    idle.client.poll = async () => {
      await pause(10);
      return { batches: [], failures: [], waiting: null };
    };
    await expect(idle.loader.run()).rejects.toThrow('t/0 is at 1 of 2');
  });

  it.each([
    ['the broker', { rows: 1 }],
    ['the database', { rows: 0, unfinished: true }],
    ['the database, which has the rows already,', { rows: 1 }],
  ] as const)('ends without an error when it is stopped while %s is unavailable', async (which, ended) => {
    const full = which.endsWith(',');
    const t = lab.target(
      { id: 'integer' },
      { flush: { rows: full ? 1 : 1000, bytes: 1e6, ageMs: which === 'the database' ? 1 : 60_000 } },
    );
    lab.broker.produce('t', 0, { id: 1 });
    const away = (): Promise<never> => Promise.reject(new TsdbtError('connection', 'it is away'));
    const methods = full ? { rest: away } : which === 'the database' ? { flush: away } : {};
    const stop = new AbortController();
    const notify = ({ kind }: LoadEvent): void => {
      if (kind === 'waiting') stop.abort();
    };
    const sink = sinkWith(lab.sink, methods);
    const { loader, client } = lab.loader(t, { sink, once: false, signal: stop.signal, notify });
    const poll = client.poll.bind(client);
    let polls = 0;
    client.poll = () => (which === 'the broker' && polls++ > 0 ? away() : poll());
    expect(await loader.run()).toEqual({ dead: 0, stopped: [], ...ended });
    expect(await lab.ids(t)).toEqual(ended.rows === 1 ? [1] : []);
  });

  it('loads other partitions if one has no leader from the start, and names it at the timeout', async () => {
    const t = lab.target({ id: 'integer' }, { flush: { rows: 1000, bytes: 1e6, ageMs: 1 } }, 2);
    lab.broker.leaderless.add('t/1');
    for (const id of [1, 2]) lab.broker.produce('t', id - 1, { id });
    const given = lab.loader(t, { timeoutMs: 1000 });
    await expect(given.loader.run()).rejects.toThrow(
      'Loading raw.t gave up after 1 s without progress: t/1 has no leader'.replace('raw.t', t.name),
    );
    expect(await lab.ids(t)).toEqual([1]);
    // It ends where the partition is when it has a leader again.
    const { loader, client } = lab.loader(t);
    let polls = 0;
    const poll = client.poll.bind(client);
    client.poll = async () => {
      if (++polls === 5) lab.broker.leaderless.clear();
      return poll();
    };
    expect(await loader.run()).toEqual({ rows: 1, dead: 0, stopped: [] });
    expect(await lab.ids(t)).toEqual([1, 2]);
  });
});

describe('the load command', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'connections.yml': 'connections: { default: { brokers: ["127.0.0.1:1"] } }\n',
      'models/sources.yml':
        'sources: [{ name: raw, tables: [{ name: t, config: { meta: { tsdbt: { load: { topic: t } } } }, ' +
        'columns: [{ name: id, data_type: bigint }] }] }]\n',
    });
  });
  afterAll(async () => project?.close());

  it('ends on SIGTERM while its table is locked, and loses nothing', async () => {
    writeFileSync(join(project.dir, 'a.ndjson'), '{"id": 1}\n');
    expect((await project.run(['load', '--from', 'a.ndjson'])).code).toBe(0);
    writeFileSync(join(project.dir, 'a.ndjson'), '{"id": 1}\n{"id": 2}\n');
    await project.client.query('begin; lock table raw.t');
    const running = project.start(['load', '--from', 'a.ndjson']);
    const waits = "select exists (select from pg_locks where not granted and relation = 'raw.t'::regclass)";
    await project.until(waits);
    running.child.kill('SIGTERM');
    // The lock is held until it has ended.
    const { code, out } = await running.ended;
    expect([code, out]).toEqual([
      0,
      expect.stringContaining(
        'raw.t: stopped before the database took what had been read; the next load reads it again',
      ),
    ]);
    await project.client.query('rollback');
    expect((await project.run(['load', '--from', 'a.ndjson'])).out).toContain('raw.t: 1 row loaded');
    expect(await project.rows('select id, _offset from raw.t order by 1')).toEqual([
      ['1', '0'],
      ['2', '1'],
    ]);
  });

  it('with `--once` and no broker or database ends with one error after --timeout', async () => {
    const { code, out } = await project.start(['load', '--once', '--timeout', '2s']).ended;
    expect([code, out]).toEqual([
      2,
      expect.stringMatching(/Loading raw\.t gave up after 2 s without progress: no broker answers at 127\.0\.0\.1:1/),
    ]);
    expect(out.match(/gave up/g)).toHaveLength(1);
    const profiles = project.read('profiles.yml');
    project.write({ 'profiles.yml': profiles.replace(/port: \d+/, 'port: 1') });
    const away = await project.start(['load', '--from', 'a.ndjson', '--timeout', '2s']).ended;
    project.write({ 'profiles.yml': profiles });
    expect([away.code, away.out]).toEqual([
      2,
      expect.stringMatching(/Loading raw\.t gave up after 2 s without progress: .*port 1/s),
    ]);
    expect((await project.run(['load', '--once', '--timeout', 'soon'])).out).toContain(
      "Invalid value for '--timeout': 'soon' is no duration such as 30s, 5m or 1h.",
    );
  });

  it('rejects two sources that would load one topic into one table, and reports the status of files', async () => {
    const status = await project.start(['load', 'status']).ended;
    expect([status.code, status.out]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          String.raw`raw\.t {2}file:a\.ndjson/0 {2}next 2 {2}end 2 {2}lag 0 rows.*\n.*raw\.t {2}failed: Loading ` +
            String.raw`raw\.t gave up after 2 s without progress: no broker answers`,
        ),
      ),
    ]);
    const sources = project.read('models/sources.yml');
    project.write({
      'models/sources.yml': sources.replace(
        'columns: [{ name: id, data_type: bigint }] }',
        'columns: [{ name: id, data_type: bigint }] }, { name: twin, identifier: t, config: { meta: { tsdbt: { ' +
          'load: { topic: t } } } }, columns: [{ name: id, data_type: bigint }] }',
      ),
    });
    const refused = await project.run(['load', '--once']);
    expect([refused.code, refused.out]).toEqual([
      2,
      expect.stringMatching(/Sources raw\.(t|twin) and raw\.(t|twin) both load topic t into raw\.t\./),
    ]);
    const twins = project.read('models/sources.yml');
    project.write({ 'models/sources.yml': twins.replace(/(twin.*topic: )t /, '$1other ') });
    const two = await project.run(['load', 'check']);
    expect([two.code, two.out]).toEqual([
      2,
      expect.stringMatching(/Sources raw\.(t|twin) and raw\.(t|twin) both load into raw\.t\./),
    ]);
    const alone = await project.run(['load', '--once', '--select', 'source:raw.twin']);
    expect([alone.code, alone.out]).toEqual([
      2,
      expect.stringContaining('Sources raw.t and raw.twin both load into raw.t.'),
    ]);
    // An archive writes nothing into the table.
    const archive = '{ table: false, connection: lake, path: raw }';
    project.write({ 'models/sources.yml': twins.replace(/(twin.*topic: t) /, `$1, archive: ${archive} `) });
    const beside = await project.run(['load', '--from', 'a.ndjson', '--select', 'source:raw.t']);
    expect(beside.code, beside.out).toBe(0);
    project.write({
      'models/sources.yml': sources
        .replaceAll('name: raw', 'name: input, schema: raw')
        .replace('name: t, config', 'name: tt, identifier: t, config'),
    });
    const again = await project.run(['load', '--from', 'a.ndjson']);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('input.tt: 0 rows loaded')]);
  });
});
