// Reads and checks a source table's `meta: tsdbt: load:` that names a table of another database: what is synced into
// it, how changes are found, how often. Reads the manifest only.
import type { SourceDefinition } from '../../contracts/node.ts';
import { SYNC } from '../../settings/load-settings.ts';
import { sourceOptions } from '../settings/source-options.ts';

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

/** @returns null: the source names no table of another database @throws `validation` error with file and option */
export function syncTarget(source: SourceDefinition): SyncTarget | null {
  const { name, own, options, place } = sourceOptions(source);
  if (own?.['table'] == null) return null;
  const { every, ...settings } = SYNC.read(options, place());
  for (const column of settings.drop)
    if (source.columns[column] !== undefined)
      place().at('drop').must(`contains '${column}', which is declared as a column`, 'Remove one of them.');
  return {
    uniqueId: source.unique_id,
    name,
    path: source.original_file_path,
    schema: source.schema,
    identifier: source.identifier,
    ...settings,
    types: new Map(
      Object.values(source.columns).flatMap((column) =>
        typeof column.data_type === 'string' ? [[column.name, column.data_type] as const] : [],
      ),
    ),
    everyMs: every,
  };
}
