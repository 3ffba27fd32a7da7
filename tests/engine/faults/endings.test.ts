// Tests that one Ctrl-C or SIGTERM ends each command in a network that drops packets: with a server that accepts
// connections and sends nothing, one that stops in its handshake, and one that becomes silent.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedClickhouse } from '../../../src/adapters/clickhouse/embedded.ts';
import { PostgresFiles } from '../../../src/adapters/postgres/embedded-files.ts';
import { ownIdentity } from '../../../src/adapters/process-identity.ts';
import { SERVERS } from '../adapters/servers.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { BIN } from '../support/program.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { HoleProxy } from '../support/hole-proxy.ts';

/** Ten seconds are promised; on a machine under load they are many, yet fewer than what is waited for. */
const LIMIT_MS = 100_000;
const folders: string[] = [];
const proxies: HoleProxy[] = [];
const greeters: Server[] = [];

interface Place {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

async function silent(): Promise<HoleProxy> {
  const proxy = await HoleProxy.open(null);
  proxies.push(proxy);
  return proxy;
}

/** Stops talking after its first answers. */
async function greeter(
  ...answers: readonly Buffer[]
): Promise<{ readonly port: number; until(done: () => boolean): Promise<void>; readonly answered: () => boolean }> {
  let given = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    let next = 0;
    socket
      .on('error', () => undefined)
      .on('data', () => {
        const answer = answers[next++];
        if (answer === undefined) return;
        given++;
        socket.write(answer);
      });
  });
  server.on('close', () => {
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  greeters.push(server);
  const until = async (done: () => boolean): Promise<void> => {
    while (!done())
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
  };
  return { port: (server.address() as AddressInfo).port, until, answered: () => given >= answers.length };
}

function project(profile: string, files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-endings-'));
  folders.push(dir);
  const all = {
    'dbt_project.yml': "name: p\nversion: '1.0'\nprofile: t\n",
    'profiles.yml': `t: {target: d, outputs: {d: {${profile}, threads: 2}}}\n`,
    'models/a.sql': 'select 1 as id',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

const postgres = (
  port: number,
  { user = 'u', password = 'secret1', database = 'd' }: Partial<Place> = {},
  more = '',
): string =>
  `type: postgres, host: 127.0.0.1, port: ${port}, user: ${user}, password: "${password}", dbname: ${database},` +
  ` schema: s, connect_timeout: 120${more}`;

interface Started {
  readonly child: ChildProcess;
  out(): string /** Exit code, or what it was ended by. */;
  readonly ended: Promise<number | string>;
}

function start(dir: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [BIN, ...args, '--no-use-colors'], {
    cwd: dir,
    env: { ...process.env, DBT_PROFILES_DIR: dir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout!.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr!.on('data', (chunk) => {
    out += String(chunk);
  });
  return {
    child,
    out: () => out,
    ended: new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? String(signal)));
    }),
  };
}

/** Sends the signal. @returns how the command ended in time */
async function stop(run: Started, signal: NodeJS.Signals): Promise<number | string> {
  run.child.kill(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, LIMIT_MS, 'not ended');
  });
  const ended = await Promise.race([run.ended, late]);
  clearTimeout(timer);
  run.child.kill('SIGKILL');
  return ended;
}

/** Whether a process has a listener for the signal; false where the system does not tell. */
function listens({ child }: Started, signal: NodeJS.Signals): boolean {
  const status = `/proc/${child.pid}/status`;
  if (child.exitCode !== null || !existsSync(status)) return false;
  const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(status, 'utf8')) ?? [];
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

interface Results {
  readonly results: readonly { unique_id: string; status: string; message: string }[];
}

function resultsOf(dir: string): readonly string[] {
  const path = join(dir, 'target/run_results.json');
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Results).results.map(
        ({ unique_id, status, message }) => `${unique_id} ${status}: ${message}`,
      )
    : [];
}

const journalEnds = (dir: string): boolean =>
  readFileSync(join(dir, 'target/run.journal'), 'utf8').trimEnd().split('\n').at(-1)!.startsWith('{"k":"end"');

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  for (const server of greeters) server.close();
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

