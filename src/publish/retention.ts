// Which partitions a publication's retention ends: those whose time is older, by the clocks of the source's database
// and of this process. Removing them is left to the receivers.
import { errorOf } from '../error-table.ts';
import { type Grain, type PartitionKey, readPartitionKey, retentionMs } from './partition-key.ts';
import type { Publishing } from './receiver.ts';

/** How much of a time's text a grain has: `2026-11-23 07`. */
const LENGTHS: Readonly<Record<Grain, number>> = { hour: 13, day: 10, month: 7, year: 4 };

/** What is over by now: a clock that is ahead ends nothing too early, as the other one must agree. */
export interface Ended {
  /** The key that is a time. */
  readonly key: PartitionKey;
  /** The text of the first partition that is kept. */
  readonly first: string;
  /** @param values of a partition */
  has(values: readonly (string | null)[]): boolean;
}

/** The parts of `partition_by`; what is no grain of a time is a column by itself. */
export function partitionKeysOf({ node: { config } }: Publishing): PartitionKey[] {
  return config.partition_by.map((part) => readPartitionKey(part) ?? { column: part, grain: null });
}

/**
 * @param place for people
 * @param now of the source's database, ISO 8601
 * @returns null: nothing ends
 * @throws `runtime` error when no partition has a time
 */
export function endedPartitions(publishing: Publishing, place: string, now: string): Ended | null {
  const { retention } = publishing.node.config;
  if (retention === null) return null;
  const parts = partitionKeysOf(publishing);
  const index = parts.findIndex(({ grain }) => grain !== null);
  const key = parts[index];
  if (key === undefined || key.grain === null)
    throw errorOf('notPublished', {
      place,
      why: "'retention' needs a time in 'partition_by', such as day(created_at)",
    });
  const before = new Date(
    Math.min(Date.parse(now), Date.parse(publishing.time)) - (retentionMs(retention) ?? 0),
  ).toISOString();
  const first = before.replace('T', ' ').slice(0, LENGTHS[key.grain]);
  return {
    key,
    first,
    has(values) {
      const text = values[index] ?? null;
      // Years beyond 9999 have longer texts.
      return text !== null && text.length <= first.length && text < first;
    },
  };
}
