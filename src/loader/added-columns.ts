// Adds columns for fields without one, with `schema_drift: add_column`. A field that cannot become a column makes its
// message a dead letter: it does not stop the loader.
import { TsdbtError } from '../errors.ts';
import { HALF_PAIR, PoisonMessage } from './formats/message-decoder.ts';
import type { Drift } from './formats/rows/row-encoder.ts';
import type { LoadColumn } from './settings/load-target.ts';

/** Maximum length of a column's name in bytes. */
const MAX_NAME_BYTES = 63;
/** Postgres's limit. ClickHouse has none, and slows down with each column that a producer invents. */
const MAX_COLUMNS = 1600;
/** Maximum number of fields that a message names. */
const MAX_NAMES = 20;
/** Maximum number of rejected fields that are remembered. */
const MAX_REJECTED = 1000;
/** Error codes of names that the database reserves, and of Postgres's limits (54). Others concern every message. */
const REJECTED_COLUMN = /^(?:54\w{3}|42701|42611|42P16|15|36|44)$/;

/** Fields, or fields of one message together, that the database rejected as columns. */
export class RejectedFields {
  readonly #known = new Set<string>();

  has(drift: readonly Drift[]): boolean {
    return this.#known.has(keyOf(drift)) || drift.some((field) => this.#known.has(keyOf([field])));
  }

  add(drift: readonly Drift[]): void {
    if (this.#known.size === MAX_REJECTED) this.#known.clear();
    this.#known.add(keyOf(drift));
  }
}

function keyOf(drift: readonly Drift[]): string {
  return JSON.stringify(drift.map(({ field }) => field).sort());
}

/**
 * @param known number of columns that messages fill
 * @param rejected is not tried again: each try flushes and changes the table
 * @param add adds columns, and returns all
 * @returns all columns
 * @throws PoisonMessage if a field cannot become a column
 */
export async function addDriftColumns(
  drift: readonly Drift[],
  known: number,
  rejected: RejectedFields,
  add: (columns: readonly LoadColumn[]) => Promise<readonly LoadColumn[]>,
): Promise<readonly LoadColumn[]> {
  if (known + drift.length > MAX_COLUMNS)
    throw new PoisonMessage(
      `${drift.length} fields have no column, and the table has ${known} columns of at most ${MAX_COLUMNS}`,
    );
  if (!drift.every(({ field }) => isColumnName(field)))
    throw new PoisonMessage('the name of a new field is longer than 63 bytes and cannot be that of a column');
  if (rejected.has(drift)) throw notAdded(drift);
  try {
    const all = await add(drift.map(({ field, type }) => ({ name: field, type })));
    const missing = drift.filter(({ field }) => !all.some(({ name }) => name === field));
    if (missing.length === 0) return all;
    for (const field of missing) rejected.add([field]);
  } catch (error) {
    const code = error instanceof TsdbtError ? (error.details.code ?? '') : '';
    if (!REJECTED_COLUMN.test(code)) throw error;
    // Columns that are dropped make room for others.
    if (!code.startsWith('54')) rejected.add(drift);
    throw notAdded(drift);
  }
  throw notAdded(drift);
}

/** A reserved name, a generated column, or too many columns. */
function notAdded(drift: readonly Drift[]): PoisonMessage {
  return new PoisonMessage(
    `the database accepts no column for ${fieldNames(drift)}: declare a column with another name and 'from', drop ` +
      "the field with 'drop', or use schema_drift: ignore",
  );
}

/** The first fields by name, for messages. */
export function fieldNames(drift: readonly Drift[]): string {
  const more = drift.length - MAX_NAMES;
  const names = drift.slice(0, MAX_NAMES).map(({ field }) => `'${field}'`);
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function isColumnName(field: string): boolean {
  return Buffer.byteLength(field) <= MAX_NAME_BYTES && !field.includes('\0') && !HALF_PAIR.test(field);
}
