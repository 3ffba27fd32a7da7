// Writes the contents of an intent: the first time directly; again, if it is unknown what was written, after reading
// back the stored offsets. A token alone proves nothing: after a crash the server may remember one whose rows it lost,
// or forget one whose rows it has. Views store no offsets: they get the whole block again, and their tables know its
// token or not. Rows deleted by the table's TTL cannot be read back: they count once the server has accepted them.
import { randomUUID } from 'node:crypto';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { partitionKey, type TopicPartition } from '../brokers/broker.ts';
import type { RowBuffer } from '../formats/rows/row-buffer.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Sealer } from '../seal.ts';
import { type DeadLetter, type FaultPoint, TooManyRefused } from '../sink.ts';
import { isApart } from './apart.ts';
import { insertBeside, takesParts } from './beside.ts';
import { viewTargets } from './guards.ts';
import { readPlaces, type Recorded } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { writeLetters } from './letters.ts';
import { relationOf } from './load-flushes.ts';
import { countMessages, deadOffsets, deleteRepeats, heldOffsets, repeats } from './look.ts';
import { isDataError, refusedRows } from './refused.ts';
import { clockPassed, refuseHidden } from './topic-clock.ts';
import { insertRows } from './write.ts';

/** How often missing rows are inserted: each time but the first needs a server crash in between. */
const ROUNDS = 20;
/** How often rows are sent to a table that deletes them itself: under the intent's token, and under one more. */
const EXPIRING_ROUNDS = 2;

/** TTL rules that delete nothing. */
const KEEPING = /\b(?:TO (?:DISK|VOLUME)|RECOMPRESS)\b/;

/** What one intent writes. */
export interface Contents {
  readonly target: LoadTarget;
  /** The table's columns that rows have cells for, in order. */
  readonly columns: readonly string[];
  readonly rows: RowBuffer;
  /** The rows of the buffer that belong to it. */
  readonly numbers: readonly number[];
  readonly dead: readonly DeadLetter[];
  readonly loadId: string;
  /** How many rows the table may reject. */
  readonly allowance: number;
}

