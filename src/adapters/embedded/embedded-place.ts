// Finds the folder that holds the state and data of an embedded server: outside of the project, by the path of the
// folder that the profile names. Nothing in that folder is read, because it may come with a cloned project; it decides
// only that the data exist. Which server runs there is left to embedded-files.ts.
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

/** What a place was made for. */
interface Origin {
  /** The named folder. */
  readonly path: string;
  /** Identifies the folder itself, which keeps it when it is moved. */
  readonly folder: string | null;
}

const ORIGIN = 'origin.json';
const PROJECT_FOLDER = '.tsdbt';
/** Keeps the folder from being empty: tools that tidy up would remove it, and the data with it. */
const NOTE =
  'The data of this embedded server are in the folder that `tsdbt db status` names.\n' +
  'When you remove this folder, the next command that needs the server starts with no data.\n';

/** The path of the named folder without links above it, whether it exists or not. @throws when it is a link itself */
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

/** Where the place of a folder is made, unless another folder's is there. */
export function defaultPlace(path: string): string {
  return join(placesFolder(), nameOf(path));
}

/** The place of a folder; null when it has none. */
export function findPlace(path: string): string | null {
  const own = defaultPlace(path);
  if (readOrigin(own)?.path === path) return own;
  const places = entries(dirname(own));
  return (
    places.find((place) => readOrigin(place)?.path === path) ??
    // The folder was moved here, with the project around it.
    places.find((place) => {
      const origin = readOrigin(place);
      return origin !== null && origin.folder !== null && !existsSync(origin.path) && origin.folder === folderId(path);
    }) ??
    null
  );
}

/**
 * The place of a folder, made when there is none. A folder that was removed starts anew.
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

/** Renamed first, so that another command meets all of it or nothing. */
function retirePlace(place: string, retire: (place: string) => void): void {
  retire(place);
  const aside = `${place}.${randomBytes(6).toString('hex')}.removed`;
  try {
    renameSync(place, aside);
  } catch {
    // Another command was quicker.
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

/** @throws when the user can have none */
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

/** Device, inode and time of birth: an inode alone is used again. Null: the file system does not say it. */
function folderId(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined || stat.birthtimeNs === 0n ? null : `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}
