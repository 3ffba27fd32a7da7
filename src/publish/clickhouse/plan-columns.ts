// The columns of a table in ClickHouse for what a source has: a ClickHouse's own types as they are, those of Postgres
// by types-of-postgres.ts.
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import type { PublicationConfig } from '../../contracts/publication.ts';
import { refuseOtherTexts } from '../plan.ts';
import type { PlannedColumn, RowFormat, SourceColumn } from '../receiver.ts';
import { columnOfPostgres, hasOneText } from './types-of-postgres.ts';

/** @param order columns of the sorting key: ClickHouse has no null there @throws for a type that has no place */
export function planColumns(
  dialect: string,
  columns: readonly SourceColumn[],
  config: PublicationConfig,
  order: readonly string[],
): PlannedColumn[] {
  refuseOtherTexts(config, columns, 'ClickHouse', dialect === 'postgres' ? hasOneText : hasOwnZone);
  return columns.map((column) => {
    const required = order.includes(column.name) || config.key.includes(column.name);
    return dialect === 'clickhouse' ? ownColumn(column, required) : columnOfPostgres(column, required);
  });
}

/** Times without a zone have no exact text: rows of a ClickHouse go in its own form. */
export function formatOf(dialect: string): RowFormat {
  return dialect === 'clickhouse' ? 'native' : 'text';
}

/** A time without a zone has the text of the server's or session's own, which may be another one there. */
function hasOwnZone(type: string): boolean {
  return !type.includes('DateTime') || /^DateTime(?:64)?\((?:\d, )?'/.test(plainType(type));
}

function ownColumn({ name, type, nullable }: SourceColumn, required: boolean): PlannedColumn {
  const value = `t.${quoteIdentifier(name)}`;
  if (!nullable || !required) return { name, type, nullable, expression: value, checks: [] };
  return {
    name,
    type: type.replace(/Nullable\((.*?\)?)\)(?=\)?$)/, '$1'),
    nullable: false,
    expression: `assumeNotNull(${value})`,
    checks: [{ column: name, condition: `isNull(${value})`, why: 'a sorting key has no null' }],
  };
}
