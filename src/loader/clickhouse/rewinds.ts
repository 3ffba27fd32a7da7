// Sets positions by hand and deletes the rows after them. The new position is recorded first: from then on, flushes of
// other loaders are rejected. It waits for writes in flight as long as the server may accept them. Each DELETE is
// claimed by one more intent: one process deletes, and none does once new rows may have arrived.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { Fenced } from '../sink.ts';
import { isAnother } from '../starts.ts';
import { finish, readIntent, record, type Recorded } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type Intent, ofTopic, type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
import { newestTime, replaysOf, since } from './look.ts';
import { settleReplay } from './replays.ts';
import { Quiet } from './running.ts';
import { serverTime } from './topic-clock.ts';

const LOOK_MS = 300;
/** Running loaders may record intents in between. */
const TRIES = 50;
/** How many messages one statement lists: a server accepts statements of 256 KiB. */
const LISTED = 2000;

/** Number of rows and dead letters that were deleted. */
export interface Gone {
  readonly rows: number;
  readonly letters: number;
}

const NOTHING: Gone = { rows: 0, letters: 0 };

/** Deletes nothing: rows of an earlier topic of this name are kept, as no log has them any more. */
const NONE = -1n;
/**
 * The same, for a new topic. When it became the current one is determined once all that was recorded before has ended:
 * rows of the earlier topic may still arrive until then.
 */
const ANEW = -2n;

/**
 * Sets a position, whatever it was.
 * @param wanted deletes from `from` on, unless it is -1
 * @param forward only if the position is lower, or of an earlier topic of the name
 */
export async function rewindPartition(
  lease: LeasedSession,
  target: LoadTarget,
  wanted: Intent,
  forward = false,
): Promise<Gone> {
  for (let tries = 1; ; tries++) {
    const before = await readIntent(lease, target, wanted.partition);
    // The new rewind may begin elsewhere, and does not know what this one has left to delete.
    if (before !== null && before.kind === 'rewind' && !before.done) {
      await settleRewind(lease, target, before);
      continue;
    }
    const anew = before !== null && isAnother(before.topicId, wanted.topicId);
    if (forward && !anew && before !== null && before.to >= wanted.to) return NOTHING;
    const intent: Intent = {
      ...wanted,
      from: anew ? ANEW : wanted.from,
      topicId: wanted.topicId ?? before?.topicId ?? null,
      topicSince: before?.topicSince ?? null,
    };
    let recorded: Recorded;
    try {
      recorded = await record(lease, intent, { target, loadId: '', before });
    } catch (error) {
      if (!(error instanceof Fenced) || tries === TRIES) throw error;
      continue;
    }
    return endRewind(lease, target, recorded, () => (before === null ? true : isDone(lease, target, before)));
  }
}

/** Completes an interrupted rewind. */
export async function settleRewind(lease: LeasedSession, target: LoadTarget, intent: PlacedIntent): Promise<void> {
  await endRewind(lease, target, intent, () => false);
}

/**
 * Deletes what a rewind covers once nothing recorded before it can arrive any more, unless another process does.
 * Returns when it is done.
 * @param isFree whether there is nothing to wait for, while no other process has claimed it
 * @returns what this process has deleted
 */
async function endRewind(
  lease: LeasedSession,
  target: LoadTarget,
  { id, partition }: Recorded,
  isFree: () => boolean | Promise<boolean>,
): Promise<Gone> {
  let rest = { id: '', quiet: new Quiet(lease, target, []) };
  for (;;) {
    const newest = await readIntent(lease, target, partition);
    if (newest === null || newest.kind !== 'rewind' || newest.done) return NOTHING;
    if (rest.id !== newest.id) rest = { id: newest.id, quiet: new Quiet(lease, target, [newest]) };
    if ((newest.id === id && (await isFree())) || (await rest.quiet.isOver())) {
      try {
        return await deleteFrom(lease, target, newest);
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
      }
    }
    await pause(LOOK_MS);
  }
}

async function isDone(
  lease: LeasedSession,
  target: LoadTarget,
  { partition, id, done }: PlacedIntent,
): Promise<boolean> {
  if (done) return true;
  const rows = await lease.ask(
    `SELECT 1 FROM ${STATE_DATABASE}.load_flushes WHERE ${ofTopic(target)} AND partition = ${partition} AND ` +
      `kind = 'done' AND id = ${quoteText(id)} LIMIT 1`,
  );
  return rows.length > 0;
}

