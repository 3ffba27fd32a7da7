// The user's folder for state outside of any project, and the key that signs the state this program keeps inside
// projects. A project's files, including `.env`, have no influence on the folder's location.
import { createHmac, type Hmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { makeFolder } from './make-folder.ts';

const KEY_BYTES = 32;
const WITHOUT_LINKS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * `$XDG_STATE_HOME/tsdbt` or `~/.local/state/tsdbt`, created if missing; null if it cannot be owned by this user alone.
 */
export function userStateFolder(): string | null {
  const given = process.env['XDG_STATE_HOME'] ?? '';
  try {
    return privateFolder(join(isAbsolute(given) ? given : join(homedir(), '.local', 'state'), 'tsdbt'));
  } catch {
    return null;
  }
}

/** A folder that lasts until the machine restarts, for users without a home. @returns null like `userStateFolder` */
export function temporaryStateFolder(): string | null {
  const path = join(tmpdir(), `tsdbt-${process.getuid?.() ?? 'user'}`);
  try {
    makeFolder(path, 0o700);
    return isPrivate(path) ? path : null;
  } catch {
    return null;
  }
}

/** Root creates nothing in the home folder of another user: `sudo` may keep HOME. */
function privateFolder(path: string): string | null {
  let existing = path;
  while (statSync(existing, { throwIfNoEntry: false }) === undefined && dirname(existing) !== existing)
    existing = dirname(existing);
  if (!isOwn(statSync(existing).uid)) return null;
  makeFolder(path, 0o700);
  return isPrivate(path) ? path : null;
}

function isPrivate(path: string): boolean {
  const stat = statSync(path);
  return stat.isDirectory() && isOwn(stat.uid) && (stat.mode & 0o022) === 0;
}

function isOwn(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

/** The user's key, created on first use; null if there is no folder for it, or others can read it. */
function userKey(): Buffer | null {
  const folder = userStateFolder();
  if (folder === null) return null;
  const path = join(folder, 'key');
  return readKey(path) ?? (makeKey(path) ? readKey(path) : null);
}

function readKey(path: string): Buffer | null {
  let file: number | undefined;
  try {
    file = openSync(path, WITHOUT_LINKS);
    const stat = fstatSync(file);
    if (!stat.isFile() || !isOwn(stat.uid) || stat.size !== KEY_BYTES) return null;
    if (process.getuid !== undefined && (stat.mode & 0o077) !== 0) return null;
    return readFileSync(file);
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Linking is atomic: if two commands create a key at once, both use the first one's. */
function makeKey(path: string): boolean {
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(own, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx' });
    linkSync(own, path);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST';
  } finally {
    rmSync(own, { force: true });
  }
}

/** Signs the state of one project, so that files of another user or another project are not accepted. */
export class StateSeal {
  readonly #key: Buffer;
  readonly #project: string;

  private constructor(key: Buffer, project: string) {
    this.#key = key;
    this.#project = project;
  }

  /** @param project its folder @returns null if the user has no key: then no state is kept */
  static of(project: string): StateSeal | null {
    const key = userKey();
    return key === null ? null : new StateSeal(key, project);
  }

  /** @param purpose the kind of file: a file of one kind is not accepted as another */
  sign(purpose: string, ...parts: readonly (string | Uint8Array)[]): string {
    const hmac = this.#hmac(purpose);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  }

  isSigned(signature: string, purpose: string, ...parts: readonly (string | Uint8Array)[]): boolean {
    const expected = Buffer.from(this.sign(purpose, ...parts), 'latin1');
    const found = Buffer.from(signature, 'latin1');
    return found.length === expected.length && timingSafeEqual(found, expected);
  }

  #hmac(purpose: string): Hmac {
    return createHmac('sha256', this.#key).update(JSON.stringify([this.#project, purpose]));
  }
}
