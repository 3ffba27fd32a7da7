// The SQL type for a column of an inferred type, with which seeds are created. Macros apply `column_types`.
import { mostDecimals } from './table-print.ts';
import type { Table } from './table.ts';

/** dbt's `convert_agate_type`: a Number without decimals is an integer. */
export function convertType(table: Table, columnIndex: number): string {
  const type = table.typeAt(columnIndex);
  switch (type.name) {
    case 'Integer':
      return 'integer';
    case 'Number':
      return mostDecimals(table.measuredRows.map((row) => row.at(columnIndex))) !== 0 ? 'float8' : 'integer';
    case 'Boolean':
      return 'boolean';
    case 'DateTime':
    case 'ISODateTime':
      return 'timestamp without time zone';
    case 'Date':
      return 'date';
    case 'Text':
      return 'text';
  }
}
