// The `archive` of a load config: a topic's messages as files in an object store, beside the table or instead of it.
// The archive is a target of its own: it has positions, a pace and a consumer group of its own.
import type { Json } from '../../contracts/node.ts';
import { knownWords } from '../../values/close-matches.ts';
import { isDictionary } from '../json.ts';
import type { LoadTarget } from '../load-target.ts';
import { OptionReader, type Refuse } from '../option-reader.ts';

/** How a file is written; its name ends so. */
export type ArchiveFormat = (typeof FORMATS)[number];

/** Where and how messages are archived. */
export interface ArchiveConfig {
  /** Of type s3. */
  readonly connection: string;
  /** Below the bucket, with `{topic}`, `{day}` and `{hour}`; ends with a slash unless it is empty. */
  readonly path: string;
  readonly format: ArchiveFormat;
  readonly flush: LoadTarget['flush'];
  /** False: the topic goes into files only. */
  readonly table: boolean;
}

const FORMATS = ['ndjson.gz', 'parquet'] as const;
const OPTIONS = ['connection', 'path', 'format', 'flush', 'table'];
const PLACES = ['topic', 'day', 'hour'];
/** Bytes and age count; a file may have any number of rows. */
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
  for (const option of Object.keys(value))
    if (!OPTIONS.includes(option))
      refuse(`unknown option '${option}' in 'archive'`, `${knownWords('Options', option, OPTIONS)}.`);
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
  // What is hidden in the table would stand in the files.
  if (target.hash.length > 0 || target.drop.length > 0)
    refuse("'archive' keeps messages as they are, and 'hash' or 'drop' hide parts of them; one of them must go");
  const { table = true } = value;
  if (typeof table !== 'boolean') return refuse("'table' of 'archive' must be true or false");
  return { connection, path, format, flush: limits(value['flush'], FLUSH), table };
}

/** Is this target an archive, as `archiveTarget` makes them? */
export function isArchive(target: LoadTarget): target is LoadTarget & { readonly archive: ArchiveConfig } {
  return target.archive !== undefined && target.inFiles === true;
}

/** The target of the archive of a table; null: it has none. */
export function archiveTarget(target: LoadTarget): LoadTarget | null {
  const { archive } = target;
  if (archive === undefined) return null;
  return {
    ...target,
    inFiles: true,
    // Positions are kept by it.
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

/** The name of the file that holds the messages of a folder from `from` on, up to before `to`. */
export function fileName(partition: number, from: bigint, to: bigint, format: ArchiveFormat): string {
  const offset = (value: bigint): string => String(value).padStart(DIGITS.offset, '0');
  return `p${String(partition).padStart(DIGITS.partition, '0')}-${offset(from)}-${offset(to)}.${format}`;
}

/** The range that a key names; null: it is no file of an archive. */
export function rangeOf(
  key: string,
): { readonly partition: number; readonly from: bigint; readonly to: bigint } | null {
  const match = /(?:^|\/)p(\d{5,})-(\d{14,})-(\d{14,})\.(?:ndjson\.gz|parquet)$/.exec(key);
  return match === null
    ? null
    : { partition: Number(match[1]), from: BigInt(match[2] ?? 0), to: BigInt(match[3] ?? 0) };
}

/** The format that a file's name says. */
export function formatOf(key: string): ArchiveFormat {
  return key.endsWith('.parquet') ? 'parquet' : 'ndjson.gz';
}
