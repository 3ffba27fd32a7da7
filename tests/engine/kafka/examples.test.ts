// The examples are played as a user plays them, in a folder of their own: what they show is what was sent, and they
// leave no server behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedClickhouse, stopEmbedded } from '../../../src/adapters/clickhouse/embedded.ts';
import { embeddedPostgres } from '../../../src/adapters/postgres/embedded.ts';
import { clickhouseAt, EXAMPLE_KEY } from '../../../examples/cdc/parts.ts';
import type { OrderEvent } from '../../../examples/lake/orders.ts';
import type { PageView } from '../../../examples/clickstream/views.ts';
import type { Click } from '../../../examples/sessions/clicks.ts';
import { removeEmbedded } from '../adapters/servers.ts';
import { start } from '../support/program.ts';
import { NO_STORE, SECRET_KEY } from '../support/s3-server.ts';
import { computed, inClickHouse } from './cdc-marts.ts';
import { SourcePostgres } from './source-postgres.ts';
import { type Profile, sessionsOf } from './user-sessions.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('the sessions example', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tsdbt-example-'));
  });
  afterEach(async () => {
    await removeEmbedded(dir, join(dir, '.tsdbt/pg'));
    rmSync(dir, { recursive: true, force: true });
  });

  it('ends with every session in the mart', async () => {
    const { code, out } = await play('sessions', dir, '--once').ended;
    expect(code, out).toBe(0);
    const clicks = readdirSync(join(dir, '.tsdbt'))
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) =>
        readFileSync(join(dir, '.tsdbt', name), 'utf8')
          .trim()
          .split('\n'),
      )
      .map((line) => JSON.parse(line) as Click);
    const server = await embeddedPostgres({ dir: join(dir, '.tsdbt/pg') });
    const client = new pg.Client(server);
    await client.connect();
    const { rows } = await client.query<unknown[]>({
      text: `select session_id, user_id, events::int, page_views::int, purchased, campaign, duration_seconds::float
        from analytics.mart_session_metrics order by session_id`,
      rowMode: 'array',
    });
    await client.end();
    await server.release();
    expect(rows).toEqual(metrics(clicks));
  });

  it('keeps it fresh until Ctrl-C, which ends everything', async () => {
    const { child, ended, out } = play('sessions', dir);
    const shown = /^\| campaign /m;
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (!shown.test(out()) && child.exitCode === null) return;
        clearInterval(look);
        resolve();
      }, 100);
    });
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, out: expect.stringMatching(shown) });
    for (const [, port] of out().matchAll(/127\.0\.0\.1:(\d+)/g)) expect(await answers(Number(port))).toBe(false);
  });

  it.skipIf(process.platform !== 'linux').each([
    ['load', /tsdbt\.js\0load\0--no-use-colors/, 'tsdbt load has ended by itself (SIGKILL)'],
    ['Kafka', /\0kafka\.Kafka\0/, 'Kafka has ended by itself'],
  ])('reports it and ends with exit code 1 when %s is killed', async (_, program, says) => {
    const { child, ended, out } = play('sessions', dir);
    await expect.poll(() => child.exitCode !== null || /Ctrl-C ends everything/.test(out()), LONG_WAIT).toBe(true);
    expect(out()).toContain('Addresses and passwords are in');
    process.kill(startedBy(child.pid!, program), 'SIGKILL');
    const { code, out: all } = await ended;
    expect([code, all]).toEqual([1, expect.stringContaining(says)]);
  });
});

describe('the changes example', () => {
  it('ends with tables and marts that equal the Postgres', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-example-'));
    try {
      const { code, out } = await play('cdc', dir, '--once').ended;
      expect(code, out).toBe(0);
      const source = await SourcePostgres.start(join(dir, '.tsdbt/source'));
      const tsdbt = async (...args: string[]): Promise<string> =>
        (await start(args, { cwd: dir, env: { ...process.env, DBT_PROFILES_DIR: dir } }).ended).stdout;
      await tsdbt('db', 'start');
      const clickhouse = clickhouseAt((await tsdbt('db', 'url')).trim());
      const [wanted, found] = [await computed(source.client), await inClickHouse(clickhouse)];
      // The raw table has the hashes of the addresses, and no telephone numbers anywhere.
      const hashed = await clickhouse('select user_id, email from raw.users final where not _deleted order by user_id');
      const { rows: users } = await source.client.query<{ user_id: string; email: string }>(
        'select user_id, email from app.users order by user_id collate "C"',
      );
      await tsdbt('db', 'stop');
      await source.close();
      expect(wanted['sessions_daily']!.length).toBeGreaterThan(100);
      expect(found).toEqual(wanted);
      const hash = (email: string): string => createHmac('sha256', EXAMPLE_KEY).update(email).digest('hex');
      expect(hashed).toEqual(users.map(({ user_id, email }) => ({ user_id, email: hash(email) })));
    } finally {
      await removeEmbedded(dir, join(dir, '.tsdbt/source'));
    }
  });
});

