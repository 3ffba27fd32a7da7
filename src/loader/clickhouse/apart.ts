// A part of a flush that is settled without the rest, as the rest cannot be read: it is recorded once more under an id
// of its own. That fences the loader that still holds all of the flush, so that nobody sends a part of a block under
// the token of the whole one. settle.ts writes the rows.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { partitionKey, type TopicPartition } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import { readGroup, recordTogether } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';

/** What the id of such a part begins with. */
const APART = 'apart-';
/** How often a part that must wait is looked at. */
const LOOK_MS = 300;
/** The server's code for a right that is missing. */
const ACCESS_DENIED = '497';
/** Quiet times to wait for a loader's INSERT where the server does not show what runs. */
const BLIND = 9;

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
  return first === undefined || !isApart(first.id) ? group : quiet(lease, target, first.id);
}

/**
 * Waits until no loader that looked before the part was recorded can send anything, and what it has sent is written.
 * @returns the part as it is then
 */
async function quiet(lease: LeasedSession, target: LoadTarget, id: string): Promise<readonly PlacedIntent[]> {
  for (;;) {
    const group = await readGroup(lease, target, id);
    const age = Math.min(...group.map(({ ageMs }) => ageMs));
    if (group.every(({ done }) => done)) return group;
    if (age > lease.quietMs && !(await isWriting(lease, target, age > lease.quietMs * BLIND))) return group;
    await pause(LOOK_MS);
  }
}

/**
 * Does any loader's INSERT into the table run? One that takes long outlives the lease of its session.
 * @param late without the right to see statements: have most of them ended by now?
 */
async function isWriting(lease: LeasedSession, target: LoadTarget, late: boolean): Promise<boolean> {
  const running = (text: string): string => `position(query, ${quoteText(text)}) > 0`;
  try {
    const rows = await lease.ask(
      `SELECT 1 FROM system.processes WHERE ${running(`INSERT INTO ${relationOf(target)} (`)} AND ` +
        `${running('insert_deduplication_token')} AND NOT ${running('FROM system.processes')} LIMIT 1`,
    );
    return rows.length > 0;
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.code !== ACCESS_DENIED) throw error;
    return !late;
  }
}

/** How many partitions have intents of this id, those too behind which others were recorded. */
function countRecorded(target: LoadTarget, id: string): string {
  return (
    `SELECT toString(uniqExact(topic, partition)) FROM ${STATE_DATABASE}.load_flushes WHERE relation = ` +
    `${quoteText(relationOf(target))} AND id = ${quoteText(id)} AND kind != 'done'`
  );
}
