// `load` with `replicate`, as a command: snapshot and changes of another Postgres, into Postgres.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject, pause } from '../../faults/project.ts';
import { SlowPostgres } from '../../faults/slow-postgres.ts';
import type { Running } from '../../support/program.ts';
import { quietPort } from '../../support/quiet-port.ts';
import { SourceServer } from './source-server.ts';

describe('a replicated table', () => {
  let source: SourceServer;
  let project: FaultProject;
  beforeAll(async () => {
    source = await SourceServer.open();
    project = await FaultProject.open({});
    project.env = source.env;
    project.write({ 'connections.yml': `app_db: ${source.connection}\n` });
    declare('orders', ['id bigint', 'total numeric', 'note text', 'at timestamptz']);
  });
  afterAll(async () => {
    await project.close();
    await source.close();
  });

  /** Declares one table of the source as the only one. */
  function declare(table: string, columns: readonly string[], more = ''): void {
    const declared = columns.map((column) => {
      const [name, ...type] = column.split(' ');
      return `          - { name: ${name}, data_type: "${type.join(' ')}" }\n`;
    });
    project.write({
      'models/sources.yml': `sources:
  - name: app
    config: { meta: { tsdbt: { load: { connection: app_db, flush: { age: 100ms } } } } }
    tables:
      - name: ${table}
        config: { meta: { tsdbt: { load: { replicate: ${table}, key: [id], deletes: hard${more} } } } }
        columns:
${declared.join('')}`,
    });
  }

  /** Resolves when the command has printed something. */
  function printed({ child }: Running, what: RegExp): Promise<void> {
    let out = '';
    return new Promise((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        out += chunk;
        if (what.test(out)) resolve();
      });
    });
  }

  /** Loads to the end; returns what went wrong. */
  const loadOnce = async (): Promise<string> => {
    const { code, out } = await project.run(['load', '--once']);
    return code === 0 ? '' : out;
  };
  const load = async (): Promise<void> => expect(await loadOnce()).toBe('');
  const rows = async (sql: string): Promise<unknown[][]> =>
    (await project.client.query({ text: sql, rowMode: 'array' })).rows;
  const expectEqual = async (table = 'orders', columns = 'id, total, note, at'): Promise<void> => {
    const sql = (place: string): string => `select ${columns} from ${place}.${table} order by id`;
    expect(await rows(sql('app'))).toEqual(await source.query(sql('public')));
    expect(await rows('select error from tsdbt.dead_letters where replayed_at is null')).toEqual([]);
  };

  it('gets the rows of the source, and then its changes', async () => {
    await source.query(
      'create table orders (id bigint primary key, total numeric, note text, at timestamptz)',
      "insert into orders select i, i / 3.0, 'a' || chr(9) || i || chr(10) || '\\', now() from " +
        'generate_series(1, 1000) as i',
    );
    await load();
    await expectEqual();
    await source.query(
      'update orders set total = -total where id % 3 = 0',
      'delete from orders where id % 7 = 0',
      'update orders set id = id + 5000 where id % 11 = 0',
      "insert into orders values (20000, 'NaN', 'quote \" and \\ tab \t', 'infinity'), (20001, null, null, null)",
      'begin',
      "insert into orders values (30000, 1, 'x', now())",
      "update orders set note = 'y' where id = 30000",
      'delete from orders where id = 30000',
      'commit',
    );
    await load();
    await expectEqual();
    await load();
    await expectEqual();
    // The log has fewer bytes after this transaction than it has changes.
    await source.query('insert into orders select 40000 + i, i from generate_series(1, 6000) as i');
    await load();
    await source.query('begin', 'update orders set total = 1', 'delete from orders where id % 2 = 0', 'commit');
    await load();
    await expectEqual();
  });

  it('gets the rows of a table that is rewritten between its snapshot and its first row', async () => {
    const { host, port } = source.credentials;
    const slow = await SlowPostgres.open(`${host}`, Number(port));
    let rewritten = 0;
    // The server answers after it has made the slot.
    slow.hold = (sql) =>
      sql.startsWith('CREATE_REPLICATION_SLOT') && rewritten++ === 0
        ? pause(1000).then(() => source.query("alter table moved alter column note type text using note || '!'"))
        : undefined;
    await source.query(
      'create table moved (id bigint primary key, total numeric, note text, at timestamptz)',
      "insert into moved select i, i, 'a', now() from generate_series(1, 100) as i",
    );
    project.write({
      'connections.yml': `app_db: ${source.connection.replace(`port: ${port}`, `port: ${slow.port}`)}\n`,
    });
    declare('moved', ['id bigint', 'total numeric', 'note text', 'at timestamptz']);
    await load();
    expect(rewritten).toBeGreaterThan(0);
    expect(await rows('select count(*)::int from app.moved')).toEqual([[100]]);
    await expectEqual('moved');
    await slow.close();
    await source.query("select pg_drop_replication_slot('tsdbt_app_moved')");
    project.write({ 'connections.yml': `app_db: ${source.connection}\n` });
    declare('orders', ['id bigint', 'total numeric', 'note text', 'at timestamptz']);
  });

  it('keeps values of every type, also large unchanged ones', async () => {
    const types = {
      id: 'bigint',
      n: 'numeric',
      f: 'double precision',
      b: 'boolean',
      bytes: 'bytea',
      j: 'json',
      jb: 'jsonb',
      d: 'date',
      t: 'time',
      ts: 'timestamp',
      tz: 'timestamptz',
      i: 'interval',
      ints: 'integer[]',
      texts: 'text[]',
      bits: 'bit varying(16)',
      p: 'point',
      r: 'int4range',
      u: 'uuid',
      big: 'text',
    };
    await source.query(
      'create table kinds (id bigint primary key, n numeric, f float8, b boolean, bytes bytea, j json, jb ' +
        'jsonb, d date, ' +
        't time, ts timestamp, tz timestamptz, i interval, ints int[], texts text[], bits varbit(16), p point, ' +
        'r int4range, u uuid, big text)',
      'alter table kinds alter column big set storage external',
      `insert into kinds values (1, 12345678901234567890123456789012345678901234567890.10, 'NaN', true, '\\x00ff5c', ` +
        `'{"a":  1.0}', '{"a": null}', '0044-03-15 BC', '24:00', 'infinity', '2024-02-29 12:00:00.123456+02', ` +
        `'1 mon 2 days -03:04:05.6', '{{1,NULL},{3,4}}', '{"a,\\"b",NULL,"NULL",""}', '1010', '(1.5,-2)', '[1,5)', ` +
        `'9b2e6b9e-8e5a-4b58-9a3a-1f1d8c4f6f6a', repeat('x', 10000))`,
      "insert into kinds (id, f, n, d, tz) values (2, '-Infinity', 'Infinity', 'infinity', '-infinity')",
    );
    declare(
      'kinds',
      Object.entries(types).map(([name, type]) => `${name} ${type}`),
      ', truncate: apply',
    );
    const columns = Object.keys(types)
      .map((name) => `${name}::text`)
      .join(', ');
    await load();
    await expectEqual('kinds', columns);
    await source.query(
      'insert into kinds select id + 10, n, f, b, bytes, j, jb, d, t, ts, tz, i, ints, texts, bits, p, r, u, ' +
        'big from kinds',
      'update kinds set b = not b',
      "update kinds set ints = '{}', texts = null where id = 11",
    );
    await load();
    await expectEqual('kinds', columns);
    // The key is sent without the other values, unless the whole previous row is.
    await source.query('alter table kinds replica identity full', 'update kinds set id = 3 where id = 1');
    await load();
    await expectEqual('kinds', columns);
    await source.query('truncate kinds', "insert into kinds (id, big) values (7, 'after')");
    await load();
    await expectEqual('kinds', columns);
    // All changes of a transaction have the position of its commit.
    await source.query(
      'begin',
      'insert into kinds (id) values (8)',
      'truncate kinds',
      "insert into kinds (id, big) values (7, 'in the same transaction')",
      'commit',
    );
    await load();
    await expectEqual('kinds', columns);
  });

  it('says what the source lacks, with the statements that provide it', async () => {
    await source.query(
      'create table bare (id bigint, v text)',
      'create view seen as select * from bare',
      'create unlogged table fleeting (id bigint primary key)',
      'create table nothing (id bigint primary key)',
      'alter table nothing replica identity nothing',
      'create table other_key (id bigint, v text primary key)',
    );
    const expected = {
      absent: 'there is no table public.absent in database',
      bare:
        'public.bare has no primary key and no replica identity\n  As an administrator of the source: alter ' +
        'table "public"."bare" replica identity full;',
      seen: 'public.seen is not a table but a view',
      fleeting: 'public.fleeting is unlogged: no change of it is logged',
      nothing: 'public.nothing has REPLICA IDENTITY NOTHING',
      other_key: 'key columns id are not in its replica identity',
    };
    for (const [table, message] of Object.entries(expected)) {
      declare(table, ['id bigint']);
      expect(await loadOnce()).toContain(message);
    }
    declare('bare', ['id bigint']);
    const check = await project.run(['load', 'check']);
    expect(check.code).toBe(1);
    expect(check.out).toContain('public.bare has no primary key and no replica identity');
    expect(
      await source.query(
        "select slot_name from pg_replication_slots where slot_name not in ('tsdbt_app_orders', 'tsdbt_app_kinds')",
      ),
    ).toEqual([]);
  });

  it('stops if changes may be lost, and takes a new snapshot after a rewind', async () => {
    await source.query('create table parts (id bigint primary key)', 'insert into parts select generate_series(1, 5)');
    declare('parts', ['id bigint']);
    await load();
    const again = async (): Promise<void> => {
      const { code, out } = await project.run(['load', 'rewind', '--to', 'earliest']);
      expect(code, out).toBe(0);
      await load();
      await expectEqual('parts', 'id');
    };
    await source.query("select pg_drop_replication_slot('tsdbt_app_parts')", 'insert into parts values (6)');
    expect(await loadOnce()).toContain("slot 'tsdbt_app_parts' does not exist");
    expect((await project.run(['load', 'status'])).out).toContain("slot 'tsdbt_app_parts' does not exist");
    await again();
    await source.query(
      'set synchronous_commit = on',
      'insert into parts values (7)',
      "select * from pg_replication_slot_advance('tsdbt_app_parts', pg_current_wal_lsn())",
    );
    expect(await loadOnce()).toContain('another process has read from it');
    await again();
    await source.query('alter publication tsdbt_app_parts drop table parts', 'insert into parts values (8)');
    expect(await loadOnce()).toContain("publication 'tsdbt_app_parts' does not publish public.parts");
    await again();
    await source.query(
      'drop table parts',
      'create table parts (id bigint primary key)',
      'insert into parts values (9)',
    );
    expect(await loadOnce()).toContain('topic public.parts was deleted and made again');
    await rows('truncate app.parts');
    await again();
  });

  it('does not keep the log of the source for a table without changes', async () => {
    declare('parts', ['id bigint']);
    const running = project.start(['load']);
    const retained = async (): Promise<number> =>
      Number(
        (
          await source.query(
            'select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots where slot_name = ' +
              "'tsdbt_app_parts'",
          )
        )[0]?.[0],
      );
    try {
      await source.query("create table busy as select i, repeat('x', 500) as v from generate_series(1, 100000) as i");
      expect(await retained()).toBeGreaterThan(40e6);
      // The position of a quiet table moves every ten seconds, and is confirmed after the next flush.
      while ((await retained()) > 20e6) {
        await source.query("insert into busy select 0, 'y'");
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } finally {
      running.child.kill('SIGTERM');
      await running.ended;
    }
  });

  it('reports a slot that keeps more than `max_slot_lag`, and drops it only if `on_slot_lag` says so', async () => {
    await source.query('create table held (id bigint primary key)', 'insert into held values (1)');
    const slots = (): Promise<unknown[][]> =>
      source.query("select 1 from pg_replication_slots where slot_name = 'tsdbt_app_held'");
    const grow = (): Promise<unknown[][]> =>
      source.query("select pg_logical_emit_message(false, 'x', repeat('x', 400000)) from generate_series(1, 10)");
    const limited = (more = ''): void => declare('held', ['id bigint'], `, max_slot_lag: 2MiB${more}`);
    limited();
    await load();
    expect((await project.run(['load', 'pause'])).code).toBe(0);
    await grow();
    const status = await project.run(['load', 'status']);
    expect(status.code).toBe(1);
    expect(status.out).toMatch(
      /app\.held {2}slot 'tsdbt_app_held' keeps [\d.]+ MiB of the source's log, more than 2\.0 MiB \(max_slot_lag\)/,
    );
    const json = await project.run(['load', 'status', '--output', 'json']);
    expect(json.out).toMatch(
      /"slot":\{"name":"tsdbt_app_held","retained_bytes":\d+,"limit_bytes":2097152,"held_by":null\}/,
    );

    const port = await quietPort();
    const alerting = project.start(['load', '--metrics-port', String(port)]);
    try {
      await printed(alerting, /more than 2\.0 MiB \(max_slot_lag\)/);
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/tsdbt_load_slot_retained_bytes\{topic="public.held",table="app.held"\} \d{7,}/);
      expect(metrics).toContain('tsdbt_load_slot_limit_bytes{topic="public.held",table="app.held"} 2097152');
      await grow();
    } finally {
      alerting.child.kill('SIGTERM');
      await alerting.ended;
    }
    expect(await slots()).toEqual([[1]]);

    limited(', on_slot_lag: drop');
    const dropping = project.start(['load']);
    try {
      await printed(dropping, /more than 2\.0 MiB \(max_slot_lag\)/);
      await grow();
      await printed(dropping, /slot 'tsdbt_app_held' was dropped \(on_slot_lag: drop\)/);
      expect(await slots()).toEqual([]);
      expect((await project.run(['load', 'resume'])).code).toBe(0);
      await printed(dropping, /slot 'tsdbt_app_held' does not exist/);
    } finally {
      dropping.child.kill('SIGTERM');
      await dropping.ended;
    }
    expect((await project.run(['load', 'rewind', '--to', 'earliest'])).code).toBe(0);
    await load();
    await expectEqual('held', 'id');
  });

  it('adds a row for each change with `mode: append`', async () => {
    await source.query('create table log (id bigint primary key, v text)', "insert into log values (1, 'a')");
    project.write({
      'models/sources.yml': `sources:
  - name: app
    tables:
      - name: log
        config: { meta: { tsdbt: { load: { connection: app_db, replicate: log, mode: append } } } }
        columns: [{ name: id, data_type: bigint }, { name: v, data_type: text }]
`,
    });
    await load();
    await source.query("update log set v = 'b'", 'delete from log');
    await load();
    expect(await rows('select id, v, _op, _deleted from app.log order by _offset')).toEqual([
      ['1', 'a', 'r', false],
      ['1', 'b', 'u', false],
      ['1', null, 'd', true],
    ]);
  });
});
