// Compares an incremental model's table with its query, for `adapter.check_incremental_schema_changes`. Macros change
// the table.
import { TsdbtError } from '../../errors.ts';
import type { Column } from '../column.ts';
import { toRepr } from '../../values/text.ts';
import { ColumnChanges } from './column.ts';

export const SCHEMA_CHANGE_MODES: readonly string[] = ['fail', 'ignore', 'append_new_columns', 'sync_all_columns'];

/**
 * @param mode on_schema_change
 * @param present columns of the table
 * @param wanted columns of the query
 * @param materialization used in the error
 * @throws if the mode does not allow a necessary change
 */
export function schemaChanges(
  mode: string,
  present: readonly Column[],
  wanted: readonly Column[],
  materialization: string,
): ColumnChanges {
  const presentByName = new Map(present.map((column) => [column.name, column]));
  const wantedNames = new Set(wanted.map((column) => column.name));
  const added = wanted.filter((column) => !presentByName.has(column.name));
  const dropped = present.filter((column) => !wantedNames.has(column.name));
  const modified = wanted.filter((column) => (presentByName.get(column.name)?.dtype ?? column.dtype) !== column.dtype);
  const changes = new ColumnChanges(mode, added, dropped, modified);
  if (!changes.conflicting) return changes;
  const list = (columns: readonly Column[]): string => toRepr(columns.map((column) => column.jinjaText()));
  const option = materialization === 'table' ? 'mv_on_schema_change' : 'on_schema_change';
  throw new TsdbtError(
    'runtime',
    `The source and target schemas on this ${materialization} model are out of sync.` +
      `\n   Source columns not in target: ${list(dropped)}\n   Target columns not in source: ${list(added)}\n  ` +
      ` New column types: ${list(modified)}`,
    {
      hint:
        `Set \`${option}\` to append_new_columns or sync_all_columns, run the model with \`full_refresh: True\`, ` +
        'or change the table by hand and run again.',
    },
  );
}
