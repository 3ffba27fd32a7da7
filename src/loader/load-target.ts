// Reads and checks a source table's `meta: tsdbt: load:`: which topic goes into which table, and how. Reads the
// manifest only; check.ts finds out whether topic and table exist.
import type { ColumnInfo, Json, SourceDefinition } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { loadSettings } from '../project/load-config.ts';
import type { StoredType } from './column-check.ts';
import { isDictionary } from './json.ts';
import { knownWords } from '../values/close-matches.ts';
import { writtenTime } from './written-time.ts';

/** A column of the table, as declared beside the source. */
export interface LoadColumn {
  readonly name: string;
  readonly type: string;
  /** The column's type in the table, once it was read. */
  readonly stored?: StoredType | undefined;
  /** Names of the field in other versions of the topic's schema. */
  readonly aliases?: readonly string[];
  /** The value where the schema has no such field; undefined: null. */
  readonly fallback?: Json | undefined;
}

export type SchemaDrift = 'ignore' | 'add_column' | 'fail' | 'dead_letter';

/** One topic into one table. */
export interface LoadTarget {
  readonly uniqueId: string;
  /** `raw.session_events`, for people. */
  readonly name: string;
  readonly path: string;
  readonly database: string | null;
  readonly schema: string;
  readonly identifier: string;
  readonly connection: string;
  readonly topic: string;
  readonly format: 'json' | 'json_schema' | 'avro';
  readonly mode: 'append' | 'upsert';
  /** Columns that identify a row; empty in append mode unless given. */
  readonly key: readonly string[];
  readonly partitionBy: { readonly column: string; readonly every: 'day' | 'week' } | null;
  readonly retentionDays: number | null;
  /** Columns whose value is replaced by a keyed hash. */
  readonly hash: readonly string[];
  /** Fields that are never stored. */
  readonly drop: readonly string[];
  readonly schemaDrift: SchemaDrift;
  readonly flush: { readonly rows: number; readonly bytes: number; readonly ageMs: number };
  /** The declared columns without the loader's own. */
  readonly columns: readonly LoadColumn[];
  /** The jsonb column for fields that no column is declared for; null: they are not kept. */
  readonly rest: string | null;
  /** Where a topic begins of which the table has no position in any partition; a time in milliseconds since 1970. */
  readonly start: 'earliest' | 'latest' | number;
  /** What to do when the topic was made again, or its oldest messages were deleted before they were read. */
  readonly onGap: 'stop' | 'earliest';
  /** Dead letters among the last `DEAD_WINDOW` messages beyond which the table stops; null: any number. */
  readonly maxDead: number | null;
}

/** Columns that the loader writes into each row beside the message's own. */
export const META_COLUMNS: readonly LoadColumn[] = [
  { name: '_topic', type: 'text' },
  { name: '_partition', type: 'integer' },
  { name: '_offset', type: 'bigint' },
  { name: '_kafka_ts', type: 'timestamptz' },
  { name: '_loaded_at', type: 'timestamptz' },
  { name: '_load_id', type: 'text' },
  { name: '_deleted', type: 'boolean' },
];
/** The column of the load time; a message that has a field of this name keeps its own value. */
export const PROCESSING_TS = 'processing_ts';

const OPTIONS = [
  'connection',
  'topic',
  'format',
  'mode',
  'key',
  'partition_by',
  'retention',
  'hash',
  'drop',
  'schema_drift',
  'flush',
  'rest',
  'start',
  'on_gap',
  'max_dead',
];
/** Messages among which dead letters are counted, and how many of these are too many. */
export const DEAD_WINDOW = 10_000;
export const DEFAULT_MAX_DEAD = 100;
/** Characters of a hash: SHA-256 in hexadecimal. */
const HASH_LENGTH = 64;
const DEFAULT_FLUSH = { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 };
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

type Options = { readonly [name: string]: Json };

/**
 * The target of a source table, or null when nothing loads it. A table's options win over its source's.
 * @throws `validation` error naming the file, the table and the option
 */