describe('one signal ends a command that waits', () => {
  const SKIPPED = 'model.p.a skipped: Skipping due to keyboard interrupt';
  const TERMINATED = 'model.p.a skipped: Skipping due to SIGTERM';
  const waiting = async (
    title: string,
    dir: string,
    args: readonly string[],
    reached: () => Promise<void>,
    signal: NodeJS.Signals,
    env?: Readonly<Record<string, string>>,
  ): Promise<[string, number | string, boolean, readonly string[]]> => {
    const run = start(dir, args, env);
    await Promise.race([
      reached(),
      run.ended.then((code) => {
        throw new Error(`${title} ended by itself with ${code}:\n${run.out()}`);
      }),
    ]);
    const code = await stop(run, signal);
    return [
      title,
      code,
      run.out().includes(`Exited because of ${signal === 'SIGTERM' ? signal : 'keyboard interrupt'}`),
      resultsOf(dir),
    ];
  };

  it('for a Postgres that accepts connections and sends nothing', async () => {
    const commands: readonly [string[], NodeJS.Signals, readonly string[]][] = [
      [['run'], 'SIGINT', [SKIPPED]],
      [['build'], 'SIGTERM', [TERMINATED]],
      [['compile'], 'SIGINT', [SKIPPED]],
      [['debug'], 'SIGTERM', []],
      [['docs', 'generate'], 'SIGINT', [SKIPPED]],
      [['docs', 'generate', '--no-compile'], 'SIGTERM', []],
      [['run-operation', '--sql', 'select 1'], 'SIGINT', []],
      [['show', '--inline', 'select 1'], 'SIGTERM', ['sql_operation.p.inline_query skipped: Skipping due to SIGTERM']],
      [['show', '--inline-direct', 'select 1'], 'SIGINT', []],
      [['source', 'freshness'], 'SIGTERM', []],
    ];
    const source =
      'sources: [{name: raw, schema: s, tables: [{name: t, loaded_at_field: at, freshness: {warn_after: ' +
      '{count: 1, period: day}}}]}]\n';
    const seen = await Promise.all(
      commands.map(async ([args, signal]) => {
        const proxy = await silent();
        return waiting(
          args.join(' '),
          project(postgres(proxy.port, {}, ', sslmode: disable'), { 'models/s.yml': source }),
          args,
          () => proxy.until(() => proxy.sent !== ''),
          signal,
        );
      }),
    );
    expect(seen).toEqual(commands.map(([args, , results]) => [args.join(' '), 2, true, results]));
  });

  it('for a Postgres that stops in its handshake, a ClickHouse, a package, or another process', async () => {
    const tls = await greeter(Buffer.from('S'));
    const login = await greeter(
      Buffer.concat([Buffer.from('R'), Buffer.from([0, 0, 0, 23, 0, 0, 0, 10]), Buffer.from('SCRAM-SHA-256\0\0')]),
    );
    const [clickhouse, http, git] = [await silent(), await silent(), await silent()];
    const held = project('type: postgres, embedded: db, dbname: d, schema: s');
    const state = new PostgresFiles(join(held, 'db'));
    state.prepare();
    writeFileSync(join(state.dir, 'lock'), JSON.stringify(ownIdentity()));
    const seen = await Promise.all([
      waiting(
        'TLS',
        project(postgres(tls.port, {}, ', sslmode: require')),
        ['run'],
        () => tls.until(tls.answered),
        'SIGINT',
      ),
      waiting(
        'login',
        project(postgres(login.port, {}, ', sslmode: disable')),
        ['run'],
        () => login.until(login.answered),
        'SIGTERM',
      ),
      waiting(
        'ClickHouse',
        project(
          `type: clickhouse, host: 127.0.0.1, port: ${clickhouse.port}, user: u, password: secret1, schema: s, ` +
            'connect_timeout: 120',
        ),
        ['run'],
        () => clickhouse.until(() => clickhouse.sent !== ''),
        'SIGINT',
      ),
      waiting(
        'a download',
        project(postgres(1), {
          'packages.yml': `packages: [{tarball: "http://127.0.0.1:${http.port}/p.tar.gz", name: q}]\n`,
        }),
        ['deps'],
        () => http.until(() => http.sent !== ''),
        'SIGTERM',
      ),
      waiting(
        'git',
        project(postgres(1), {
          'packages.yml': `packages: [{git: "git://127.0.0.1:${git.port}/p.git", revision: main${git.port}}]\n`,
        }),
        ['deps'],
        () => git.until(() => git.sent !== ''),
        'SIGTERM',
      ),
      waiting(
        'a lock',
        held,
        ['db', 'start'],
        async () => {
          while (!readdirSync(state.dir).some((name) => name.startsWith('lock-')))
            await new Promise((resolve) => {
              setTimeout(resolve, 20);
            });
        },
        'SIGINT',
      ),
    ]);
    expect(seen).toEqual([
      ['TLS', 2, true, [SKIPPED]],
      ['login', 2, true, [TERMINATED]],
      ['ClickHouse', 2, true, [SKIPPED]],
      ...['a download', 'git', 'a lock'].map((title) => [title, 2, true, []]),
    ]);
    // What it has started ends with it.
    const others = (): string => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    await expect.poll(others, FOR_EVENTS).not.toContain(`main${git.port}`);
  });
});

