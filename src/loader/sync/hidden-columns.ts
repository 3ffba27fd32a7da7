// Columns that a sync hides: hashes fields of COPY's text in transit, and rejects a table that shows what must be
// hidden.
import { TsdbtError } from '../../errors.ts';
import { HASH_LENGTH, type KeyedHash, keyedHash } from '../../keyed-hash.ts';
import type { TableOptions } from '../settings/database-options.ts';
import type { SyncTarget } from './config.ts';

const NEWLINE = 10;
const NULL = '\\N';
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The table in the target before a sync. */
export interface ShownTable {
  /** Its name, for display. */
  readonly relation: string;
  /** Types by column; empty: the table does not exist. */
  readonly columns: ReadonlyMap<string, string>;
  /** The `hashMark` of its last sync. */
  readonly mark: string | null;
  readonly holdsHash: TableOptions['holdsHash'];
  readonly isEmpty: () => Promise<boolean>;
}

/**
 * Replaces fields of COPY's text by their hashes. Null stays null.
 * @param chunks may be split anywhere; newlines occur only at the end of rows
 * @param fields their indexes in a row
 */
export async function* hashFields(
  chunks: AsyncIterable<Uint8Array>,
  fields: readonly number[],
  hash: KeyedHash,
): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      // One character per byte.
      const rows = Buffer.concat([...begun, chunk.subarray(0, end)]).toString('latin1');
      begun = [];
      yield Buffer.from(
        rows.replace(/.+/g, (row) => hashRow(row, fields, hash)),
        'latin1',
      );
    }
    if (end < chunk.length) begun.push(chunk.subarray(end));
  }
  if (begun.length > 0) throw new TsdbtError('internal', 'the last row of COPY has no end');
}

function hashRow(row: string, fields: readonly number[], hash: KeyedHash): string {
  const cells = row.split('\t');
  for (const field of fields) {
    const cell = cells[field] ?? NULL;
    if (cell !== NULL) cells[field] = hash(Buffer.from(unescaped(cell), 'latin1'));
  }
  return cells.join('\t');
}

function unescaped(cell: string): string {
  return cell.includes('\\') ? cell.replace(/\\([\s\S])/g, (_, code: string) => ESCAPES[code] ?? code) : cell;
}

/** Identifies the hashed columns and the key, for the stored state of a sync; null: nothing is hashed. */
export function hashMark({ hash }: SyncTarget, hashKey: string | null): string | null {
  if (hash.length === 0) return null;
  return JSON.stringify({ key: keyedHash(hashKey)('tsdbt sync').slice(0, 16), columns: [...hash].sort() });
}

/** @throws `validation` error if the table shows, or would continue to show, what must be hidden */
export async function refuseShown(target: SyncTarget, hashKey: string | null, table: ShownTable): Promise<void> {
  const { name, path, hash, drop, types, strategy } = target;
  const { relation, columns, holdsHash } = table;
  const refuse = (message: string, hint: string): never => {
    throw new TsdbtError('validation', `${name} cannot be synced: ${message}`, { path, hint });
  };
  for (const column of drop)
    if (columns.has(column))
      refuse(
        `${relation} has the column '${column}', which 'drop' names, and keeps its values`,
        'Drop the column there, or the table, which the next sync makes again.',
      );
  for (const column of hash) {
    const type = columns.get(column) ?? types.get(column);
    if (type !== undefined && !holdsHash(type, HASH_LENGTH))
      refuse(
        `the hashed column '${column}' is ${type}, and a hash is a text of ${HASH_LENGTH} characters`,
        `Remove its data_type${columns.has(column) ? `, and drop ${relation}, which the next sync makes again` : ''}.`,
      );
  }
  // A full sync writes each row again.
  if (strategy === 'full' || columns.size === 0) return;
  const [before, now] = [markedColumns(table.mark), markedColumns(hashMark(target, hashKey))];
  const differs = [...columns.keys()].some((column) => before.get(column) !== now.get(column));
  if (differs && !(await table.isEmpty()))
    refuse(
      `${relation} has rows that were not hashed as 'hash' and TSDBT_HASH_KEY say now`,
      'strategy: full for one sync writes every row again, and deletes those that the source no longer has.',
    );
}

/** The key of each hashed column. */
function markedColumns(mark: string | null): ReadonlyMap<string, string> {
  if (mark === null) return new Map();
  const { key, columns }: { key: string; columns: readonly string[] } = JSON.parse(mark);
  return new Map(columns.map((column) => [column, key]));
}