/** @throws Fenced if another process has claimed it */
async function deleteFrom(lease: LeasedSession, target: LoadTarget, intent: Recorded): Promise<Gone> {
  const { partition, from, topicSince } = intent;
  const gone = { rows: 0, letters: 0 };
  let newest = intent;
  if (from === ANEW) {
    const [held] = await lease.ask(newestTime(target, partition));
    // Rows written before the server's clock was set back.
    const since = Math.max(await serverTime(lease), topicSince ?? 0, Number(held?.[0]));
    const known: Intent = { ...intent, id: randomUUID(), from: NONE, topicSince: since };
    newest = await record(lease, known, { target, loadId: '', before: intent });
  }
  const claim = async (): Promise<string> => {
    newest = await claimed(lease, target, newest);
    return newest.id;
  };
  if (from >= 0n) {
    // It may be about to write rows for dead letters that are deleted here.
    await settleReplay(lease, target);
    const rows =
      `_topic = ${quoteText(target.topic)} AND _partition = ${partition} AND _offset >= ${from}` +
      since('_loaded_at', topicSince);
    const letters =
      `${ofTopic(target)} AND partition = ${partition} AND offset >= ${from}` + since('failed_at', topicSince);
    const known = (await ownMessages(lease, target, intent)).map((some) => ({
      rows: `${rows} AND ${message('_offset', '_kafka_ts')} IN (${some})`,
      letters: `${letters} AND ${message('offset', 'kafka_ts')} IN (${some})`,
    }));
    const rest = {
      rows: rows + notReplayed(target, intent, { number: '_load_id', of: 'load_id', offset: '_offset' }),
      letters: letters + notReplayed(target, intent, { number: 'flush', of: 'id', offset: 'offset' }),
    };
    // The dead letters show the topic of the rows, so they are deleted last.
    for (const where of [...known, rest]) gone.rows += await deleted(lease, relationOf(target), where.rows, claim);
    for (const where of [...known, rest])
      gone.letters += await deleted(lease, `${STATE_DATABASE}.dead_letters`, where.letters, claim);
  }
  await finish(lease, [newest], { target, loadId: '' });
  return gone;
}

/** Offset and time of a message, as an expression that two topics of one name rarely share. */
function message(offset: string, time: string): string {
  const known = `ifNull(toDateTime64(${time}, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))`;
  return `(toInt64(${offset}), toUnixTimestamp64Milli(${known}))`;
}

/**
 * The current topic's dead-letter messages at offsets where an earlier topic of the name has dead letters too: their
 * replayed rows are recognized by time. As lists for `IN`: a DELETE with several subqueries may wait forever.
 */
async function ownMessages(
  lease: LeasedSession,
  target: LoadTarget,
  { partition, from, topicSince }: Recorded,
): Promise<readonly string[]> {
  if (topicSince === null) return [];
  const letters = (what: string, since: '>' | '<='): string =>
    `SELECT ${what} FROM ${STATE_DATABASE}.dead_letters WHERE ${ofTopic(target)} AND partition = ${partition} AND ` +
    `offset >= ${from} AND failed_at ${since} fromUnixTimestamp64Milli(toInt64(${topicSince}), 'UTC')`;
  const found = message('offset', 'kafka_ts');
  const rows = await lease.ask(
    `SELECT DISTINCT toString(${found}) FROM (${letters('offset, kafka_ts', '>')} AND flush NOT IN ` +
      `${replaysOf(target, 'id')}) WHERE offset IN (${letters('offset', '<=')}) AND ${found} NOT IN ` +
      `(${letters(found, '<=')})`,
  );
  const messages = rows.map(([text]) => text ?? '');
  return Array.from({ length: Math.ceil(messages.length / LISTED) }, (_, i) =>
    messages.slice(i * LISTED, (i + 1) * LISTED).join(', '),
  );
}

/**
 * A condition that excludes replayed rows of an earlier topic's dead letters: they are newer than the current topic,
 * and no log has them.
 * @param columns the replay's id in the rows, its name among the intents, and the offset
 */
function notReplayed(
  target: LoadTarget,
  { partition, topicSince }: Recorded,
  { number, of, offset }: { readonly number: string; readonly of: string; readonly offset: string },
): string {
  if (topicSince === null) return '';
  const moment = `fromUnixTimestamp64Milli(toInt64(${topicSince}), 'UTC')`;
  return (
    ` AND NOT (${number} IN ${replaysOf(target, of)} AND ${offset} IN (SELECT offset FROM ` +
    `${STATE_DATABASE}.dead_letters WHERE ${ofTopic(target)} AND partition = ${partition} AND failed_at <= ${moment}))`
  );
}

/**
 * Records a rewind again, for one process only. A DELETE sent next begins before others have waited long enough to
 * claim it: the session's lease bounds that, counted from a check by the server's clock.
 * @throws Fenced if anything was recorded after it
 */
async function claimed(lease: LeasedSession, target: LoadTarget, intent: Recorded): Promise<Recorded> {
  let before = intent;
  for (let tries = 0; tries < TRIES; tries++) {
    before = await record(lease, { ...intent, id: randomUUID() }, { target, loadId: '', before });
    const newest = await readIntent(lease, target, intent.partition);
    if (newest?.id !== before.id) break;
    // Negative: the clock was set back meanwhile.
    if (newest.ageMs >= 0 && newest.ageMs <= lease.freshMs) return before;
  }
  throw new Fenced([before]);
}

/**
 * @param claim records the deleting process, and returns the id
 * @returns number of rows
 */
async function deleted(
  lease: LeasedSession,
  table: string,
  where: string,
  claim: () => Promise<string>,
): Promise<number> {
  const count = async (): Promise<number> =>
    Number((await lease.ask(`SELECT toString(count()) FROM ${table} WHERE ${where}`))[0]?.[0]);
  const rows = await count();
  if (rows === 0) return 0;
  // The id identifies the DELETE in system.processes.
  await lease.run(`ALTER TABLE ${table} DELETE WHERE ${where} AND notEmpty(${quoteText(await claim())})`);
  if ((await count()) > 0)
    throw new TsdbtError('runtime', `Rows of ${table} are still there after they were deleted.`, {
      hint: 'Mutations may be stopped (SYSTEM STOP MERGES), or run later (mutations_sync = 0 in custom_settings).',
    });
  return rows;
}
