// Finds where a loader begins to read: at the kept position, else where the load config says, or at the beginning; and
// words the errors when neither is possible. loader.ts stops the partitions.
import { TsdbtError } from '../errors.ts';
import {
  type BrokerClient,
  type PartitionFailure,
  partitionKey,
  type ReadPosition,
  type TopicPartition,
} from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { Sink } from './sink.ts';

/**
 * Finds the start of each partition, by `topic/partition`; inserts missing positions.
 * @throws `runtime` error when a table with rows has no position, or the topic was made again (with `on_gap: stop`)
 */
export async function startingPoints(
  { target, sink, client }: { readonly target: LoadTarget; readonly sink: Sink; readonly client: BrokerClient },
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, ReadPosition>> {
  let kept = await sink.positions(target);
  if (kept.size === 0 && (await sink.holdsRows(target))) throw unplaced(target);
  const [found] = await client.topics([target.topic]);
  const topicId = found?.id ?? null;
  const ends = await client.ends([target.topic]);
  if (kept.size === 0 && target.start !== 'earliest') {
    // Of all partitions at once: one without a position later on is new, and loses nothing by `earliest`. Another
    // loader may have been first; what it has found holds for both.
    const first = await firstOffsets(target, client, ends);
    await sink.startAt(target, topicId, new Map([...first].map(([key, next]) => [partitionOf(key), next])));
    kept = await sink.positions(target);
  }
  const starts = new Map<string, ReadPosition>();
  const fresh = new Map<number, bigint>();
  const reset = new Map<number, bigint>();
  for (const { topic, partition } of partitions) {
    const key = partitionKey({ topic, partition });
    const earliest = ends.get(key)?.earliest ?? 0n;
    const known = kept.get(partition);
    const anew = known !== undefined && isAnother(known.topicId, topicId);
    if (anew && target.onGap === 'stop') throw madeAnew(target);
    if (known === undefined || anew) (anew ? reset : fresh).set(partition, earliest);
    starts.set(key, {
      topic,
      partition,
      ...(known === undefined || anew ? { next: earliest, epoch: null } : { next: known.next, epoch: known.epoch }),
    });
  }
  if (reset.size > 0) await sink.rewind(target, topicId, reset);
  await sink.startAt(target, topicId, fresh);
  return starts;
}

/**
 * Where each partition of a topic begins of which the table has no position, by `topic/partition`.
 * @param ends of the topic's partitions, by the same
 */
export async function firstOffsets(
  { topic, start }: Pick<LoadTarget, 'topic' | 'start'>,
  client: Pick<BrokerClient, 'offsetsAt'>,
  ends: Awaited<ReturnType<BrokerClient['ends']>>,
): Promise<ReadonlyMap<string, bigint>> {
  const times = typeof start === 'number' ? await client.offsetsAt([topic], start) : null;
  return new Map(
    [...ends].map(([key, { earliest, end }]) => [key, start === 'earliest' ? earliest : (times?.get(key) ?? end)]),
  );
}

function partitionOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}

/** Are these the ids of two topics? An unknown id may be any. */
export function isAnother(kept: string | null, now: string | null): boolean {
  return kept !== null && now !== null && kept !== now;
}

function rewindOf(target: LoadTarget): string {
  const from = target.topic.startsWith('file:') ? ` --from ${target.topic.slice(5)}` : '';
  return `tsdbt load rewind --select source:${target.name}${from} --to`;
}

function unplaced(target: LoadTarget): TsdbtError {
  const rewind = rewindOf(target);
  return new TsdbtError(
    'runtime',
    `The table of ${target.name} holds rows of ${target.topic}, and nothing says how far: loading from the ` +
      'beginning could double them.',
    {
      path: target.path,
      hint:
        `\`${rewind} loaded\` goes on behind the last offsets that the table has; \`${rewind} earliest\` deletes ` +
        'the rows that the topic still has, and loads them again.',
    },
  );
}

/** The topic is not the one that was loaded. */
export function madeAnew(target: LoadTarget): TsdbtError {
  return new TsdbtError(
    'runtime',
    `topic ${target.topic} was deleted and made again: its offsets are not those that the table has.`,
    {
      path: target.path,
      hint:
        `\`${rewindOf(target)} earliest\` loads the new topic from its beginning; \`on_gap: earliest\` in the ` +
        'load config always does.',
    },
  );
}

/** Says why a partition stopped, and what to do about it. @param position the table's */
export function explain(target: LoadTarget, failure: PartitionFailure, position: bigint): string {
  const way = wayOut(target, failure, position);
  return way === '' ? failure.message : `${failure.message}. ${way}`;
}

function wayOut(target: LoadTarget, { partition, reason, from }: PartitionFailure, position: bigint): string {
  const rewind = (to: string): string => `\`${rewindOf(target)} ${to}\``;
  switch (reason) {
    case 'offset_out_of_range':
      return (
        `The messages from offset ${position} on are gone from the topic before they were loaded. ` +
        `${rewind('earliest')} goes on with what is left; \`on_gap: earliest\` always does.`
      );
    case 'truncated':
    case 'beyond_end':
      return (
        `${rewind(`${partition}:${from ?? 'latest'}`)} deletes the rows from there on and goes on with what the ` +
        'topic has.'
      );
    case 'corrupt':
    case 'too_large':
      return `${rewind(`${partition}:OFFSET`)} with an offset behind that batch goes on without it.`;
    default:
      return '';
  }
}
