// What a node's statements read and wrote on the server, if the database reports it (ClickHouse).
import type { StatementCost } from '../adapters/adapter.ts';
import type { AdapterResponse } from '../contracts/results.ts';

/**
 * Adds what was read. Of what was written, the statement with the most rows counts: a temporary table and the table
 * filled from it contain the same rows.
 * @param before null: nothing is known so far
 */
export function addCost(
  before: StatementCost | null,
  { readRows, readBytes, writtenRows }: StatementCost,
): StatementCost {
  return {
    readRows: (before?.readRows ?? 0) + readRows,
    readBytes: (before?.readBytes ?? 0) + readBytes,
    writtenRows: Math.max(before?.writtenRows ?? 0, writtenRows),
  };
}

/**
 * Adds one part of a node; parts write different rows.
 * @param before earlier parts; null: nothing is known so far
 * @param part null: the database does not report it @param done false: the rows that the part wrote are not in the
 *   result
 */
export function addPart(before: StatementCost | null, part: StatementCost | null, done: boolean): StatementCost | null {
  if (part === null) return before;
  const writtenRows = (before?.writtenRows ?? 0) + (done ? part.writtenRows : 0);
  return { ...addCost(before, part), writtenRows };
}

/**
 * Adds `read_rows`, `read_bytes` and, if rows were written, `rows_affected` to a node's response. A response with its
 * own row count keeps it.
 * @param cost null: the database does not report it; the response is unchanged
 */
export function withCost<R extends AdapterResponse | Record<string, never>>(
  response: R,
  cost: StatementCost | null,
): R {
  if (cost === null) return response;
  const { readRows: read_rows, readBytes: read_bytes, writtenRows } = cost;
  const counts = Number(response.rows_affected ?? -1) >= 0;
  return { ...response, ...(counts || writtenRows === 0 ? {} : { rows_affected: writtenRows }), read_rows, read_bytes };
}
