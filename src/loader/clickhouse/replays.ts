// Replays dead letters: an intent of kind `replay` names them, under partition -1 of no topic. Then their rows are
// written, and they are marked. A dead letter that fails again is marked too, and has a new one. The next replay
// completes an interrupted one.
import { setTimeout as pause } from 'node:timers/promises';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { Fenced } from '../sink.ts';
import { finish, newestOfTable, readIntent, record } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { markReplayed } from './letters.ts';
import { type Intent, type PlacedIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
import { Quiet } from './running.ts';
import { type Contents, type Outcome, writeContents, type Writing } from './settle.ts';

/** The partition under which a table's replays are numbered. */
export const REPLAYS = -1;
const LOOK_MS = 300;
const LETTERS = `${STATE_DATABASE}.dead_letters`;

/** @param ids of the dead letters @throws `runtime` error if another process replays them */
export async function replayLetters(
  writing: Writing,
  contents: Contents,
  ids: readonly string[],
  intent: Intent,
): Promise<Outcome> {
  const { lease } = writing;
  const { target, loadId } = contents;
  const busy = (): TsdbtError =>
    new TsdbtError('runtime', `The dead letters of ${target.name} are being replayed by another process.`, {
      hint: 'Run it again when that one is done.',
    });
  await settleReplay(lease, target);
  const before = await readIntent(lease, target, REPLAYS, '');
  const toReplay = `SELECT toString(count()) FROM ${LETTERS} WHERE id IN (${ids.join(', ')}) AND replayed_at IS NULL`;
  const [marked] = await lease.ask(toReplay);
  if (Number(marked?.[0]) < ids.length || before?.done === false) throw busy();
  try {
    const looked = writing.now();
    const recorded = await record(lease, { ...intent, letters: ids }, { target, topic: '', loadId, before });
    // A rewind recorded from here on waits for this one; an earlier rewind has deleted the letters, or is about to.
    const rewinding = await isRewinding(lease, target);
    if (rewinding || Number((await lease.ask(toReplay))[0]?.[0]) < ids.length) {
      await finish(lease, [recorded], { target, loadId });
      throw rewinding ? beingRewound(target) : busy();
    }
    const outcome = await writeContents(writing, { intents: [recorded], looked }, contents);
    if (outcome === null) throw busy();
    writing.reached('before_commit');
    await lease.run(markReplayed(ids, recorded.seq));
    await finish(lease, [recorded], { target, loadId });
    return outcome;
  } catch (error) {
    if (error instanceof Fenced) throw busy();
    throw error;
  }
}

/** Completes an interrupted replay: marks dead letters whose message is in the table, or that failed again. */
export async function settleReplay(lease: LeasedSession, target: LoadTarget): Promise<void> {
  let open = await readIntent(lease, target, REPLAYS, '');
  const id = open?.id;
  const rest = new Quiet(lease, target, [{ topic: '', partition: REPLAYS }]);
  while (isOpen(open) && open.id === id && !(await rest.isOver())) {
    await pause(LOOK_MS);
    open = await readIntent(lease, target, REPLAYS, '');
  }
  if (!isOpen(open)) return;
  const letters = open.letters.join(', ');
  const loads = `SELECT load_id FROM ${STATE_DATABASE}.load_flushes WHERE id = ${quoteText(open.id)}`;
  // A recreated topic has rows with the same offsets: only the replay's rows count.
  const rows = await lease.ask(
    `SELECT toString(id) FROM ${LETTERS} WHERE id IN (${letters}) AND ((topic, partition, offset) IN ` +
      `(SELECT _topic, _partition, toInt64(_offset) FROM ${relationOf(target)} WHERE (_topic, _partition, ` +
      `toInt64(_offset)) IN (SELECT topic, partition, offset FROM ${LETTERS} WHERE id IN ` +
      `(${letters})) AND _load_id IN (${loads})) OR (topic, partition, offset) IN (SELECT topic, partition, offset ` +
      `FROM ${LETTERS} WHERE flush = ${quoteText(open.id)}))`,
  );
  const done = rows.flatMap(([found]) => (found == null ? [] : [found]));
  if (done.length > 0) await lease.run(markReplayed(done, open.seq));
  await finish(lease, [open], { target, loadId: '' });
}

/** Whether a position of the table was set and its deletion is not done yet. */
async function isRewinding(lease: LeasedSession, target: LoadTarget): Promise<boolean> {
  return (await newestOfTable(lease, target)).some(({ kind, done }) => kind === 'rewind' && !done);
}

function beingRewound({ name, path }: LoadTarget): TsdbtError {
  return new TsdbtError('runtime', `A rewind of ${name} is under way, which may delete dead letters.`, {
    path,
    hint: `Run it again when that one is done; \`tsdbt load --once --select source:${name}\` ends one that was killed.`,
  });
}

function isOpen(intent: PlacedIntent | null): intent is PlacedIntent {
  return intent !== null && !intent.done;
}
