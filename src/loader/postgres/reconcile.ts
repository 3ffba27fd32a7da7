// Adapts an existing table to its declared columns: adds them and widens their types. Dependants of the table are
// dropped first and recreated in the same transaction, as when the engine rebuilds a table.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { Dependant } from '../../adapters/dependants.ts';
import { dependantsSql, parseDependants } from '../../adapters/postgres/dependants.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadColumn, LoadTarget } from '../settings/load-target.ts';
import { type ExistingColumn, existingColumns, typeDifference } from './existing-table.ts';
import { read } from './statements.ts';
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
  const foreign = foreignReader(target, widened, readers);
  if (foreign !== null)
    throw new TsdbtError('validation', `${foreign.problem}.`, { path: target.path, hint: `${foreign.hint}.` });
  for (const { dropSql } of readers.toReversed()) await session.execute(dropSql);
  for (const { name, type } of widened)
    await session.execute(
      `alter table ${tableName(target)} alter column ${quoteIdentifier(name)} type ${type}` +
        (await collationOf(session, target, name)),
    );
  for (const { createSql } of readers) await session.execute(createSql);
}

/** A collation of the column that ALTER would reset to the type's; all types that texts widen to have collations. */
async function collationOf(session: Session, target: LoadTarget, column: string): Promise<string> {
  const [row] = await read(
    session,
    `select format(' collate %I.%I', n.nspname, l.collname) from pg_attribute a join pg_type t on t.oid = a.atttypid ` +
      'join pg_collation l on l.oid = a.attcollation join pg_namespace n on n.oid = l.collnamespace ' +
      `where a.attrelid = to_regclass(${quoteText(tableName(target))}) and a.attname = ${quoteText(column)} ` +
      'and a.attcollation <> t.typcollation',
  );
  return row === undefined ? '' : String(row[0]);
}

/** What else another type of columns changes, found without locks. */
export async function widening(
  session: Session,
  target: LoadTarget,
): Promise<{ readonly problems: readonly string[]; readonly notes: readonly string[] }> {
  const existing = await existingColumns(session, target);
  const widened: LoadColumn[] = [];
  for (const column of target.columns) {
    const type = existing.get(column.name)?.type;
    if (type !== undefined && (await typeDifference(session, column, type)) === 'wider') widened.push(column);
  }
  if (widened.length === 0) return { problems: [], notes: [] };
  const rows = await read(session, dependantsSql(target.schema, target.identifier));
  const readers = parseDependants(
    rows.map(([row]) => String(row)),
    target.database,
  ).filter(({ kind }) => READERS.has(kind));
  const foreign = foreignReader(target, widened, readers);
  if (foreign !== null) return { problems: [`${foreign.problem}: ${foreign.hint}`], notes: [] };
  const columns = widened.map(({ name, type }) => `'${name}' to ${type}`).join(', ');
  const names = readers.map(({ schema, name }) => `${schema}.${name}`).join(', ');
  const note = `the next load changes ${columns}, and recreates ${names} in the same transaction`;
  return { problems: [], notes: readers.length === 0 ? [] : [note] };
}

function foreignReader(
  { name }: LoadTarget,
  [column]: readonly LoadColumn[],
  readers: readonly Dependant[],
): { readonly problem: string; readonly hint: string } | null {
  const foreign = readers.find(({ ours }) => !ours);
  if (foreign === undefined) return null;
  const reader = `${foreign.schema}.${foreign.name}`;
  return {
    problem:
      `Column '${column?.name}' of ${name} cannot become ${column?.type}: ${reader} reads the table and belongs to ` +
      String(foreign.owner),
    hint: `Drop it, or load as a member of ${foreign.owner}`,
  };
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
