// The state of an embedded server: password, users, keeper, and the lock for changing it, outside of the project. Every
// change is one atomic file operation: after a kill at any moment the next command can read the state.
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsdbtError } from '../../errors.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from '../process-identity.ts';
import { makeFolder } from '../../make-folder.ts';
import { anchorPath, defaultPlace, findPlace, makePlace } from './embedded-place.ts';
import { sleep } from '../../within.ts';

/** Written by the keeper once the server accepts connections. */
export interface KeeperRecord extends ProcessIdentity {
  readonly port: number;
  readonly server: ProcessIdentity;
  /** Whether statements may reach files, programs and other servers; ClickHouse only. */
  readonly open?: boolean;
}

const LOCK_STALE_MS = 5000;
const LOCK_TIMEOUT_MS = 60_000;

/** The files of one embedded server. */
export class EmbeddedFiles {
  /** The folder that the profile names. */
  readonly anchor: string;
  readonly #title: string;
  readonly #path: string;
  #dir: string | undefined;
  #inode: number | undefined;

  /**
   * @param anchor the folder that the profile names
   * @param title the database's display name: `Postgres`
   */
  constructor(anchor: string, title: string) {
    this.anchor = anchor;
    this.#title = title;
    this.#path = anchorPath(anchor);
  }

  /** The folder of the state and the data. */
  get dir(): string {
    return (this.#dir ??= findPlace(this.#path) ?? defaultPlace(this.#path));
  }

  prepare(): void {
    try {
      this.#dir = makePlace(this.#path, (place) => this.#retire(place));
      makeFolder(join(this.dir, 'owners'), 0o700);
    } catch (error) {
      if (error instanceof TsdbtError) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      throw new TsdbtError(
        'connection',
        `cannot use the folder of the embedded ${this.#title}, ${this.anchor}: ` +
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
    return this.text('password');
  }
  set password(password: string) {
    this.write('password', password);
  }
  /** Whether it runs without users: `tsdbt db start`. */
  get kept(): boolean {
    return existsSync(join(this.dir, 'kept'));
  }
  set kept(kept: boolean) {
    if (kept) this.write('kept', '');
    else rmSync(join(this.dir, 'kept'), { force: true });
  }
  /** False if the named folder, or this one, was removed under a running server. */
  get intact(): boolean {
    const inode = statSync(this.dir, { throwIfNoEntry: false })?.ino;
    return existsSync(this.#path) && existsSync(join(this.dir, 'password')) && inode === (this.#inode ??= inode);
  }
  /** Data of an earlier version in the named folder, or data that came with a cloned project; null: none. */
  get foreignData(): string | null {
    const data = join(this.#path, 'data');
    return existsSync(data) ? data : null;
  }
  get logPath(): string {
    return join(this.dir, 'server.log');
  }

  /** Stops the server of a named folder that was removed. */
  #retire(place: string): void {
    const record = this.read<KeeperRecord>('keeper.json', place);
    if (record !== null) {
      if (isAlive(record)) process.kill(record.pid, 'SIGKILL');
      if (isAlive(record.server)) process.kill(record.server.pid, 'SIGQUIT');
    }
    this.retired(place);
  }

  /** Removes what belongs to a place in other folders. */
  protected retired(_place: string): void {}

  forgetKeeper(): void {
    rmSync(join(this.dir, 'keeper.json'), { force: true });
  }

  /** Registers this process as a user. @returns a function that unregisters it */
  own(): () => void {
    const name = join('owners', `${process.pid}-${randomBytes(6).toString('hex')}.json`);
    this.write(name, JSON.stringify(ownIdentity()));
    return () => rmSync(join(this.dir, name), { force: true });
  }

  /** Returns the live users and removes records of dead ones. */
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
    writeFileSync(mine, JSON.stringify(ownIdentity()), { mode: 0o600 });
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
            `the embedded ${this.#title} in ${this.anchor} is being started or stopped by another process ` +
              `(${this.text('lock') ?? 'unknown'}) for a minute already`,
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
      // Another process was faster.
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

  protected text(name: string, dir = this.dir): string | null {
    try {
      return readFileSync(join(dir, name), 'utf8');
    } catch {
      return null;
    }
  }

  protected read<T>(name: string, dir = this.dir): T | null {
    try {
      return JSON.parse(this.text(name, dir) ?? 'null') as T | null;
    } catch {
      return null;
    }
  }

  protected write(name: string, text: string): void {
    const path = join(this.dir, name);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  }
}
