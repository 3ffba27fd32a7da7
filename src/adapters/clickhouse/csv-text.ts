// A table's rows as ClickHouse's CSV reads them: `adapter.get_csv_data`. Which table they go to is the macros'.

import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import type { Table } from '../table.ts';

/**
 * A line for each row, without names. A text is quoted, as the server would trim it otherwise; null is an empty field,
 * which takes the column's default.
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
