// The `archive` of a load config: a topic's messages as files in an object store, in addition to the table or instead
// of it. The archive is a separate target: it has its own positions, pace and consumer group.
import { type ARCHIVE, COMPACT_DEFAULTS } from '../../settings/load-settings.ts';
import type { ReadFields } from '../../settings/record-settings.ts';
import { flushLimits } from './database-options.ts';
import type { LoadTarget } from './load-target.ts';

/** The format of a file, which is also the extension of its name. */
export type ArchiveFormat = ArchiveSettings['format'];

type ArchiveSettings = ReadFields<typeof ARCHIVE.fields>;

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

/** The folder of joined files: readers that read folders as columns expect a number there. */
const HOUR_OF_JOINED = '00';
/** Only bytes and age count; a file may have any number of rows. */
const FLUSH = { rows: 2 ** 31, bytes: 32 * 1024 ** 2, age: 300_000 };

export function archiveConfig({ flush, compact, ...settings }: ArchiveSettings): ArchiveConfig {
  return {
    ...settings,
    flush: flushLimits(flush, FLUSH),
    ...(compact && { compact: compactConfig(compact) }),
  };
}

function compactConfig({ after, keep, size }: NonNullable<ArchiveSettings['compact']>): CompactConfig {
  return { afterMs: after, keepMs: keep, bytes: size };
}
export const COMPACT = compactConfig(COMPACT_DEFAULTS);

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
