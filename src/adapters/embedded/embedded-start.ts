// Starts the process that keeps an embedded server, detached from this one, and waits until it is ready. The dialect's
// keeper.ts is that process.
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsdbtError } from '../../errors.ts';
import { serverEnvironment } from '../../secrets.ts';
import type { EmbeddedFiles } from './embedded-files.ts';
import { isAlive } from '../process-identity.ts';

/** Maximum number of concurrent statements in an embedded engine; threads start on demand. */
const POOL_THREADS = '64';

/** Messages from the keeper to the command that started it. */
export type KeeperMessage =
  | { readonly ready: true; readonly port: number }
  | { readonly ready: false; readonly message: string };

/** Port of the server, if it and its keeper are running. */
export function runningPort(files: EmbeddedFiles): number | null {
  const record = files.keeper;
  if (record === null || !isAlive(record) || !isAlive(record.server)) return null;
  return record.port;
}

const logOf = ({ dir }: EmbeddedFiles): string => join(dir, 'keeper.log');

/** Output of a keeper and its server since the start; empty if none was started. */
export function keeperLog(files: EmbeddedFiles): string {
  try {
    return readFileSync(logOf(files), 'utf8');
  } catch {
    return '';
  }
}

/**
 * Starts a keeper and waits until its server accepts connections.
 * @param script the program
 * @param limit milliseconds after which a silent keeper is ended; absent: unlimited
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
 * The path of the keeper: next to this program in the bundle; from source it is bundled first.
 * @param bundled where the build writes it
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

/** The keeper outlives its starter, so that no server is left without one. */
export function outliveStarter(): void {
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => {});
  process.on('error', () => {});
}
