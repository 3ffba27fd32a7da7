// The `archive` of a load config: a topic's messages as files in an object store, in addition to the table or instead
// of it. The archive is a separate target: it has its own positions, pace and consumer group.
import type { Json } from '../../contracts/node.ts';
import { type Amount, amountOf, DURATION, SIZE } from './amounts.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import type { LoadTarget } from './load-target.ts';
import { OptionReader, type Refuse, refuseUnknown } from './option-reader.ts';

/** The format of a file, which is also the extension of its name. */
export type ArchiveFormat = (typeof FORMATS)[number];

/** Where and how messages are archived. */
export interface ArchiveConfig {
  /** Of type s3. */
  readonly connection: string;
  /** Below the bucket, with `{topic}`, `{day}` and `{hour}`; ends with a slash unless it is empty. */
  readonly path: string;
  readonly format: ArchiveFormat;
  readonly flush: LoadTarget['flush'];
  /** False: the topic is only written to files. */
  readonly table: boolean;
  /** Absent: the files of a day are kept as they were written. */
  readonly compact?: CompactConfig;
}

/** How the files of a past day are joined. */
export interface CompactConfig {
  /** How long after its end a day is closed. */
  readonly afterMs: number;
  /** How long joined input files are kept for readers that have listed them. */
  readonly keepMs: number;
  /** Approximate maximum size of a joined file. */
  readonly bytes: number;
}

const FORMATS = ['ndjson.gz', 'parquet'] as const;
const OPTIONS = ['connection', 'path', 'format', 'flush', 'table', 'compact'];
const COMPACT_OPTIONS = ['after', 'keep', 'size'];
const PLACES = ['topic', 'day', 'hour'];
export const COMPACT: CompactConfig = { afterMs: 3_600_000, keepMs: 3_600_000, bytes: 64 * 1024 ** 2 };
/** A loader that sleeps while it writes a file may write it this much later: sink.ts, and S3's signatures. */
const LEAST_KEEP_MS = 30 * 60_000;
/** For a joined file, which is in memory while it is written. */
const MOST_BYTES = 1024 ** 3;
/** The folder of joined files: readers that read folders as columns expect a number there. */
const HOUR_OF_JOINED = '00';
/** Only bytes and age count; a file may have any number of rows. */
const FLUSH = { rows: 2 ** 31, bytes: 32 * 1024 ** 2, ageMs: 300_000 };

/** @param limits reads `flush` @throws the error of a load config */
export function archiveConfig(
  value: Json | undefined,
  target: Pick<LoadTarget, 'hash' | 'drop'> & { readonly several: boolean },
  limits: (value: Json | undefined, defaults: LoadTarget['flush']) => LoadTarget['flush'],
  refuse: Refuse,
): ArchiveConfig | null {
  if (value === undefined || value === null || value === false) return null;
  if (!isDictionary(value)) return refuse(`'archive' must be { connection, path }, found ${JSON.stringify(value)}`);
  refuseUnknown(value, OPTIONS, refuse, 'archive');
  const reader = new OptionReader(value, refuse);
  const connection = reader.text('connection', '');
  if (connection === '') refuse("'archive' needs a connection", 'connection: lake, of type s3 in connections.yml.');
  const format = reader.choice('format', FORMATS, 'ndjson.gz');
  const written = reader.text('path', '');
  if (written === '' || written.startsWith('/') || /\/\/|[\0-\x1f]/.test(written))
    refuse("'path' of 'archive' must be a path below the bucket", 'path: raw/events/dt={day}/hour={hour}/');
  const path = written.endsWith('/') ? written : `${written}/`;
  for (const [, place = ''] of path.matchAll(/\{([^{}]*)\}/g))
    if (!PLACES.includes(place))
      refuse(`'path' of 'archive' has the unknown place {${place}}`, 'Places: {topic}, {day}, {hour}.');
  if (target.several && !path.includes('{topic}'))
    refuse("'path' of 'archive' must have {topic} where several topics are loaded: their files have equal names");
  // Values hidden in the table would be in the files.
  if (target.hash.length > 0 || target.drop.length > 0)
    refuse("'archive' keeps messages as they are, and 'hash' or 'drop' hide parts of them; one of them must go");
  const { table = true } = value;
  if (typeof table !== 'boolean') return refuse("'table' of 'archive' must be true or false");
  const compact = compactConfig(value['compact'], path, refuse);
  const flush = limits(value['flush'], FLUSH);
  return { connection, path, format, flush, table, ...(compact === null ? {} : { compact }) };
}

