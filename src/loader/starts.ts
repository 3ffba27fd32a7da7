// Finds where a loader begins to read: at the stored position, otherwise where the load config says, or at the
// beginning. Formats the errors if neither is possible. loader.ts stops the partitions.
import { TsdbtError } from '../errors.ts';
import {
  type BrokerClient,
  type PartitionFailure,
  partitionKey,
  type ReadPosition,
  type TopicInfo,
  type TopicPartition,
} from './brokers/broker.ts';
import type { SnapshotFloors } from './formats/debezium/snapshot-floors.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { OpenFlush, Sink, Start } from './sink.ts';
import { nameTopic } from './topic-ids.ts';
import { hasSeveral, ofTopic } from './settings/target-topics.ts';

export interface StartOptions {
  readonly target: LoadTarget;
  readonly sink: Sink;
  readonly client: BrokerClient;
  /** Topics that were created while the loader ran: the table is not searched for their rows. */
  readonly came?: ReadonlySet<string>;
}

type Led = Pick<BrokerClient, 'led'>;

/** Returns those of the partitions that have a leader. */
export async function ledPartitions(client: Led, all: readonly TopicPartition[]): Promise<readonly TopicPartition[]> {
  return client.led === undefined ? all : client.led(all);
}

/** Returns those of the topics' partitions that have a leader. */
export async function ledOf(client: Led, topics: readonly TopicInfo[]): Promise<readonly TopicPartition[]> {
  const of = ({ topic, partitions }: TopicInfo): TopicPartition[] =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  return ledPartitions(client, topics.flatMap(of));
}

/** One topic's part of it. */
interface TopicStart extends Pick<StartOptions, 'target' | 'sink' | 'client'> {
  readonly topicId: string | null;
  readonly isNew: boolean;
  /** Requested if no position is stored: a partition without a leader delays the answer. */
  readonly ends: () => ReturnType<BrokerClient['ends']>;
}

const NO_TOPICS: ReadonlySet<string> = new Set();

/**
 * Finds the start of each partition, by `topic/partition`; inserts missing positions.
 * @throws `runtime` error if a table with rows has no position, or the topic was recreated (with `on_gap: stop`)
 */
