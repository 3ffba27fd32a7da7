// A Postgres of the project's own: found, installed and started when a command needs it, shared with the commands that
// run at the same time, stopped after the last one. What is on disk is in embedded-files.ts, the process that watches
// in keeper.ts.
import pg from 'pg';
import { TsdbtError } from '../../errors.ts';
import { sleep } from '../process-identity.ts';
import { keeperScript, runningPort, startKeeper } from '../embedded/embedded-start.ts';
import { PostgresFiles, type Place, readPostmaster } from './embedded-files.ts';
import { EMBEDDED_USER, install } from './embedded-install.ts';
import { quoteIdentifier } from './literal.ts';

const HOST = '127.0.0.1';
/** Milliseconds that a server of this machine has to answer. */
const LIMIT_MS = 60_000;

export interface EmbeddedOptions {
  /** Folder of the server: absolute. Made when absent. */
  readonly dir: string;
  /** Created when it does not exist. Default `tsdbt`. */
  readonly database?: string | undefined;
  /** Told when it takes longer than a moment: the first time. */
  readonly notify?: ((message: string) => void) | undefined;
}

/** A running server, used by this process until `release`. */
export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** This process needs it no longer. Without other users the server stops within a second. Safe to call twice. */
  release(): Promise<void>;
}

export type EmbeddedStatus =
  | { readonly state: 'absent'; readonly dir: string }
  | { readonly state: 'stopped'; readonly dir: string; readonly home: string; readonly kept: boolean }
  | {
      readonly state: 'running';
      readonly dir: string;
      readonly home: string;
      readonly kept: boolean;
      readonly port: number;
      readonly pid: number;
      readonly users: readonly number[];
    };

/**
 * The embedded server of a folder, installed (about a second) and started (0.2 s) when it is not running.
 * @throws `connection` error saying what is missing
 * @example
 * const server = await embeddedPostgres({ dir: '/project/.tsdbt/pg' });
 * try { … } finally { await server.release(); }
 */
export async function embeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const files = new PostgresFiles(options.dir);
  files.prepare();
  const release = files.own();
  try {
    const port =
      runningPort(files) ?? (await files.locked(async () => runningPort(files) ?? start(files, options.notify)));
    const password = files.password;
    const place = files.place;
    if (password === null || place === null)
      throw new TsdbtError('connection', `the embedded Postgres in ${options.dir} has lost its password file`);
    const server = { host: HOST, port, user: place.user, password, database: options.database ?? EMBEDDED_USER };
    await ensureDatabase(files, server);
    return { ...server, release: async () => release() };
  } catch (error) {
    release();
    throw error;
  }
}

async function start(files: PostgresFiles, notify: EmbeddedOptions['notify']): Promise<number> {
  const record = files.keeper;
  // A keeper whose server died leaves by itself; one that is dead left a server that the new one takes over.
  if (record !== null) files.forgetKeeper();
  await install(files, notify);
  return startKeeper(
    files,
    'Postgres',
    await keeperScript(files.dir, new URL('./keeper.js', import.meta.url), new URL('./keeper.ts', import.meta.url)),
    [],
  );
}

async function ensureDatabase(files: PostgresFiles, server: Omit<EmbeddedServer, 'release'>): Promise<void> {
  if (files.place?.databases.includes(server.database)) return;
  await files.locked(async () => {
    const { host, port, user, password } = server;
    const client = new pg.Client({
      host,
      port,
      user,
      password,
      database: 'postgres',
      ssl: false,
      connectionTimeoutMillis: LIMIT_MS,
      query_timeout: LIMIT_MS,
    });
    await client.connect();
    try {
      const { rowCount } = await client.query('select from pg_catalog.pg_database where datname = $1', [
        server.database,
      ]);
      if (rowCount === 0) await client.query(`create database ${quoteIdentifier(server.database)}`);
    } finally {
      await client.end();
    }
    const place = files.place;
    if (place !== null)
      files.place = { ...place, databases: [...new Set([...place.databases, server.database])] } satisfies Place;
  });
}

/** Starts the server and lets it run on: `tsdbt db start`. */
export async function keepEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await embeddedPostgres(options);
  new PostgresFiles(options.dir).kept = true;
  return server;
}

/**
 * Lets the server stop: `tsdbt db stop`. Waits for it, unless a command uses it.
 * @returns pids of the commands that still use it; the server then stops with the last of them
 */
export async function stopEmbedded(dir: string): Promise<readonly number[]> {
  const files = new PostgresFiles(dir);
  if (files.place === null) return [];
  files.kept = false;
  const { place } = files;
  const users = files.owners().map((owner) => owner.pid);
  if (users.length > 0 || place === null) return users;
  // Without a keeper nobody would stop it: start one, which does.
  if (runningPort(files) === null && readPostmaster(place.home)?.identity)
    await files.locked(() => start(files, undefined));
  while (readPostmaster(place.home)?.identity) {
    if (files.owners().length > 0) return files.owners().map((owner) => owner.pid);
    await sleep(20);
  }
  return [];
}

export function embeddedStatus(dir: string): EmbeddedStatus {
  const files = new PostgresFiles(dir);
  const { place } = files;
  if (place === null) return { state: 'absent', dir };
  const server = readPostmaster(place.home);
  const { home } = place;
  if (!server?.identity) return { state: 'stopped', dir, home, kept: files.kept };
  return {
    state: 'running',
    dir,
    home,
    kept: files.kept,
    port: server.port,
    pid: server.identity.pid,
    users: files.owners().map((owner) => owner.pid),
  };
}
