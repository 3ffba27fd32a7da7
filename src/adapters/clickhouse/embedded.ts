// A ClickHouse of the project's own: the engine of npm `chdb` in a process of its own, started when a command needs it, shared with the commands that
// run at the same time. Speaks ClickHouse's HTTP interface, so that the adapter knows no difference. The process itself is keeper.ts.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { TsdbtError } from '../../errors.ts';
import { EmbeddedFiles } from '../embedded/embedded-files.ts';
import { isAlive, sleep } from '../process-identity.ts';
import { keeperScript, runningPort, startKeeper } from '../embedded/embedded-start.ts';

/** The version of chdb that this program was tested with. */
const CHDB = 'chdb@3.4.0';
const STOP_TIMEOUT_MS = 15_000;

export interface EmbeddedOptions {
  /** Folder of the server's data: absolute. Made when absent. */
  readonly dir: string;
  /** Where chdb may be installed, too, beside this program's own packages. */
  readonly projectDir: string;
}

/** A running server, used by this process until `release`. */
export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** This process needs it no longer. Without other users the server stops within seconds. Safe to call twice. */
  release(): Promise<void>;
}

/**
 * The embedded server of a folder, started (half a second) when it is not running.
 * @throws `connection` error saying what is missing
 */
export async function embeddedClickhouse({ dir, projectDir }: EmbeddedOptions): Promise<EmbeddedServer> {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  files.prepare();
  const release = files.own();
  try {
    const port = runningPort(files) ?? (await files.locked(async () => runningPort(files) ?? start(files, projectDir)));
    const password = files.password;
    if (password === null) throw new TsdbtError('connection', `the embedded ClickHouse in ${dir} has lost its password file`);
    return { host: '127.0.0.1', port, user: 'default', password, release: async () => release() };
  } catch (error) {
    release();
    throw error;
  }
}

async function start(files: EmbeddedFiles, projectDir: string): Promise<number> {
  const chdb = findChdb(projectDir);
  mkdirSync(join(files.dir, 'data'), { recursive: true, mode: 0o700 });
  const script = await keeperScript(files.dir, new URL('./clickhouse-keeper.js', import.meta.url), new URL('./keeper.ts', import.meta.url));
  return startKeeper(files, 'ClickHouse', script, [chdb]);
}

/** @throws `connection` error that says what to install */
export function findChdb(projectDir: string): string {
  for (const from of [import.meta.url, join(projectDir, 'package.json'), join(dirname(process.execPath), 'package.json')]) {
    try {
      return createRequire(from).resolve('chdb');
    } catch {
      // Not installed there.
    }
  }
  throw new TsdbtError('connection', 'the embedded ClickHouse (`path:` in profiles.yml) needs the npm package chdb, which is not installed', {
    hint: `Install it: npm install ${CHDB} (180 MB; for Linux with glibc, and macOS). Or name a server with \`host:\` in place of \`path:\`.`,
  });
}

export type EmbeddedStatus =
  | { readonly state: 'absent' | 'stopped'; readonly dir: string; readonly kept: boolean }
  | { readonly state: 'running'; readonly dir: string; readonly kept: boolean; readonly port: number; readonly pid: number; readonly users: readonly number[] };

export function embeddedStatus(dir: string): EmbeddedStatus {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  const { keeper, kept } = files;
  if (!files.intact) return { state: 'absent', dir, kept };
  if (keeper === null || runningPort(files) === null) return { state: 'stopped', dir, kept };
  return { state: 'running', dir, kept, port: keeper.port, pid: keeper.pid, users: files.owners().map((owner) => owner.pid) };
}

/** Starts the server and lets it run on: `tsdbt db start`. */
export async function keepEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await embeddedClickhouse(options);
  new EmbeddedFiles(options.dir, 'ClickHouse').kept = true;
  return server;
}

/**
 * Lets the server stop: `tsdbt db stop`. Waits for it, unless a command uses it.
 * @returns pids of the commands that still use it; the server then stops with the last of them
 */
export async function stopEmbedded(dir: string): Promise<readonly number[]> {
  const files = new EmbeddedFiles(dir, 'ClickHouse');
  if (!files.intact) return [];
  files.kept = false;
  const users = await files.locked(async () => {
    const { keeper } = files;
    const owners = files.owners().map((owner) => owner.pid);
    if (owners.length > 0 || keeper === null || runningPort(files) === null) return owners;
    process.kill(keeper.pid, 'SIGTERM');
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    while (isAlive(keeper) && performance.now() < deadline) await sleep(20);
    return owners;
  });
  return users;
}
