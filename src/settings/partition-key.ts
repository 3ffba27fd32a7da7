// A part of `partition_by`: a column, or a time's hour, day, month or year. Parses its text, and how long partitions
// are kept. The target's folder generates the SQL.
import { durationMs } from '../values/duration.ts';

const GRAINS = ['hour', 'day', 'month', 'year'] as const;
export type Grain = (typeof GRAINS)[number];

export interface PartitionKey {
  readonly column: string;
  /** Null: the column itself. */
  readonly grain: Grain | null;
}

/** @returns null for a text that is neither a column name nor a call of a known function */
export function readPartitionKey(text: string): PartitionKey | null {
  const call = /^(\w+)\(\s*([^()\s](?:[^()]*[^()\s])?)\s*\)$/.exec(text);
  if (call === null) return /[()]/.test(text) ? null : { column: text, grain: null };
  const grain = GRAINS.find((each) => each === call[1]);
  return grain === undefined ? null : { column: call[2] ?? '', grain };
}

/** Milliseconds of a duration such as `90 days` or `12h`; null for other texts. */
export function retentionMs(text: string): number | null {
  const ms = durationMs(text);
  return ms === null || ms <= 0 ? null : ms;
}
