// Reads and checks a source table's `meta: tsdbt: load:`: which topics go into which table, and how. Reads only the
// manifest; check.ts checks whether topic and table exist.
import type { ColumnInfo, Json, SourceDefinition } from '../../contracts/node.ts';
import { HASH_LENGTH } from '../../keyed-hash.ts';
import { ANY_LOAD, COLUMN_LOAD, LOAD, type LoadSettings, TABLE_FIELDS } from '../../settings/load-settings.ts';
import type { Place } from '../../settings/setting.ts';
import type { ColumnFormat } from '../formats/rows/row-encoder.ts';
import type { StoredType } from '../formats/values/column-check.ts';
import { type ArchiveConfig, archiveConfig } from './archive-settings.ts';
import { type ChangeConfig, changeConfig } from './change-settings.ts';
import { type ColumnOrigin, epochOf, isTimeType, originOf, type Path, pathText } from './column-origin.ts';
import type { YearRange } from './column-years.ts';
import { flushLimits, type TableOptions } from './database-options.ts';
import { type ReplicateConfig, replicateConfig } from './replicate-settings.ts';
import { type Refuse, sourceOptions, writtenOptions } from './source-options.ts';
import { topicPattern } from './target-topics.ts';

/** A column of the table, as declared in the source. */
export interface LoadColumn {
  readonly name: string;
  readonly type: string;
  /** The column's type in the table, once it was read. */
  readonly stored?: StoredType | undefined;
  /** The origin of the value; undefined: the field with the column's name. */
  readonly origin?: ColumnOrigin | undefined;
  /** Numbers are times since 1970 in a unit with this many fractional digits of a second; undefined: milliseconds. */
  readonly epoch?: number | undefined;
  /** The range of years of its times; null: all; undefined: the usual ones. */
  readonly years?: YearRange | null | undefined;
  /** How its values are written, if not as COPY's text. */
  readonly format?: ColumnFormat;
  /** Names of the field in other versions of the topic's schema. */
  readonly aliases?: readonly string[];
  /** The value if the schema has no such field; undefined: null. */
  readonly fallback?: Json | undefined;
  /** Whether no type is declared: `type` is that of a text. */
  readonly untyped?: true;
  /** Codec and TTL of the column, if the database supports them, spelt as in a model's columns. */
  readonly codec?: string;
  readonly ttl?: string;
}

export type SchemaDrift = 'ignore' | 'add_column' | 'fail' | 'dead_letter';

/** How a ClickHouse table is created, spelt as in a model's config. */
export interface Storage {
  /** Null: the default of the mode. */
  readonly engine: string | null;
  /** Expressions; empty: the key's columns, or those of the position in the topic. */
  readonly orderBy: readonly string[];
  readonly primaryKey: readonly string[];
  readonly partitionBy: readonly string[];
  readonly ttl: string | null;
  readonly settings: Readonly<Record<string, string>>;
}

/** A topic, or several, loaded into one table. */
export interface LoadTarget {
  readonly uniqueId: string;
  /** `raw.session_events`, for display. */
  readonly name: string;
  readonly path: string;
  readonly database: string | null;
  readonly schema: string;
  readonly identifier: string;
  readonly connection: string;
  /** Its name; for several topics their names or the pattern, for display. */
  readonly topic: string;
  /** The names of several topics, or a pattern for them. Absent: `topic` is the only one. */
  readonly topics?: readonly string[] | RegExp;
  readonly format: 'json' | 'json_schema' | 'avro' | 'debezium';
  readonly mode: 'append' | 'upsert';
  /** Columns that identify a row; empty in append mode unless given. */
  readonly key: readonly string[];
  readonly partitionBy: { readonly column: string; readonly every: 'day' | 'week' } | null;
  readonly retentionDays: number | null;
  /** How a ClickHouse table is created; null: the table is in another database. */
  readonly storage: Storage | null;
  /** Columns whose value is replaced by a keyed hash. */
  readonly hash: readonly string[];
  /** Fields that are never stored. */
  readonly drop: readonly string[];
  readonly schemaDrift: SchemaDrift;
  readonly flush: { readonly rows: number; readonly bytes: number; readonly ageMs: number };
  /** The declared columns without the loader's own. */
  readonly columns: readonly LoadColumn[];
  /** The jsonb column for fields without a declared column; null: they are not stored. */
  readonly rest: string | null;
  /**
   * Where loading starts if the table has no position in any partition of the topic; a time in milliseconds since 1970.
   */
  readonly start: 'earliest' | 'latest' | number;
  /** What to do if the topic was recreated, or its oldest messages were deleted before they were read. */
  readonly onGap: 'stop' | 'earliest';
  /** Dead letters among the last `DEAD_WINDOW` messages beyond which the table stops; null: any number. */
  readonly maxDead: number | null;
  /** How changes of another database are read; null for every other format. */
  readonly changes: ChangeConfig | null;
  /** The archive to which the messages are also written; absent: none. */
  readonly archive?: ArchiveConfig;
  /** Whether this target is the archive. */
  readonly inFiles?: true;
  /** The table of another Postgres whose changes are loaded in place of a topic. */
  readonly replicate?: ReplicateConfig;
}

