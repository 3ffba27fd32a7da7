// What Postgres decides about column types. Everything else about columns is in ../column.ts.
import type { ColumnDialect } from '../column.ts';
import { quoteIdentifier } from './literal.ts';

export const POSTGRES_COLUMN: ColumnDialect = {
  className: 'PostgresColumn',
  typeName: 'dbt.adapters.postgres.column.PostgresColumn',
  quote: quoteIdentifier,
  typeLabels: { STRING: 'TEXT' },
  // Text without a limit stays so, instead of becoming `character varying(256)`.
  dataType: (column) => {
    const dtype = column.dtype.toLowerCase();
    return dtype === 'text' || (dtype === 'character varying' && column.charSize === null) ? column.dtype : undefined;
  },
};
