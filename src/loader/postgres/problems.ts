// Finds obstacles to loading into a Postgres table: privileges, columns, key. Changes nothing: `load check` reports
// them, `load` refuses to start.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { Session } from '../../adapters/adapter.ts';
import { STATE_SCHEMA } from './load-offsets.ts';
import { type LoadTarget, metaColumns } from '../settings/load-target.ts';
import { existingColumns, hasUniqueKey, typeDifference } from './existing-table.ts';
import { tableName } from './table.ts';

/** @returns descriptions of the obstacles; empty if there are none */
export async function databaseProblems(session: Session, target: LoadTarget): Promise<string[]> {
  const problems: string[] = [];
  const ask = async (sql: string): Promise<unknown> =>
    (await session.execute(`select ${sql}`, { fetch: true })).table.rows[0]?.values[0] ?? null;
  const table = quoteText(tableName(target));
  const state = quoteText(`${STATE_SCHEMA}.load_offsets`);
  const mayUse = async (name: string): Promise<boolean> => {
    const found = `to_regnamespace(${quoteText(quoteIdentifier(name))})`;
    if ((await ask(`${found} is null or has_schema_privilege(${found}::oid, 'usage')`)) === true) return true;
    problems.push(
      `${String(await ask('current_user'))} may not use schema ${name}: grant usage on schema ` +
        `${quoteIdentifier(name)} to …`,
    );
    return false;
  };
  const [reachesTable, reachesState] = [await mayUse(target.schema), await mayUse(STATE_SCHEMA)];
  if (!reachesTable) {
    // Without a privilege on its schema, the table cannot be inspected.
  } else if ((await ask(`to_regclass(${table}) is null`)) === true) {
    const schema = quoteText(target.schema);
    if ((await ask(`to_regnamespace(${quoteText(quoteIdentifier(target.schema))}) is null`)) === true) {
      if ((await ask("has_database_privilege(current_database(), 'create')")) !== true)
        problems.push(
          `the schema ${target.schema} does not exist, and ${String(await ask('current_user'))} may not create ` +
            'it: grant create on database …',
        );
    } else if ((await ask(`has_schema_privilege(${schema}, 'create')`)) !== true)
      problems.push(
        `the table does not exist, and ${String(await ask('current_user'))} may not create it: grant create on ` +
          `schema ${target.schema} to …`,
      );
  } else {
    const kind = String(await ask(`relkind::text from pg_class where oid = to_regclass(${table})`));
    if (!['r', 'p', 'f'].includes(kind))
      return [
        `${target.schema}.${target.identifier} is no table: rename what is there, or name another table in the ` +
          "source's identifier",
      ];
    for (const privilege of target.mode === 'upsert' ? ['insert', 'select', 'update'] : ['insert']) {
      if ((await ask(`has_table_privilege(${table}, '${privilege}')`)) !== true)
        problems.push(
          `${String(await ask('current_user'))} may not ${privilege} ${target.schema}.${target.identifier}: ` +
            `grant ${privilege} on ${tableName(target)} to …`,
        );
    }
  }
  if (reachesTable) problems.push(...(await columnProblems(session, target, ask)));
  if (target.mode === 'upsert' && (await ask("has_database_privilege(current_database(), 'temp')")) !== true)
    problems.push(
      `${String(await ask('current_user'))} may not make temporary tables, which mode 'upsert' needs: grant ` +
        'temporary on database … to …',
    );
  if (!reachesState) {
    // The same applies to the bookkeeping.
  } else if ((await ask(`to_regclass(${state}) is null`)) === true) {
    if (
      (await ask(
        `coalesce(has_schema_privilege(to_regnamespace('${STATE_SCHEMA}')::oid, 'create'), ` +
          "has_database_privilege(current_database(), 'create'))",
      )) !== true
    )
      problems.push(
        `the loader's tables in schema ${STATE_SCHEMA} do not exist, and ${String(await ask('current_user'))} ` +
          'may not create them',
      );
  } else {
    // Only the owner can upgrade what an older version created.
    const older = `to_regclass('${STATE_SCHEMA}.load_pauses') is null`;
    if (
      (await ask(
        `${older} and not pg_has_role((select relowner from pg_class where oid = to_regclass(${state})), 'usage')`,
      )) === true
    ) {
      problems.push(
        `the loader's tables in schema ${STATE_SCHEMA} are of an older version, and ` +
          `${String(await ask('current_user'))} does not own them: run \`tsdbt load\` or \`tsdbt load rewind\` ` +
          'once as their owner',
      );
    }
    for (const [name, privileges] of [
      ['load_offsets', ['select', 'insert', 'update']],
      ['dead_letters', ['insert']],
      ['load_pauses', ['select']],
    ] as const) {
      const known = quoteText(`${STATE_SCHEMA}.${name}`);
      for (const privilege of privileges)
        if (
          (await ask(
            `to_regclass(${known}) is null or has_table_privilege(to_regclass(${known})::oid, '${privilege}')`,
          )) !== true
        )
          problems.push(
            `${String(await ask('current_user'))} may not ${privilege} ${STATE_SCHEMA}.${name}: grant ` +
              `${privilege} on ${STATE_SCHEMA}.${name} to …`,
          );
    }
  }
  return problems;
}

/** Problems of declared columns, of the key, and of the table's own columns. */
async function columnProblems(
  session: Session,
  target: LoadTarget,
  ask: (sql: string) => Promise<unknown>,
): Promise<string[]> {
  const problems: string[] = [];
  const existing = await existingColumns(session, target);
  const table = `${target.schema}.${target.identifier}`;
  const changes: string[] = [];
  for (const column of target.columns) {
    const found = existing.get(column.name);
    const difference = await typeDifference(session, column, found?.type);
    const what = `column '${column.name}' is declared as ${column.type}`;
    if (difference === 'unknown') problems.push(`${what}, which is no type of this database`);
    else if (difference === 'other' && found !== undefined)
      problems.push(`${what}, and ${table} has ${found.type}: declare ${found.type}, or change the table`);
    else if (found?.generated === true)
      problems.push(
        `column '${column.name}' of ${table} is computed by the database and cannot be loaded: take it out of ` +
          "the source's columns",
      );
    else if (difference === 'wider') changes.push(`widen '${column.name}' to ${column.type}`);
    else if (found === undefined) changes.push(`add '${column.name}'`);
  }
  if (existing.size === 0) return problems;
  const own = [...metaColumns(target).map(({ name }) => name), ...(target.rest === null ? [] : [target.rest])];
  changes.push(...own.filter((name) => !existing.has(name)).map((name) => `add '${name}'`));
  const written = new Set([...own, ...target.columns.map(({ name }) => name)]);
  for (const [name, { required }] of existing)
    if (required && !written.has(name))
      problems.push(
        `column '${name}' of ${table} takes no null, has no default and is not declared: no row could be loaded`,
      );
  if (
    changes.length > 0 &&
    (await ask(
      `pg_has_role((select relowner from pg_class where oid = to_regclass(${quoteText(tableName(target))})), 'usage')`,
    )) !== true
  ) {
    problems.push(
      `${String(await ask('current_user'))} does not own ${table}, and the loader would ${changes.join(', ')}: ` +
        `do it as the owner, alter table ${tableName(target)} …`,
    );
  }
  if (target.mode === 'upsert' && !(await hasUniqueKey(session, target)))
    problems.push(
      `${table} has no unique key on (${target.key.join(', ')}), which mode 'upsert' needs: alter table ` +
        `${tableName(target)} add primary key (${target.key.map(quoteIdentifier).join(', ')})`,
    );
  return problems;
}
