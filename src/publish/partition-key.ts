// A part of `partition_by`: a column, or a time's hour, day, month or year. Reads its text and says how long partitions
// are kept; a receiver's own folder writes the SQL.
import { timeMs } from '../values/duration.ts';

const GRAINS = ['hour', 'day', 'month', 'year'] as const;
export type Grain = (typeof GRAINS)[number];

export interface PartitionKey {
  readonly column: string;
  /** Null: the column itself. */
  readonly grain: Grain | null;
}

/** @returns null for a text that is neither a column's name nor one of a function that there is */
export function readPartitionKey(text: string): PartitionKey | null {
  const call = /^(\w+)\(\s*([^()\s](?:[^()]*[^()\s])?)\s*\)$/.exec(text);
  if (call === null) return /[()]/.test(text) ? null : { column: text, grain: null };
  const grain = GRAINS.find((each) => each === call[1]);
  return grain === undefined ? null : { column: call[2] ?? '', grain };
}

/** Milliseconds of a time such as `90 days` or `12h`; null for another text. */
export function retentionMs(text: string): number | null {
  const ms = timeMs(text);
  return ms === null || ms <= 0 ? null : ms;
}
