// The keeper process: starts the embedded server, watches its users, and stops it after the last one, however that one
// ended. embedded.ts starts it; if it is killed, the next command starts another.
import { spawn } from 'node:child_process';
import { openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresFiles, type Place, readPostmaster } from './embedded-files.ts';
import { freePort } from '../embedded/embedded-port.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from '../process-identity.ts';
import { outliveStarter, notifyStarter } from '../embedded/embedded-start.ts';
import { sleep } from '../../within.ts';

/** Interval between checks, longer where checking processes needs a child process. */
const WATCH_MS = process.platform === 'linux' ? 250 : 1000;
const LOG_BYTES = 10_000_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * Settings in addition to the server's defaults: loopback only; after a crash of the machine the last commits may be
 * lost, but never consistency.
 */
function settings(port: number): string[] {
  const values: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    synchronous_commit: 'off',
    jit: 'off',
    max_wal_size: '1GB',
    // The statement of an error may contain secrets. The command shows the error, with secrets masked.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_timezone: 'UTC',
    timezone: 'UTC',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function startServer(files: PostgresFiles, place: Place): Promise<{ server: ProcessIdentity; port: number }> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let failure: (() => string | null) | null = null;
  while (performance.now() < deadline) {
    const state = readPostmaster(place.home);
    // A killed keeper may have left a server: either it keeps running and this keeper takes over, or it ends and
    // another one replaces it.
    if (state?.identity && state.ready) return { server: state.identity, port: state.port };
    if (!state?.identity) failure ??= await launch(files, place);
    const why = failure?.() ?? null;
    if (why !== null && !state?.identity) throw new Error(why);
    await sleep(5);
  }
  throw new Error(`the server did not start within a minute, see ${files.logPath}`);
}

/** @returns a function that returns the reason once the server has failed */
async function launch(files: PostgresFiles, place: Place): Promise<() => string | null> {
  let failed: string | null = null;
  rmSync(join(place.home, 'data', 'postmaster.pid'), { force: true });
  const port = await freePort(place.port);
  const long = (statSync(files.logPath, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES;
  const log = openSync(files.logPath, long ? 'w' : 'a', 0o600);
  const child = spawn(join(place.native, 'bin', 'postgres'), ['-D', join(place.home, 'data'), ...settings(port)], {
    cwd: place.home,
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    ...(place.uid === null ? {} : { uid: place.uid }),
    ...(place.gid === null ? {} : { gid: place.gid }),
  });
  child.once('error', (error) => {
    failed = error.message;
  });
  child.once('exit', (code, signal) => {
    failed = `the server ended at once (${signal ?? `exit code ${code}`}), see ${files.logPath}`;
  });
  child.unref();
  return () => failed;
}

async function stopServer(server: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isAlive(server)) return;
    try {
      process.kill(server.pid, signal);
    } catch {
      return;
    }
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    while (isAlive(server) && performance.now() < deadline) await sleep(10);
  }
}

function used(files: PostgresFiles): boolean {
  return files.kept || files.owners().length > 0;
}

async function watch(files: PostgresFiles, server: ProcessIdentity): Promise<void> {
  for (;;) {
    await sleep(WATCH_MS);
    if (!isAlive(server)) {
      if (files.keeper?.pid === process.pid) files.forgetKeeper();
      return;
    }
    if (!files.intact) return stopServer(server);
    if (used(files)) continue;
    const stopped = await files.locked(async () => {
      const record = files.keeper;
      if (record !== null && record.pid !== process.pid) return true;
      // A command registers before it reads our record. If it found the record, the second check sees it. Otherwise it
      // waits for the lock, that is until the server has stopped.
      files.forgetKeeper();
      if (used(files)) {
        if (record !== null) files.keeper = record;
        return false;
      }
      await stopServer(server);
      return true;
    });
    if (stopped) return;
  }
}

async function main(anchor: string): Promise<void> {
  outliveStarter();
  const files = new PostgresFiles(anchor);
  const place = files.place;
  if (place === null) return notifyStarter({ ready: false, message: `${anchor} has no server` });
  try {
    const { server, port } = await startServer(files, place);
    files.keeper = { ...ownIdentity(), port, server };
    if (place.port !== port) files.place = { ...place, port };
    process.on('SIGTERM', () => {
      files.forgetKeeper();
      void stopServer(server).then(() => process.exit(0));
    });
    await notifyStarter({ ready: true, port });
    await watch(files, server);
  } catch (error) {
    await notifyStarter({ ready: false, message: error instanceof Error ? error.message : String(error) });
  }
}

await main(process.argv[2] ?? '');
