// DDL of a loaded table in ClickHouse: columns, the loader's own columns, engine, order, partitions, TTL, settings. SQL
// texts only; the sink runs them, problems.ts checks existing tables.
import { quoteIdentifier, quoteWritten } from '../../adapters/clickhouse/literal.ts';
import { settingsClause } from '../../adapters/clickhouse/model-settings.ts';
import { TsdbtError } from '../../errors.ts';
import { PyDict } from '../../values/dict.ts';
import { type LoadColumn, type LoadTarget, metaColumns, type Storage, PROCESSING_TS } from '../settings/load-target.ts';
import { bare, engineOf, WINDOW, WINDOWS } from './table-options.ts';

/** Where tables are created. */
export interface TablePlace {
  /** The cluster of the profile; null: one server. */
  readonly cluster: string | null;
  /** The engine of the target's database: a Replicated or Shared one replicates tables itself. */
  readonly databaseEngine: string;
}

/** Types of the loader's own columns, with their codecs and defaults. */
const META: Readonly<Record<string, string>> = {
  _topic: 'LowCardinality(String)',
  _partition: 'Int32',
  _offset: 'UInt64 CODEC(Delta, ZSTD)',
  _kafka_ts: "DateTime64(3, 'UTC') CODEC(Delta, ZSTD)",
  _loaded_at: "DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD)",
  _load_id: 'LowCardinality(String)',
  _deleted: 'Bool',
  _lsn: 'UInt64 CODEC(Delta, ZSTD)',
  _op: 'LowCardinality(String)',
  _source: 'LowCardinality(String)',
  _source_ts: "DateTime64(6, 'UTC') CODEC(Delta, ZSTD)",
};
/** The type of the column for other fields: JSON text as it came, as the type JSON would round large numbers. */
const REST = 'String CODEC(ZSTD)';
const MOMENT = "DateTime64(3, 'UTC')";
const TEXT = 'String';
const OFFSET_INDEX = 'tsdbt_offset';
/** The order of rows if the config has none: by position in the topic. */
const PLACE = ['_topic', '_partition', '_offset'];
/** Types of new fields, by the encoder's names: those of schema inference. */
const ADDED: Readonly<Record<string, string>> = {
  text: 'Nullable(String)',
  numeric: 'Nullable(Float64)',
  boolean: 'Nullable(Bool)',
  jsonb: 'Nullable(String)',
};

export function tableName({ schema, identifier }: LoadTarget): string {
  return `${quoteWritten(schema)}.${quoteWritten(identifier)}`;
}

/** The column whose greatest value marks a row's last version in upsert mode. */
export function versionColumn({ changes }: LoadTarget): string {
  return changes === null ? '_offset' : '_lsn';
}

/** The target's table options. @throws `internal` for a target of another database */
function storageOf({ storage, name }: LoadTarget): Storage {
  if (storage === null) throw new TsdbtError('internal', `${name} has no options of a table in ClickHouse`);
  return storage;
}

/** The table's order, as expressions. */
export function orderOf(target: LoadTarget): readonly string[] {
  const { orderBy } = storageOf(target);
  if (orderBy.length > 0) return orderBy;
  return target.key.length > 0 ? target.key : PLACE;
}

/**
 * The type of a declared column as DDL. ClickHouse's own types and aliases are used as written; a column without a type
 * accepts any text, or null unless an order needs it.
 */
export function columnType(target: LoadTarget, { name, type, untyped }: LoadColumn): string {
  if (untyped === true)
    return orderOf(target).some((expression) => bare(expression) === name) ? TEXT : `Nullable(${TEXT})`;
  return name === PROCESSING_TS && type === 'timestamptz' ? MOMENT : type;
}

/** The type of a column for a new field. @param type as the encoder names it */
export function addedType(type: string): string {
  return ADDED[type] ?? type;
}

