// The keeper process: starts the embedded server, watches its users, and stops it after the last one, however that one
// ended. embedded.ts starts it; when it is killed, the next command starts another.
import { spawn } from 'node:child_process';
import { openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresFiles, type Place, readPostmaster } from './embedded-files.ts';
import { freePort } from '../embedded/embedded-port.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from '../process-identity.ts';
import { outliveStarter, notifyStarter } from '../embedded/embedded-start.ts';
import { sleep } from '../../within.ts';

/** Looks less often where looking at processes needs a child process. */
const WATCH_MS = process.platform === 'linux' ? 250 : 1000;
const LOG_BYTES = 10_000_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * Settings beside the server's defaults: loopback only; after a crash of the machine the last commits may be lost,
 * never consistency.
 */
function settings(port: number): string[] {
  const values: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    synchronous_commit: 'off',
    jit: 'off',
    max_wal_size: '1GB',
    // An error's statement may hold secrets. The command shows the error, without them.
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
    // A killed keeper may have left it: the server runs on and is ours now, or it ends and another takes its place.
    if (state?.identity && state.ready) return { server: state.identity, port: state.port };
    if (!state?.identity) failure ??= await launch(files, place);
    const why = failure?.() ?? null;
    if (why !== null && !state?.identity) throw new Error(why);
    await sleep(5);
  }
  throw new Error(`the server did not start within a minute, see ${files.logPath}`);
}

/** @returns a function that says why the server has failed, once it has */
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
      // A command registers before it reads our record. A command that found the record is seen by the second look. Any
      // other waits for the lock, so until the server is gone.
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