/** Columns that the loader writes into each row in addition to the message's own. */
export const META_COLUMNS: readonly LoadColumn[] = [
  { name: '_topic', type: 'text' },
  { name: '_partition', type: 'integer' },
  { name: '_offset', type: 'bigint' },
  { name: '_kafka_ts', type: 'timestamptz' },
  { name: '_loaded_at', type: 'timestamptz' },
  { name: '_load_id', type: 'text' },
  { name: '_deleted', type: 'boolean' },
];
/** Columns that the loader writes into rows of changes: the source's position, the operation, its name, its time. */
const CHANGE_COLUMNS: readonly LoadColumn[] = [
  { name: '_lsn', type: 'bigint' },
  { name: '_op', type: 'text' },
  { name: '_source', type: 'text' },
  { name: '_source_ts', type: 'timestamptz' },
];

/** Names of the columns that follow all others in a row of changes. */
function changeColumns({ changes }: Pick<LoadTarget, 'changes'>): readonly string[] {
  return changes === null ? [] : CHANGE_COLUMNS.map(({ name }) => name);
}

/** The columns of a row that a flush writes, in the order of its cells. @param columns those that messages fill */
export function rowColumns(target: LoadTarget, columns: readonly LoadColumn[]): string[] {
  return [
    ...columns.map(({ name }) => name),
    ...(target.rest === null ? [] : [target.rest]),
    '_topic',
    '_partition',
    '_offset',
    '_kafka_ts',
    '_deleted',
    '_load_id',
    ...changeColumns(target),
  ];
}

/** The columns that the loader writes into the target's rows. */
export function metaColumns({ changes }: Pick<LoadTarget, 'changes'>): readonly LoadColumn[] {
  return changes === null ? META_COLUMNS : [...META_COLUMNS, ...CHANGE_COLUMNS];
}

/** The column of the load time; a message with a field of this name keeps its value. */
export const PROCESSING_TS = 'processing_ts';

/**
 * Returns the target of a source table, or null if nothing loads it. A table's options override its source's.
 * @param table the options of the database's tables
 * @throws `validation` error with the file, the table and the option
 */
export function loadTarget(source: SourceDefinition, table: TableOptions): LoadTarget | null {
  const { name, own, options, place, refuse } = sourceOptions(source);
  const naming = TOPIC_OPTIONS.find((option) => own?.[option] != null);
  if (naming === undefined) {
    // For a table that nothing seems to load, a misspelt option may be the one that names its topics.
    if (own?.['table'] == null) ANY_LOAD.read(options, place());
    return null;
  }
  const load = LOAD.read(options, place());
  for (const [owner, fields] of Object.entries(TABLE_FIELDS))
    for (const option of Object.keys(fields))
      if (options[option] != null && owner !== table.database)
        refuse(`'${option}' is an option of tables in ${owner}, and this target is ${table.database}`);

  const { key, drop, hash } = load;
  const replicate = replicateConfig(load, source);
  const format = replicate === null ? load.format : 'debezium';
  const declared = Object.values(source.columns).map((column) => ({
    name: column.name,
    type: column.data_type ?? 'text',
    ...(column.data_type === null || column.data_type === undefined ? { untyped: true as const } : {}),
    ...(typeof column['codec'] === 'string' ? { codec: column['codec'] } : {}),
    ...(typeof column['ttl'] === 'string' ? { ttl: column['ttl'] } : {}),
    ...columnOptions(column, format, place(column.name)),
  }));
  for (const { name: column } of declared)
    if (
      (format === 'debezium' ? [...META_COLUMNS, ...CHANGE_COLUMNS] : META_COLUMNS).some((meta) => meta.name === column)
    )
      refuse(`column '${column}' is written by the loader and cannot be declared with the source`);
  const columns = declared.some((column) => column.name === PROCESSING_TS)
    ? declared
    : [...declared, { name: PROCESSING_TS, type: 'timestamptz' }];
  const known = new Set(columns.map((column) => column.name));
  const mode = load.mode ?? (format === 'debezium' ? 'upsert' : 'append');
  for (const column of key)
    if (!known.has(column)) refuse(`key column '${column}' is not declared`, `Declared: ${[...known].join(', ')}.`);
  for (const column of hash)
    if (!known.has(column)) refuse(`hash column '${column}' is not declared`, `Declared: ${[...known].join(', ')}.`);
  for (const { name: column, type } of columns) {
    if (hash.includes(column) && !table.holdsHash(type, HASH_LENGTH))
      refuse(
        `hash column '${column}' is declared as ${type}, and a hash is a text of ${HASH_LENGTH} characters`,
        `Declare '${column}' as ${table.text}.`,
      );
  }
  for (const field of drop)
    if (columns.map(pathOf).some((path) => path?.length === 1 && path[0] === field))
      refuse(`'${field}' is dropped and declared as a column; one of them must go`);
  for (const column of columns.filter(({ name: each }) => hash.includes(each))) refuseCopies(column, columns, refuse);
  // If the topic is in the key, no two topics share a key.
  const ofTopics = columns.some(({ name: column, origin }) => origin?.part === 'topic' && key.includes(column));
  if (mode === 'upsert' && naming !== 'topic' && table.database === 'ClickHouse' && format !== 'debezium' && !ofTopics)
    refuse(
      "mode 'upsert' of several topics cannot be kept in ClickHouse: the newer of two rows is told by the offset",
      'A column with `from: topic` in the key keeps them apart; else a table for each topic, or mode: append.',
    );
  const { rest, archive } = load;
  const shape = table.read(load, { columns, mode, key, place: place(), refuse });
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
    connection: load.connection,
    ...topicsOf(load, place()),
    format,
    mode,
    key,
    ...shape,
    hash,
    drop,
    schemaDrift: load.schema_drift,
    flush: flushLimits(load.flush, table.flush),
    columns,
    rest,
    start: load.start,
    onGap: load.on_gap,
    maxDead: load.max_dead,
    changes: changeConfig(load, { mode, database: table.database }, refuse),
    ...(archive && { archive: archiveConfig(archive) }),
    ...(replicate && { replicate }),
  };
}

