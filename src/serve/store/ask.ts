// A question to the database that keeps the history: its answer as cells, texts or null.
import type { Session } from '../../adapters/adapter.ts';
import type { Cells } from './rows.ts';

/** @returns rows of the last result set; empty when there is none */
export async function ask(session: Session, sql: string): Promise<Cells[]> {
  const { table } = await session.execute(sql, { fetch: true, comment: false });
  return table.rows.map((row) => row.values.map((value, i) => (value === null ? null : row.textAt(i))));
}
