// Positions that are set by hand, and the rows that are deleted then. The new position is recorded first: flushes of
// other loaders are refused from there on. What was being written is waited for, as long as the server may take it.
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadTarget } from '../load-target.ts';
import { Fenced } from '../sink.ts';
import { isAnother } from '../starts.ts';
import { finish, readIntent, record, type Recorded } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type Intent, ofTopic, type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
import { Quiet } from './running.ts';

const LOOK_MS = 300;
/** Loaders at work may record intents in between. */
const TRIES = 50;

/** Number of rows and dead letters that were deleted. */
export interface Gone {
  readonly rows: number;
  readonly letters: number;
}

/** Sets a position, whatever it was. @param wanted deletes from `from` on, unless it is -1 */
export async function rewindPartition(lease: LeasedSession, target: LoadTarget, wanted: Intent): Promise<Gone> {
  for (let tries = 1; ; tries++) {
    const before = await readIntent(lease, target, wanted.partition);
    const anew = before !== null && isAnother(before.topicId, wanted.topicId);
    const intent: Intent = {
      ...wanted,
      // Rows of an earlier topic of this name stay: no log has them any more.
      from: anew ? -1n : wanted.from,
      topicId: wanted.topicId ?? before?.topicId ?? null,
      topicSince: anew ? Date.now() : (before?.topicSince ?? null),
    };
    let recorded: Recorded;
    try {
      recorded = await record(lease, intent, { target, loadId: '', before });
    } catch (error) {
      if (!(error instanceof Fenced) || tries === TRIES) throw error;
      continue;
    }
    if (before !== null && before.kind === 'flush' && !before.done) await untilQuiet(lease, target, before, recorded);
    return deleteFrom(lease, target, recorded);
  }
}

/** Does what a rewind that was cut off had left to do. */
export async function settleRewind(lease: LeasedSession, target: LoadTarget, intent: PlacedIntent): Promise<void> {
  const rest = new Quiet(lease, target);
  for (let newest: PlacedIntent | null = intent; newest?.id === intent.id && !newest.done; ) {
    if (await rest.isOver(newest.ageMs)) {
      await deleteFrom(lease, target, intent);
      return;
    }
    await pause(LOOK_MS);
    newest = await readIntent(lease, target, intent.partition);
  }
}

/** Waits until an intent is done, or nothing of it can come any more. @param behind the one that fences its loader */
async function untilQuiet(
  lease: LeasedSession,
  target: LoadTarget,
  { partition, id }: PlacedIntent,
  behind: Recorded,
): Promise<void> {
  const places =
    `FROM ${STATE_DATABASE}.load_flushes WHERE ${ofTopic(target)} AND partition = ${partition} AND ` +
    `(kind = 'done' AND id = ${quoteText(id)} OR kind != 'done' AND id = ${quoteText(behind.id)})`;
  const rest = new Quiet(lease, target);
  for (;;) {
    const [row] = await lease.ask(
      "SELECT toString(countIf(kind = 'done')), toString(dateDiff('millisecond', minIf(written_at, kind != 'done'), " +
        `now64(6, 'UTC'))) ${places}`,
    );
    if (Number(row?.[0]) > 0 || (await rest.isOver(Number(row?.[1])))) return;
    await pause(LOOK_MS);
  }
}

async function deleteFrom(lease: LeasedSession, target: LoadTarget, intent: Recorded): Promise<Gone> {
  const { partition, from, topicSince } = intent;
  let gone: Gone = { rows: 0, letters: 0 };
  if (from >= 0n) {
    const since = topicSince === null ? null : `fromUnixTimestamp64Milli(toInt64(${topicSince}), 'UTC')`;
    const rows =
      `_topic = ${quoteText(target.topic)} AND _partition = ${partition} AND _offset >= ${from}` +
      (since === null ? '' : ` AND _loaded_at > ${since}`);
    const letters =
      `${ofTopic(target)} AND partition = ${partition} AND offset >= ${from}` +
      (since === null ? '' : ` AND failed_at > ${since}`);
    gone = {
      rows: await deleted(lease, relationOf(target), rows),
      letters: await deleted(lease, `${STATE_DATABASE}.dead_letters`, letters),
    };
  }
  await finish(lease, [intent], { target, loadId: '' });
  return gone;
}

/** @returns number of rows */
async function deleted(lease: LeasedSession, table: string, where: string): Promise<number> {
  const count = async (): Promise<number> =>
    Number((await lease.ask(`SELECT toString(count()) FROM ${table} WHERE ${where}`))[0]?.[0]);
  const rows = await count();
  if (rows === 0) return 0;
  await lease.run(`ALTER TABLE ${table} DELETE WHERE ${where}`);
  if ((await count()) > 0)
    throw new TsdbtError('runtime', `Rows of ${table} are still there after they were deleted.`, {
      hint: 'Mutations may be stopped (SYSTEM STOP MERGES), or run later (mutations_sync = 0 in custom_settings).',
    });
  return rows;
}
