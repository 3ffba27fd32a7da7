// Postgres's rules for column types. ../column.ts has the rest.
import type { ColumnDialect } from '../column.ts';
import { quoteIdentifier } from './literal.ts';

/** Types that differ only in their bound, by base type: `timestamp(3) without time zone`. */
const BOUND = /\((\d+)\)/;
const UP_TO = /^(bit varying|time(stamp)?\b|interval)/;

/** Whether a type is another one with a larger bound, or without. `bit(n)` and `character(n)` are exact. */
function isWider(type: string, other: string): boolean {
  if (!UP_TO.test(type) || type === other) return false;
  if (other === type.replace(BOUND, '')) return true;
  const [, size] = BOUND.exec(type) ?? [];
  const [, otherSize] = BOUND.exec(other) ?? [];
  return (
    size !== undefined &&
    otherSize !== undefined &&
    type.replace(BOUND, '') === other.replace(BOUND, '') &&
    Number(otherSize) > Number(size)
  );
}

export const POSTGRES_COLUMN: ColumnDialect = {
  className: 'PostgresColumn',
  typeName: 'dbt.adapters.postgres.column.PostgresColumn',
  quote: quoteIdentifier,
  typeLabels: { STRING: 'TEXT' },
  // Text without a limit stays unlimited, instead of becoming `character varying(256)`.
  dataType: (column) => {
    const dtype = column.dtype.toLowerCase();
    return dtype === 'text' || (dtype === 'character varying' && column.charSize === null) ? column.dtype : undefined;
  },
  widerType: (column, other) => isWider(column.expandedDataType, other.expandedDataType),
};
