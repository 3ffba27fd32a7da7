// The project's own Postgres: installed and started when a command needs it, shared by concurrent commands, stopped
// after the last one. embedded-files.ts manages its files, keeper.ts watches its users.
import { TsdbtError } from '../../errors.ts';
import { keeperScript, runningPort, startKeeper } from '../embedded/embedded-start.ts';
import { PostgresFiles, readPostmaster } from './embedded-files.ts';
import { adopt, EMBEDDED_USER, install } from './embedded-install.ts';
import { prepareDatabase } from './embedded-roles.ts';
import { sleep } from '../../within.ts';

const HOST = '127.0.0.1';

export interface EmbeddedOptions {
  /** Absolute path of the server's folder, created if missing. */
  readonly dir: string;
  /** Created if it does not exist. Default `tsdbt`. */
  readonly database?: string | undefined;
  /** Called if it takes a while: the first time. */
  readonly notify?: ((message: string) => void) | undefined;
}

/** A running server, used by this process until `release`. */
export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Ends this process's use. Without users the server stops within a second. Can be called twice. */
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
 * Returns the embedded server of a folder. Installs it (about a second) and starts it (0.2 s) if necessary.
 * @throws `connection` error that says what is missing
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
    const server = { host: HOST, port, user: EMBEDDED_USER, password, database: options.database ?? EMBEDDED_USER };
    await ensureDatabase(files, server);
    return { ...server, release: async () => release() };
  } catch (error) {
    release();
    throw error;
  }
}

async function start(files: PostgresFiles, notify: EmbeddedOptions['notify']): Promise<number> {
  const record = files.keeper;
  // A keeper whose server died ends; a server whose keeper died is taken over by the new one.
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
    const admin = files.adminPassword;
    const { place } = files;
    if (admin === null || place === null)
      throw new TsdbtError('connection', `the embedded Postgres in ${files.anchor} has lost its password file`);
    await prepareDatabase(server, admin);
    files.place = { ...place, databases: [...new Set([...place.databases, server.database])] };
  });
}

/** Starts the server and leaves it running: `tsdbt db start`. */
export async function keepEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await embeddedPostgres(options);
  new PostgresFiles(options.dir).kept = true;
  return server;
}

/**
 * Stops the server as soon as no command uses it: `tsdbt db stop`.
 * @returns pids of the commands that still use it; the last of them stops the server
 */
export async function stopEmbedded(dir: string): Promise<readonly number[]> {
  const files = new PostgresFiles(dir);
  if (files.place === null) return [];
  files.kept = false;
  const { place } = files;
  const users = files.owners().map((owner) => owner.pid);
  if (users.length > 0 || place === null) return users;
  // Without a keeper the server would never stop: start a keeper, which stops it.
  if (runningPort(files) === null && readPostmaster(place.home)?.identity)
    await files.locked(() => start(files, undefined));
  while (readPostmaster(place.home)?.identity) {
    if (files.owners().length > 0) return files.owners().map((owner) => owner.pid);
    await sleep(20);
  }
  return [];
}

/**
 * Takes over data that an earlier version kept in the project: `tsdbt db adopt`.
 * @returns the new data folder
 */
export async function adoptEmbedded(dir: string): Promise<string> {
  const files = new PostgresFiles(dir);
  files.prepare();
  return files.locked(() => adopt(files));
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