function compactConfig(value: Json | undefined, path: string, refuse: Refuse): CompactConfig | null {
  if (value === undefined || value === null || value === false) return null;
  const options = value === true ? {} : value;
  if (!isDictionary(options))
    return refuse(`'compact' of 'archive' must be true or { after, keep, size }, found ${JSON.stringify(value)}`);
  refuseUnknown(options, COMPACT_OPTIONS, refuse, 'compact');
  if (!path.includes('{day}'))
    refuse("'compact' joins the files of a day, and 'path' of 'archive' has no {day}", 'path: raw/events/dt={day}/');
  const amount = (name: string, kind: Amount, fallback: number): number => {
    const written = options[name];
    if (written === undefined) return fallback;
    const result = amountOf(written, kind);
    return result > 0
      ? result
      : refuse(
          `'${name}' in 'compact' must be a ${kind === SIZE ? 'size such as 64MiB' : 'duration such as 1h'}, found ` +
            JSON.stringify(written),
        );
  };
  const bytes = amount('size', SIZE, COMPACT.bytes);
  if (bytes > MOST_BYTES)
    refuse(
      `'size' in 'compact' must be at most 1GiB, found ${JSON.stringify(options['size'])}`,
      'It is held in memory.',
    );
  const keepMs = amount('keep', DURATION, COMPACT.keepMs);
  if (keepMs < LEAST_KEEP_MS)
    refuse(`'keep' in 'compact' must be at least 30m, found ${JSON.stringify(options['keep'])}`);
  return { afterMs: amount('after', DURATION, COMPACT.afterMs), keepMs, bytes };
}

/** A target created by `archiveTarget`. */
export type ArchiveTarget = LoadTarget & { readonly archive: ArchiveConfig };

/** Whether this target is an archive, as created by `archiveTarget`. */
export function isArchive(target: LoadTarget): target is ArchiveTarget {
  return target.archive !== undefined && target.inFiles === true;
}

/** The target of the archive of a table; null: it has none. */
export function archiveTarget(target: LoadTarget): LoadTarget | null {
  const { archive } = target;
  if (archive === undefined) return null;
  return {
    ...target,
    inFiles: true,
    // Positions are stored by it.
    identifier: `${target.identifier}.archive`,
    uniqueId: `${target.uniqueId}.archive`,
    name: `${target.name}.archive`,
    mode: 'append',
    key: [],
    partitionBy: null,
    retentionDays: null,
    schemaDrift: 'ignore',
    flush: archive.flush,
    columns: [],
    rest: null,
    maxDead: null,
    changes: null,
  };
}

/** All targets of a source: its table, its archive, or both. */
export function withArchive(target: LoadTarget): LoadTarget[] {
  const archive = archiveTarget(target);
  return [...(target.archive?.table === false ? [] : [target]), ...(archive === null ? [] : [archive])];
}

/** The folder of a message's file. @param time milliseconds since 1970; null: it has none */
export function folderOf({ archive }: { readonly archive: ArchiveConfig }, topic: string, time: number | null): string {
  const moment = time === null ? null : new Date(time).toISOString();
  return archive.path.replace(/\{(topic|day|hour)\}/g, (_, place: string) =>
    place === 'topic' ? topic : moment === null ? 'none' : place === 'day' ? moment.slice(0, 10) : moment.slice(11, 13),
  );
}

const DIGITS = { partition: 5, offset: 14 };

/** The name of the file with the messages of a folder from `from` up to before `to`. */
export function fileName(partition: number, from: bigint, to: bigint, format: ArchiveFormat): string {
  return `${stemOf(partition, from, to)}.${format}`;
}

/**
 * The key of the joined file that replaces the files of a day within these offsets.
 * @param day as in folders
 */
export function joinedKey(
  { archive: { path, format } }: { readonly archive: Pick<ArchiveConfig, 'path' | 'format'> },
  { topic, partition, from, to }: Omit<FileRange, 'joined'> & { readonly topic: string },
  day: string,
): string {
  const folder = path.replaceAll('{topic}', topic).replaceAll('{day}', day).replaceAll('{hour}', HOUR_OF_JOINED);
  return folder + joinedName(partition, from, to, format);
}

/** The name of such a file. */
export function joinedName(partition: number, from: bigint, to: bigint, format: ArchiveFormat): string {
  return `${stemOf(partition, from, to)}-day.${format}`;
}

function stemOf(partition: number, from: bigint, to: bigint): string {
  const offset = (value: bigint): string => String(value).padStart(DIGITS.offset, '0');
  return `p${String(partition).padStart(DIGITS.partition, '0')}-${offset(from)}-${offset(to)}`;
}

/** The parts of a file name. */
export interface FileRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  /** Whether it replaces the files of its day and range. */
  readonly joined: boolean;
}

/** The range in a key; null: it is not a file of an archive. */
export function rangeOf(key: string): FileRange | null {
  const match = /(?:^|\/)p(\d{5,})-(\d{14,})-(\d{14,})(-day)?\.(?:ndjson\.gz|parquet)$/.exec(key);
  if (match === null) return null;
  const [, partition, from = '0', to = '0', day] = match;
  return { partition: Number(partition), from: BigInt(from), to: BigInt(to), joined: day !== undefined };
}

/** The format according to a file's name. */
export function formatOf(key: string): ArchiveFormat {
  return key.endsWith('.parquet') ? 'parquet' : 'ndjson.gz';
}
