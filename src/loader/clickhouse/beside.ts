// Inserts rows that a table lacks but its views have: a server crash can lose a part whose token the server remembers.
// The rows go into a staging table with the same columns and partitions and are moved: views do not see moves.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { LeasedSession } from './leased-session.ts';
import { relationOf, STATE_DATABASE } from './load-flushes.ts';
import { SORTING } from './refused.ts';
import { insertRows } from './write.ts';

/** The prefix of the names of such staging tables. */
const BESIDE = 'load_beside_';
/** Loaders that settle the same flush share the table; its tokens show what was already moved. */
const KEPT_HOURS = 24;

/** Whether parts can be moved into the table. If Keeper stores both, a part and its token are never separated. */
export async function takesParts(lease: LeasedSession, { schema, identifier }: LoadTarget): Promise<boolean> {
  const [row] = await lease.ask(
    `SELECT engine FROM system.tables WHERE database = ${quoteText(schema)} AND name = ${quoteText(identifier)}`,
  );
  return !/^(?:Replicated|Shared)/.test(row?.[0] ?? '');
}

/**
 * Adds rows without notifying the table's views. A second call with the same id and token adds nothing, from any
 * loader.
 * @param id of the flush
 * @param holds is checked before each step that readers see; false: stop
 */
export async function insertBeside(
  lease: LeasedSession,
  target: LoadTarget,
  { id, token, columns }: { readonly id: string; readonly token: string; readonly columns: readonly string[] },
  data: Iterable<Uint8Array>,
  holds: () => Promise<boolean>,
): Promise<void> {
  const name = `${BESIDE}${id}`;
  const beside = `${STATE_DATABASE}.${quoteIdentifier(name)}`;
  await lease.run(`CREATE TABLE IF NOT EXISTS ${beside} AS ${relationOf(target)}`);
  await lease.insert(insertRows(beside, columns, token), data);
  const parts = await lease.ask(
    `SELECT DISTINCT partition_id FROM system.parts WHERE database = ${quoteText(STATE_DATABASE)} AND ` +
      `table = ${quoteText(name)} AND active ORDER BY 1`,
  );
  for (const [partition] of parts) {
    if (!(await holds())) return;
    await lease.run(
      `ALTER TABLE ${beside} MOVE PARTITION ID ${quoteText(partition ?? '')} TO TABLE ${relationOf(target)}`,
    );
  }
}

/** Returns statements that drop the tables that killed loaders left, or that are no longer needed. */
export async function dropBeside(lease: LeasedSession): Promise<string[]> {
  const named = [BESIDE, SORTING].map((beginning) => `startsWith(name, ${quoteText(beginning)})`).join(' OR ');
  const rows = await lease.ask(
    `SELECT name FROM system.tables WHERE database = ${quoteText(STATE_DATABASE)} AND (${named}) AND ` +
      `metadata_modification_time < now() - INTERVAL ${KEPT_HOURS} HOUR`,
  );
  return rows.map(([name]) => `DROP TABLE IF EXISTS ${STATE_DATABASE}.${quoteIdentifier(name ?? '')}`);
}
