// Compares a target's stored positions with the broker's end offsets, and names what blocks loading.
import { inOneLine, TsdbtError } from '../errors.ts';
import { type BrokerClient, partitionKey, type SlotLag, type TopicPartition } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Sink } from './sink.ts';
import { isOver, keptText } from './slot-watch.ts';
import { explain, firstOffsets, isAnother, madeAnew } from './starts.ts';
import { ofTopic, topicNames } from './settings/target-topics.ts';

/** One partition. Null: unknown. */
export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint | null;
  readonly end: bigint | null;
  /** Also null if the log is not intact up to the position: nothing can be counted then. */
  readonly lagRows: bigint | null;
  /** Age of the first message that is not loaded, in seconds; 0 if all are. */
  readonly lagSeconds: number | null;
  readonly dead: number;
}

/** How long to wait for a partition without a leader. */
const READ_MS = 2000;

/** The status of a target. */
export interface TargetStatus {
  readonly partitions: readonly PartitionStatus[];
  readonly problems: readonly string[];
  /** Since when the table is paused, as an ISO time; null: it is not. */
  readonly paused: string | null;
  /** The replication slot; null: there is none. */
  readonly slot: SlotLag | null;
}

/**
 * An unavailable broker is one of the problems; the stored positions are shown in any case. A file's end is that of its
 * last load.
 * @param now milliseconds since 1970
 */
export async function loadStatus(
  sink: Pick<Sink, 'kept'>,
  connect: () => Promise<BrokerClient>,
  target: LoadTarget,
  now: number,
): Promise<TargetStatus> {
  const problems: string[] = [];
  let slot: SlotLag | null = null;
  const { positions: kept, failure, paused } = await sink.kept(target);
  if (failure !== null) problems.push(`failed: ${failure}`);
  let ends: Awaited<ReturnType<BrokerClient['ends']>> = new Map();
  /** Where the topic's partitions begin; empty once the table has a position in one of them. */
  const first = new Map<string, bigint>();
  /** Partitions whose position is not in the topic. */
  const lost = new Set<string>();
  /** Timestamp of the first message after the position, by partition. */
  const waiting = new Map<string, number>();
  const fileOnly = kept.size > 0 && [...kept.keys()].every(isFile);
  try {
    const client = await connect();
    try {
      const names = await topicNames(client, target);
      const ids = new Map((await client.topics(names)).map(({ topic, id }) => [topic, id]));
      ends = await client.ends(names);
      slot = (await client.slot?.()) ?? null;
      if (slot !== null && isOver(slot)) problems.push(`${keptText(slot)} (max_slot_lag)`);
      const own = [...kept].filter(([key]) => ends.has(key));
      for (const topic of names)
        if (own.every(([, at]) => at.topic !== topic))
          for (const [key, next] of await firstOffsets(ofTopic(target, topic), client, ends)) first.set(key, next);
      const others = own.filter(([, { topic, topicId }]) => isAnother(topicId, ids.get(topic) ?? null));
      for (const [key] of others) lost.add(key);
      if (target.onGap === 'stop')
        for (const topic of new Set(others.map(([, at]) => at.topic)))
          problems.push(inOneLine(madeAnew(target, topic)));
      for (const failure of await client.verify(own.flatMap(([key, at]) => (lost.has(key) ? [] : [at])))) {
        const key = partitionKey(failure);
        lost.add(key);
        problems.push(`stopped at ${key}: ${explain(target, failure, kept.get(key)?.next ?? 0n)}`);
      }
      const behind = own.filter(([key, { next }]) => !lost.has(key) && next < (ends.get(key)?.end ?? next));
      // A slot has one reader, which is the loader.
      for (const [key, at] of target.replicate === undefined ? behind : []) {
        const time = await firstTime(client, at, at.next);
        if (time !== null) waiting.set(key, time);
      }
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    // A table that only files have filled needs no broker.
    if (!fileOnly) problems.push(inOneLine(error));
  }
  const keys = [...new Set([...kept.keys(), ...ends.keys()])].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const partitions = keys.map((key) => {
    const split = key.lastIndexOf('/');
    const known = kept.get(key);
    const range = ends.get(key);
    const end = range?.end ?? (isFile(key) ? (known?.end ?? null) : null);
    const next = known?.next ?? null;
    const behind = end === null || lost.has(key) ? null : end - (next ?? first.get(key) ?? range?.earliest ?? 0n);
    // The offsets of a replicated table can exceed the end of the log.
    const lagRows = behind !== null && behind < 0n ? 0n : behind;
    const lagSeconds =
      lagRows === null ? null : lagRows <= 0n ? 0 : ageOf(waiting.get(key) ?? known?.newest ?? null, now);
    return {
      topic: key.slice(0, split),
      partition: Number(key.slice(split + 1)),
      next,
      end,
      lagRows,
      lagSeconds,
      dead: known?.dead ?? 0,
    };
  });
  return { partitions, problems, paused, slot };
}

/** Timestamp of the message at the offset; null: it has none, or was compacted away. */
async function firstTime(client: BrokerClient, at: TopicPartition, offset: bigint): Promise<number | null> {
  const { batches } = await client.read(at, offset, offset + 1n, READ_MS);
  const time = batches
    .flatMap(({ records }) => records)
    .find(({ length }) => length > 0)
    ?.timestamp(0);
  return time === undefined || Number.isNaN(time) ? null : time;
}

function ageOf(moment: number | null, now: number): number | null {
  return moment === null ? null : Math.max(0, (now - moment) / 1000);
}

function isFile(key: string): boolean {
  return key.startsWith('file:');
}
