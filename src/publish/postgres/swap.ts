// Swaps a staging table with the existing table, in the transaction that filled it: views, grants, owner and comment
// are kept. The lock is requested in short attempts, so that readers never wait long for it.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import { type Look, readLook } from './inspect-copy.ts';
import type { PublishWork } from './publish-work.ts';
import { shortened, type Staged } from './stage.ts';
import { sleep } from '../../within.ts';

/** Number of attempts, and milliseconds between them, during which readers continue. */
const TRIES = 60;
const PAUSE_MS = 500;
const LOCK = "set local lock_timeout = '500ms'";

/** @param before the inspected state of the table that is replaced; null: there is none */
export async function swapIn(work: PublishWork, staged: Staged, before: Look | null): Promise<void> {
  const { session, adapter, schema, table, name } = work;
  if (before === null) await session.execute(`alter table ${staged.name} rename to ${quoteIdentifier(table)}`);
  else {
    refuseGuarded(work, before);
    const relation = adapter.createRelation({ schema, identifier: table });
    // Readers lock a view before its table. Locking in the other order could deadlock with them.
    const views = (await adapter.fetchDependants(session, relation)).filter(({ kind }) => kind === 'view');
    await lockExclusively(
      work,
      views.reverse().map((view) => `${quoteIdentifier(view.schema)}.${quoteIdentifier(view.name)}`),
    );
    // Grants, triggers or another table may have been added while the rows were loaded.
    const look = await readLook(session, name);
    if (look?.oid !== before.oid)
      throw errorOf('notPublished', {
        place: `${schema}.${table}`,
        why: 'another table has come there while the rows were loaded',
      });
    refuseGuarded(work, look);
    // Default privileges may have granted more on the new table than the old one had.
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

/** The name, numbered if an index of another table has it: `a_b` of `(c)` and `a` of `(b, c)` get the same name. */
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
