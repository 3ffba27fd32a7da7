// Reads a range of offsets to its end by polls of a client with one partition.
import { setTimeout as pause } from 'node:timers/promises';
import { TsdbtError } from '../../errors.ts';
import { type MessageBatch, partitionKey, type Polled, type RangeRead, type TopicPartition } from './broker.ts';

/** Pause between two polls that found no broker. */
const AGAIN_MS = 200;

/**
 * @param poll returns messages of the partition from `from` on, in order
 * @param waitMs how long to wait for an unavailable leader or broker; null: indefinitely
 * @returns the messages before `to`
 */
export async function readRange(
  poll: () => Promise<Polled>,
  at: TopicPartition,
  from: bigint,
  to: bigint,
  waitMs: number | null = null,
): Promise<RangeRead> {
  const until = waitMs === null ? null : Date.now() + waitMs;
  const batches: MessageBatch[] = [];
  for (let next = from; next < to; ) {
    const polled = await (until === null ? poll() : answer(poll));
    if (until !== null && polled.waiting !== null && polled.batches.length === 0) {
      if (Date.now() >= until) return { batches, failure: { ...at, reason: 'unreachable', message: polled.waiting } };
      await pause(AGAIN_MS);
    }
    const [failure] = polled.failures;
    if (failure !== undefined) return { batches, failure };
    for (const batch of polled.batches) {
      if (next >= to) break;
      const { records, end } = batch;
      for (const part of records) {
        let inside = part.length;
        while (inside > 0 && part.offset(inside - 1) >= to) inside--;
        part.cut(inside);
      }
      batches.push(batch.next > to ? { ...batch, next: to } : batch);
      ({ next } = batch);
      if (next < to && end <= next) {
        const message = `position ${to} is beyond the end of the log, ${end}`;
        return { batches, failure: { ...at, reason: 'beyond_end', message, from: end } };
      }
    }
  }
  return { batches: batches.filter((batch) => partitionKey(batch) === partitionKey(at)), failure: null };
}

/** A poll that finds no broker is one that waits. */
async function answer(poll: () => Promise<Polled>): Promise<Polled> {
  try {
    return await poll();
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.kind !== 'connection') throw error;
    return { batches: [], failures: [], waiting: error.message };
  }
}
