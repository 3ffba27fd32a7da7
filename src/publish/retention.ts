// Which partitions of a publication have expired by its retention, according to the clocks of both the source's
// database and this process. The targets remove them.
import { errorOf } from '../error-table.ts';
import { type Grain, type PartitionKey, readPartitionKey, retentionMs } from '../settings/partition-key.ts';
import type { Publishing } from './publication-target.ts';

/** Length of a time's text per grain: `2026-11-23 07`. */
const LENGTHS: Readonly<Record<Grain, number>> = { hour: 13, day: 10, month: 7, year: 4 };

/** What has expired. A clock that is ahead expires nothing too early, because the other one must agree. */
export interface Ended {
  /** The key that is a time. */
  readonly key: PartitionKey;
  /** The text of the first partition that is kept. */
  readonly first: string;
  /** @param values of a partition */
  has(values: readonly (string | null)[]): boolean;
}

/** The parts of `partition_by`. A part without a time function is a column. */
export function partitionKeysOf({ node: { config } }: Publishing): PartitionKey[] {
  return config.partition_by.map((part) => readPartitionKey(part) ?? { column: part, grain: null });
}

/**
 * @param place for messages
 * @param now of the source's database, ISO 8601
 * @returns null: nothing expires
 * @throws `runtime` error if no partition key is a time
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
