// Starts the process that keeps an embedded server: as a program of its own, detached, which says when it is ready.
// What it then does is in the dialect's keeper.ts.
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsdbtError } from '../../errors.ts';
import { serverEnvironment } from '../../secrets.ts';
import type { EmbeddedFiles } from './embedded-files.ts';
import { isAlive } from '../process-identity.ts';

/** Limit of concurrent statements in an embedded engine; threads start when they are needed. */
const POOL_THREADS = '64';

/** Messages from the keeper to the command that started it. */
export type KeeperMessage =
  | { readonly ready: true; readonly port: number }
  | { readonly ready: false; readonly message: string };

/** Port of the server when it and its keeper live. */
export function runningPort(files: EmbeddedFiles): number | null {
  const record = files.keeper;
  if (record === null || !isAlive(record) || !isAlive(record.server)) return null;
  return record.port;
}

const logOf = ({ dir }: EmbeddedFiles): string => join(dir, 'keeper.log');

/** What a keeper and its server have said since it was started; empty when nobody was. */
export function keeperLog(files: EmbeddedFiles): string {
  try {
    return readFileSync(logOf(files), 'utf8');
  } catch {
    return '';
  }
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
  const log = openSync(logOf(files), 'w', 0o600);
  // A statement of the keeper's engine occupies a thread of Node's pool, which has four by default.
  const env = { ...serverEnvironment(process.env), UV_THREADPOOL_SIZE: POOL_THREADS };
  const keeper = spawn(process.execPath, [script, files.anchor, ...args], {
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
            `the embedded ${title} in ${files.anchor} did not start: ${message}${lastWords(files)}`,
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

/** Sends a message to the process that started the keeper. */
export function notifyStarter(message: KeeperMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send) return resolve();
    process.send(message, undefined, undefined, () => {
      process.disconnect?.();
      resolve();
    });
  });
}

/** The keeper outlives its starter, so that no server is left behind without one. */
export function outliveStarter(): void {
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => {});
  process.on('error', () => {});
}
