// What a node made the server read and write, summed over its statements, where the database says so (ClickHouse).
import type { StatementCost } from '../adapters/adapter.ts';
import type { AdapterResponse } from '../contracts/results.ts';

/**
 * What was read adds up. Of what was written the statement with the most rows counts: a temporary table, and what is
 * filled from it, hold the same rows.
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
 * The cost of a node after one of its parts, which write other rows each.
 * @param before of what was done earlier; null: nothing is known so far
 * @param part null: the database does not say @param done false: what the part wrote is no part of the result
 */
export function addPart(before: StatementCost | null, part: StatementCost | null, done: boolean): StatementCost | null {
  if (part === null) return before;
  const writtenRows = (before?.writtenRows ?? 0) + (done ? part.writtenRows : 0);
  return { ...addCost(before, part), writtenRows };
}

/**
 * The response of a node with `read_rows`, `read_bytes` and, where rows were written, `rows_affected`.
 * A response that counts its rows itself knows better: it keeps them.
 * @param cost null: the database does not say; the response stays as it is
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
