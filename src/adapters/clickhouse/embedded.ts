// The project's own ClickHouse: the engine of npm `chdb` in a separate process (keeper.ts), shared by concurrent
// commands. It speaks ClickHouse's HTTP interface, so the adapter treats it like any server.
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { TsdbtError } from '../../errors.ts';
import { moveData, refuseForeignData } from '../embedded/embedded-data.ts';
import { EmbeddedFiles, type KeeperRecord } from '../embedded/embedded-files.ts';
import { isAlive } from '../process-identity.ts';
import { keeperLog, keeperScript, runningPort, startKeeper } from '../embedded/embedded-start.ts';
import { makeFolder } from '../../make-folder.ts';
import { sleep } from '../../within.ts';
import { ALLOW_VARIABLE, allowsExternalAccess, OPEN } from './embedded-access.ts';

/** The chdb version that this program was tested with. */
const CHDB = 'chdb@3.4.0';
/** It starts within a second, unless it waits for an external server. */
const START_LIMIT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

export interface EmbeddedOptions {
  /** Absolute path of the server's data folder, created if missing. */
  readonly dir: string;
  /** Where chdb may be installed, in addition to this program's own packages. */
  readonly projectDir: string;
}

/** A running server, used by this process until `release`. */
export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Folder of its state and data. */
  readonly home: string;
  /** Ends this process's use. Without users the server stops within seconds. Can be called twice. */
  release(): Promise<void>;
}

/**
 * Returns the embedded server of a folder and starts it (half a second) if it is not running.
 * @throws `connection` error that says what is missing
 */
export async function embeddedClickhouse({ dir, projectDir }: EmbeddedOptions): Promise<EmbeddedServer> {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  files.prepare();
  const release = files.own();
  try {
    const port = await serverPort(files, projectDir);
    const password = files.password;
    if (password === null)
      throw new TsdbtError('connection', `the embedded ClickHouse in ${dir} has lost its password file`);
    return { host: '127.0.0.1', port, user: 'default', password, home: files.dir, release: async () => release() };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Returns the port of a server with the access that this command allows. An unused server with other access is
 * restarted.
 */
async function serverPort(files: EmbeddedFiles, projectDir: string): Promise<number> {
  const open = allowsExternalAccess();
  const found = (): number | null => (files.keeper?.open === open ? runningPort(files) : null);
  return (
    found() ??
    files.locked(async () => {
      const { keeper } = files;
      if (keeper === null || runningPort(files) === null) return start(files, projectDir, open);
      if (keeper.open === open) return keeper.port;
      const others = files.owners().flatMap(({ pid }) => (pid === process.pid ? [] : [pid]));
      if (files.kept || others.length > 0) throw otherRights(files, open, others);
      await end(keeper);
      return start(files, projectDir, open);
    })
  );
}

function otherRights({ anchor }: EmbeddedFiles, open: boolean, others: readonly number[]): TsdbtError {
  return new TsdbtError(
    'connection',
    `the embedded ClickHouse in ${anchor} was started ${open ? 'without' : 'with'} ${ALLOW_VARIABLE}=1, ` +
      `and this command runs ${open ? 'with' : 'without'} it`,
    {
      hint:
        (others.length === 0 ? '' : `It is used by ${others.join(', ')}. `) +
        `Stop it with \`tsdbt db stop\`, or ${open ? 'unset' : 'set'} the variable.`,
    },
  );
}

async function end(keeper: KeeperRecord): Promise<void> {
  process.kill(keeper.pid, 'SIGTERM');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isAlive(keeper) && performance.now() < deadline) await sleep(20);
}

async function start(files: EmbeddedFiles, projectDir: string, open: boolean): Promise<number> {
  const chdb = findChdb(projectDir);
  if (!existsSync(join(files.dir, 'data'))) refuseForeignData(files, 'ClickHouse');
  makeFolder(join(files.dir, 'data'), 0o700);
  const script = await keeperScript(
    files.dir,
    new URL('./clickhouse-keeper.js', import.meta.url),
    new URL('./keeper.ts', import.meta.url),
  );
  try {
    return await startKeeper(files, 'ClickHouse', script, [chdb, ...(open ? [OPEN] : [])], START_LIMIT_MS);
  } catch (error) {
    throw error instanceof TsdbtError ? withUnloadedTables(withReason(error, files), files) : error;
  }
}

/** chdb throws an error without a reason; the keeper's log contains the engine's message. */
function withReason(error: TsdbtError, files: EmbeddedFiles): TsdbtError {
  const reason = /^Code: \d+\. (?:DB::\w+: )?(.+?) \([A-Z_]+\)$/ms.exec(keeperLog(files))?.[1];
  if (reason === undefined) return error;
  return new TsdbtError('connection', `${error.message}: ${reason.replace(/\s+/g, ' ')}`, { cause: error });
}

/**
 * Names the tables that prevent a folder from opening. The engine opens all tables or none, and waits for object
 * stores.
 * @returns the error with the engine's message, and how to open the folder without these tables
 */
function withUnloadedTables(error: TsdbtError, files: EmbeddedFiles): TsdbtError {
  const said = keeperLog(files);
  const file = /from metadata file (\S+\.sql) from query/.exec(said)?.[1];
  const [, table, reason] = /Load job 'load table ([^']*)' failed: (.*?): Cannot attach table/s.exec(said) ?? [];
  const unloaded = file === undefined ? remoteTables(join(files.dir, 'data')) : [file];
  if (unloaded.length === 0) return error;
  const flags = unloaded.map((path) => `${resolve(files.dir, 'data', path)}.detached`);
  return new TsdbtError(
    'connection',
    reason === undefined ? error.message : `${error.message}\nTable ${table}: ${reason}`,
    {
      cause: error,
      hint:
        'All tables of the folder are loaded at its start, and these lie on a disk that may be away. Bring it ' +
        'back; or leave them out until ' +
        `ATTACH TABLE: create the empty ${flags.length === 1 ? 'file' : 'files'} ${flags.join(', ')}.`,
    },
  );
}

