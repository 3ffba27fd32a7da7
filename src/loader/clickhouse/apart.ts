// A part of a flush that is settled without the rest, as the rest cannot be read: it is recorded once more under an id
// of its own. That fences the loader that still holds all of the flush, so that nobody sends a part of a block under
// the token of the whole one. settle.ts writes the rows.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { partitionKey, type TopicPartition } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import { readGroup, recordTogether } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
import { Quiet } from './running.ts';

/** What the id of such a part begins with. */
const APART = 'apart-';
/** How often a part that must wait is looked at. */
const LOOK_MS = 300;

/** Is it the id of a part that was recorded once more? */
export function isApart(id: string): boolean {
  return id.startsWith(APART);
}

/**
 * The group of a flush that may be settled with these partitions: all that was recorded under the id, or the part of
 * them that is open, recorded once more. It returns when nothing of the flush before can come any more.
 * @param id of the flush
 * @param read the partitions whose messages are there, by `topic/partition`
 * @returns empty: another loader was earlier
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
 * Waits until no loader that looked before the part was recorded can send anything, and what it has sent is written.
 * @returns the part as it is then
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

/** How many partitions have intents of this id, those too behind which others were recorded. */
function countRecorded(target: LoadTarget, id: string): string {
  return (
    `SELECT toString(uniqExact(topic, partition)) FROM ${STATE_DATABASE}.load_flushes WHERE relation = ` +
    `${quoteText(relationOf(target))} AND id = ${quoteText(id)} AND kind != 'done'`
  );
}
