// Adapts an existing table to its declared columns: adds them and widens their types. Dependants of the table are
// dropped first and recreated in the same transaction, as when the engine rebuilds a table.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { Dependant } from '../../adapters/dependants.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadColumn, LoadTarget } from '../load-target.ts';
import { type ExistingColumn, typeDifference } from './existing-table.ts';
import { tableName } from './table.ts';

/** Dependants that prevent changing a column's type. */
const READERS: ReadonlySet<Dependant['kind']> = new Set(['view', 'materialized_view', 'rule', 'function']);

/** @throws `validation` error for a type that the table's cannot be widened to, or a dependant of another owner */
export async function reconcileColumns(
  session: Session,
  adapter: Adapter,
  target: LoadTarget,
  existing: ReadonlyMap<string, ExistingColumn>,
): Promise<void> {
  const widened: LoadColumn[] = [];
  for (const column of target.columns) {
    const type = existing.get(column.name)?.type;
    if (type === undefined) {
      await session.execute(
        `alter table ${tableName(target)} add column ${quoteIdentifier(column.name)} ${column.type}`,
      );
      continue;
    }
    const difference = await typeDifference(session, column, type);
    if (difference === 'wider') widened.push(column);
    else if (difference !== 'none') throw otherType(target, column, type);
  }
  if (widened.length === 0) return;
  const { database, schema, identifier } = target;
  const relation = adapter.createRelation({ database, schema, identifier, type: 'table' });
  await adapter.lockRelation(session, relation);
  const readers = (await adapter.fetchDependants(session, relation)).filter(({ kind }) => READERS.has(kind));
  const foreign = readers.find(({ ours }) => !ours);
  if (foreign !== undefined)
    throw new TsdbtError(
      'validation',
      `Column '${widened[0]?.name}' of ${target.name} cannot become ${widened[0]?.type}: ${foreign.schema}.` +
        `${foreign.name} reads the table and belongs to ${foreign.owner}.`,
      { path: target.path, hint: `Drop it, or load as a member of ${foreign.owner}.` },
    );
  for (const { dropSql } of readers.toReversed()) await session.execute(dropSql);
  for (const { name, type } of widened)
    await session.execute(`alter table ${tableName(target)} alter column ${quoteIdentifier(name)} type ${type}`);
  for (const { createSql } of readers) await session.execute(createSql);
}

function otherType(target: LoadTarget, { name, type }: LoadColumn, existing: string): TsdbtError {
  return new TsdbtError(
    'validation',
    `Column '${name}' of ${target.name} is declared as ${type}, but the table has ${existing}.`,
    {
      path: target.path,
      hint:
        `Columns are only added and widened. Declare ${existing}, or change the table: alter table ` +
        `${tableName(target)} alter column ${quoteIdentifier(name)} type ${type} using …`,
    },
  );
}
