// Reads and checks a source table's `meta: tsdbt: load:` that names a table of another database: what is synced into
// it, how changes are found, how often. Reads the manifest only.
import type { Json, SourceDefinition } from '../../contracts/node.ts';
import { OptionReader, refuseUnknown } from '../settings/option-reader.ts';
import { sourceOptions, SYNC_OPTIONS } from '../settings/source-options.ts';

/** The system column of Postgres with the transaction that wrote a row. */
export const XMIN = 'xmin';

/** A table of another database, and the table that is kept equal to it. */
export interface SyncTarget {
  readonly uniqueId: string;
  /** `raw.users`, for display. */
  readonly name: string;
  readonly path: string;
  readonly schema: string;
  readonly identifier: string;
  /** The connection's database type. */
  readonly connection: string;
  /** In that database: `public.users`. */
  readonly table: { readonly schema: string; readonly name: string };
  readonly strategy: 'full' | 'incremental';
  /** The column that increases with changes, or `xmin`; null with `full`. */
  readonly cursor: string | null;
  /** How far before the border is read again: milliseconds, or a number for a numeric column; null: the default. */
  readonly lookback: { readonly ms: number } | { readonly steps: number } | null;
  /** Columns that identify rows; empty: the primary key of the source. */
  readonly key: readonly string[];
  /** Columns that are synced; empty: all. */
  readonly columns: readonly string[];
  /** Columns whose values are replaced by a keyed hash. */
  readonly hash: readonly string[];
  /** Columns that are not read. */
  readonly drop: readonly string[];
  /** Declared types by column, which values are cast to. */
  readonly types: ReadonlyMap<string, string>;
  /** Whether it may overwrite a table with rows that no sync wrote. */
  readonly adopt: boolean;
  /** Milliseconds from the start of one sync to the next. */
  readonly everyMs: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const EVERY_MS = 3_600_000;

/** @returns null: the source names no table of another database @throws `validation` error with file and option */
export function syncTarget(source: SourceDefinition): SyncTarget | null {
  const { name, own, options, refuse } = sourceOptions(source);
  if (own?.['table'] === undefined) return null;
  for (const topic of ['topic', 'topics', 'topic_pattern'])
    if (own[topic] !== undefined) refuse(`'table' and '${topic}' are given; one of them must go`);
  refuseUnknown(options, SYNC_OPTIONS, refuse);
  const reader = new OptionReader(options, refuse);
  const parts = reader.text('table', '').split('.');
  const [schema, table] = parts.length === 1 ? ['public', parts[0]] : parts;
  if (parts.length > 2 || schema === undefined || schema === '' || table === undefined || table === '')
    return refuse("'table' must be schema.name", 'table: public.users');
  const strategy = reader.choice('strategy', ['full', 'incremental'], 'full');
  const cursor = options['cursor'] === undefined ? null : reader.text('cursor', '');
  if (strategy === 'incremental' && cursor === null)
    refuse("strategy 'incremental' needs a cursor", `cursor: updated_at, or cursor: ${XMIN}, which needs no column.`);
  if (strategy === 'full' && cursor !== null) refuse("'cursor' is for strategy: incremental; 'full' reads every row");
  const lookback = lookbackOf(options['lookback'], refuse);
  if (lookback !== null && (cursor === null || cursor === XMIN)) refuse("'lookback' is for a cursor that is a column");
  const everyMs = durationOf(options['every'] ?? EVERY_MS / 1000);
  if (everyMs === null)
    return refuse(`'every' must be a duration such as 1h, found ${JSON.stringify(options['every'])}`);
  const adopt = options['adopt'] ?? false;
  if (typeof adopt !== 'boolean') return refuse(`'adopt' must be true or false, found ${JSON.stringify(adopt)}`);
  const columns = reader.names('columns');
  const key = reader.names('key');
  for (const column of [...key, ...(cursor === null || cursor === XMIN ? [] : [cursor])])
    if (columns.length > 0 && !columns.includes(column)) refuse(`'columns' lacks '${column}', which is key or cursor`);
  const [hash, drop] = [reader.names('hash'), reader.names('drop')];
  for (const column of hash)
    if (columns.length > 0 && !columns.includes(column)) refuse(`'columns' lacks '${column}', which 'hash' names`);
  if (cursor !== null && hash.includes(cursor))
    refuse(
      `the cursor '${cursor}' cannot be hashed: hashes have another order`,
      `cursor: ${XMIN} needs no column; strategy: full needs no cursor.`,
    );
  for (const [option, names] of Object.entries({ columns, hash, key, cursor: cursor === null ? [] : [cursor] }))
    for (const column of drop)
      if (names.includes(column)) refuse(`'${column}' is in 'drop' and in '${option}'; one of them must go`);
  for (const column of drop)
    if (source.columns[column] !== undefined)
      refuse(`'${column}' is dropped and declared as a column; one of them must go`);
  return {
    uniqueId: source.unique_id,
    name,
    path: source.original_file_path,
    schema: source.schema,
    identifier: source.identifier,
    connection: reader.text('connection', 'default'),
    table: { schema, name: table },
    strategy,
    cursor,
    lookback,
    key,
    columns,
    hash,
    drop,
    types: new Map(
      Object.values(source.columns).flatMap((column) =>
        typeof column.data_type === 'string' ? [[column.name, column.data_type] as const] : [],
      ),
    ),
    adopt,
    everyMs,
  };
}

function lookbackOf(value: Json | undefined, refuse: (message: string) => never): SyncTarget['lookback'] {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return { steps: value };
  const ms = typeof value === 'string' ? durationOf(value) : null;
  return ms === null
    ? refuse(`'lookback' must be a duration such as 10m, or a whole number, found ${JSON.stringify(value)}`)
    : { ms };
}

/** Milliseconds; a plain number is seconds; null: it is not a duration. */
function durationOf(value: Json): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/.exec(String(value).trim());
  return match === null ? null : Number(match[1]) * (UNITS[match[2] || 's'] ?? 1000);
}
