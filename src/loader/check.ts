// Whether a target could be loaded, found out without writing: topic, table, columns, key, privileges.
import { quoteText } from '../adapters/postgres/literal.ts';
import type { Adapter } from '../adapters/adapter.ts';
import { STATE_SCHEMA } from '../state/load-offsets.ts';
import type { BrokerClient } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import { tableName } from './postgres/table.ts';

/** @returns what stands in the way, in words; empty when nothing does */
export async function checkTarget(adapter: Adapter, client: BrokerClient, target: LoadTarget): Promise<string[]> {
  await client.topics([target.topic]);
  await client.check([target.topic]);
  const problems: string[] = [];
  const session = adapter.session({ name: `load check ${target.name}` });
  const ask = async (sql: string): Promise<unknown> => (await session.execute(`select ${sql}`, { fetch: true })).table.rows[0]?.values[0] ?? null;
  try {
    const table = quoteText(tableName(target));
    const state = quoteText(`${STATE_SCHEMA}.load_offsets`);
    if ((await ask(`to_regclass(${table}) is null`)) === true) {
      const schema = quoteText(target.schema);
      if ((await ask(`to_regnamespace(${quoteText(`"${target.schema.replaceAll('"', '""')}"`)}) is null`)) === true) {
        if ((await ask("has_database_privilege(current_database(), 'create')")) !== true) problems.push(`the schema ${target.schema} does not exist, and ${String(await ask('current_user'))} may not create it: grant create on database …`);
      } else if ((await ask(`has_schema_privilege(${schema}, 'create')`)) !== true) problems.push(`the table does not exist, and ${String(await ask('current_user'))} may not create it: grant create on schema ${target.schema} to …`);
    } else {
      for (const privilege of target.mode === 'upsert' ? ['insert', 'select', 'update'] : ['insert']) {
        if ((await ask(`has_table_privilege(${table}, '${privilege}')`)) !== true) problems.push(`${String(await ask('current_user'))} may not ${privilege} ${target.schema}.${target.identifier}: grant ${privilege} on ${tableName(target)} to …`);
      }
    }
    if (target.mode === 'upsert' && (await ask("has_database_privilege(current_database(), 'temp')")) !== true) problems.push(`${String(await ask('current_user'))} may not make temporary tables, which mode 'upsert' needs: grant temporary on database … to …`);
    if ((await ask(`to_regclass(${state}) is null`)) === true) {
      if ((await ask(`coalesce(has_schema_privilege(to_regnamespace('${STATE_SCHEMA}')::oid, 'create'), has_database_privilege(current_database(), 'create'))`)) !== true) problems.push(`the loader's tables in schema ${STATE_SCHEMA} do not exist, and ${String(await ask('current_user'))} may not create them`);
    } else {
      for (const [name, privileges] of [['load_offsets', ['select', 'insert', 'update']], ['dead_letters', ['insert']]] as const) {
        const known = quoteText(`${STATE_SCHEMA}.${name}`);
        for (const privilege of privileges) if ((await ask(`to_regclass(${known}) is null or has_table_privilege(to_regclass(${known})::oid, '${privilege}')`)) !== true) problems.push(`${String(await ask('current_user'))} may not ${privilege} ${STATE_SCHEMA}.${name}: grant ${privilege} on ${STATE_SCHEMA}.${name} to …`);
      }
    }
  } finally {
    await session.release();
  }
  return problems;
}
