// The columns of a ClickHouse table for a source: types of a ClickHouse source are kept, types-of-postgres.ts converts
// those of Postgres.
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import type { PublicationConfig } from '../../contracts/publication.ts';
import { refuseOtherTexts } from '../publication-plan.ts';
import type { PlannedColumn, RowFormat, SourceColumn } from '../publication-target.ts';
import { columnOfPostgres, hasOneText } from './types-of-postgres.ts';

/**
 * @param order columns of the sorting key, which cannot be null in ClickHouse @throws for a type without an equivalent
 */
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

/** ClickHouse sends rows in its native format, because times without a zone have no exact text. */
export function formatOf(dialect: string): RowFormat {
  return dialect === 'clickhouse' ? 'native' : 'text';
}

/**
 * The text of a time without a zone depends on the time zone of the server or session, which may differ at the target.
 */
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
