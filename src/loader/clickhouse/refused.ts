// Finds the rows of a flush that ClickHouse rejects by sending them to a table with the same columns that stores
// nothing. The server names the first invalid row; if it does not, halves are sent. write.ts writes the INSERTs.
import { randomUUID } from 'node:crypto';
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { RowBuffer } from '../formats/rows/row-buffer.ts';
import type { DeadLetter } from '../sink.ts';
import type { LeasedSession } from './leased-session.ts';
import { STATE_DATABASE } from './load-flushes.ts';
import { insertRows } from './write.ts';

/** Errors caused by rows: values that a column rejects, constraints. */
const DATA_ERRORS = new Set(
  [
    6, 26, 27, 33, 38, 41, 43, 53, 69, 70, 72, 108, 117, 131, 190, 321, 349, 376, 407, 441, 469, 492, 636, 645, 674,
    675, 676, 677, 678, 691,
  ].map(String),
);
const AT_ROW = /(?:\(at row (\d+)\)|violated at row (\d+)\b)/;

/** The prefix of the names of these tables. */
export const SORTING = 'load_sort_';

/** Whether rows caused the error, and not the table, the server or the network. */
export function isDataError(error: unknown): boolean {
  return error instanceof TsdbtError && error.kind === 'database' && DATA_ERRORS.has(String(error.details.code ?? ''));
}

/** Rows of a buffer that are sent to a table. */
export interface Sending {
  /** Quoted. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: RowBuffer;
  readonly numbers: readonly number[];
}

/**
 * Returns the rows that the table rejects, as dead letters by row number in the buffer; empty if another error prevents
 * the insert.
 * @param most the limit; the search stops at one more
 */
export async function refusedRows(
  lease: LeasedSession,
  { table, columns, rows, numbers }: Sending,
  most: number,
): Promise<ReadonlyMap<number, DeadLetter>> {
  const name = `${STATE_DATABASE}.${quoteIdentifier(`${SORTING}${randomUUID().replaceAll('-', '')}`)}`;
  const refused = new Map<number, DeadLetter>();
  await lease.run(`CREATE TABLE ${name} AS ${table} ENGINE = Null`);
  try {
    const check = async (some: readonly number[]): Promise<TsdbtError | null> => {
      try {
        await lease.insert(insertRows(name, columns, ''), rows.chunks(some));
        return null;
      } catch (error) {
        if (!(error instanceof TsdbtError) || !isDataError(error)) throw error;
        return error;
      }
    };
    const parts: (readonly number[])[] = [numbers];
    for (let part = parts.pop(); part !== undefined && refused.size <= most; part = parts.pop()) {
      const error = part.length === 0 ? null : await check(part);
      if (error === null) continue;
      const [row = 0] = part;
      if (part.length === 1) {
        refused.set(row, letterOf(rows, row, error));
        continue;
      }
      const named = AT_ROW.exec(error.message);
      const at = Number(named?.[1] ?? named?.[2] ?? 0) - 1;
      if (at >= 0 && at < part.length) parts.push(part.slice(at + 1), part.slice(at, at + 1), part.slice(0, at));
      else {
        const half = part.length >> 1;
        parts.push(part.slice(half), part.slice(0, half));
      }
    }
  } finally {
    await lease.run(`DROP TABLE IF EXISTS ${name}`).catch(() => undefined);
  }
  return refused;
}

function letterOf(rows: RowBuffer, row: number, error: TsdbtError): DeadLetter {
  return {
    message: rows.message(row),
    topic: rows.topic(row),
    partition: rows.partition(row),
    error: error.message
      .replace(/^Code: \d+\. DB::Exception: /, '')
      .replace(/: \(in file\/uri [^)]*\)/, '')
      .replace(/: While executing [\s\S]*?(?=\(|$)/, ' ')
      .trim(),
  };
}