export async function startingPoints(
  { target, sink, client, came = NO_TOPICS }: StartOptions,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Start>> {
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  if (names.length === 0) return new Map();
  const topics = await client.topics(names);
  let asked: ReturnType<BrokerClient['ends']> | null = null;
  const ends = (): ReturnType<BrokerClient['ends']> => {
    // The beginning is determined per partition; any other start for all at once.
    asked ??= client.ends(names, target.start === 'earliest' ? partitions : undefined);
    return asked;
  };
  const starts = new Map<string, Start>();
  for (const { topic, id } of topics) {
    const own = partitions.filter((each) => each.topic === topic);
    const options = { target, sink, client, topicId: id, isNew: came.has(topic), ends };
    for (const [key, start] of await startsOf(options, topic, own)) starts.set(key, start);
  }
  return starts;
}

/** The same for the partitions of one topic. */
async function startsOf(
  { target, sink, client, topicId, isNew, ends }: TopicStart,
  topic: string,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Start>> {
  const view = ofTopic(target, topic);
  const numbers = partitions.map(({ partition }) => partition);
  let kept = await sink.positions(view, numbers);
  if (await nameTopic({ sink, client }, view, topicId, kept, numbers)) kept = await sink.positions(view, numbers);
  if (kept.size === 0 && !isNew && (await sink.holdsRows(view))) throw unplaced(target, topic);
  if (kept.size === 0 && !isNew && target.start !== 'earliest') {
    // For all partitions at once: one without a position later on is new, and `earliest` loses nothing. Another loader
    // may have been first; its result applies to both.
    const first = await firstOffsets(view, client, await ends());
    await sink.startAt(view, topicId, new Map([...first].map(([key, next]) => [partitionOf(key), next])));
    kept = await sink.positions(view, numbers);
  }
  const fresh = new Map<number, bigint>();
  const reset = new Map<number, bigint>();
  for (const { partition } of partitions) {
    const key = partitionKey({ topic, partition });
    const known = kept.get(partition);
    const anew = known !== undefined && isAnother(known.topicId, topicId);
    if (anew && target.onGap === 'stop') throw madeAnew(target, topic);
    if (known === undefined || anew) (anew ? reset : fresh).set(partition, (await ends()).get(key)?.earliest ?? 0n);
  }
  if (reset.size > 0) {
    await refuseOlderVersions(sink, view, topicId);
    await sink.rewind(view, topicId, reset);
  }
  await sink.startAt(view, topicId, fresh);
  // Another loader may have been first, and continued since.
  if (reset.size + fresh.size > 0) kept = await sink.positions(view, numbers);
  const starts = new Map<string, Start>();
  for (const { partition } of partitions) {
    const { next, epoch, resets } = kept.get(partition) ?? { next: 0n, epoch: null };
    starts.set(partitionKey({ topic, partition }), { topic, partition, next, epoch, resets });
  }
  return starts;
}

/** Forgets the order of changes in partitions, except the rows of snapshots in the table. */
async function learnSnapshots(
  { target, sink }: Pick<StartOptions, 'target' | 'sink'>,
  floors: SnapshotFloors,
  partitions: readonly TopicPartition[],
): Promise<void> {
  if (target.mode !== 'upsert' || target.changes === null) return;
  for (const at of partitions) floors.of(at).forget();
  for (const topic of new Set(partitions.map((at) => at.topic)))
    for (const [partition, position] of await sink.snapshots(ofTopic(target, topic)))
      floors.of({ topic, partition }).known(position);
}

/** Restarts the tracking of the order of changes with what the table contains before these positions. */
export async function learnOrder(
  { target, sink }: Pick<StartOptions, 'target' | 'sink'>,
  floors: SnapshotFloors,
  starts: readonly ReadPosition[],
): Promise<void> {
  await learnSnapshots({ target, sink }, floors, starts);
  // Changes, if their rows are not looked up.
  if (target.mode !== 'upsert' || target.changes?.keeps !== false) return;
  for (const topic of new Set(starts.map((at) => at.topic))) {
    const next = starts.filter((at) => at.topic === topic);
    for (const [partition, newest] of (await sink.newestChanges?.(ofTopic(target, topic), next)) ?? [])
      floors.of({ topic, partition }).knownChange(newest);
  }
}

/** The same before flushes that are read again: a tombstone takes the highest position before it, as it did then. */
export async function learnRecorded(
  options: Pick<StartOptions, 'target' | 'sink'>,
  floors: SnapshotFloors,
  partitions: readonly TopicPartition[],
  flushes: readonly OpenFlush[],
): Promise<void> {
  await learnSnapshots(options, floors, partitions);
  const ranges = flushes.flatMap((flush) => flush.ranges);
  const starts = ranges.map(({ topic, partition, from }) => ({ topic, partition, next: from, epoch: null }));
  await learnOrder(options, floors, starts);
}

/** A position for `load rewind`, with the topic's name if there are several. */
export function placeOf(target: LoadTarget, topic: string, place: string): string {
  if (!hasSeveral(target)) return place;
  return /^\d+:/.test(place) ? `${topic}/${place}` : `${topic}:${place}`;
}

/**
 * Start of each partition of a topic of which the table has no position, by `topic/partition`.
 * @param ends also of other topics, by the same
 */
export async function firstOffsets(
  { topic, start }: Pick<LoadTarget, 'topic' | 'start'>,
  client: Pick<BrokerClient, 'offsetsAt'>,
  ends: Awaited<ReturnType<BrokerClient['ends']>>,
): Promise<ReadonlyMap<string, bigint>> {
  const times = typeof start === 'number' ? await client.offsetsAt([topic], start) : null;
  return new Map(
    [...ends]
      .filter(([key]) => key.slice(0, key.lastIndexOf('/')) === topic)
      .map(([key, { earliest, end }]) => [key, start === 'earliest' ? earliest : (times?.get(key) ?? end)]),
  );
}

function partitionOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}

/** Whether these are ids of two topics. An unknown id matches any. */
export function isAnother(kept: string | null, now: string | null): boolean {
  return kept !== null && now !== null && kept !== now;
}

function rewindOf(target: LoadTarget): string {
  const from = target.topic.startsWith('file:') ? ` --from ${target.topic.slice(5)}` : '';
  return `tsdbt load rewind --select source:${target.name}${from} --to`;
}

function unplaced(target: LoadTarget, topic: string): TsdbtError {
  const rewind = rewindOf(target);
  const held =
    target.inFiles === true
      ? `The archive ${target.name} has files of ${topic}`
      : `The table of ${target.name} holds rows of ${topic}`;
  return new TsdbtError('runtime', `${held}, and nothing says how far: loading from the beginning could double them.`, {
    path: target.path,
    hint:
      target.inFiles === true
        ? repairOf(target)
        : `\`${rewind} ${placeOf(target, topic, 'loaded')}\` goes on behind the last offsets that the table has; ` +
          `\`${rewind} ${placeOf(target, topic, 'earliest')}\` deletes the rows that the topic still has, and loads ` +
          'them again.',
  });
}

/** The topic is not the one that was loaded. */
export function madeAnew(target: LoadTarget, topic: string): TsdbtError {
  const holder = target.inFiles === true ? 'archive' : 'table';
  return new TsdbtError(
    'runtime',
    `topic ${topic} was deleted and made again: its offsets are not those that the ${holder} has.`,
    {
      path: target.path,
      hint:
        target.inFiles === true
          ? 'Give `archive` another `path`, and set `on_gap: earliest`: the new topic begins there.'
          : (target.replicate !== undefined
              ? 'Empty the loaded table, which keeps the earlier rows otherwise; then '
              : keepsGreater(target)
                ? `Delete the table's rows of ${topic}, whose greater offsets would count; then `
                : '') +
            `\`${rewindOf(target)} ${placeOf(target, topic, 'earliest')}\` loads the new topic from its beginning` +
            (target.replicate === undefined ? '; `on_gap: earliest` in the load config always does.' : '.'),
    },
  );
}

/**
 * Rows of a recreated topic have the offsets of the earlier one's: only the server's time distinguishes them.
 * @param now the server's time @param since when the topic was found recreated, or the newest time of a row of the
 *   earlier one; both in ISO form
 * @returns `connection` error, which is waited for
 */
export function clockBehind(topic: string, now: string, since: string): TsdbtError {
  return new TsdbtError(
    'connection',
    `the server's clock is at ${now}, and topic ${topic} was found made again at ${since}: what is written before ` +
      'that would count as of the earlier topic',
    { hint: "Loading goes on when the clock has passed it. Set the server's clock." },
  );
}

/**
 * Whether the row with the greater offset counts, whichever topic it is from. In Postgres older rows lose their
 * offsets.
 */
function keepsGreater({ storage, mode, changes }: LoadTarget): boolean {
  return storage !== null && mode === 'upsert' && changes === null;
}

/**
 * Refuses to set partitions to a recreated topic if the table has rows of the earlier one: their greater offsets would
 * count as newer. A key may have changed its partition, so rows of all partitions count, except those that already have
 * a position of the new topic.
 * @param target with this topic alone
 * @param topicId the new topic's; null: unknown, and only rows without a position are refused
 * @throws `runtime` error
 */
export async function refuseOlderVersions(
  sink: Pick<Sink, 'heldPartitions' | 'positions'>,
  target: LoadTarget,
  topicId: string | null,
): Promise<void> {
  const { name, topic, path } = target;
  if (!keepsGreater(target)) return;
  const held = (await sink.heldPartitions?.(target)) ?? [];
  // Read after the rows: another loader may set partitions in the meantime, before it writes their rows.
  const kept = held.length === 0 ? new Map<number, never>() : await sink.positions(target);
  const older = held.filter((partition) => {
    const position = kept.get(partition);
    return position === undefined || isAnother(position.topicId, topicId);
  });
  if (older.length === 0) return;
  throw new TsdbtError(
    'runtime',
    `topic ${topic} was deleted and made again, and ${name} has rows of the earlier one: of two rows of a key in ` +
      'ClickHouse the one with the greater offset counts, which would be the older.',
    {
      path,
      hint:
        `Delete the table's rows whose _topic is '${topic}' and whose _partition is ${older.join(' or ')}; then load ` +
        `again, or \`${rewindOf(target)} ${placeOf(target, topic, 'earliest')}\`.`,
    },
  );
}

/** What `load repair` ends. */
export const REPAIRED: ReadonlySet<PartitionFailure['reason']> = new Set([
  'offset_out_of_range',
  'truncated',
  'beyond_end',
  'corrupt',
  'too_large',
]);

/** How a stopped archive can continue. */
export function repairOf({ name }: Pick<LoadTarget, 'name'>): string {
  const source = name.replace(/\.archive$/, '');
  return `\`tsdbt load repair --select source:${source}\` says what is lost, and how it goes on.`;
}

/** Describes why a partition stopped, and what to do. @param position the table's */
export function explain(target: LoadTarget, failure: PartitionFailure, position: bigint): string {
  const way = wayOut(target, failure, position);
  return way === '' ? failure.message : `${failure.message}. ${way}`;
}

function wayOut(
  target: LoadTarget,
  { topic, partition, reason, from, behind }: PartitionFailure,
  position: bigint,
): string {
  if (target.inFiles === true) return REPAIRED.has(reason) ? repairOf(target) : '';
  const rewind = (to: string): string => `\`${rewindOf(target)} ${placeOf(target, topic, to)}\``;
  switch (reason) {
    case 'offset_out_of_range':
      if (target.replicate !== undefined) return `Changes may be lost. ${rewind('earliest')} takes a new snapshot.`;
      return (
        `The messages from offset ${position} on are gone from the topic before they were loaded. ` +
        `${rewind('earliest')} goes on with what is left; \`on_gap: earliest\` always does.`
      );
    case 'truncated':
    case 'beyond_end':
      if (target.replicate !== undefined) return `${rewind('earliest')} takes a new snapshot.`;
      return (
        `${rewind(`${partition}:${from ?? 'latest'}`)} deletes the rows from there on and goes on with what the ` +
        'topic has.'
      );
    case 'corrupt':
    case 'too_large':
      return behind === undefined
        ? `${rewind(`${partition}:OFFSET`)} with an offset behind that batch goes on without it.`
        : `${rewind(`${partition}:${behind}`)} goes on behind that batch, without it.`;
    default:
      return '';
  }
}
