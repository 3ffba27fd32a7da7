// Finds the folder with the state and data of an embedded server: outside of the project, derived from the path of the
// folder that the profile names. Nothing in that folder is read, because it may come with a cloned project; only its
// existence matters. embedded-files.ts handles the server's state.
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TsdbtError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { temporaryStateFolder, userStateFolder } from '../../user-state.ts';

/** What a place was created for. */
interface Origin {
  /** The named folder. */
  readonly path: string;
  /** Identifies the folder itself, even after it was moved. */
  readonly folder: string | null;
}

const ORIGIN = 'origin.json';
const PROJECT_FOLDER = '.tsdbt';
/** Keeps the folder from being empty: cleanup tools would remove it, and the data with it. */
const NOTE =
  'The data of this embedded server are in the folder that `tsdbt db status` names.\n' +
  'When you remove this folder, the next command that needs the server starts with no data.\n';

/**
 * The path of the named folder with the links of its parents resolved, whether it exists or not. @throws if it is
 * itself a link
 */
export function anchorPath(anchor: string): string {
  const links = basename(dirname(anchor)) === PROJECT_FOLDER ? [dirname(anchor), anchor] : [anchor];
  for (const path of links) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      throw new TsdbtError('connection', `cannot use ${path} for an embedded server: it is a link`, {
        hint: 'Remove it. The folder is made when it is needed.',
      });
  }
  const missing: string[] = [];
  let existing = anchor;
  while (!existsSync(existing) && dirname(existing) !== existing) {
    missing.unshift(basename(existing));
    existing = dirname(existing);
  }
  return join(realpathSync(existing), ...missing);
}

/** The default place of a folder, unless it belongs to another folder. */
export function defaultPlace(path: string): string {
  return join(placesFolder(), nameOf(path));
}

/** Returns the place of a folder; null if it has none. */
export function findPlace(path: string): string | null {
  const own = defaultPlace(path);
  if (readOrigin(own)?.path === path) return own;
  const places = entries(dirname(own));
  return (
    places.find((place) => readOrigin(place)?.path === path) ??
    // The folder was moved here, together with its project.
    places.find((place) => {
      const origin = readOrigin(place);
      return origin !== null && origin.folder !== null && !existsSync(origin.path) && origin.folder === folderId(path);
    }) ??
    null
  );
}

/**
 * Returns the place of a folder and creates it if it does not exist. A folder that was removed starts empty.
 * @param retire stops the server of an earlier place, and removes what belongs to it elsewhere
 */
export function makePlace(path: string, retire: (place: string) => void): string {
  const earlier = existsSync(path) ? null : findPlace(path);
  if (earlier !== null) retirePlace(earlier, retire);
  if (!existsSync(path)) {
    makeFolder(path, 0o700);
    writeFileSync(join(path, 'README'), NOTE);
  }
  const found = findPlace(path);
  if (found !== null && readOrigin(found)?.path === path) return found;
  const place = found ?? freePlace(path);
  makeFolder(place, 0o700);
  const temporary = join(place, `.${ORIGIN}-${randomBytes(6).toString('hex')}`);
  writeFileSync(temporary, JSON.stringify({ path, folder: folderId(path) } satisfies Origin), { mode: 0o600 });
  renameSync(temporary, join(place, ORIGIN));
  return place;
}

/** Renamed first, so that another command sees either all of it or nothing. */
function retirePlace(place: string, retire: (place: string) => void): void {
  retire(place);
  const aside = `${place}.${randomBytes(6).toString('hex')}.removed`;
  try {
    renameSync(place, aside);
  } catch {
    // Another command was faster.
    return;
  }
  rmSync(aside, { recursive: true, force: true, maxRetries: 5 });
}

/** A place of that name may belong to a folder that was moved away. */
function freePlace(path: string): string {
  const own = defaultPlace(path);
  const origin = readOrigin(own);
  return origin === null || origin.path === path ? own : `${own}-${randomBytes(4).toString('hex')}`;
}

/** Name of a folder's place. */
export function nameOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

/** @throws if the user cannot have one */
function placesFolder(): string {
  const folder = userStateFolder() ?? temporaryStateFolder();
  if (folder === null)
    throw new TsdbtError('connection', 'there is no folder for the data of an embedded server', {
      hint: 'Set XDG_STATE_HOME to a folder that belongs to you and that no other user can write to.',
    });
  return join(folder, 'embedded');
}

function entries(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((name) => !name.endsWith('.removed'))
      .map((name) => join(root, name));
  } catch {
    return [];
  }
}

function readOrigin(place: string): Origin | null {
  try {
    return JSON.parse(readFileSync(join(place, ORIGIN), 'utf8')) as Origin;
  } catch {
    return null;
  }
}

/** Device, inode and creation time, because inodes are reused. Null: the file system does not report it. */
function folderId(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined || stat.birthtimeNs === 0n ? null : `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}
