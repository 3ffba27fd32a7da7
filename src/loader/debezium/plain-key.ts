// A key that is no object, but the value of the key's only column: which column takes it, and how its text is read. Pure.
import { parseJson } from '../json.ts';
import type { LoadTarget } from '../load-target.ts';
import { takesText } from './column-shape.ts';

export interface PlainKey {
  readonly column: string;
  /** The column takes texts: one that is not quoted is no JSON, whatever it looks like. */
  readonly text: boolean;
}

/** @returns null: the target's keys must be objects */
export function plainKeyOf({ mode, key, columns }: Pick<LoadTarget, 'mode' | 'key' | 'columns'>): PlainKey | null {
  const [column] = key;
  if (mode !== 'upsert' || column === undefined || key.length > 1) return null;
  return { column, text: takesText(columns.find(({ name }) => name === column)?.type ?? 'text') };
}

/** The value of a key that is no object: JSON, or the text that it is. */
export function plainValue(written: string, { text }: PlainKey): unknown {
  if (text && !/^".*"$/s.test(written)) return written;
  try {
    return parseJson(written);
  } catch {
    return written;
  }
}
