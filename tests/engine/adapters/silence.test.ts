// Tests a server that becomes silent during a statement: a real Postgres in a network that drops packets, and a stub
// for ClickHouse.
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Adapter, ExecuteResult, Session } from '../../../src/adapters/adapter.ts';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import { RESULT_FORMAT } from '../../../src/adapters/clickhouse/result.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { HoleProxy } from '../support/hole-proxy.ts';
import { SERVERS } from './servers.ts';

/** Asked after so many seconds; an answer may take three. */
const env = { TSDBT_ASK_AFTER: '0.4' };
const ASKED = 'NO LOAD BALANCE';

async function failure(work: Promise<unknown>): Promise<TsdbtError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TsdbtError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const seconds = (text: string): string => text.replace(/for \d+ s/, 'for N s').replace(/process \d+/, 'process P');

describe('a silent Postgres', () => {
  let close: () => Promise<void>;
  let credentials: Credentials & { host: string; port: number; user: string; password: string };
  let observer: pg.Client;
  let proxy: HoleProxy;
  let adapter: Adapter;
  let session: Session;
  let waits: string[];

  const asks = (): number => proxy.sent.split(ASKED).length - 1;
  const through = (more: Readonly<Record<string, unknown>> = {}): Adapter =>
    new PostgresAdapter({
      credentials: {
        ...credentials,
        port: proxy.port,
        retries: 0,
        connect_timeout: 2,
        sslmode: 'disable',
        ...more,
      } as Credentials,
      threads: 1,
      quoting: {},
      env,
    });

  beforeAll(async () => {
    const server = await SERVERS[0]!.open();
    ({ close } = server);
    credentials = server.credentials as typeof credentials;
    const { host, port, user, password, database } = credentials;
    observer = new pg.Client({ host, port, user, password, database });
    await observer.connect();
  });
  afterAll(async () => {
    await observer.end();
    await close();
  });
  beforeEach(async () => {
    proxy = await HoleProxy.open(credentials);
    waits = [];
    adapter = through();
    session = adapter.session({ name: 'silent', onWait: (message) => waits.push(message) });
  });
  afterEach(async () => {
    await proxy.close();
    await adapter.close();
  });

  const own = async (): Promise<number> =>
    Number((await session.execute('select pg_backend_pid() as pid', { fetch: true })).table.rows[0]!.values[0]);
  const states = async (pid: number): Promise<unknown[]> =>
    (await observer.query('select state from pg_stat_activity where pid = $1', [pid])).rows.map(
      (row: { state: string }) => row.state,
    );

  it('is waited for while it works, however often it has been checked', async () => {
    const done = session.execute('select pg_sleep(3)::text as slept, 42 as n', { fetch: true });
    await proxy.until(() => asks() >= 3);
    expect((await done).table.rows[0]!.values[1]).toBe(42);
    expect(waits).toEqual([]);
    await session.release();
  });

  it("is waited for while it waits for another session's lock", async () => {
    await observer.query('create table held (n int)');
    await observer.query('begin; lock table held');
    const done = session.execute('select count(*) as n from held', { fetch: true });
    await proxy.until(() => asks() >= 2);
    await observer.query('commit');
    expect((await done).table.rows[0]!.values[0]).toBe(0);
    expect(waits).toEqual([]);
    await session.release();
    await observer.query('drop table held');
  });

  it('is given up when nothing gets through, and so are idle connections', async () => {
    const running = session.execute('select pg_sleep(60)');
    await proxy.until(() => proxy.sent.includes('pg_sleep(60)'));
    proxy.swallow('all');
    const error = await failure(running);
    expect([error.kind, seconds(error.message)]).toEqual([
      'connection',
      'the server has said nothing for N s, and a second connection cannot be made: no answer within 3 s.',
    ]);
    expect((await failure(session.execute('select 1'))).message).toBe(error.message);
    await session.release();
  });

  it(
    'is given up when it no longer runs the statement, whose remains there are ended and ' + 'not committed',
    async () => {
      await session.execute('create table public.lost_rows as select 1 as n', { autoBegin: true });
      const pid = await own();
      proxy.swallow('old');
      const error = await failure(session.commit());
      expect([error.kind, seconds(error.message)]).toEqual([
        'connection',
        'the server has said nothing for N s, and by a second connection the statement is not found at work: the ' +
          "server's process P is idle in transaction.\n\tThe transaction was not committed.",
      ]);
      for (let i = 0; i < 200 && (await states(pid)).length > 0; i++)
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      expect(await states(pid)).toEqual([]);
      expect((await observer.query("select to_regclass('public.lost_rows')::text as name")).rows).toEqual([
        { name: null },
      ]);
      await session.release();
    },
  );

  it('causes an unknown transaction result only if the answer to COMMIT was lost', async () => {
    await session.execute('create table public.kept_rows as select 1 as n', { autoBegin: true });
    await own();
    proxy.swallow('answers');
    const error = await failure(session.commit());
    expect(seconds(error.message)).toContain(
      'process P is idle.\n\tWhether the transaction was committed is not known.',
    );
    expect(error.details.hint).toBe('Look what the relation holds before it is built again.');
    expect((await observer.query('select n from public.kept_rows')).rows).toEqual([{ n: 1 }]);
    await observer.query('drop table public.kept_rows');
    await session.release();
  });

  it('is asked how a transaction with a lock has ended', async () => {
    const rows = (name: string): Promise<unknown> =>
      observer.query(`select count(*)::int as n from public.${name}`).then(({ rows: found }) => found[0]);
    await observer.query('create table public.settled (n int)');
    await adapter.lockRelation(session, adapter.createRelation({ schema: 'public', identifier: 'settled' }));
    let told: ExecuteResult | undefined;
    await session.executeLater('insert into public.settled values (1)', (result) => {
      told = result;
    });
    proxy.swallow('answers');
    await session.commit();
    expect([await rows('settled'), told?.response._message]).toEqual([{ n: 1 }, 'COMMIT']);
    await session.release();

    const second = adapter.session({ name: 'second' });
    await adapter.lockRelation(second, adapter.createRelation({ schema: 'public', identifier: 'settled' }));
    await second.execute('insert into public.settled values (2)');
    await observer.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%settled values (2)%' and " +
        'pid <> pg_backend_pid()',
    );
    const error = await failure(second.commit());
    expect(error.message).toMatch(/\n\tThe transaction was not committed\.$/);
    expect(await rows('settled')).toEqual({ n: 1 });
    await second.release();
    await observer.query('drop table public.settled');
  });

  it('is waited for if it accepts no second connection, which is reported', async () => {
    await observer.query("create role alone login password 'alone' connection limit 1");
    const limited = through({ user: 'alone', password: 'alone' });
    const only = limited.session({ name: 'alone', onWait: (message) => waits.push(message) });
    try {
      const { table } = await only.execute('select pg_sleep(2)::text as slept, 1 as n', { fetch: true });
      expect(table.rows[0]!.values[1]).toBe(1);
      expect(waits.map((text) => text.replace(/for [\d.]+ s/, 'for N s'))).toEqual([
        'The server has said nothing for N s and cannot be asked whether it still works on the statement: too ' +
          'many connections for role "alone". Waiting for it.',
      ]);
      await only.release();
    } finally {
      await limited.close();
      await observer.query('drop role alone');
    }
  });

  it('is given up during a COPY, too', async () => {
    await session.execute('create temporary table copied (t text)', { autoBegin: true });
    const pid = await own();
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one\n');
      while (
        (
          await observer.query(
            "select from pg_stat_activity where pid = $1 and wait_event = 'ClientRead' and state = 'active'",
            [pid],
          )
        ).rowCount === 0
      );
      proxy.swallow('old');
      yield Buffer.from('two\n');
    }
    const error = await failure(session.copyIn('copy copied from stdin', chunks()));
    expect([error.kind, seconds(error.message)]).toEqual([
      'connection',
      'the server has said nothing for N s, and by a second connection the statement is not found at work: the ' +
        "server's process P waits for this client.",
    ]);
    await session.release();
  });
});

