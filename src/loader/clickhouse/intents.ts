// Intents of a target: who may write next, and what was not written to its end. An intent is recorded by one INSERT
// whose token is its number, which makes it a compare-and-set; reading it back says whether it is this loader's.
// sink.ts writes rows, settle.ts what an earlier loader left.
import { TsdbtError } from '../../errors.ts';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { partitionKey, type TopicPartition } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import { Fenced } from '../sink.ts';
import type { LeasedSession } from './leased-session.ts';
import {
  insertDone,
  insertIntent,
  type Intent,
  newestIntents,
  ofTopic,
  type PlacedIntent,
  relationOf,
  selectIntents,
  STATE_DATABASE,
} from './load-flushes.ts';

/** Numbers that are tried when tokens are remembered whose intents were deleted. */
const MOST_NUMBERS = 1000;

/** An intent that was recorded under its number. */
export type Recorded = Intent & { readonly seq: bigint };

/** The newest intents of the target's topic, by partition. */
export async function readIntents(
  lease: LeasedSession,
  target: LoadTarget,
  topic = target.topic,
): Promise<ReadonlyMap<number, PlacedIntent>> {
  const rows = await lease.ask(selectIntents(ofTopic(target, topic)));
  return new Map(newestIntents(rows).map((intent) => [intent.partition, intent]));
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

/**
 * Number and id of the newest intent of each of these partitions, by `topic/partition`. Of two of one number the first
 * one counts.
 */
export async function newestRecorded(
  lease: LeasedSession,
  target: LoadTarget,
  places: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Pick<Recorded, 'seq' | 'id'>>> {
  const wanted = places.map(({ topic, partition }) => `(${quoteText(topic)}, ${partition})`).join(', ');
  const rows = await lease.ask(
    `SELECT topic, toString(partition), toString(seq), id FROM ${STATE_DATABASE}.load_flushes WHERE relation = ` +
      `${quoteText(relationOf(target))} AND (topic, partition) IN (${wanted}) AND kind != 'done' ` +
      'ORDER BY topic, partition, seq DESC, written_at, id LIMIT 1 BY topic, partition',
  );
  return new Map(
    rows.map(([topic, partition, seq, id]) => [
      partitionKey({ topic: topic ?? '', partition: Number(partition) }),
      { seq: BigInt(seq ?? '0'), id: id ?? '' },
    ]),
  );
}

/** What `record` needs beside the intent. */
export interface Recording {
  readonly target: LoadTarget;
  readonly topic?: string;
  readonly loadId: string;
  /** The newest intent as far as this loader knows; null: there is none. */
  readonly before: Pick<PlacedIntent, 'seq'> | null;
}

/**
 * Records an intent as the next one of its partition. A second call with the same intent finds the first one's.
 * @throws Fenced when another loader has recorded one meanwhile
 */
export async function record(
  lease: LeasedSession,
  intent: Intent,
  { target, topic = target.topic, loadId, before }: Recording,
): Promise<Recorded> {
  const after = before?.seq ?? 0n;
  for (let seq = after + 1n; seq <= after + BigInt(MOST_NUMBERS); seq++) {
    await lease.run(insertIntent(target, topic, loadId, seq, intent));
    const newest = await readIntent(lease, target, intent.partition, topic);
    if (newest?.id === intent.id) return { ...intent, seq: newest.seq };
    if ((newest?.seq ?? 0n) > after) throw new Fenced([{ topic, partition: intent.partition }]);
    // The server remembers the token of an intent that is not there: it was deleted, or lost in a crash.
  }
  throw new TsdbtError('runtime', `tsdbt.load_flushes takes no intent of ${target.name}.`, {
    hint: 'Rows may have been deleted from it; ALTER TABLE tsdbt.load_flushes MODIFY SETTING … forgets its tokens.',
  });
}

/** Says that some intents are written to their end. */
export async function finish(
  lease: LeasedSession,
  intents: readonly Recorded[],
  { target, topic = target.topic, loadId }: Omit<Recording, 'before'>,
): Promise<void> {
  if (intents.length > 0) await lease.run(insertDone(target, topic, loadId, intents));
}
