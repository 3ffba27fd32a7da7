// Rows of a recreated topic have the same offsets as the earlier one's: only the server's time distinguishes them. If
// its clock was set back, flushes wait until it has passed that time again; rows written before are found here.
import { setTimeout as pause } from 'node:timers/promises';
import { TsdbtError } from '../../errors.ts';
import { partitionKey, type TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { clockBehind } from '../starts.ts';
import type { LeasedSession } from './leased-session.ts';
import type { PlacedIntent } from './load-flushes.ts';
import { heldBefore, type Span } from './look.ts';

/** `_loaded_at` of a table that another program created may have whole seconds. */
const SECOND = 1000;

/** Milliseconds since 1970 by the server's clock, which gives rows their times. */
export async function serverTime(lease: LeasedSession): Promise<number> {
  return Number((await lease.ask("SELECT toString(toUnixTimestamp64Milli(now64(3, 'UTC')))"))[0]?.[0]);
}

/** The first second after a time, in milliseconds since 1970. */
function secondAfter(moment: number): number {
  return (Math.floor(moment / SECOND) + 1) * SECOND;
}

/**
 * Returns once written rows get a time after their topics were recreated. Does not query if none was.
 * @throws `connection` error, which is retried, if the clock is more than a second before that
 */
export async function clockPassed(
  lease: LeasedSession,
  intents: readonly (TopicPartition & { readonly topicSince: number | null })[],
): Promise<void> {
  const latest = Math.max(...intents.map(({ topicSince }) => topicSince ?? 0));
  if (latest <= 0) return;
  const from = secondAfter(latest);
  for (;;) {
    const now = await serverTime(lease);
    if (now >= from) return;
    if (from - now > SECOND) {
      const at = intents.find(({ topicSince }) => topicSince === latest);
      throw clockBehind(at?.topic ?? '', isoOf(now), isoOf(latest));
    }
    await pause(from - now);
  }
}

/**
 * Refuses to send missing rows as another block if the table may have them: their intent was recorded before its topic
 * was recreated, by a clock that was set back, and the table has rows of that time and these offsets.
 * @param newest the intents on the server, by `topic/partition`
 * @throws `runtime` error
 */
export async function refuseHidden(
  lease: LeasedSession,
  target: LoadTarget,
  intents: readonly Span[],
  newest: ReadonlyMap<string, PlacedIntent>,
): Promise<void> {
  const unsure = intents.filter((intent) => {
    const since = intent.topicSince ?? null;
    return since !== null && (newest.get(partitionKey(intent))?.writtenAt ?? 0) < secondAfter(since);
  });
  for (const { topic, partition, from, to, topicSince } of unsure) {
    const before = secondAfter(topicSince ?? 0);
    const found = await lease.ask(heldBefore(target, { topic, partition, from, to }, before));
    if (found.length === 0) continue;
    throw new TsdbtError(
      'runtime',
      `Offsets ${from} to ${to} of ${topic}/${partition} were written to ${target.name} while the server's clock was ` +
        'set back, and nothing tells their rows from those of the topic that was deleted.',
      {
        hint:
          `Look at rows of these offsets with _loaded_at before ${isoOf(before)}: delete those of the present topic, ` +
          'and load again.',
      },
    );
  }
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}
