// Tests the loader with a broker in memory and a real Postgres: every row is written once, whatever happens.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { TsdbtError } from '../../../src/errors.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { LoaderOptions, LoadSummary } from '../../../src/loader/loader.ts';
import { PostgresSink } from '../../../src/loader/postgres/sink.ts';
import { Sealer } from '../../../src/loader/seal.ts';
import type { Flush, Flushed } from '../../../src/loader/sink.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS } from '../adapters/servers.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { loaderOn, type MadeLoader, upTo } from './load-lab.ts';
import { MemoryBroker } from './memory-broker.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 4, 20, 12);

describe.each(SERVERS)('a load into $name', (server) => {
  let credentials: Credentials;
  let close: () => Promise<void>;
  let adapter: PostgresAdapter;
  let sink: PostgresSink;
  let broker: MemoryBroker;
  let table = 0;

  beforeAll(async () => {
    ({ credentials, close } = await server.open());
    adapter = new PostgresAdapter({ credentials, threads: 4, quoting: {} });
    sink = new PostgresSink(adapter, new Sealer('key'), () => NOW);
  });
  afterAll(async () => {
    await adapter.close();
    await close();
  });
  beforeEach(() => {
    broker = new MemoryBroker();
    broker.create('t', 2);
    table++;
  });

  const target = (more: Partial<LoadTarget> = {}): LoadTarget =>
    loadTargetOf(`t${table}`, {
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'v', type: 'text' },
        { name: 'processing_ts', type: 'timestamptz' },
      ],
      ...more,
    });
  const make = (t: LoadTarget, more: Partial<LoaderOptions> = {}): MadeLoader => loaderOn(broker, sink, t, more);
  const load = async (t: LoadTarget, more: Partial<LoaderOptions> = {}): Promise<LoadSummary> =>
    make(t, more).loader.run();
  const rows = async (sql: string): Promise<unknown[][]> => {
    const session = adapter.session({ name: 'test' });
    try {
      await session.begin();
      const { table: answer } = await session.execute(sql, { fetch: true });
      await session.commit();
      return answer.rows.map((row) => [...row.values]);
    } finally {
      await session.release();
    }
  };
  const ids = async (t: LoadTarget): Promise<number[]> =>
    (await rows(`select id from raw.${t.identifier} order by id`)).map(([id]) => Number(id));

  it('writes every message once over any number of runs', async () => {
    const t = target();
    for (let i = 0; i < 230; i++) broker.produce('t', i % 2, { id: i, v: `a\tb\\n${i}`, more: { x: 1 } });
    expect(await load(t)).toEqual({ rows: 230, dead: 0, stopped: [] });
    for (let i = 230; i < 260; i++) broker.produce('t', i % 2, { id: i });
    expect((await load(t)).rows).toBe(30);
    expect((await load(t)).rows).toBe(0);
    expect(await ids(t)).toEqual(upTo(260));
    expect(
      await rows(
        'select v, _rest::text, _topic, _partition, _offset, _kafka_ts = to_timestamp(1700000000.001), ' +
          `_deleted, _load_id, _loaded_at is not null, processing_ts is not null from raw.${t.identifier} where ` +
          'id = 3',
      ),
    ).toEqual([['a\tb\\n3', '{"more": {"x": 1}}', 't', 1, 1, true, false, 'load-1', true, true]]);
    expect(
      await rows(
        `select partition, next_offset, loaded_rows from tsdbt.load_offsets where target = '${t.uniqueId}' order by 1`,
      ),
    ).toEqual([
      [0, 130, 130],
      [1, 130, 130],
    ]);
  });

  it('keeps numbers that JavaScript cannot represent', async () => {
    const t = target({
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'n', type: 'numeric' },
      ],
    });
    broker.produce('t', 0, null, {
      raw: Buffer.from('{"id": 9007199254740993, "n": 0.12345678901234567890, "deep": [18446744073709551616]}'),
    });
    await load(t);
    expect(await rows(`select id::text, n::text, _rest::text from raw.${t.identifier}`)).toEqual([
      ['9007199254740993', '0.12345678901234567890', '{"deep": [18446744073709551616]}'],
    ]);
  });

  it('skips offsets without a message', async () => {
    const t = target();
    broker.skip('t', 0);
    broker.produce('t', 0, { id: 0 });
    broker.skip('t', 0);
    broker.skip('t', 0);
    expect((await load(t)).rows).toBe(1);
    expect(
      await rows(`select next_offset from tsdbt.load_offsets where target = '${t.uniqueId}' and partition = 0`),
    ).toEqual([[4]]);
  });

  it('keeps the last offset of a key, and an older one never overwrites a newer one', async () => {
    const t = target({ mode: 'upsert', key: ['id'] });
    for (let i = 0; i < 100; i++) broker.produce('t', 0, { id: i % 7, v: `v${i}` });
    await load(t);
    expect(await rows(`select id, v, _offset from raw.${t.identifier} order by 1`)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((id) => {
        const last = 98 + (id < 2 ? id : id - 7);
        return [id, `v${last}`, last];
      }),
    );
    // The same messages again, as a rewind brings them.
    await sink.rewind(t, null, new Map([[0, 0n]]), new Map());
    broker.produce('t', 0, { id: 0, v: 'newest' });
    await load(t, { loadId: 'load-2' });
    expect(await rows(`select id, v, _offset, _load_id from raw.${t.identifier} where id < 2 order by 1`)).toEqual([
      [0, 'newest', 100, 'load-2'],
      [1, 'v99', 99, 'load-1'],
    ]);
  });

  it('deletes softly on a tombstone', async () => {
    const t = target({ mode: 'upsert', key: ['id'] });
    broker.produce('t', 0, { id: 1, v: 'a', more: 1 }, { key: '1' });
    broker.produce('t', 0, { id: 2, v: 'b' }, { key: '2' });
    await load(t);
    broker.produce('t', 0, null, { key: '1', raw: null });
    broker.produce('t', 0, null, { key: null, raw: null });
    expect(await load(t)).toEqual({ rows: 1, dead: 1, stopped: [] });
    expect(await rows(`select id, v, _deleted, _offset, _rest::text from raw.${t.identifier} order by 1`)).toEqual([
      [1, 'a', true, 2, '{"more": 1}'],
      [2, 'b', false, 1, null],
    ]);
  });

  it('makes dead letters exactly of the messages that cannot become rows', async () => {
    const t = target({
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'v', type: 'text' },
        { name: 'at', type: 'timestamp' },
      ],
    });
    const bad: Record<number, Buffer> = {
      3: Buffer.from('{"id": 3'),
      10: Buffer.from('[1]'),
      20: Buffer.from([0xff, 0xfe]),
      30: Buffer.from('{"id": 30, "v": "a\\u0000b"}'),
      40: Buffer.from('{"id": "forty"}'),
      49: Buffer.from('{"id": 99999999999}'),
      50: Buffer.from('{"id": 50, "at": "no time"}'),
      51: Buffer.from('{"id": 51, "at": "2026-02-30"}'),
      60: Buffer.from('{"id": 60, "x": {"y": "\\u0000"}}'),
    };
    for (let i = 0; i < 100; i++)
      broker.produce('t', 0, { id: i }, { key: `k${i}`, ...(bad[i] === undefined ? {} : { raw: bad[i] }) });
    expect(await load(t)).toEqual({ rows: 91, dead: 9, stopped: [] });
    expect(await ids(t)).toEqual(upTo(100).filter((i) => bad[i] === undefined));
    const letters = await rows(
      "select \"offset\", encode(value, 'hex'), encode(key, 'escape'), headers::text, error from " +
        `tsdbt.dead_letters where target = '${t.uniqueId}' order by 1`,
    );
    expect(letters.map(([offset, value, key]) => [Number(offset), value, key])).toEqual(
      Object.entries(bad).map(([i, bytes]) => [Number(i), bytes.toString('hex'), `k${i}`]),
    );
    expect(letters[0]![3]).toBe('[["h", "MQ=="]]');
    expect(letters.map(([, , , , error]) => String(error).split('\n')[0])).toEqual([
      expect.stringContaining('not JSON'),
      'not a JSON object',
      'not UTF-8',
      expect.stringContaining('\\u0000'),
      expect.stringContaining('invalid input syntax for type integer'),
      expect.stringContaining('out of range for type integer'),
      expect.stringContaining('invalid input syntax for type timestamp'),
      expect.stringContaining('date/time field value out of range'),
      expect.stringContaining('\\u0000'),
    ]);
    expect(
      await rows(
        `select loaded_rows, dead_rows from tsdbt.load_offsets where target = '${t.uniqueId}' and partition = 0`,
      ),
    ).toEqual([[91, 9]]);
  });

  it('finds rows that only a constraint or a trigger rejects', async () => {
    const t = target({ mode: 'upsert', key: ['id'] });
    await sink.prepare(t);
    await rows(`alter table raw.${t.identifier} add constraint no_x check (v <> 'x')`);
    for (let i = 0; i < 60; i++) broker.produce('t', 0, { id: i, v: i % 13 === 5 ? 'x' : 'ok' });
    expect(await load(t)).toEqual({ rows: 55, dead: 5, stopped: [] });
    expect(await ids(t)).toEqual(upTo(60).filter((i) => i % 13 !== 5));
  });

  it('shares the partitions between two loaders, and one that was taken for dead does no harm', async () => {
    const t = target();
    for (let i = 0; i < 100; i++) broker.produce('t', i % 2, { id: i });
    const stop = new AbortController();
    const first = make(t, { once: false, signal: stop.signal });
    const second = make(t, { once: false, signal: stop.signal, loadId: 'load-2' });
    const running = [first.loader.run(), second.loader.run()];
    const has = ({ events }: typeof first): boolean =>
      events.some((event) => event.kind === 'assigned' && event.partitions.length > 0);
    while (!has(first) || !has(second))
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    for (let i = 100; i < 400; i++) {
      broker.produce('t', i % 2, { id: i });
      if (i % 50 === 0)
        await new Promise((resolve) => {
          setTimeout(resolve, 15);
        });
    }
    await expect.poll(async () => (await ids(t)).length, FOR_EVENTS).toBeGreaterThanOrEqual(400);
    stop.abort();
    await Promise.all(running);
    expect(await ids(t)).toEqual(upTo(400));
    expect(new Set((await rows(`select distinct _load_id from raw.${t.identifier}`)).flat())).toEqual(
      new Set(['load-1', 'load-2']),
    );
  });

  it('discards the rows of a loader whose position was moved by another, and continues from the table', async () => {
    const t = target({ flush: { rows: 1000, bytes: 1e6, ageMs: 60_000 } });
    for (let i = 0; i < 10; i++) broker.produce('t', 0, { id: i });
    let meddled = false;
    const zombie = new (class extends PostgresSink {
      override async flush(flush: Flush): Promise<Flushed> {
        if (!meddled) {
          meddled = true;
          await super.flush({ ...flush, loadId: 'other' });
          broker.produce('t', 0, { id: 10 });
        }
        return super.flush(flush);
      }
    })(adapter, new Sealer('key'), () => NOW);
    const { loader, events } = make(t, { sink: zombie, once: true });
    await loader.run();
    await load(t);
    expect(events.some(({ kind }) => kind === 'fenced')).toBe(true);
    expect(await ids(t)).toEqual(upTo(11));
  });

  it('waits for an unavailable database, and does not repeat a commit whose answer is lost', async () => {
    const t = target();
    for (let i = 0; i < 120; i++) broker.produce('t', 0, { id: i });
    let calls = 0;
    const shaky = new (class extends PostgresSink {
      override async flush(flush: Flush): Promise<Flushed> {
        calls++;
        if (calls % 3 === 1) await killBackends();
        const flushed = await super.flush(flush);
        if (calls % 3 === 2) throw new TsdbtError('database', 'server closed the connection unexpectedly');
        return flushed;
      }
    })(adapter, new Sealer('key'), () => NOW);
    const killBackends = async (): Promise<void> => {
      await rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> ' +
          "pg_backend_pid() and backend_type = 'client backend'",
      );
    };
    const { loader, events } = make(t, { sink: shaky });
    await loader.run();
    expect(await ids(t)).toEqual(upTo(120));
    expect(events.filter(({ kind }) => kind === 'waiting').length).toBeGreaterThan(0);
    expect(events.filter(({ kind }) => kind === 'fenced').length).toBeGreaterThan(0);
  });

  it('stops a partition whose messages are gone, loads the others, and continues as configured', async () => {
    const t = target();
    broker.produce('t', 0, { id: 0 });
    broker.produce('t', 1, { id: 1 });
    await load(t);
    for (let i = 2; i < 10; i++) broker.produce('t', i % 2, { id: i });
    broker.expire('t', 0, 3n);
    const { loader, events } = make(t);
    const summary = await loader.run();
    expect(summary.stopped).toEqual([
      expect.stringMatching(/t\/0: offset 1 is out of range.*rewind --select source:raw/),
    ]);
    expect(events.filter(({ kind }) => kind === 'stopped')).toHaveLength(1);
    expect(await ids(t)).toEqual([0, 1, 3, 5, 7, 9]);
    expect((await load({ ...t, onGap: 'earliest' })).stopped).toEqual([]);
    expect(await ids(t)).toEqual([0, 1, 3, 5, 6, 7, 8, 9]);
  });

  it('rejects a topic that was created again under the same name', async () => {
    const t = target();
    broker.produce('t', 0, { id: 0 });
    await load(t);
    broker.create('t', 2);
    broker.produce('t', 0, { id: 1 });
    await expect(load(t)).rejects.toThrow(/deleted and made again/);
    await load({ ...t, onGap: 'earliest' });
    expect(await ids(t)).toEqual([0, 1]);
  });

  it('keeps a field with an empty or reserved name in the rest', async () => {
    const t = target({ schemaDrift: 'add_column' });
    const own = { _deleted: true, _offset: 'x', _rest: { a: 1 }, '': 1 };
    for (let id = 0; id < 5; id++) broker.produce('t', 0, { id, ...own });
    const { loader, events } = make(t);
    expect(await loader.run()).toMatchObject({ rows: 5, dead: 0 });
    expect(events.filter(({ kind }) => kind === 'column')).toEqual([]);
    expect(
      await rows(`select _deleted, _offset, _rest = '${JSON.stringify(own)}' from raw.${t.identifier} where id = 4`),
    ).toEqual([[false, 4, true]]);
  });

  it('keeps new fields in the rest, adds columns, rejects them, or makes dead letters', async () => {
    const t = target({ schemaDrift: 'add_column', rest: null });
    broker.produce('t', 0, { id: 0, v: 'a' });
    broker.produce('t', 0, { id: 1, n: 1.5, s: 'x', o: { a: 1 }, b: true, nothing: null });
    broker.produce('t', 0, { id: 2, n: 12345678901234 });
    await load(t);
    expect(await rows(`select id, n::text, s, o::text, b from raw.${t.identifier} order by 1`)).toEqual([
      [0, null, null, null, null],
      [1, '1.5', 'x', '{"a": 1}', true],
      [2, '12345678901234', null, null, null],
    ]);
    broker.produce('t', 0, { id: 3, later: 1 });
    expect(await load({ ...t, schemaDrift: 'dead_letter' })).toEqual({ rows: 0, dead: 1, stopped: [] });
    broker.produce('t', 0, { id: 4, later: 1 });
    await expect(load({ ...t, schemaDrift: 'fail' })).rejects.toThrow(/'later'/);
    expect((await load(t)).rows).toBe(1);
  });

  it('adds declared columns, widens them, and rejects any other change', async () => {
    const t = target({ columns: [{ name: 'id', type: 'integer' }] });
    await sink.prepare(t);
    await sink.prepare({
      ...t,
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'v', type: 'varchar(10)' },
      ],
    });
    expect(
      await rows(
        'select format_type(atttypid, atttypmod) from pg_attribute where attrelid = ' +
          `'raw.${t.identifier}'::regclass and attname in ('id', 'v') order by attname`,
      ),
    ).toEqual([['bigint'], ['character varying(10)']]);
    await expect(sink.prepare({ ...t, columns: [{ name: 'id', type: 'text' }] })).rejects.toThrow(
      /column 'id' is declared as text, and raw\.t\d+ has bigint/,
    );
  });

  it('accepts its own table again, however the server writes a type', async () => {
    const types = [
      'interval second(0)',
      'interval day to second(3)',
      'interval(2)',
      'interval year',
      'bpchar',
      'bit(3)',
    ];
    types.push(
      'time(0) with time zone',
      'timestamp(3)[]',
      'numeric(9, 2)[]',
      'char(2)',
      '"char"',
      'dec(4)',
      'float(3)',
    );
    const t = target({ columns: types.map((type, place) => ({ name: `c${place}`, type })) });
    for (let time = 0; time < 2; time++) {
      broker.produce('t', 0, { c0: '00:00:05' });
      expect(await load(t)).toEqual({ rows: 1, dead: 0, stopped: [] });
    }
    await expect(sink.prepare({ ...t, columns: [{ name: 'c0', type: 'time' }] })).rejects.toThrow(
      /column 'c0' is declared as time, and raw\.t\d+ has interval second\(0\)/,
    );
  });

  it('tries a field whose name cannot be that of a column once', async () => {
    const t = target({ schemaDrift: 'add_column', rest: null });
    for (let id = 0; id < 4; id++) broker.produce('t', 0, { id, ctid: 1 });
    for (let id = 4; id < 8; id++) broker.produce('t', 0, { id, xmin: 1, more: 2 });
    broker.produce('t', 0, { id: 8, ctid: 1, more: 2 });
    broker.produce('t', 0, { id: 9, more: 2 });
    const adds = vi.spyOn(sink, 'addColumns');
    expect(await load(t)).toEqual({ rows: 1, dead: 9, stopped: [] });
    expect(adds).toHaveBeenCalledTimes(3);
    adds.mockRestore();
    expect(await rows(`select id, more::text from raw.${t.identifier}`)).toEqual([[9, '2']]);
  });

  it('widens a column that views read, and keeps the views, grants and comments', async () => {
    const t = target({ columns: [{ name: 'id', type: 'integer' }] });
    broker.produce('t', 0, { id: 1 });
    await load(t);
    const view = `raw.${t.identifier}_v`;
    await rows(
      `create view ${view} as select id from raw.${t.identifier}; comment on view ${view} is 'kept'; ` +
        `grant select on ${view} to public; create view ${view}2 as select id + 1 as next from ${view}; ` +
        `create materialized view ${view}3 as select count(*) as n from ${view}2; select 1`,
    );
    broker.produce('t', 0, { id: 5_000_000_000 });
    const wider = { ...t, columns: [{ name: 'id', type: 'bigint' }] };
    expect(await sink.notes(wider)).toEqual([
      `the next load changes 'id' to bigint, and recreates ${view}, ${view}2, ${view}3 in the same transaction`,
    ]);
    expect((await load(wider)).rows).toBe(1);
    expect(await sink.notes(wider)).toEqual([]);
    expect(
      await rows(
        `select next::text, obj_description('${view}'::regclass), has_table_privilege('public', '${view}', 'select') ` +
          `from ${view}2 order by 1`,
      ),
    ).toEqual([
      ['2', 'kept', true],
      ['5000000001', 'kept', true],
    ]);
    expect(await rows(`select n from ${view}3`)).toEqual([[1]]);
  });

  it('keeps the collation of a column that it widens', async () => {
    const t = target({ columns: [{ name: 'name', type: 'varchar' }] });
    await rows(
      `create schema if not exists raw; create table raw.${t.identifier} (name varchar(5) collate "C"); select 1`,
    );
    await load({ ...t, columns: [{ name: 'name', type: 'text' }] });
    expect(
      await rows(
        `select format_type(atttypid, atttypmod), attcollation::regcollation::text from pg_attribute ` +
          `where attrelid = 'raw.${t.identifier}'::regclass and attname = 'name'`,
      ),
    ).toEqual([['text', '"C"']]);
  });

  it(
    'creates partitions by day ahead of time, drops expired ones, and keeps later rows in the default ' + 'partition',
    async () => {
      const t = target({
        columns: [
          { name: 'id', type: 'bigint' },
          { name: 'at', type: 'timestamptz' },
        ],
        mode: 'upsert',
        key: ['id', 'at'],
        partitionBy: { column: 'at', every: 'day' },
        retentionDays: 10,
      });
      const at = (days: number): string => new Date(NOW + days * DAY).toISOString();
      for (const [id, days] of [-9, -1, 0, 1, -400, 4000].entries()) broker.produce('t', 0, { id, at: at(days) });
      broker.produce('t', 0, { id: 9, at: 'never' });
      expect(await load(t)).toEqual({ rows: 6, dead: 1, stopped: [] });
      const parts = async (): Promise<unknown[]> =>
        (
          await rows(
            'select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where inhparent = ' +
              `'raw.${t.identifier}'::regclass order by 1`,
          )
        ).flat();
      const p = (day: string): string => `${t.identifier}_p202605${day}`;
      expect(await parts()).toEqual([`${t.identifier}_default`, p('11'), p('19'), p('20'), p('21'), p('22'), p('23')]);
      expect((await rows(`select id from raw.${t.identifier}_default order by 1`)).flat().map(Number)).toEqual([4, 5]);
      const later = new PostgresSink(adapter, new Sealer('key'), () => NOW + 5 * DAY);
      expect(await later.maintain(t)).toEqual([p('11'), `1 rows of ${t.identifier}_default`]);
      // A day whose rows the default partition already has.
      const far = new PostgresSink(adapter, new Sealer('key'), () => NOW + 4000 * DAY);
      await far.maintain({ ...t, retentionDays: null });
      expect((await rows(`select id from raw.${t.identifier}_default order by 1`)).flat().map(Number)).toEqual([]);
      expect(await ids(t)).toEqual([1, 2, 3, 5]);
    },
  );

  it("drops no partition if the loader's clock is years ahead of the database", async () => {
    const t = target({
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'at', type: 'timestamptz' },
      ],
      partitionBy: { column: 'at', every: 'day' },
      retentionDays: 10,
    });
    const sink = (now: () => number) => new PostgresSink(adapter, new Sealer('key'), now);
    await sink(Date.now).prepare(t);
    await sink(Date.now).maintain(t);
    await rows(`insert into raw.${t.identifier} (id, at, ${'_topic'}) values (1, now(), 't') returning id`);
    expect(await sink(() => Date.now() + 2000 * DAY).maintain(t)).toEqual([]);
    expect(await ids(t)).toEqual([1]);
  });

  it('stores personal data hashed or not at all, even in dead letters', async () => {
    const t = target({
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'ip', type: 'text' },
      ],
      hash: ['ip'],
      drop: ['mail'],
    });
    broker.produce('t', 0, { id: 1, ip: '10.1.2.3', mail: 'a@b.c', other: 1 });
    const bytes = Buffer.from('{"id": "10.1.2.3", "ip": "10.1.2.3", "mail": "a@b.c"}');
    broker.produce('t', 0, null, { raw: bytes });
    expect(await load(t)).toEqual({ rows: 1, dead: 1, stopped: [] });
    expect(await rows(`select ip, _rest::text from raw.${t.identifier}`)).toEqual([
      [createHmac('sha256', 'key').update('10.1.2.3').digest('hex'), '{"other": 1}'],
    ]);
    const [[dump, value, sealed] = ['', '', false]] = (await rows(
      `select d::text, encode(value, 'hex'), sealed from tsdbt.dead_letters d where target = '${t.uniqueId}'`,
    )) as [string, string, boolean][];
    expect(sealed).toBe(true);
    expect(dump).not.toMatch(/10\.1\.2\.3|a@b\.c/);
    expect(Buffer.from(new Sealer('key').open(Buffer.from(value, 'hex'))).equals(bytes)).toBe(true);
    expect(() => new Sealer('another').open(Buffer.from(value, 'hex'))).toThrow(/another key/);
  });
});
