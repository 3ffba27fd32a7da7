// The files of an embedded server beside its data: password, users, keeper, and the lock for changing them. Every
// change is one atomic file operation: after a kill at any moment the next command can read them.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { TsdbtError } from '../../errors.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from '../process-identity.ts';
import { makeFolder } from '../../make-folder.ts';
import { sleep } from '../../within.ts';

/** Written by the keeper once the server takes connections. */
export interface KeeperRecord extends ProcessIdentity {
  /** The folder that the record was written for: a copied folder has the original server's record. */
  readonly dir: string;
  readonly port: number;
  readonly server: ProcessIdentity;
}

const LOCK_STALE_MS = 5000;
const LOCK_TIMEOUT_MS = 60_000;

/** The files of one embedded server. */
export class EmbeddedFiles {
  readonly dir: string;
  readonly #title: string;

  /** @param title the database's name for messages: `Postgres` */
  constructor(dir: string, title: string) {
    this.dir = dir;
    this.#title = title;
  }

  prepare(): void {
    try {
      makeFolder(join(this.dir, 'owners'), 0o700);
      chmodSync(this.dir, 0o700);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      throw new TsdbtError(
        'connection',
        `cannot use the folder of the embedded ${this.#title}, ${this.dir}: ` +
          `${error instanceof Error ? error.message : String(error)}`,
        {
          hint:
            code === 'EACCES' || code === 'EPERM'
              ? 'It belongs to another user. Run as that user, or name another folder in profiles.yml.'
              : undefined,
        },
      );
    }
  }

  get keeper(): KeeperRecord | null {
    return this.read<KeeperRecord>('keeper.json');
  }
  set keeper(record: KeeperRecord) {
    this.write('keeper.json', JSON.stringify(record));
  }
  get password(): string | null {
    return this.#text('password');
  }
  set password(password: string) {
    this.write('password', password);
  }
  /** Runs without users: `tsdbt db start`. */
  get kept(): boolean {
    return existsSync(join(this.dir, 'kept'));
  }
  set kept(kept: boolean) {
    if (kept) this.write('kept', '');
    else rmSync(join(this.dir, 'kept'), { force: true });
  }
  /** False when the folder was removed under a running server. */
  get intact(): boolean {
    return existsSync(join(this.dir, 'password'));
  }
  get logPath(): string {
    return join(this.dir, 'server.log');
  }

  forgetKeeper(): void {
    rmSync(join(this.dir, 'keeper.json'), { force: true });
  }

  /** Registers this process as a user. @returns how to unregister it */
  own(): () => void {
    const name = join('owners', `${process.pid}-${randomBytes(6).toString('hex')}.json`);
    this.write(name, JSON.stringify(ownIdentity()));
    return () => rmSync(join(this.dir, name), { force: true });
  }

  /** The live users; removes records of dead ones. */
  owners(): ProcessIdentity[] {
    const alive: ProcessIdentity[] = [];
    for (const name of this.#list('owners')) {
      if (!name.endsWith('.json')) continue;
      const owner = this.read<ProcessIdentity>(join('owners', name));
      if (owner !== null && isAlive(owner)) alive.push(owner);
      else rmSync(join(this.dir, 'owners', name), { force: true });
    }
    return alive;
  }

  /** Runs `work` under the lock of these files. Breaks a lock whose holder is dead. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const unlock = await this.#lock();
    try {
      return await work();
    } finally {
      unlock();
    }
  }

  async #lock(): Promise<() => void> {
    const path = join(this.dir, 'lock');
    const mine = join(this.dir, `lock-${process.pid}-${randomBytes(6).toString('hex')}`);
    this.#create(mine, JSON.stringify(ownIdentity()));
    const deadline = performance.now() + LOCK_TIMEOUT_MS;
    try {
      for (;;) {
        try {
          // A hard link is created atomically, to a file that names the holder.
          linkSync(mine, path);
          return () => rmSync(path, { force: true });
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
        }
        this.#breakStale(path);
        if (performance.now() > deadline) {
          throw new TsdbtError(
            'connection',
            `the embedded ${this.#title} in ${this.dir} is being started or stopped by another process ` +
              `(${this.#text('lock') ?? 'unknown'}) for a minute already`,
          );
        }
        await sleep(10);
      }
    } finally {
      rmSync(mine, { force: true });
    }
  }

  #breakStale(path: string): void {
    if (!this.#isStale(path)) return;
    const aside = join(this.dir, `lock-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      renameSync(path, aside);
      // Another process may have broken it and taken a new one: give that back.
      if (!this.#isStale(aside)) linkSync(aside, path);
    } catch {
      // Another process was quicker.
    } finally {
      rmSync(aside, { force: true });
    }
  }

  #isStale(path: string): boolean {
    try {
      const holder = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
      return !isAlive(holder);
    } catch (error) {
      if (!(error instanceof SyntaxError)) return false;
      return Date.now() - statSync(path).mtimeMs > LOCK_STALE_MS;
    }
  }

  #list(name: string): string[] {
    try {
      return readdirSync(join(this.dir, name));
    } catch {
      return [];
    }
  }

  #text(name: string): string | null {
    try {
      return readFileSync(join(this.dir, name), 'utf8');
    } catch {
      return null;
    }
  }

  protected read<T>(name: string): T | null {
    try {
      return JSON.parse(this.#text(name) ?? 'null') as T | null;
    } catch {
      return null;
    }
  }

  protected write(name: string, text: string): void {
    const path = join(this.dir, name);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    this.#create(temporary, text);
    renameSync(temporary, path);
  }

  /** Files that root writes into a user's folder must stay readable to that user, and to a keeper that runs as it. */
  #create(path: string, text: string): void {
    writeFileSync(path, text, { mode: 0o600 });
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = statSync(this.dir);
    if (uid !== 0) chownSync(path, uid, gid);
  }
}