describe('a silent ClickHouse', () => {
  let server: HttpServer;
  let adapter: Adapter;
  let held: ServerResponse[];
  let asked: number;
  /** What the question for a statement is answered with: statements found, hosts beside this one. */
  let answer: (response: ServerResponse) => void;
  let name: string;
  let waits: string[];

  beforeEach(async () => {
    held = [];
    asked = 0;
    name = 'one';
    waits = [];
    answer = (response) => response.end('1\t0\n');
    server = createServer((request, response) => {
      let body = '';
      request
        .on('data', (chunk) => {
          body += String(chunk);
        })
        .on('end', () => {
          response.setHeader('X-ClickHouse-Server-Display-Name', name);
          if (body.includes('system.processes')) {
            asked++;
            answer(response);
          } else if (body.includes('slow')) held.push(response);
          else response.end(body.includes('system.settings') ? '24.8.1\tUTC\t\n' : '1\n');
        });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    adapter = createClickHouseAdapter(
      {
        profile_name: 't',
        target_name: 't',
        threads: 1,
        profiles_dir: null,
        credentials: {
          type: 'clickhouse',
          database: '',
          schema: 'x',
          host: '127.0.0.1',
          user: 'u',
          password: 'p',
          retries: 0,
          connect_timeout: 5,
          port: (server.address() as AddressInfo).port,
        } as Credentials,
      },
      { quoting: {}, projectDir: '/', threads: 1, env },
    );
  });
  afterEach(async () => {
    await adapter.close();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  const run = (sql: string): Promise<unknown> =>
    adapter.session({ name: 'silent', onWait: (message) => waits.push(message) }).execute(sql);
  const until = async (done: () => boolean): Promise<void> => {
    while (!done())
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
  };

  it('is waited for while it works, and while nothing shows that it does not', async () => {
    const running = run('create table slow');
    await until(() => asked >= 3);
    // A question that another host answers, or one behind a balancer, proves nothing.
    answer = (response) => response.end('0\t2\n');
    await until(() => asked >= 6);
    name = 'two';
    answer = (response) => response.end('0\t0\n');
    await until(() => asked >= 8);
    answer = (response) => {
      response.setHeader('X-ClickHouse-Exception-Code', '202');
      response.statusCode = 500;
      response.end('Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)');
    };
    await until(() => asked >= 10);
    held[0]!.end();
    await running;
    expect(waits.map((text) => text.replace(/for [\d.]+ s/, 'for N s'))).toEqual([
      'The server has said nothing for N s and cannot be asked whether it still works on the statement: the ' +
        'server that answers is perhaps another one. Waiting for it.',
    ]);
  });

  it('is given up when it does not know the statement', async () => {
    answer = (response) => response.end('0\t0\n');
    const error = await failure(run('create table slow'));
    expect([error.kind, seconds(error.message), error.details.hint]).toEqual([
      'connection',
      'the server has said nothing for N s, and by a second connection the statement is not found at work: the ' +
        'server has no such statement in system.processes.\n\tWhether the statement came to its end is not known.',
      'Look what the relation holds before it is built again.',
    ]);
    // Two answers settle it; a third question may be on its way by then
    expect(asked).toBeGreaterThanOrEqual(2);
  });

  it('is given up when it answers nothing else either, even in the middle of an answer', async () => {
    answer = () => undefined;
    const running = run('create table slow');
    const reading = adapter.session({ name: 'reader' }).execute('select of_slow', { fetch: true });
    await until(() => held.length === 2);
    for (const response of held.filter(({ req }) => String(req.url).includes(RESULT_FORMAT))) {
      response.setHeader('X-ClickHouse-Format', RESULT_FORMAT);
      response.write('["n"]\n["UInt8"]\n');
    }
    const errors = await Promise.all([failure(running), failure(reading)]);
    for (const error of errors)
      expect([error.kind, seconds(error.message).split('\n')[0]]).toEqual([
        'connection',
        'the server has said nothing for N s, and a second connection cannot be made: no answer within 3 s.',
      ]);
  });
});
