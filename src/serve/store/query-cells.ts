// A query to the database that contains the history, with its result as cells: texts or null.
import type { Session } from '../../adapters/adapter.ts';
import type { Cells } from './store-rows.ts';

/** @returns rows of the last result set; empty if there is none */
export async function ask(session: Session, sql: string): Promise<Cells[]> {
  const { table } = await session.execute(sql, { fetch: true, internal: true });
  return table.rows.map((row) => row.values.map((value, i) => (value === null ? null : row.textAt(i))));
}
