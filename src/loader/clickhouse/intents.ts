// Intents of a target: which loader may write next, and which writes were not completed. An intent is recorded by one
// INSERT whose token is a number, which makes it a compare-and-set; reading it back shows whether this loader won.
// sink.ts writes rows, settle.ts completes what an earlier loader left.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { partitionKey, type TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { Fenced } from '../sink.ts';
import type { LeasedSession } from './leased-session.ts';
import {
  BEFORE,
  insertDone,
  insertIntents,
  type Intent,
  newestIntents,
  type NumberedIntent,
  ofGroup,
  ofPlaces,
  ofTopic,
  type PlacedIntent,
  relationOf,
  selectChain,
  selectIntents,
  STATE_DATABASE,
} from './load-flushes.ts';

/** How many numbers are tried if the server remembers tokens whose intents were deleted. */
const MOST_NUMBERS = 1000;

/** An intent that was recorded under its number. */
export type Recorded = NumberedIntent;

/** The newest intents of the target's topic, by partition. */
export async function readIntents(
  lease: LeasedSession,
  target: LoadTarget,
  topic = target.topic,
): Promise<ReadonlyMap<number, PlacedIntent>> {
  const rows = await lease.ask(selectIntents(ofTopic(target, topic)));
  return new Map(newestIntents(rows).map((intent) => [intent.partition, intent]));
}

/** The newest intent of each partition of all topics of the table. */
export async function newestOfTable(lease: LeasedSession, target: LoadTarget): Promise<PlacedIntent[]> {
  return newestIntents(
    await lease.ask(selectIntents(`relation = ${quoteText(relationOf(target))} AND partition >= 0`)),
  );
}

/** The newest intent of a partition; null: there is none. */
export async function readIntent(
  lease: LeasedSession,
  target: LoadTarget,
  partition: number,
  topic = target.topic,
): Promise<PlacedIntent | null> {
  const rows = await lease.ask(selectIntents(`${ofTopic(target, topic)} AND partition = ${partition}`));
  return newestIntents(rows)[0] ?? null;
}

/** The newest intent of each of these partitions, by `topic/partition`. */
export async function readPlaces(
  lease: LeasedSession,
  target: LoadTarget,
  places: readonly TopicPartition[],
): Promise<ReadonlyMap<string, PlacedIntent>> {
  if (places.length === 0) return new Map();
  const rows = await lease.ask(selectIntents(ofPlaces(target, places)));
  return new Map(newestIntents(rows).map((intent) => [partitionKey(intent), intent]));
}

/** The intents that were recorded together under this id and are still the newest ones. */
export async function readGroup(lease: LeasedSession, target: LoadTarget, id: string): Promise<PlacedIntent[]> {
  return newestIntents(await lease.ask(selectIntents(ofGroup(target, id)))).filter((intent) => intent.id === id);
}

/**
 * Number and id of the newest intent of each of these partitions, by `topic/partition`. Of two with the same number the
 * first one counts.
 * @param wanted partitions without an intent from the lowest of these numbers on are missing from the result
 */
async function newestRecorded(
  lease: LeasedSession,
  target: LoadTarget,
  wanted: readonly Recorded[],
): Promise<ReadonlyMap<string, Pick<Recorded, 'seq' | 'id'>>> {
  // The server reads only the parts with such numbers: the last ones.
  const least = wanted.reduce((found, { seq }) => (seq < found ? seq : found), wanted[0]?.seq ?? 0n);
  const rows = await lease.ask(
    `SELECT topic, toString(partition), toString(max(seq)), argMin(id, ${BEFORE}) FROM ` +
      `${STATE_DATABASE}.load_flushes WHERE ${ofPlaces(target, wanted)} AND seq >= ${least} AND kind != 'done' ` +
      'GROUP BY topic, partition',
  );
  return new Map(
    rows.map(([topic, partition, seq, id]) => [
      partitionKey({ topic: topic ?? '', partition: Number(partition) }),
      { seq: BigInt(seq ?? '0'), id: id ?? '' },
    ]),
  );
}

/** What `recordTogether` needs in addition to the intents. */
export interface Recording {
  readonly target: LoadTarget;
  readonly loadId: string;
  /** The highest known number of the table's INSERTs; null: ask the server. */
  readonly chain: bigint | null;
  /** Intents that this loader has written but not yet marked as done: the same INSERT marks them if it records one. */
  readonly done?: readonly Recorded[];
}

/** The result of recording intents. */
export interface RecordedTogether {
  /** Those that are the newest of their partitions; in the other partitions another loader was first. */
  readonly recorded: readonly Recorded[];
  /** The number of the INSERT, or the highest number found. */
  readonly chain: bigint;
}

/**
 * Records intents as the next ones of their partitions, in one INSERT with all that are still possible. Before a second
 * call with the same intents, the caller may read what the first one did.
 * @param wanted numbered after the newest known intents, which must be done, already or by `done`
 */
export async function recordTogether(
  lease: LeasedSession,
  wanted: readonly Recorded[],
  { target, loadId, chain: known, done = [] }: Recording,
): Promise<RecordedTogether> {
  let chain = known ?? (await newestChain(lease, target));
  let left = wanted;
  for (let tries = 0; tries < MOST_NUMBERS; tries++) {
    await lease.run(insertIntents(target, loadId, ++chain, left, done));
    const found = await newestRecorded(lease, target, left);
    const recorded = left.filter((intent) => found.get(partitionKey(intent))?.id === intent.id);
    left = left.filter((intent) => (found.get(partitionKey(intent))?.seq ?? 0n) < intent.seq);
    if (recorded.length > 0 || left.length === 0) return { recorded, chain };
    // Another INSERT has the number, or the server remembers one whose rows were deleted or lost in a crash.
    const newest = await newestChain(lease, target);
    if (newest > chain) chain = newest;
  }
  throw new TsdbtError('runtime', `tsdbt.load_flushes takes no intent of ${target.name}.`, {
    hint: 'Rows may have been deleted from it; ALTER TABLE tsdbt.load_flushes MODIFY SETTING … forgets its tokens.',
  });
}

async function newestChain(lease: LeasedSession, target: LoadTarget): Promise<bigint> {
  return BigInt((await lease.ask(selectChain(target)))[0]?.[0] ?? '0');
}

/**
 * Records one intent as the next one of its partition.
 * @param before the newest known intent; null: there is none
 * @throws Fenced if another loader has recorded one meanwhile
 */
export async function record(
  lease: LeasedSession,
  intent: Intent,
  {
    target,
    topic = target.topic,
    loadId,
    before,
  }: Omit<Recording, 'chain' | 'done'> & { readonly topic?: string; readonly before: Pick<PlacedIntent, 'seq'> | null },
): Promise<Recorded> {
  const wanted = { ...intent, topic, seq: (before?.seq ?? 0n) + 1n };
  const { recorded } = await recordTogether(lease, [wanted], { target, loadId, chain: null });
  const [found] = recorded;
  if (found === undefined) throw new Fenced([wanted]);
  return found;
}

/** Marks intents as completely written. */
export async function finish(
  lease: LeasedSession,
  intents: readonly Recorded[],
  { target, loadId }: Omit<Recording, 'chain' | 'done'>,
): Promise<void> {
  if (intents.length > 0) await lease.run(insertDone(target, loadId, intents));
}
