// Starts the process that keeps an embedded server: as a program of its own, detached, which says when it is ready.
// What it then does is in the dialect's keeper.ts.
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsdbtError } from '../../errors.ts';
import { publicEnvironment } from '../../secrets.ts';
import type { EmbeddedFiles } from './embedded-files.ts';
import { isAlive } from '../process-identity.ts';

/** Statements at the same time in an embedded engine; a thread is made when it is first needed. */
const POOL_THREADS = '64';

/** What the keeper tells the command that started it. */
export type KeeperMessage =
  | { readonly ready: true; readonly port: number }
  | { readonly ready: false; readonly message: string };

/** Port of the server when it and its keeper live. */
export function runningPort(files: EmbeddedFiles): number | null {
  const record = files.keeper;
  if (record === null || record.dir !== realpathSync(files.dir) || !isAlive(record) || !isAlive(record.server))
    return null;
  return record.port;
}

/**
 * Starts a keeper and waits until its server takes connections.
 * @param script the program
 * @param limit milliseconds until one that says nothing is ended; without: no limit
 * @returns the server's port
 * @throws `connection` error with the last lines of the server's log
 */
export async function startKeeper(
  files: EmbeddedFiles,
  title: string,
  script: string,
  args: readonly string[],
  limit = Number.POSITIVE_INFINITY,
): Promise<number> {
  const log = openSync(join(files.dir, 'keeper.log'), 'w', 0o600);
  // Each statement of an engine in the keeper's process takes a thread of Node's pool, which has four unless told.
  const env = { ...publicEnvironment(process.env), UV_THREADPOOL_SIZE: POOL_THREADS };
  const keeper = spawn(process.execPath, [script, files.dir, ...args], {
    cwd: '/',
    detached: true,
    env,
    stdio: ['ignore', log, log, 'ipc'],
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      if (Number.isFinite(limit)) {
        timer = setTimeout(() => {
          keeper.kill('SIGKILL');
          fail(`it was not ready within ${Math.round(limit / 1000)} s`);
        }, limit);
      }
      const fail = (message: string): void =>
        reject(
          new TsdbtError(
            'connection',
            `the embedded ${title} in ${files.dir} did not start: ${message}${lastWords(files)}`,
          ),
        );
      keeper.once('message', (message) => {
        const said = message as KeeperMessage;
        if (said.ready) resolve(said.port);
        else fail(said.message);
      });
      keeper.once('error', (error) => fail(error.message));
      keeper.once('exit', (code, signal) => fail(`its keeper ended (${signal ?? code})`));
    });
  } finally {
    clearTimeout(timer);
    keeper.removeAllListeners();
    keeper.on('error', () => {});
    if (keeper.connected) keeper.disconnect();
    keeper.unref();
  }
}

function lastWords(files: EmbeddedFiles): string {
  try {
    const lines = readFileSync(files.logPath, 'utf8').trimEnd().split('\n').slice(-5);
    return lines.length > 0 ? `\n${lines.join('\n')}` : '';
  } catch {
    return '';
  }
}

/**
 * The keeper as a program: beside us in the bundle; from sources it is bundled first.
 * @param bundled where the build puts it
 */
export async function keeperScript(dir: string, bundled: URL, source: URL): Promise<string> {
  const beside = fileURLToPath(bundled);
  if (existsSync(beside)) return beside;
  const outfile = join(dir, 'keeper.mjs');
  const bundler = 'esbuild';
  const { build } = (await import(bundler)) as { build(options: object): Promise<unknown> };
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
  return outfile;
}

/** What a keeper says to whoever started it. */
export function tellStarter(message: KeeperMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send) return resolve();
    process.send(message, undefined, undefined, () => {
      process.disconnect?.();
      resolve();
    });
  });
}

/** Whoever started a keeper may be gone or interrupted; that is no reason to leave a server behind. */
export function outliveStarter(): void {
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => {});
  process.on('error', () => {});
}
