// Helpers for the loader's own transactions: rows as lists, and DDL that runs only if something is missing.
import type { Session } from '../../adapters/adapter.ts';

/**
 * Creates only what is missing: existing tables can be loaded without the privilege to create. Loaders of other tables
 * may create the same schemas.
 */
export async function createMissing(session: Session, statements: readonly string[], present: string): Promise<void> {
  const [there] = await read(session, present);
  if (there?.[0] === true) return;
  await session.execute("select pg_advisory_xact_lock(hashtext('tsdbt load'), 0)");
  for (const statement of statements) await session.execute(statement);
}

/** The rows of a query. */
export async function read(session: Session, sql: string): Promise<readonly (readonly unknown[])[]> {
  const { table } = await session.execute(sql, { fetch: true });
  return table.rows.map((row) => row.values);
}
