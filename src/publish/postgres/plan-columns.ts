// The columns of a Postgres table for a source: types of a Postgres source are kept, types-of-clickhouse.ts converts
// those of ClickHouse.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import type { PublicationConfig } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import { refuseOtherTexts } from '../publication-plan.ts';
import type { PlannedColumn, PublishSource, SourceColumn } from '../publication-target.ts';
import { columnOfClickHouse, hasOneText } from './types-of-clickhouse.ts';

/** Types whose text depends on the server, or refers to its objects. */
const NOT_PORTABLE: Readonly<Record<string, string>> = {
  money: 'its text depends on the server; cast it to numeric in the model',
  record: 'a composite type is of the database that has it',
};

/** @throws `runtime` error for the first type without an equivalent */
export function planColumns(
  { dialect, quote }: Pick<PublishSource, 'dialect' | 'quote'>,
  columns: readonly SourceColumn[],
  config: PublicationConfig,
): PlannedColumn[] {
  if (dialect === 'clickhouse') refuseOtherTexts(config, columns, 'Postgres', hasOneText);
  return columns.map((column) => {
    const required = config.key.includes(column.name);
    const planned = dialect === 'clickhouse' ? columnOfClickHouse(column) : ownType(column);
    if (!required || !column.nullable) return planned;
    const check = { column: column.name, condition: `t.${quote(column.name)} is null`, why: 'a key has no null' };
    return { ...planned, nullable: false, checks: [...planned.checks, check] };
  });
}

function ownType({ name, type, nullable }: SourceColumn): PlannedColumn {
  const why = NOT_PORTABLE[type];
  if (why !== undefined) throw errorOf('typeNotPublished', { column: name, type, receiver: 'Postgres', why });
  return { name, type, nullable, expression: `t.${quoteIdentifier(name)}`, checks: [] };
}
