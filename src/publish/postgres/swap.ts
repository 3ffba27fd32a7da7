// Puts a staged table in the place of the one that stands there, in the transaction that staged it: views, grants,
// owner and comment stay. The lock is tried in short turns, so that readers never wait long behind it.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { Look } from './look.ts';
import type { PublishWork } from './publish-work.ts';
import type { Staged } from './stage.ts';

/** How often, and milliseconds between: readers go on meanwhile. */
const TRIES = 60;
const PAUSE_MS = 500;
const LOCK = "set local lock_timeout = '1s'";

/** @param look of the table that is replaced; null: there is none */
export async function swapIn(work: PublishWork, staged: Staged, look: Look | null): Promise<void> {
  const { session, adapter, schema, table, name } = work;
  if (look === null) await session.execute(`alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
  else {
    if (look.guarded !== null)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: `it has ${look.guarded}, which a new table would not have; mode upsert keeps the table`,
      });
    await lock(work);
    const dependants = await adapter.fetchDependants(session, adapter.createRelation({ schema, identifier: table }));
    for (const { dropSql } of [...dependants].reverse()) await session.execute(dropSql);
    await session.execute(`drop table ${name}; alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
    for (const statement of look.restore) await session.execute(statement);
    for (const { createSql } of dependants) await session.execute(createSql);
  }
  for (const [index, wanted] of staged.indexes)
    await session.execute(
      `alter index ${quoteIdentifier(schema)}.${quoteIdentifier(index)} rename to ${quoteIdentifier(wanted)}`,
    );
}

async function lock({ session, name, schema, table }: PublishWork): Promise<void> {
  for (let tries = 1; ; tries++) {
    const failure = await session.attempt(`${LOCK}; lock table ${name} in access exclusive mode`);
    if (failure === null) break;
    if (failure.details.code !== '55P03') throw failure;
    if (tries === TRIES)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: `other transactions have held it for ${TRIES} tries of a second`,
      });
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
  await session.execute('set local lock_timeout = 0');
}
