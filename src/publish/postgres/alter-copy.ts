// Adapts a table that is changed in place to the current settings: nullable columns, indexes. change-copy.ts writes the
// rows.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { Standing } from './published-versions.ts';
import { readLook } from './inspect-copy.ts';
import type { PublishWork } from './publish-work.ts';
import { shortened } from './stage.ts';
import { freeName, lockExclusively } from './swap.ts';

/**
 * Locks the table, and checks that it is still the one that was inspected.
 * @throws `runtime` error if another table has replaced it in the meantime
 */
export async function adaptTable(work: PublishWork, { oid }: Standing): Promise<void> {
  const { session, name, schema, table, plan, publishing } = work;
  const { key, indexes } = publishing.node.config;
  await session.execute(`lock table ${name} in row exclusive mode`);
  const look = await readLook(session, name);
  if (look === null || look.oid !== oid)
    throw errorOf('notPublished', {
      place: `${schema}.${table}`,
      why: 'another table has come there while the rows were read',
    });
  const free = plan.filter(
    (column) => column.nullable && !key.includes(column.name) && look.required.includes(column.name),
  );
  const missing = indexes.filter(
    ({ columns, unique }) => !(unique ? look.keys : look.indexes).includes(columns.join('\n')),
  );
  if (free.length === 0 && missing.length === 0) return;
  await lockExclusively(work, []);
  for (const column of free)
    await session.execute(`alter table ${name} alter column ${quoteIdentifier(column.name)} drop not null`);
  for (const { columns, unique } of missing) {
    const index = await freeName(work, shortened(`${table}_${columns.join('_')}_${unique ? 'key' : 'idx'}`));
    const list = columns.map(quoteIdentifier).join(', ');
    await session.execute(`create ${unique ? 'unique ' : ''}index ${quoteIdentifier(index)} on ${name} (${list})`);
  }
}