/** A declared column as DDL. */
export function columnSql(target: LoadTarget, column: LoadColumn): string {
  return [
    quoteIdentifier(column.name),
    columnType(target, column),
    ...(column.name === PROCESSING_TS && column.type === 'timestamptz' ? ["DEFAULT now64(3, 'UTC')"] : []),
    ...(column.codec === undefined ? [] : [`CODEC(${column.codec})`]),
    ...(column.ttl === undefined ? [] : [`TTL ${column.ttl}`]),
  ].join(' ');
}

/** One of the loader's own columns as DDL. */
export function metaSql({ name }: Pick<LoadColumn, 'name'>): string {
  return `${quoteIdentifier(name)} ${META[name] ?? TEXT}`;
}

/** The column of other fields as DDL. */
export function restSql(name: string): string {
  return `${quoteIdentifier(name)} ${REST}`;
}

/** The index for finding rows of a range of offsets. */
function offsetIndexSql(): string {
  return `INDEX ${OFFSET_INDEX} _offset TYPE minmax GRANULARITY 1`;
}

export function onCluster({ cluster, databaseEngine }: TablePlace): string {
  return cluster === null || /^(?:Replicated|Shared)/.test(databaseEngine)
    ? ''
    : ` ON CLUSTER ${quoteIdentifier(cluster)}`;
}

/** The engine of the table, with version and deletion in upsert mode. */
function engineSql(target: LoadTarget, place: TablePlace): string {
  const { engine } = storageOf(target);
  const replicated = place.cluster !== null || place.databaseEngine.startsWith('Replicated');
  const { family, place: path } =
    engine === null
      ? { family: replicated ? 'Replicated' : '', place: [] }
      : (engineOf(engine) ?? { family: '', place: [] });
  const upsert = target.mode === 'upsert';
  const own = upsert ? [versionColumn(target), '_deleted'] : [];
  const values = [...path, ...own];
  return `${family}${upsert ? 'Replacing' : ''}MergeTree${values.length === 0 ? '' : `(${values.join(', ')})`}`;
}

/** The table's settings: those of the config, and how many insert tokens are remembered. */
export function tableSettings(target: LoadTarget, place: TablePlace): Readonly<Record<string, string>> {
  const { settings } = storageOf(target);
  const window = /^(?:Replicated|Shared)/.test(engineSql(target, place)) ? WINDOWS.replicated : WINDOWS.plain;
  return { [window]: String(WINDOW), ...settings };
}

/** `CREATE DATABASE` and `CREATE TABLE`, in order; existing ones are not changed. */
export function createTable(target: LoadTarget, place: TablePlace): string[] {
  const { partitionBy, primaryKey, ttl } = storageOf(target);
  const lines = [
    ...target.columns.map((column) => columnSql(target, column)),
    ...(target.rest === null ? [] : [restSql(target.rest)]),
    ...metaColumns(target).map(metaSql),
    offsetIndexSql(),
  ];
  const named = (expression: string): string =>
    target.columns.some(({ name }) => name === expression) ? quoteIdentifier(expression) : expression;
  const list = (expressions: readonly string[]): string => `(${expressions.map(named).join(', ')})`;
  const cluster = onCluster(place);
  return [
    `CREATE DATABASE IF NOT EXISTS ${quoteWritten(target.schema)}${cluster}`,
    [
      `CREATE TABLE IF NOT EXISTS ${tableName(target)}${cluster} (\n  ${lines.join(',\n  ')}\n)`,
      `ENGINE = ${engineSql(target, place)}`,
      ...(partitionBy.length === 0 ? [] : [`PARTITION BY ${list(partitionBy)}`]),
      ...(primaryKey.length === 0 ? [] : [`PRIMARY KEY ${list(primaryKey)}`]),
      `ORDER BY ${list(orderOf(target))}`,
      ...(ttl === null ? [] : [`TTL ${ttl}`]),
      settingsClause(
        new PyDict(Object.entries(tableSettings(target, place)).map(([name, value]) => [name, written(value)])),
      ),
    ]
      .join('\n')
      .trim(),
  ];
}

/** A setting's value: a number stays one. */
function written(value: string): string | number {
  return /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}
