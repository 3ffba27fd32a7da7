// Puts a staged table in the place of the one that stands there, in the transaction that staged it: views, grants,
// owner and comment stay. The lock is tried in short turns, so that readers never wait long behind it.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import { type Look, readLook } from './look.ts';
import type { PublishWork } from './publish-work.ts';
import { shortened, type Staged } from './stage.ts';
import { sleep } from '../../within.ts';

/** How often, and milliseconds between: readers go on meanwhile. */
const TRIES = 60;
const PAUSE_MS = 500;
const LOCK = "set local lock_timeout = '500ms'";

/** @param before what the look was of the table that is replaced; null: there is none */
export async function swapIn(work: PublishWork, staged: Staged, before: Look | null): Promise<void> {
  const { session, adapter, schema, table, name } = work;
  if (before === null) await session.execute(`alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
  else {
    refuseGuarded(work, before);
    const relation = adapter.createRelation({ schema, identifier: table });
    // Readers lock a view before its table: the other order would be a deadlock with them.
    const views = (await adapter.fetchDependants(session, relation)).filter(({ kind }) => kind === 'view');
    await lockExclusively(
      work,
      views.reverse().map((view) => `${quoteIdentifier(view.schema)}.${quoteIdentifier(view.name)}`),
    );
    // Grants and triggers may have come while the rows were loaded, and so may another table.
    const look = await readLook(session, name);
    if (look?.oid !== before.oid)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: 'another table has come there while the rows were loaded',
      });
    refuseGuarded(work, look);
    // What default privileges have given to the new table, the old one may not have had.
    for (const grantee of (await readLook(session, staged.name))?.grantees ?? [])
      await session.execute(`revoke all on ${staged.name} from ${grantee}`);
    const dependants = await adapter.fetchDependants(session, relation);
    for (const { dropSql } of [...dependants].reverse()) await session.execute(dropSql);
    await session.execute(`drop table ${name}`);
    await session.execute(`alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
    for (const [column, statement] of look.columnGrants)
      if (work.plan.some(({ name: kept }) => kept === column)) await session.execute(statement);
    for (const statement of look.restore) await session.execute(statement);
    for (const { createSql } of dependants) await session.execute(createSql);
  }
  for (const [index, wanted] of staged.indexes) {
    const name = await freeName(work, wanted);
    await session.execute(
      `alter index ${quoteIdentifier(schema)}.${quoteIdentifier(index)} rename to ${quoteIdentifier(name)}`,
    );
  }
}

/** The name, numbered where another table's index has it: `a_b` of `(c)` and `a` of `(b, c)` are called the same. */
export async function freeName({ session, schema }: PublishWork, wanted: string): Promise<string> {
  for (let number = 0; ; number++) {
    const name = number === 0 ? wanted : shortened(`${wanted}${number}`);
    const place = quoteText(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
    const { table } = await session.execute(`select to_regclass(${place}) is null`, { fetch: true });
    if (table.rows[0]?.values[0] === true) return name;
  }
}

function refuseGuarded({ schema, table }: PublishWork, { guarded }: Look): void {
  if (guarded !== null)
    throw errorOf('notPublished', {
      place: `${schema}.${table}`,
      why: `it has ${guarded}, which a new table would not have; mode upsert keeps the table`,
    });
}

/** @param first what is locked before the table, as SQL */
export async function lockExclusively(
  { session, name, schema, table }: PublishWork,
  first: readonly string[],
): Promise<void> {
  const list = [...first, name].join(', ');
  for (let tries = 1; ; tries++) {
    const failure = await session.attempt(`${LOCK}; lock table ${list} in access exclusive mode`);
    if (failure === null) break;
    if (failure.details.code !== '55P03') throw failure;
    if (tries === TRIES)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: `other transactions have held it for ${TRIES} tries of half a second`,
      });
    await sleep(PAUSE_MS);
  }
  await session.execute('set local lock_timeout = 0');
}
