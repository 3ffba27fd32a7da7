// Maps a message key to the table's key columns; metadata columns are filled from the message's position. Also keys
// that are not objects but the value of the only key column. Pure.
import { type DecodedRecord, jsonRecord, PoisonMessage } from '../message-decoder.ts';
import { parseJson } from '../values/lossless-json.ts';
import type { LoadTarget } from '../../settings/load-target.ts';
import { isPart } from '../values/message-parts.ts';
import { takesText } from './column-shape.ts';

export interface PlainKey {
  /** Null: none, and the row does not need the key. */
  readonly column: string | null;
  /** The column accepts texts: an unquoted one is not JSON, whatever it looks like. */
  readonly text: boolean;
}

type KeyTarget = Pick<LoadTarget, 'mode' | 'key' | 'columns'>;

/** The key's columns that fields of a message's key fill; `from` fills others, such as the topic's. */
export function keyColumns({ key, columns }: Pick<KeyTarget, 'key' | 'columns'>): readonly string[] {
  return key.filter((each) => !columns.some((column) => column.name === each && isPart(column)));
}

/** Returns whether the table's key contains a field of a message's key, also inside a column with `from: key`. */
export function keyTakes(target: Pick<KeyTarget, 'key' | 'columns'>): (field: string) => boolean {
  const fields = new Set(keyColumns(target));
  const paths = target.columns.flatMap(({ name, origin }) =>
    origin?.part === 'key' && target.key.includes(name) ? [origin.path] : [],
  );
  return (field) => fields.has(field) || paths.some(([first]) => first === undefined || first === field);
}

/** @returns null: the target's keys must be objects */
export function plainKeyOf(target: KeyTarget): PlainKey | null {
  const [column, ...others] = keyColumns(target);
  if (column !== undefined && others.length === 0)
    return { column, text: takesText(target.columns.find(({ name }) => name === column)?.type ?? 'text') };
  const whole = target.columns.some(
    ({ name, origin }) => origin?.part === 'key' && origin.path.length === 0 && target.key.includes(name),
  );
  return target.mode === 'append' || whole ? { column: null, text: false } : null;
}

/**
 * The fields of a key; null: it is not an object. A text column accepts a text that only begins like an object, and so
 * does a row that needs no key.
 * @throws PoisonMessage for an incomplete object where one is required
 */
export function objectOf(written: string, { column, text }: PlainKey): DecodedRecord | null {
  if (!/^\s*\{/.test(written)) return null;
  try {
    return jsonRecord(written);
  } catch (error) {
    if (error instanceof PoisonMessage && (text || column === null)) return null;
    throw error;
  }
}

/** The value of a key that is not an object: JSON, or the text itself. */
export function plainValue(written: string, { text }: PlainKey): unknown {
  if (text && !/^".*"$/s.test(written)) return written;
  try {
    return parseJson(written);
  } catch {
    return written;
  }
}
