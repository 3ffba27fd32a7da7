// Puts a staged table in the place of the one that stands there, in the transaction that staged it: views, grants,
// owner and comment stay. The lock is tried in short turns, so that readers never wait long behind it.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import { type Look, readLook } from './look.ts';
import type { PublishWork } from './publish-work.ts';
import type { Staged } from './stage.ts';

/** How often, and milliseconds between: readers go on meanwhile. */
const TRIES = 60;
const PAUSE_MS = 500;
const LOCK = "set local lock_timeout = '1s'";

/** @param before what the look was of the table that is replaced; null: there is none */
export async function swapIn(work: PublishWork, staged: Staged, before: Look | null): Promise<void> {
  const { session, adapter, schema, table, name } = work;
  if (before === null) await session.execute(`alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
  else {
    refuseGuarded(work, before);
    await lock(work);
    // Grants and triggers may have come while the rows were loaded, and so may another table.
    const look = await readLook(session, name);
    if (look?.oid !== before.oid)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: 'another table has come there while the rows were loaded',
      });
    refuseGuarded(work, look);
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

function refuseGuarded({ schema, table }: PublishWork, { guarded }: Look): void {
  if (guarded !== null)
    throw errorOf('notPublished', {
      place: `${schema}.${table}`,
      why: `it has ${guarded}, which a new table would not have; mode upsert keeps the table`,
    });
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