export function loadTarget(source: SourceDefinition): LoadTarget | null {
  const own = loadSettings(source.meta) ?? loadSettings(source.config['meta']);
  const shared = loadSettings(source.source_meta);
  if (own?.['topic'] === undefined) return null;
  const options: Options = { ...shared, ...own };
  const name = `${source.source_name}.${source.name}`;
  const refuse = (message: string, hint?: string): never => {
    throw new TsdbtError('validation', `Invalid load config of source ${name}: ${message}`, {
      path: source.original_file_path,
      hint,
    });
  };
  const reader = new OptionReader(options, refuse);
  for (const option of Object.keys(options))
    if (!OPTIONS.includes(option)) refuse(`unknown option '${option}'`, `${knownWords('Options', option, OPTIONS)}.`);

  const format = reader.choice('format', ['json', 'json_schema', 'avro'], 'json');
  const declared = Object.values(source.columns).map((column) => ({
    name: column.name,
    type: column.data_type ?? 'text',
    ...evolution(column, format, refuse),
  }));
  for (const { name: column } of declared)
    if (META_COLUMNS.some((meta) => meta.name === column))
      refuse(`column '${column}' is written by the loader and cannot be declared with the source`);
  const columns = declared.some((column) => column.name === PROCESSING_TS)
    ? declared
    : [...declared, { name: PROCESSING_TS, type: 'timestamptz' }];
  const known = new Set(columns.map((column) => column.name));
  const mode = reader.choice('mode', ['append', 'upsert'], 'append');
  const key = reader.names('key');
  const drop = reader.names('drop');
  const hash = reader.names('hash');
  const partitionBy = partitioning(options['partition_by'], refuse);
  for (const column of key)
    if (!known.has(column)) refuse(`key column '${column}' is not declared`, `Declared: ${[...known].join(', ')}.`);
  for (const column of hash)
    if (!known.has(column)) refuse(`hash column '${column}' is not declared`, `Declared: ${[...known].join(', ')}.`);
  for (const { name: column, type } of columns) {
    if (hash.includes(column) && !holdsHash(type))
      refuse(
        `hash column '${column}' is declared as ${type}, and a hash is a text of ${HASH_LENGTH} characters`,
        `Declare '${column}' as text.`,
      );
  }
  for (const column of drop)
    if (known.has(column)) refuse(`'${column}' is dropped and declared as a column; one of them must go`);
  if (mode === 'upsert' && key.length === 0)
    refuse("mode 'upsert' needs a key", 'key: [id] names the columns that tell rows apart.');
  if (partitionBy !== null) {
    if (!known.has(partitionBy.column)) refuse(`partition column '${partitionBy.column}' is not declared`);
    if (key.length > 0 && !key.includes(partitionBy.column)) {
      refuse(
        `the key lacks the partition column '${partitionBy.column}': the database cannot keep it unique over ` +
          'partitions',
        `key: [${[...key, partitionBy.column].join(', ')}]`,
      );
    }
  }
  const retention = options['retention'];
  if (retention !== undefined && partitionBy === null)
    refuse("'retention' needs 'partition_by': old rows go with their partition");
  const rest =
    options['rest'] === undefined
      ? '_rest'
      : options['rest'] === false || options['rest'] === null
        ? null
        : reader.text('rest', '_rest');
  if (rest !== null && known.has(rest))
    refuse(
      `column '${rest}' is declared and cannot hold the rest of the message`,
      'rest: another_name, or rest: false.',
    );
  return {
    uniqueId: source.unique_id,
    name,
    path: source.original_file_path,
    database: source.database,
    schema: source.schema,
    identifier: source.identifier,
    connection: reader.text('connection', 'default'),
    topic: reader.text('topic', ''),
    format,
    mode,
    key,
    partitionBy,
    retentionDays: retention === undefined ? null : days(retention, refuse),
    hash,
    drop,
    schemaDrift: reader.choice('schema_drift', ['ignore', 'add_column', 'fail', 'dead_letter'], 'ignore'),
    flush: flushLimits(options['flush'], refuse),
    columns,
    rest,
    start: startOf(options['start'], refuse),
    onGap: reader.choice('on_gap', ['stop', 'earliest'], 'stop'),
    maxDead: deadLimit(options['max_dead'], refuse),
  };
}

const COLUMN_OPTIONS = ['aliases', 'default'];

/** What a column says of versions of the schema that lack it. */
function evolution(
  { name, meta, config }: ColumnInfo,
  format: LoadTarget['format'],
  refuse: (message: string, hint?: string) => never,
): Pick<LoadColumn, 'aliases' | 'fallback'> {
  const own = loadSettings(meta) ?? loadSettings(config?.meta);
  if (own === undefined) return {};
  const refuseColumn = (message: string, hint?: string): never => refuse(`column '${name}': ${message}`, hint);
  for (const option of Object.keys(own))
    if (!COLUMN_OPTIONS.includes(option))
      refuseColumn(`unknown option '${option}'`, `${knownWords('Options', option, COLUMN_OPTIONS)}.`);
  if (format !== 'avro') refuseColumn(`'${Object.keys(own)[0] ?? 'load'}' needs format: avro`);
  const aliases = new OptionReader(own, refuseColumn).names('aliases');
  return {
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(own['default'] === undefined ? {} : { fallback: own['default'] }),
  };
}

const TEXT_TYPE = new RegExp(
  String.raw`^(text|citext|(?:character varying|varchar)(?:\s*\(\s*(\d+)\s*\))?|(?:character|char` +
    String.raw`|bpchar)\s*\(\s*(\d+)\s*\))$`,
  'i',
);

