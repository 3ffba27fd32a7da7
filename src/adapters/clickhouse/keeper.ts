// The process of the embedded ClickHouse: the engine (npm `chdb`) and its HTTP interface on the loopback address,
// running while it has users. embedded.ts starts it. If the native library crashes, only this process ends.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EmbeddedFiles } from '../embedded/embedded-files.ts';
import { freePort } from '../embedded/embedded-port.ts';
import { ownIdentity } from '../process-identity.ts';
import { keeperLog, outliveStarter, notifyStarter, runningPort } from '../embedded/embedded-start.ts';
import { OPEN } from './embedded-access.ts';
import { Engine, type NativeEngine } from './embedded-engine.ts';
import { answer } from './embedded-http.ts';
import { writeRights } from './embedded-rights.ts';
import { makeFolder } from '../../make-folder.ts';
import { sleep } from '../../within.ts';

const HOST = '127.0.0.1';
export const USER = 'default';
const WATCH_MS = 250;
/** How long the server keeps running for other clients after their last statement. */
const IDLE_MS = 3000;
/** How long to wait for a server that is ending: only one process at a time can use a folder. */
const TAKEOVER_MS = 15_000;

/**
 * Opens the folder's engine. Only one process at a time can have it open, and a killed one may still have running
 * threads; chdb reports only that opening failed.
 * @returns the port of another keeper's server instead: a command that was stopped while starting leaves a keeper that
 *   is unknown until its server accepts connections
 */
async function openEngine(
  native: NativeEngine,
  files: EmbeddedFiles,
  path: string,
  spool: string,
  rights: string | null,
): Promise<Engine | number> {
  const deadline = performance.now() + TAKEOVER_MS;
  for (;;) {
    const said = keeperLog(files).length;
    try {
      return new Engine(native, path, spool, () => performance.now(), rights);
    } catch (error) {
      if (performance.now() > deadline || !/Cannot lock file/.test(keeperLog(files).slice(said))) throw error;
      await sleep(50);
      const port = runningPort(files);
      if (port !== null) return port;
    }
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: HOST }, () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

function used(files: EmbeddedFiles, engine: Engine): boolean {
  return (
    files.kept ||
    engine.running > 0 ||
    (performance.now() - engine.lastUse < IDLE_MS && engine.served) ||
    files.owners().length > 0
  );
}

async function watch(files: EmbeddedFiles, engine: Engine): Promise<void> {
  for (;;) {
    await sleep(WATCH_MS);
    engine.sweep();
    if (!files.intact) return;
    if (used(files, engine)) continue;
    const stopped = await files.locked(async () => {
      const record = files.keeper;
      if (record !== null && record.pid !== process.pid) return true;
      // A command registers itself before it reads our record: see the Postgres keeper.
      files.forgetKeeper();
      if (!used(files, engine)) {
        engine.close();
        return true;
      }
      if (record !== null) files.keeper = record;
      return false;
    });
    if (stopped) return;
  }
}

async function main(anchor: string, chdb: string, open: boolean): Promise<void> {
  outliveStarter();
  const files = new EmbeddedFiles(anchor, 'ClickHouse');
  const { dir } = files;
  try {
    const { Session } = createRequire(import.meta.url)(chdb) as { Session: NativeEngine };
    files.password ??= randomBytes(24).toString('base64url');
    const { password } = files;
    const spool = join(dir, 'spool');
    const engine = await openEngine(Session, files, join(dir, 'data'), spool, open ? null : writeRights(dir));
    if (typeof engine === 'number') return await notifyStarter({ ready: true, port: engine });
    rmSync(spool, { recursive: true, force: true });
    makeFolder(spool, 0o700);
    const facts = await engine.serverFacts();
    const settings = { engine, user: USER, password: password ?? '', spool, open, ...facts };
    // The names of an INSERT's columns are in the URL. The limit is that of a ClickHouse server.
    const server = createServer({ maxHeaderSize: 1024 ** 2 }, (request, response) => {
      void answer(settings, request, response);
    });
    server.requestTimeout = 0;
    server.keepAliveTimeout = 10_000;
    const port = await listen(server, await freePort(files.keeper?.port ?? null));
    files.keeper = { ...ownIdentity(), port, server: ownIdentity(), open };
    const leave = (): void => {
      engine.close();
      process.exit(0);
    };
    process.on('SIGTERM', () => {
      files.forgetKeeper();
      leave();
    });
    await notifyStarter({ ready: true, port });
    await watch(files, engine);
    leave();
  } catch (error) {
    await notifyStarter({ ready: false, message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

await main(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4] === OPEN);
