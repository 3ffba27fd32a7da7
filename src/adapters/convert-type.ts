// The SQL type for a column of an inferred type, with which seeds are created. Macros apply `column_types`.
import { fitDouble, integerBits, valuesOf } from './seed-numbers.ts';
import { mostDecimals } from './table-print.ts';
import type { Table } from './table.ts';

/**
 * dbt's `convert_agate_type`: a Number without decimals is an integer. A number that dbt's types cannot hold makes the
 * column wider: dbt rounds it, or fails.
 */
export function convertType(table: Table, columnIndex: number): string {
  const type = table.typeAt(columnIndex);
  switch (type.name) {
    case 'Integer':
      return 'integer';
    case 'Number': {
      const values = valuesOf(table, columnIndex);
      if (mostDecimals(values) !== 0) return fitDouble(values) ? 'float8' : 'numeric';
      const bits = integerBits(values, [32, 64]);
      return bits === undefined ? 'numeric' : bits === 64 ? 'bigint' : 'integer';
    }
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