describe.skipIf(NO_STORE !== null)(`the lake example${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  it('ends with the same marts from the table and from the files, and shows no secret', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-example-'));
    try {
      const { code, out } = await play('lake', dir, '--once').ended;
      expect(code, out).toBe(0);
      const tsdbt = async (...args: string[]): Promise<string> =>
        (
          await start(args, {
            cwd: dir,
            env: { ...process.env, DBT_PROFILES_DIR: dir, TSDBT_ALLOW_EXTERNAL_ACCESS: '1' },
          }).ended
        ).stdout;
      const orders = 'select order_id, customer_id, country, paid_cents, refunded_cents, is_cancelled, events';
      const revenue = 'select day_country, orders, cancelled, net_cents from marts.revenue_daily order by day_country';
      await tsdbt('db', 'start', '--target', 'clickhouse');
      const clickhouse = clickhouseAt((await tsdbt('db', 'url', '--target', 'clickhouse')).trim());
      const inFiles = await clickhouse(`${orders} from marts.orders order by order_id`);
      const fromFiles = await clickhouse(revenue);
      const late = await clickhouse('select sum(events) as events from marts.late_events');
      await tsdbt('db', 'stop', '--target', 'clickhouse');
      const server = await embeddedPostgres({ dir: join(dir, '.tsdbt/pg') });
      const client = new pg.Client(server);
      await client.connect();
      const numbers = (rows: Record<string, unknown>[]): Record<string, unknown>[] =>
        rows.map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [name, /^-?\d+$/.test(String(value)) ? Number(value) : value]),
          ),
        );
      const inTable = numbers((await client.query(`${orders} from marts.orders order by order_id collate "C"`)).rows);
      const fromTable = numbers((await client.query(revenue.replace(/$/, ' collate "C"'))).rows);
      await client.end();
      await server.release();

      const sent = readdirSync(join(dir, '.tsdbt'))
        .filter((name) => name.endsWith('.ndjson'))
        .flatMap((name) => linesIn(join(dir, '.tsdbt', name)))
        .map((line) => JSON.parse(line) as OrderEvent);
      const events = new Map(sent.map((event) => [event.event_id, event]));
      expect(events.size).toBeLessThan(sent.length);
      expect(inTable).toEqual(ordersOf([...events.values()]));
      expect(inFiles).toEqual(inTable);
      expect(fromTable.length).toBeGreaterThan(10);
      expect(fromFiles).toEqual(fromTable);
      expect(late).toEqual([{ events: events.size }]);
      for (const folder of ['target', 'logs'])
        for (const entry of readdirSync(join(dir, folder), { recursive: true, withFileTypes: true }))
          if (entry.isFile()) {
            const path = join(entry.parentPath, entry.name);
            expect(readFileSync(path, 'latin1'), path).not.toContain(SECRET_KEY);
          }
      expect(readFileSync(join(dir, 'target/compiled/lake/models/staging/stg_order_events.sql'), 'utf8')).toMatch(
        /from \(select \* from s3\("lake", filename = 'raw\/order_events\/dt=\*\/hour=\*\/p\*\.ndjson\.gz'/,
      );
      expect(out).not.toContain(SECRET_KEY);
    } finally {
      await removeEmbedded(dir, join(dir, '.tsdbt/pg'));
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe.skipIf(NO_STORE !== null)(`the clickstream example${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const SESSIONS =
    'select user_id, username, account_type, country, session_num, MS(session_start), MS(session_end), page_views, ' +
    'landing_page, exit_page, entry_referrer from analytics.user_sessions order by user_id, session_num';
  const inPostgres = SESSIONS.replaceAll(/MS\((\w+)\)/g, '(extract(epoch from $1) * 1000)::float8');

  it('ends with the same sessions in all copies, which a failed check leaves unchanged', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-example-'));
    const ends: (() => Promise<unknown>)[] = [];
    const open = async (folder: string, database: string): Promise<pg.Client> => {
      const server = await embeddedPostgres({ dir: join(dir, '.tsdbt', folder), database });
      ends.unshift(() => server.release());
      const client = new pg.Client(server);
      await client.connect();
      ends.unshift(() => client.end());
      return client;
    };
    try {
      const { code, out } = await play('clickstream', dir, '--once').ended;
      expect(code, out).toBe(0);
      expect(out).toMatch(/^\| country +\| sessions \|/m);
      const [app, lookup, warehouse] = [
        await open('app', 'app'),
        await open('app', 'lookup'),
        await open('pg', 'tsdbt'),
      ];
      const clickhouse = await embeddedClickhouse({ dir: join(dir, '.tsdbt/clickhouse'), projectDir: ROOT });
      ends.unshift(() => clickhouse.release());
      const { host, port, user, password } = clickhouse;
      const ask = clickhouseAt(`http://${user}:${encodeURIComponent(password)}@${host}:${port}/`);
      const rows = async (client: pg.Client): Promise<unknown[][]> =>
        (await client.query<unknown[]>({ text: inPostgres, rowMode: 'array' })).rows;
      const dashboards = async (): Promise<unknown[][]> =>
        (await ask(SESSIONS.replaceAll(/MS\((\w+)\)/g, 'toUnixTimestamp64Milli($1)'))).map(Object.values);

      const views = readdirSync(join(dir, '.tsdbt'))
        .filter((name) => /^views-.*\.ndjson$/.test(name))
        .flatMap((name) => linesIn(join(dir, '.tsdbt', name)))
        .map((line) => JSON.parse(line) as PageView);
      const { rows: profiles } = await app.query<Profile>('select * from users');
      const wanted = sessionsOf(views, profiles);
      expect(wanted.length).toBeGreaterThan(200);
      expect(await rows(warehouse)).toEqual(wanted);
      expect(await rows(lookup)).toEqual(wanted);
      expect(await dashboards()).toEqual(wanted);
      // The catalog has ended with the play: what ClickHouse has read of the lake stands in its last answer.
      const asked = out.slice(out.lastIndexOf('sessions_in_lake.sql'));
      const days = [...asked.matchAll(/^\| *\d{4}-\d\d-\d\d *\| *\d+ *\| *(\d+) *\|/gm)];
      expect(days.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(wanted.length);
      expect(out).not.toContain(SECRET_KEY);

      await warehouse.query(
        "insert into analytics.user_sessions select 'nobody', username, account_type, country, session_num, " +
          'session_start, session_end, -1, page_views from analytics.user_sessions limit 1',
      );
      const address = { host: lookup.host, port: lookup.port, user: lookup.user, password: lookup.password };
      const built = await start(['build', '--no-use-colors'], {
        cwd: dir,
        env: {
          ...process.env,
          DBT_PROFILES_DIR: dir,
          APP_HOST: address.host,
          APP_PORT: String(address.port),
          APP_USER: address.user,
          APP_PASSWORD: address.password,
          CLICKHOUSE_HOST: host,
          CLICKHOUSE_PORT: String(port),
          CLICKHOUSE_USER: user,
          CLICKHOUSE_PASSWORD: password,
        },
      }).ended;
      expect(built.code, built.out).toBe(1);
      expect(built.stdout).toMatch(/FAIL 1 positive_duration/);
      expect(built.stdout).toMatch(/SKIP=3 /);
      expect(await rows(lookup)).toEqual(wanted);
      expect(await dashboards()).toEqual(wanted);
    } finally {
      for (const end of ends) await end();
      for (const folder of [join(dir, '.tsdbt/app'), join(dir, '.tsdbt/pg')]) await removeEmbedded(folder, folder);
      await stopEmbedded(join(dir, '.tsdbt/clickhouse'));
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});

const LONG_WAIT = { timeout: 240_000, interval: 200 };

/** The process of a play by its command line. */
function startedBy(parent: number, program: RegExp): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const isChild = Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === parent;
      if (isChild && program.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) return Number(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`the play has started no ${program.source}`);
}

function linesIn(path: string): string[] {
  return readFileSync(path, 'utf8').trim().split('\n');
}

/** The orders of the lake's example, computed anew. */
function ordersOf(events: readonly OrderEvent[]): Record<string, unknown>[] {
  const found = new Map<string, OrderEvent[]>();
  for (const event of events) found.set(event.order_id, [...(found.get(event.order_id) ?? []), event]);
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([order_id, own]) => {
      const cents = (type: string): number =>
        own.reduce((sum, event) => sum + (event.event_type === type ? event.amount_cents : 0), 0);
      return {
        order_id,
        customer_id: own[0]?.customer_id,
        country: own[0]?.country,
        paid_cents: cents('paid'),
        refunded_cents: cents('refunded'),
        is_cancelled: own.some(({ event_type }) => event_type === 'cancelled') ? 1 : 0,
        events: own.length,
      };
    });
}

/** The mart, computed anew. */
function metrics(clicks: readonly Click[]): unknown[][] {
  const sessions = new Map<string, Map<string, Click>>();
  for (const click of clicks) {
    const events = sessions.get(click.session_id) ?? new Map<string, Click>();
    sessions.set(click.session_id, events.set(click.event_id, click));
  }
  return [...sessions.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, events]) => {
      const inOrder = [...events.values()].sort((a, b) => (a.event_ts + a.event_id < b.event_ts + b.event_id ? -1 : 1));
      const times = inOrder.map(({ event_ts }) => Date.parse(event_ts));
      const seconds = (times.at(-1)! - times[0]!) / 1000;
      if (seconds === 0) return [];
      return [
        [
          id,
          inOrder.find(({ user_id }) => user_id !== null)?.user_id ?? null,
          inOrder.length,
          inOrder.filter(({ event_type }) => event_type === 'page_view').length,
          inOrder.some(({ event_type }) => event_type === 'purchase'),
          inOrder
            .map(({ campaign = 'none' }) => campaign)
            .sort()
            .at(-1),
          seconds,
        ],
      ];
    });
}

interface Played {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string }>;
  out(): string;
}

function play(name: string, dir: string, ...more: string[]): Played {
  const child = spawn(process.execPath, [join(ROOT, 'examples/play.mjs'), name, '--in', dir, ...more], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  return {
    child,
    out: () => out,
    ended: new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, out }));
    }),
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
