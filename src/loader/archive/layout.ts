// Determines which objects are the files of an archive: those below a prefix, and those elsewhere that complete their
// ranges. Only names are compared; the replay client reads contents.
import { TsdbtError } from '../../errors.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { rangeOf } from '../settings/archive-settings.ts';

/** `path` of an archive's config, for comparison with keys. */
interface Layout {
  /** The folder above all days and hours, today. */
  readonly home: string;
  /** What follows it in every key: the text before the first day or hour. */
  readonly begin: string;
  readonly daily: boolean;
  /** A key of the topic; its first group is the folder above its days. */
  readonly own: RegExp;
  /** A key of any topic; null: the topic is not below a day. */
  readonly any: RegExp | null;
}

/** Days as `folderOf` writes them. */
const EVERY_DAY = '(?:[-+\\d]{10}|none)';
/** A day in a prefix: files of one day are not all of their range. */
const DAY = /\d{4}-\d\d|(?:^|[/=])none(?:\/|$)/;

/**
 * The keys of the archive files to deliver for a prefix: a range counts as loaded as a whole, so its files of other
 * days are included.
 * @param path of the table's archive today; the files may be below another folder, such as a copy
 * @throws `runtime` error if files do not match `path` and may be a part of their range, or are of several archives
 */
export async function archivedKeys(
  store: ObjectStore,
  prefix: string,
  topic: string,
  path: string,
): Promise<readonly string[]> {
  const layout = layoutOf(path, topic);
  const place = `s3://${store.settings.bucket}/`;
  const homes = new Set<string>();
  const others: string[] = [];
  for await (const { key } of store.list(prefix)) {
    if (rangeOf(key) === null) continue;
    const home = layout.own.exec(key)?.[1];
    if (home !== undefined) homes.add(home);
    else if (layout.any?.test(key) !== true) others.push(key);
  }
  const [home, another] = homes;
  if (home !== undefined && another !== undefined)
    throw new TsdbtError('runtime', `Files of several archives are at ${place}${prefix}`, {
      hint: `Load one after the other, such as --from ${place}${home}, and ${place}${another}.`,
    });
  const unlike =
    DAY.test(prefix) && others[0] !== undefined
      ? others[0]
      : home !== undefined && home !== layout.home && !layout.daily && DAY.test(home)
        ? home
        : undefined;
  if (unlike !== undefined)
    throw new TsdbtError('runtime', `${place}${unlike} does not lie as 'path' of the archive says: ${path}`, {
      hint: "Load from the folder above all days, or let 'path' say how the files lie.",
    });
  if (home === undefined) return others;
  const keys = others;
  for await (const { key } of store.list(home + layout.begin))
    if (rangeOf(key) !== null && layout.own.exec(key)?.[1] === home) keys.push(key);
  return keys;
}

/**
 * The day of a key's folder; null: the key does not match `path`, or its messages have no time.
 * @param path of the archive, with {day}
 */
export function dayOf(key: string, path: string, topic: string): string | null {
  const pattern = patternOf(path.replaceAll('{topic}', topic)).replace(EVERY_DAY, '(\\d{4}-\\d\\d-\\d\\d)');
  return new RegExp(`^${pattern}[^/]+$`).exec(key)?.[1] ?? null;
}

/** Whether this is the key of a file of a topic, in the folder given by `path`. */
export function liesThere(key: string, path: string, topic: string): boolean {
  return new RegExp(`^${patternOf(path.replaceAll('{topic}', topic))}[^/]+$`).test(key);
}

/** The common prefix of all keys of a topic's day, and perhaps of keys of other days. */
export function dayPrefix(day: string, path: string, topic: string): string {
  const filled = path.replaceAll('{topic}', topic).replaceAll('{day}', day);
  return filled.split('{hour}')[0] ?? filled;
}

function layoutOf(path: string, topic: string): Layout {
  const folders = path.split(/(?<=\/)/);
  const first = folders.findIndex((folder) => /\{(?:day|hour)\}/.test(folder));
  const above = first < 0 ? path : folders.slice(0, first).join('');
  const below = path.slice(above.length);
  const filled = below.replaceAll('{topic}', topic);
  return {
    home: above.replaceAll('{topic}', topic),
    begin: filled.slice(0, Math.max(0, filled.search(/\{(?:day|hour)\}/))),
    daily: below.includes('{day}'),
    own: new RegExp(`^(.*/|)${patternOf(filled)}[^/]+$`),
    any: below.includes('{topic}') ? new RegExp(`^(?:.*/|)${patternOf(below)}[^/]+$`) : null,
  };
}

/** Days and hours as `folderOf` writes them. */
function patternOf(path: string): string {
  return path
    .replace(/[\\^$.*+?()[\]|]/g, '\\$&')
    .replaceAll('{day}', EVERY_DAY)
    .replaceAll('{hour}', '(?:\\d\\d|none)')
    .replaceAll('{topic}', '[^/]+');
}
