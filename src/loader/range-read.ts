// Reads a range of offsets to its end by polls of a client that has one partition. Which messages lie in it is decided
// here, how they are fetched by the client.
import { type MessageBatch, partitionKey, type Polled, type RangeRead, type TopicPartition } from './broker.ts';

/**
 * @param poll returns messages of the partition from `from` on, in order
 * @returns the messages before `to`
 */
export async function readRange(
  poll: () => Promise<Polled>,
  at: TopicPartition,
  from: bigint,
  to: bigint,
): Promise<RangeRead> {
  const batches: MessageBatch[] = [];
  for (let next = from; next < to; ) {
    const polled = await poll();
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