export interface Writing {
  readonly lease: LeasedSession;
  readonly sealer: Sealer;
  readonly reached: (point: FaultPoint) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** The outcome of an intent's messages. */
export interface Outcome {
  readonly rows: number;
  readonly dead: readonly DeadLetter[];
}

/** Intents that are about to be written, and when they were seen to be the newest of their partitions. */
export interface Standing {
  readonly intents: readonly Recorded[];
  /** By the clock, before the server was asked. A later check renews it. */
  looked: number;
}

/**
 * Writes an intent's dead letters and rows, each as one block under the intent's token. Dead letters may take long, and
 * a loader that sets the position back waits only as long as one check is valid, so each statement is checked again.
 * @returns null: others have recorded newer intents, or completed these, and no rows were sent
 * @throws TooManyRefused before anything is written
 */
export async function writeContents(
  writing: Writing,
  standing: Standing,
  contents: Contents,
  tokens: { readonly letters: string; readonly rows: string } | null = null,
): Promise<Outcome | null> {
  const { lease, sealer, reached } = writing;
  const [{ id } = { id: '' }] = standing.intents;
  const { letters: letterToken, rows: rowToken } = tokens ?? { letters: id, rows: id };
  const { target, columns, rows, numbers, dead, loadId, allowance } = contents;
  const table = relationOf(target);
  reached('before_copy');
  if (dead.length > 0) {
    if (!(await isNewest(writing, target, standing))) return null;
    await writeLetters(lease, target, sealer, dead, { loadId, flush: id, token: `${letterToken}/dead` });
  }
  reached('before_merge');
  if (numbers.length === 0) return { rows: 0, dead };
  if (!(await isNewest(writing, target, standing))) return null;
  const insert = (some: readonly number[]): Promise<void> =>
    lease.insert(insertRows(table, columns, rowToken), rows.chunks(some));
  try {
    await insert(numbers);
    return { rows: numbers.length, dead };
  } catch (error) {
    if (!isDataError(error)) throw error;
    const refused = await refusedRows(lease, { table, columns, rows, numbers }, allowance);
    if (refused.size === 0) throw error;
    const letters = [...refused.values()];
    if (refused.size > allowance) throw new TooManyRefused(letters);
    // The search may have taken long, and other loaders do not wait for it.
    if (!(await isNewest(writing, target, standing))) return null;
    await writeLetters(lease, target, sealer, letters, { loadId, flush: id, token: `${letterToken}/refused` });
    const others = numbers.filter((row) => !refused.has(row));
    if (!(await isNewest(writing, target, standing))) return null;
    if (others.length > 0) await insert(others);
    return { rows: others.length, dead: [...dead, ...letters] };
  }
}

/** Whether the intents are the newest of their partitions, and not done. Asks the server once the last check is old. */
async function isNewest({ lease, now }: Writing, target: LoadTarget, standing: Standing): Promise<boolean> {
  const { intents, looked } = standing;
  const at = now();
  if (at - looked <= lease.freshMs) return true;
  const newest = await readPlaces(lease, target, intents);
  standing.looked = at;
  return intents.every((intent) => {
    const found = newest.get(partitionKey(intent));
    return found?.id === intent.id && !found.done;
  });
}

/**
 * Whether the table or the dead letters contain every message of these intents. Unknown for upserts, whose rows are
 * replaced, and for views, which store no offsets.
 */
export async function isWhole(
  lease: LeasedSession,
  target: LoadTarget,
  intents: readonly Recorded[],
): Promise<boolean> {
  if (target.mode === 'upsert' || intents.some(({ kind }) => kind !== 'flush')) return false;
  if ((await viewTargets(lease, target)).size > 0) return false;
  const [found] = await lease.ask(countMessages(target, intents));
  return Number(found?.[0]) === intents.reduce((sum, intent) => sum + intent.rows + intent.dead, 0);
}

/** The result of settling intents. */
export interface Settled {
  readonly outcome: Outcome;
  /** All of them if another loader has recorded newer ones after some: it has found them done, or settles them. */
  readonly gone: readonly Recorded[];
}

/**
 * Writes what is missing from intents that were recorded together, until nothing is. Nothing else may be sent under
 * their id: of two blocks with one token the server keeps the first, so each must contain all that is missing.
 */
export async function settleContents(
  writing: Writing,
  intents: readonly Recorded[],
  contents: Contents,
): Promise<Settled> {
  const { target } = contents;
  const { lease, now } = writing;
  if (intents.length === 0) return { outcome: { rows: 0, dead: [] }, gone: [] };
  const upsert = target.mode === 'upsert';
  // A server that crashes may have kept the table's part and not the view's. With another token, or a part of the rows,
  // the view would take it for another block.
  const hasViews =
    !upsert && intents.every(({ kind }) => kind === 'flush') && (await viewTargets(lease, target)).size > 0;
  // With a second token the view would take it for another block, and it may keep what the table deletes.
  const rounds = (await deletesRows(lease, target)) ? (hasViews ? 1 : EXPIRING_ROUNDS) : ROUNDS;
  const [{ id } = { id: '' }] = intents;
  // A part that is settled separately is another block anyway: the view has received what the table has of it.
  const viewed = hasViews && !isApart(id);
  for (let [looks, round] = [0, 0]; looks < ROUNDS; looks++) {
    const looked = now();
    const newest = await readPlaces(lease, target, intents);
    const gone = intents.filter((intent) => newest.get(partitionKey(intent))?.id !== id);
    // A part of them under their id would replace the whole block of a loader that is still alive.
    if (gone.length > 0) return { outcome: { rows: 0, dead: [] }, gone: intents };
    const letters = offsets(await lease.ask(deadOffsets(target, intents)));
    // An upsert's row may have been replaced by a newer one. Inserting it twice changes nothing.
    const held = upsert ? NOWHERE : offsets(await lease.ask(heldOffsets(target, intents)));
    const { rows } = contents;
    const isLetter = (row: number): boolean => letters(rows.topic(row), rows.partition(row), rows.offset(row));
    const isThere = (row: number): boolean =>
      held(rows.topic(row), rows.partition(row), rows.offset(row)) || isLetter(row);
    const dead = contents.dead.filter(
      ({ topic, partition, message: { offset } }) =>
        !held(topic, partition, offset) && !letters(topic, partition, offset),
    );
    const missing = contents.numbers.filter((row) => (viewed && round === 0 ? !isLetter(row) : !isThere(row)));
    const numbers = round < rounds ? missing : [];
    const lacking = dead.length > 0 || (numbers.length > 0 && (!upsert || round === 0));
    const done = intents.every((intent) => newest.get(partitionKey(intent))?.done === true);
    if (done || !lacking) {
      // The table had forgotten the token of rows that it has.
      if (!done && viewed && Number((await lease.ask(repeats(target, intents)))[0]?.[0]) > 0)
        await lease.run(deleteRepeats(target, intents));
      return { outcome: outcomeOf(contents, isLetter), gone: [] };
    }
    await clockPassed(lease, intents);
    if (round > 0 && !upsert) await refuseHidden(lease, target, intents, newest);
    const token = round === 0 ? id : `${id}/${round}`;
    const standing = { intents, looked };
    // By then the views have received the whole block.
    const beside = viewed && round > 0 && (await takesParts(lease, target));
    const tokens = { letters: token, rows: upsert ? `${token}/${randomUUID()}` : token };
    const part = { ...contents, dead, numbers: beside || (upsert && round > 0) ? [] : numbers };
    // If nothing was sent, the next check finds out why.
    if ((await writeContents(writing, standing, part, tokens)) === null) continue;
    if (beside && numbers.length > 0)
      await insertBeside(lease, target, { id, token, columns: contents.columns }, rows.chunks(numbers), () =>
        isNewest(writing, target, standing),
      );
    round++;
  }
  const [{ topic, partition, from, to } = { topic: '', partition: 0, from: 0n, to: 0n }] = intents;
  throw new TsdbtError(
    'runtime',
    `Offsets ${from} to ${to} of ${topic}/${partition} were written to ${target.name} ` +
      `${ROUNDS} times, and the table does not show all of them.`,
    { hint: 'Does a row policy hide rows from the loader? It must see what it has written.' },
  );
}

/** The part of the contents that belongs to some partitions. */
export function partOf(contents: Contents, places: readonly TopicPartition[]): Contents {
  const { rows, numbers, dead } = contents;
  const wanted = new Set(places.map(partitionKey));
  const isWanted = (at: TopicPartition): boolean => wanted.has(partitionKey(at));
  return {
    ...contents,
    numbers: numbers.filter((row) => isWanted({ topic: rows.topic(row), partition: rows.partition(row) })),
    dead: dead.filter(isWanted),
  };
}

/** The rules of a TTL, separated by commas outside of parentheses. */
function rulesOf(ttl: string): string[] {
  const rules = [''];
  let depth = 0;
  for (const character of ttl) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth === 0) rules.push('');
    else rules.push(`${rules.pop()}${character}`);
  }
  return rules;
}