/** Files that define attached tables with their own disk, relative to `data`. */
function remoteTables(data: string): string[] {
  const store = join(data, 'store');
  if (!existsSync(store)) return [];
  const paths = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.sql'));
  return paths
    .filter(
      (path) =>
        !existsSync(join(store, `${path}.detached`)) &&
        /^SETTINGS [^\n]*\b(?:disk|storage_policy) = /m.test(readFileSync(join(store, path), 'utf8')),
    )
    .map((path) => join('store', path))
    .slice(0, 5);
}

/**
 * A package inside the project is the project's code: it is used only with the caller's consent.
 * @throws `connection` error that says what to install
 */
export function findChdb(projectDir: string): string {
  for (const from of [
    import.meta.url,
    ...(allowsExternalAccess() ? [join(projectDir, 'package.json')] : []),
    join(dirname(process.execPath), 'package.json'),
  ]) {
    try {
      return createRequire(from).resolve('chdb');
    } catch {
      // Not installed there.
    }
  }
  throw new TsdbtError(
    'connection',
    'the embedded ClickHouse (`path:` in profiles.yml) needs the npm package chdb, which is not installed',
    {
      hint:
        `Install it: npm install ${CHDB} (180 MB; for Linux with glibc, and macOS). Or name a server with ` +
        '`host:` in place of `path:`.',
    },
  );
}

export type EmbeddedStatus =
  | { readonly state: 'absent' | 'stopped'; readonly dir: string; readonly home: string; readonly kept: boolean }
  | {
      readonly state: 'running';
      readonly dir: string;
      readonly home: string;
      readonly kept: boolean;
      readonly port: number;
      readonly pid: number;
      readonly users: readonly number[];
    };

export function embeddedStatus(dir: string): EmbeddedStatus {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  const { keeper, kept, dir: home } = files;
  if (!files.intact) return { state: 'absent', dir, home, kept };
  if (keeper === null || runningPort(files) === null) return { state: 'stopped', dir, home, kept };
  return {
    state: 'running',
    dir,
    home,
    kept,
    port: keeper.port,
    pid: keeper.pid,
    users: files.owners().map((owner) => owner.pid),
  };
}

/**
 * Takes over data that an earlier version kept in the project: `tsdbt db adopt`.
 * @returns the new data folder
 */
export async function adoptEmbedded(dir: string): Promise<string> {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  files.prepare();
  return files.locked(async () => {
    chmodSync(
      moveData(files, 'ClickHouse', join(files.dir, 'data'), () => undefined),
      0o700,
    );
    return files.dir;
  });
}

/** Starts the server and leaves it running: `tsdbt db start`. */
export async function keepEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await embeddedClickhouse(options);
  new EmbeddedFiles(options.dir, 'ClickHouse').kept = true;
  return server;
}

/**
 * Stops the server as soon as no command uses it: `tsdbt db stop`.
 * @returns pids of the commands that still use it; the last of them stops the server
 */
export async function stopEmbedded(dir: string): Promise<readonly number[]> {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  if (!files.intact) return [];
  files.kept = false;
  const users = await files.locked(async () => {
    const { keeper } = files;
    const owners = files.owners().map((owner) => owner.pid);
    if (owners.length > 0 || keeper === null || runningPort(files) === null) return owners;
    await end(keeper);
    return owners;
  });
  return users;
}
