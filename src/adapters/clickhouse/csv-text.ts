// Formats a table's rows for ClickHouse's CSV: `adapter.get_csv_data`.

import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import type { Table } from '../table.ts';

/**
 * One line per row, without names. Text is quoted, because the server would trim it otherwise. Null is an empty field,
 * which becomes the column's default.
 */
export function csvText(table: Table): string {
  return table.rows.map((row) => `${row.values.map(field).join(',')}\n`).join('');
}

function field(value: Value): string {
  if (value === null) return '';
  if (value instanceof PyDateTime) return value.isoformat().replace('T', ' ');
  if (value instanceof PyDate) return value.isoDate();
  return typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : toText(value);
}