/** Whether the table has a TTL that deletes rows. One that moves or recompresses them keeps all data. */
async function deletesRows(lease: LeasedSession, { schema, identifier }: LoadTarget): Promise<boolean> {
  const [row] = await lease.ask(
    `SELECT engine_full FROM system.tables WHERE database = ${quoteText(schema)} AND name = ${quoteText(identifier)}`,
  );
  const ttl = / TTL (.*?)(?: SETTINGS |$)/s.exec(row?.[0] ?? '')?.[1];
  return ttl !== undefined && !rulesOf(ttl).every((rule) => KEEPING.test(rule));
}

/** @param isLetter whether the row has become a dead letter */
function outcomeOf({ rows, numbers, dead }: Contents, isLetter: (row: number) => boolean): Outcome {
  const refused = numbers.filter(isLetter);
  return {
    rows: numbers.length - refused.length,
    dead: [
      ...dead,
      ...refused.map((row) => ({
        message: rows.message(row),
        topic: rows.topic(row),
        partition: rows.partition(row),
        error: 'it was refused before',
      })),
    ],
  };
}

/** Whether an offset of a partition is among a set. */
type Offsets = (topic: string, partition: number, offset: bigint) => boolean;

const NOWHERE: Offsets = () => false;

/** @param rows of topic, partition and a list */
function offsets(rows: readonly (readonly (string | null)[])[]): Offsets {
  const found = new Map<string, Map<number, ReadonlySet<string>>>();
  for (const [topic, partition, list] of rows) {
    const partitions = found.get(topic ?? '') ?? new Map<number, ReadonlySet<string>>();
    found.set(
      topic ?? '',
      partitions.set(Number(partition), new Set((list ?? '[]').slice(1, -1).split(',').filter(Boolean))),
    );
  }
  return (topic, partition, offset) => found.get(topic)?.get(partition)?.has(String(offset)) === true;
}
