// Ids of topics: what is none, and whose positions are that were kept without one, while the broker had no ids. Without
// an id the messages' times tell a topic that was made again from the one that was loaded. starts.ts does the rest.
import { type BrokerClient, partitionKey, type RangeRead, type TopicPartition } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { KeptPosition, Sink } from './sink.ts';

/** A broker that has ids says so of topics that were made before it had any. */
export const NO_ID = '00000000-0000-0000-0000-000000000000';
/** Offsets among which a message is looked for: control records have some, compaction takes some away. */
const NEAR = 100n;
/** For how long a leader that is away is waited for. */
const WAIT_MS = 10_000;

/** The id of a topic; null: it has none. Where a broker has no ids, the client's library gives the topic's name. */
export function idOf(topic: string, id: string | null): string | null {
  return id === topic || id === NO_ID ? null : id;
}

/**
 * Gives positions that were kept without their topic's id one: the present topic's, or one that no topic has where the
 * log is of another topic. A position stays without where a leader is away or its log does not lead up to it.
 * @param target with this topic alone
 * @param topicId the present topic's; null: nothing is done, as for files, whose messages have the file's time
 * @param kept the table's positions
 * @param partitions the only ones that count; absent: all that are kept
 * @returns has any been given an id?
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
 * Is the log the one that was loaded up to the position? Another one's messages before it are newer than all that was
 * loaded: the first of the log, and the last one before the position.
 * @returns null: nothing says so
 */
async function isSame(
  client: Pick<BrokerClient, 'read'>,
  at: TopicPartition,
  { next, newest, end: known }: KeptPosition,
  { earliest, end }: { readonly earliest: bigint; readonly end: bigint },
): Promise<boolean | null> {
  const leads = next >= earliest && next <= end ? true : null;
  // Behind what the last flush knew of, a position was set by hand: nothing was loaded up to it.
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

/** The times of messages that have one, in the order of their offsets. */
function timesOf({ batches }: RangeRead): number[] {
  return batches.flatMap(({ records }) =>
    records.flatMap((part) =>
      Array.from({ length: part.length }, (_, i) => part.timestamp(i)).filter((time) => !Number.isNaN(time)),
    ),
  );
}
