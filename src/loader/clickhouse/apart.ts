// Splits a flush if some of its messages cannot be read: the readable part is recorded again under a separate id and
// settled without the rest. That fences a loader that still holds the whole flush, so no part of a block is sent under
// the token of the whole one. settle.ts writes the rows.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { partitionKey, type TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { readGroup, recordTogether } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
import { Quiet } from './running.ts';

/** The prefix of the ids of such parts. */
const APART = 'apart-';
/** The interval at which a waiting part is checked. */
const LOOK_MS = 300;

/** Whether the id is that of a part that was recorded again. */
export function isApart(id: string): boolean {
  return id.startsWith(APART);
}

/**
 * Returns the intents of a flush that may be settled with these partitions: all that were recorded under the id, or the
 * open ones among them, recorded again. It returns once nothing more can arrive from the original flush.
 * @param id of the flush
 * @param read the partitions whose messages were read, by `topic/partition`
 * @returns empty: another loader was first
 */
export async function settleable(
  lease: LeasedSession,
  target: LoadTarget,
  { id, read, loadId }: { readonly id: string; readonly read: ReadonlySet<string>; readonly loadId: string },
): Promise<readonly PlacedIntent[]> {
  const isRead = (at: TopicPartition): boolean => read.has(partitionKey(at));
  let group = (await readGroup(lease, target, id)).filter(isRead);
  if (group.length === 0) return [];
  const recorded = Number((await lease.ask(countRecorded(target, id)))[0]?.[0]);
  if (recorded !== group.length) {
    const part = `${APART}${randomUUID()}`;
    const wanted = group.filter(({ done }) => !done).map((each) => ({ ...each, id: part, seq: each.seq + 1n }));
    if (wanted.length === 0) return [];
    await recordTogether(lease, wanted, { target, loadId, chain: null });
    group = await readGroup(lease, target, part);
  }
  const [first] = group;
  return first === undefined || !isApart(first.id) ? group : quiet(lease, target, first.id, group);
}

/**
 * Waits until loaders that checked before the part was recorded can send nothing more, and their INSERTs have ended.
 * @returns the current state of the part
 */
async function quiet(
  lease: LeasedSession,
  target: LoadTarget,
  id: string,
  places: readonly TopicPartition[],
): Promise<readonly PlacedIntent[]> {
  const rest = new Quiet(lease, target, places);
  for (;;) {
    const group = await readGroup(lease, target, id);
    if (group.every(({ done }) => done) || (await rest.isOver())) return group;
    await pause(LOOK_MS);
  }
}

/** The number of partitions with intents of this id, including those with newer intents. */
function countRecorded(target: LoadTarget, id: string): string {
  return (
    `SELECT toString(uniqExact(topic, partition)) FROM ${STATE_DATABASE}.load_flushes WHERE relation = ` +
    `${quoteText(relationOf(target))} AND id = ${quoteText(id)} AND kind != 'done'`
  );
}