type TargetTopics = Pick<LoadTarget, 'topic' | 'topics'>;
/** The options that define the topics; a table has one of them. */
const TOPIC_OPTIONS = ['topic', 'topics', 'topic_pattern', 'replicate'] as const;

function topicsOf({ topic, topics, topic_pattern: pattern, replicate }: LoadSettings, place: Place): TargetTopics {
  if (replicate !== null) return { topic: `${replicate.schema}.${replicate.name}` };
  if (topics !== null) return { topic: topics.join(', '), topics };
  if (pattern === null) return { topic: topic ?? '' };
  try {
    return { topic: pattern, topics: topicPattern(pattern) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return place.at('topic_pattern').must(`cannot be used: ${why}`, "topic_pattern: '^orders_.*' matches whole names.");
  }
}

/** A column's options for the origin of its values, and for schema versions that lack it. */
function columnOptions(
  { meta, config, data_type: type }: ColumnInfo,
  format: LoadTarget['format'],
  place: Place,
): Pick<LoadColumn, 'origin' | 'epoch' | 'years' | 'aliases' | 'fallback'> {
  const written = writtenOptions([meta, config?.meta], place);
  if (written === undefined) return {};
  const own = COLUMN_LOAD.read(written, place);
  const origin = originOf(own, place);
  for (const option of ['epoch', 'years'] as const)
    if (own[option] !== null && !isTimeType(type ?? 'text'))
      place.at(option).must(`needs a column of a date or a timestamp, and this one is ${type ?? 'text'}`);
  for (const option of ['aliases', 'default']) {
    if (written[option] == null) continue;
    if (format !== 'avro') place.at(option).must('needs format: avro');
    if (origin !== undefined) place.at(option).must('is for a column that is filled by its name');
  }
  const epoch = epochOf(own, place);
  return {
    ...(origin && { origin }),
    ...(epoch !== undefined && { epoch }),
    ...(own.years !== null && { years: own.years === false ? null : own.years }),
    ...(own.aliases.length > 0 && { aliases: own.aliases }),
    ...(own.default !== null && { fallback: own.default }),
  };
}

/** The path of a column's values within the message's value; null: they have another origin. */
export function pathOf({ name, origin }: Pick<LoadColumn, 'name' | 'origin'>): Path | null {
  if (origin === undefined) return [name];
  return origin.part === 'value' ? origin.path : null;
}

/** If another column stores a hashed value unchanged, the value is not hidden. */
function refuseCopies(hashed: LoadColumn, columns: readonly LoadColumn[], refuse: Refuse): void {
  const path = pathOf(hashed) ?? [];
  for (const column of columns) {
    const outer = pathOf(column);
    if (outer !== null && outer.length < path.length && outer.every((step, i) => step === path[i]))
      refuse(
        `hash column '${hashed.name}' is '${pathText(path)}', which column '${column.name}' holds as it is`,
        `Declare what is needed of '${pathText(outer)}' as columns with a path.`,
      );
  }
}
