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
/** Error codes of names that the database reserves, and of Postgres's limits (54). Others concern every message. */
const REJECTED_COLUMN = /^(?:54\w{3}|42701|42611|42P16|15|36|44)$/;

/**
 * @param known number of columns that messages fill
 * @param add adds columns, and returns all
 * @returns all columns
 * @throws PoisonMessage if a field cannot become a column
 */
export async function addDriftColumns(
  drift: readonly Drift[],
  known: number,
  add: (columns: readonly LoadColumn[]) => Promise<readonly LoadColumn[]>,
): Promise<readonly LoadColumn[]> {
  if (known + drift.length > MAX_COLUMNS)
    throw new PoisonMessage(`${drift.length} fields without a column, and the table has ${known} of ${MAX_COLUMNS}`);
  if (!drift.every(({ field }) => isColumnName(field)))
    throw new PoisonMessage('the name of a new field is longer than 63 bytes and cannot be that of a column');
  try {
    const all = await add(drift.map(({ field, type }) => ({ name: field, type })));
    if (drift.every(({ field }) => all.some(({ name }) => name === field))) return all;
  } catch (error) {
    if (!(error instanceof TsdbtError) || !REJECTED_COLUMN.test(error.details.code ?? '')) throw error;
    throw new PoisonMessage(`no column can be added for ${fieldNames(drift)}`);
  }
  throw new PoisonMessage(`the database computes a column of ${fieldNames(drift)}`);
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