/** Does a column of this type take a hash as it is? */
function holdsHash(type: string): boolean {
  const match = TEXT_TYPE.exec(type.trim());
  return match !== null && Number(match[2] ?? match[3] ?? HASH_LENGTH) >= HASH_LENGTH;
}

class OptionReader {
  readonly #options: Options;
  readonly #refuse: (message: string, hint?: string) => never;

  constructor(options: Options, refuse: (message: string, hint?: string) => never) {
    this.#options = options;
    this.#refuse = refuse;
  }

  text(name: string, fallback: string): string {
    const value = this.#options[name];
    if (value === undefined) return fallback;
    return typeof value === 'string' && value !== ''
      ? value
      : this.#refuse(`'${name}' must be a text, found ${JSON.stringify(value)}`);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.#options[name];
    if (value === undefined) return fallback;
    return (
      choices.find((choice) => choice === value) ??
      this.#refuse(`'${name}' must be one of ${choices.join(', ')}, found ${JSON.stringify(value)}`)
    );
  }

  names(name: string): string[] {
    const value = this.#options[name];
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((item): item is string => typeof item === 'string' && item !== ''))
      return this.#refuse(`'${name}' must be a list of names, found ${JSON.stringify(value)}`);
    if (new Set(list).size !== list.length) return this.#refuse(`'${name}' names a column twice`);
    return list;
  }
}

function partitioning(
  value: Json | undefined,
  refuse: (message: string, hint?: string) => never,
): LoadTarget['partitionBy'] {
  if (value === undefined || value === null) return null;
  const { column, every = 'day' }: Options = isDictionary(value) ? value : {};
  if (typeof column !== 'string' || (every !== 'day' && every !== 'week'))
    return refuse(`'partition_by' must be { column: a_column, every: day | week }, found ${JSON.stringify(value)}`);
  return { column, every };
}

function startOf(value: Json | undefined, refuse: (message: string) => never): LoadTarget['start'] {
  if (value === undefined) return 'earliest';
  if (value === 'earliest' || value === 'latest') return value;
  return (
    (typeof value === 'string' ? writtenTime(value) : null) ??
    refuse(`'start' must be earliest, latest or a time such as '2026-05-01 12:00', found ${JSON.stringify(value)}`)
  );
}

function days(value: Json, refuse: (message: string, hint?: string) => never): number {
  const match = /^(\d+)\s*(d|days?|w|weeks?)$/.exec(String(value).trim());
  if (match === null || Number(match[1]) === 0)
    return refuse(`'retention' must be a number of days or weeks such as '90 days', found ${JSON.stringify(value)}`);
  return Number(match[1]) * (match[2]?.startsWith('w') ? 7 : 1);
}

function deadLimit(value: Json | undefined, refuse: (message: string, hint?: string) => never): number | null {
  if (value === undefined) return DEFAULT_MAX_DEAD;
  if (value === null || value === false) return null;
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(String(value).trim());
  const limit =
    match === null ? Number.NaN : match[2] === '%' ? (Number(match[1]) / 100) * DEAD_WINDOW : Number(match[1]);
  if (!Number.isInteger(Math.round(limit)) || limit > DEAD_WINDOW)
    return refuse(
      `'max_dead' must be a number of the last ${DEAD_WINDOW} messages, a share such as '2%', or false, found ` +
        `${JSON.stringify(value)}`,
    );
  return Math.round(limit);
}

function flushLimits(value: Json | undefined, refuse: (message: string, hint?: string) => never): LoadTarget['flush'] {
  if (value === undefined) return DEFAULT_FLUSH;
  if (!isDictionary(value)) return refuse(`'flush' must be { rows, bytes, age }, found ${JSON.stringify(value)}`);
  for (const name of Object.keys(value))
    if (!['rows', 'bytes', 'age'].includes(name))
      refuse(`unknown option '${name}' in 'flush'`, 'Options: rows, bytes, age.');
  const amount = (name: string, units: Readonly<Record<string, number>>, unit: string, fallback: number): number => {
    const written = value[name];
    if (written === undefined) return fallback;
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(written).trim());
    const factor = match === null ? undefined : units[(match[2] || unit).toLowerCase()];
    const result = match === null || factor === undefined ? 0 : Math.round(Number(match[1]) * factor);
    return result > 0
      ? result
      : refuse(
          `'${name}' in 'flush' must be a positive ` +
            `${name === 'rows' ? 'number' : name === 'bytes' ? 'size such as 16MiB' : 'duration such as 2s'}, ` +
            `found ${JSON.stringify(written)}`,
        );
  };
  return {
    rows: amount('rows', { '': 1 }, '', DEFAULT_FLUSH.rows),
    bytes: amount('bytes', BYTES, 'b', DEFAULT_FLUSH.bytes),
    ageMs: amount('age', MILLISECONDS, 's', DEFAULT_FLUSH.ageMs),
  };
}
