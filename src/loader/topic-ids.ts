// Handles ids of topics: which are not valid ids, and which topic's positions were stored without one, while the broker
// had no ids. Without an id, the messages' times distinguish a recreated topic from the loaded one. starts.ts does the
// rest.
import { type BrokerClient, partitionKey, type RangeRead, type TopicPartition } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { KeptPosition, Sink } from './sink.ts';

/** The id that a broker reports for topics that were created before it had ids. */
export const NO_ID = '00000000-0000-0000-0000-000000000000';
/** The number of offsets that are searched for a message: control records and compaction leave gaps. */
const NEAR = 100n;
/** How long to wait for an unavailable leader. */
const WAIT_MS = 10_000;

/** The id of a topic; null: it has none. If a broker has no ids, the client library returns the topic's name. */
export function idOf(topic: string, id: string | null): string | null {
  return id === topic || id === NO_ID ? null : id;
}

/**
 * Adds an id to positions that were stored without their topic's: the current topic's, or one that no topic has if the
 * log is of another topic. A position keeps none if its leader is unavailable or its log does not reach it.
 * @param target with this topic alone
 * @param topicId the current topic's; null: nothing is done, as for files, whose messages have the file's time
 * @param kept the table's positions
 * @param partitions the only ones to handle; absent: all stored ones
 * @returns whether any position got an id
 */
export async function nameTopic(
  { sink, client }: { readonly sink: Pick<Sink, 'kept' | 'nameTopic'>; readonly client: BrokerClient },
  target: LoadTarget,
  topicId: string | null,
  kept: ReadonlyMap<number, { readonly topicId: string | null }>,
  partitions: readonly number[] = [...kept.keys()],
): Promise<boolean> {
  const { topic } = target;
  const nameless = partitions.filter((partition) => kept.get(partition)?.topicId === null);
  if (topicId === null || nameless.length === 0 || topic.startsWith('file:')) return false;
  const places = nameless.map((partition) => ({ topic, partition }));
  const { positions } = await sink.kept(target);
  const ends = await client.ends([topic], places);
  const ids = new Map<number, string>();
  for (const at of places) {
    const position = positions.get(partitionKey(at));
    const log = ends.get(partitionKey(at));
    const same = position === undefined || log === undefined ? null : await isSame(client, at, position, log);
    if (same !== null) ids.set(at.partition, same ? topicId : `before ${topicId}`);
  }
  if (ids.size > 0) await sink.nameTopic(target, ids);
  return ids.size > 0;
}

/**
 * Whether the log is the one that was loaded up to the position. In another topic's log, the first message and the last
 * one before the position are newer than everything that was loaded.
 * @returns null: unknown
 */
async function isSame(
  client: Pick<BrokerClient, 'read'>,
  at: TopicPartition,
  { next, newest, end: known }: KeptPosition,
  { earliest, end }: { readonly earliest: bigint; readonly end: bigint },
): Promise<boolean | null> {
  const leads = next >= earliest && next <= end ? true : null;
  // A position after the end that the last flush knew was set by hand: nothing was loaded up to it.
  if (next === 0n || newest === null || known === null || next > known) return leads;
  const to = next < end ? next : end;
  if (earliest >= to) return leads;
  const from = (offset: bigint): bigint => (offset > earliest ? offset : earliest);
  const first = await client.read(at, earliest, earliest + NEAR < to ? earliest + NEAR : to, WAIT_MS);
  const last = await client.read(at, from(to - NEAR), to, WAIT_MS);
  if (first.failure !== null || last.failure !== null) return null;
  const [begin, before] = [timesOf(first)[0], timesOf(last).at(-1)];
  if (begin !== undefined && before !== undefined && begin > newest && before > newest) return false;
  return leads;
}

/** The times of messages that have one, in offset order. */
function timesOf({ batches }: RangeRead): number[] {
  return batches.flatMap(({ records }) =>
    records.flatMap((part) =>
      Array.from({ length: part.length }, (_, i) => part.timestamp(i)).filter((time) => !Number.isNaN(time)),
    ),
  );
}