describe('one signal ends a command that works without waiting', () => {
  /** Half a minute and more that no listener is heard in; each search ends at its limit. */
  const search = "select '{{ modules.re.match('(a+)+b', 'a' * 60) }}' as id";
  const endless = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`models/m${i}.sql`, `{% set x = namespace() %}${search}`]),
  );

  it.each([
    ['SIGINT', ['parse']],
    ['SIGTERM', ['compile', '--no-introspect']],
    ['SIGINT', ['run']],
  ] as const)('in %s, %j', async (signal, args) => {
    const run = start(project(postgres(1), endless), args);
    while (!run.out().includes('Registered adapter'))
      await Promise.race([
        run.ended,
        new Promise((resolve) => {
          setTimeout(resolve, 20);
        }),
      ]);
    // It is said before the event loop turns; what follows is one stretch, in which nobody listens.
    do
      await new Promise((resolve) => {
        setTimeout(resolve, process.platform === 'linux' ? 20 : 1000);
      });
    while (listens(run, signal));
    expect(await stop(run, signal)).toBe(signal);
  });
});

describe('one signal ends a run on a server that becomes silent', () => {
  let place: Place;
  let close: () => Promise<void>;
  let observer: pg.Client;
  beforeAll(async () => {
    const server = await SERVERS[0]!.open();
    ({ close } = server);
    place = server.credentials as unknown as Place;
    const { host, port, user, password, database } = place;
    observer = new pg.Client({ host, port, user, password, database });
    await observer.connect();
  });
  afterAll(async () => {
    await observer.end();
    await close();
  });

  const through = async (files: Readonly<Record<string, string>>): Promise<{ proxy: HoleProxy; dir: string }> => {
    const proxy = await HoleProxy.open(place);
    proxies.push(proxy);
    return { proxy, dir: project(postgres(proxy.port, place), files) };
  };
  const hooked = (which: string, sql: string): string => `name: p\nversion: '1.0'\nprofile: t\n${which}: "${sql}"\n`;

  it('in nodes, hooks before and after them, and ticks, and results are written', async () => {
    const cases = await Promise.all(
      (
        [
          [
            'nodes',
            ['run'],
            51,
            { 'models/b.sql': "{{ config(materialized='table') }} select 1 as id from pg_sleep(51)" },
            2,
            ['model.p.a success: CREATE VIEW', 'model.p.b skipped: Skipping due to keyboard interrupt'],
          ],
          [
            'on-run-start',
            ['run'],
            52,
            { 'dbt_project.yml': hooked('on-run-start', 'select pg_sleep(52)') },
            2,
            ['model.p.a skipped: Skipping due to SIGTERM', 'operation.p.p-on-run-start-0 skipped'],
          ],
          [
            'on-run-end',
            ['run'],
            53,
            { 'dbt_project.yml': hooked('on-run-end', 'select pg_sleep(53)') },
            2,
            ['model.p.a success: CREATE VIEW'],
          ],
          [
            'a tick',
            ['run', '--every', '1h'],
            54,
            { 'models/a.sql': "{{ config(materialized='table') }} select 1 as id from pg_sleep(54)" },
            0,
            ['model.p.a skipped: Skipping due to SIGTERM'],
          ],
        ] as const
      ).map(async ([title, args, nap, files, code, results]) => ({
        title,
        args,
        nap,
        code,
        results,
        ...(await through({
          ...files,
          'models/a.sql': `${'models/a.sql' in files ? files['models/a.sql'] : 'select 1 as id'}\n-- ${title}`,
          'macros/s.sql': `{% macro generate_schema_name(custom, node) %}s${nap}{% endmacro %}`,
        })),
      })),
    );
    const seen = await Promise.all(
      cases.map(async ({ title, args, nap, proxy, dir, results }) => {
        const run = start(dir, args);
        await proxy.until(
          () => proxy.sent.includes(`pg_sleep(${nap})`) && (title !== 'nodes' || run.out().includes('OK created')),
        );
        proxy.swallow('all');
        const code = await stop(run, nap % 2 === 0 ? 'SIGTERM' : 'SIGINT');
        return [
          title,
          code,
          resultsOf(dir)
            .filter((line) => results.some((wanted) => line.startsWith(wanted)))
            .sort(),
          journalEnds(dir),
        ];
      }),
    );
    expect(seen).toEqual(
      cases.map(({ title, code, results }) => [
        title,
        code,
        results.filter((line) => !line.startsWith('operation')),
        true,
      ]),
    );
  });

  it.skipIf(clickhouseMissing !== null)(
    `on ClickHouse, too${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-endings-ch-'));
      folders.push(dir);
      const server = await embeddedClickhouse({ dir, projectDir: dir });
      const proxy = await HoleProxy.open(server);
      proxies.push(proxy);
      try {
        const own = project(
          `type: clickhouse, host: 127.0.0.1, port: ${proxy.port}, user: ${server.user}, password: ` +
            `"${server.password}", schema: s`,
          {
            'models/b.sql':
              "{{ config(materialized='table') }} select sleepEachRow(3) as n from numbers(20) settings " +
              'max_block_size = 1',
          },
        );
        const run = start(own, ['run']);
        await proxy.until(() => proxy.sent.includes('sleepEachRow') && run.out().includes('OK created'));
        proxy.swallow('all');
        expect([
          await stop(run, 'SIGTERM'),
          resultsOf(own)
            .map((line) => line.replace(/: OK$/, ''))
            .sort(),
          journalEnds(own),
        ]).toEqual([2, ['model.p.a success', 'model.p.b skipped: Skipping due to SIGTERM'], true]);
      } finally {
        await server.release();
      }
    },
  );

  it('and cancels on the server what it can reach', async () => {
    const { proxy, dir } = await through({
      'models/a.sql': "{{ config(materialized='table') }} select 1 as id from pg_sleep(610)",
    });
    const run = start(dir, ['run']);
    await proxy.until(() => proxy.sent.includes('pg_sleep(610)'));
    expect(await stop(run, 'SIGTERM')).toBe(2);
    expect(run.out()).toContain('CANCEL query model.p.a');
    // It is counted as skipped.
    expect(run.out()).not.toContain('ERROR creating');
    expect(run.out()).toMatch(/ERROR=0 SKIP=[1-9]/);
    // The server ends it when it comes to it.
    const running = async () =>
      (
        await observer.query(
          "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(610)%' and pid <> " +
            'pg_backend_pid()',
        )
      ).rows;
    await expect.poll(running, FOR_EVENTS).toEqual([]);
  });

  it('and a second signal ends it at once', async () => {
    const { proxy, dir } = await through({
      'models/a.sql': "{{ config(materialized='table') }} select 1 as id from pg_sleep(62)",
    });
    const run = start(dir, ['run']);
    await proxy.until(() => proxy.sent.includes('pg_sleep(62)'));
    proxy.swallow('all');
    run.child.kill('SIGINT');
    await proxy.until(() => run.out().includes('CANCEL query'));
    await new Promise((resolve) => {
      setTimeout(resolve, 400);
    });
    expect(await stop(run, 'SIGTERM')).toBe(143);
  });
});
