// Writes what an intent says: at first as it stands; again, when it is not known what of it was written, by reading
// back which offsets are there. A token alone proves nothing: the server may remember one whose rows it lost in a
// crash, and forget one whose rows it has. Views hold no offsets: they are given the whole block again, whose token
// their tables know or not. What a table's TTL deletes cannot be read back: it counts once the server has taken it.
import { randomUUID } from 'node:crypto';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { RowBuffer } from '../fast/row-buffer.ts';
import type { LoadTarget } from '../load-target.ts';
import type { Sealer } from '../seal.ts';
import { type DeadLetter, type FaultPoint, Fenced, TooManyRefused } from '../sink.ts';
import { viewTargets } from './guards.ts';
import { readIntent, type Recorded } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { writeLetters } from './letters.ts';
import { type PlacedIntent, relationOf } from './load-flushes.ts';
import { deadOffsets, deleteRepeats, heldOffsets, repeats, type Span } from './look.ts';
import { isDataError, refusedRows } from './refused.ts';
import { insertRows } from './write.ts';

/** Times that missing rows are inserted: each one but the first takes a crash of the server in between. */
const ROUNDS = 20;
/** Times that rows are sent to a table that deletes them by itself: under the intent's token, and under one more. */
const EXPIRING_ROUNDS = 2;

/** Parts of a TTL that delete nothing. */
const KEEPING = /\b(?:TO (?:DISK|VOLUME)|RECOMPRESS)\b/;

/** What one intent writes. */
export interface Contents {
  readonly target: LoadTarget;
  readonly topic: string;
  /** The table's columns that rows have cells for, in order. */
  readonly columns: readonly string[];
  readonly rows: RowBuffer;
  /** The rows of the buffer that belong to it. */
  readonly numbers: readonly number[];
  readonly dead: readonly DeadLetter[];
  readonly loadId: string;
  /** Limit of rows that the table may refuse. */
  readonly allowance: number;
}

export interface Writing {
  readonly lease: LeasedSession;
  readonly sealer: Sealer;
  readonly reached: (point: FaultPoint) => void;
}

/** What became of an intent's messages. */
export interface Outcome {
  readonly rows: number;
  readonly dead: readonly DeadLetter[];
}

/**
 * Writes an intent's dead letters and rows, each as one block under the intent's token.
 * @throws TooManyRefused before anything is written
 */
export async function writeContents(
  { lease, sealer, reached }: Writing,
  { id }: Pick<Recorded, 'id'>,
  contents: Contents,
  tokens: { readonly letters: string; readonly rows: string } = { letters: id, rows: id },
): Promise<Outcome> {
  const { target, columns, rows, numbers, dead, loadId, allowance } = contents;
  reached('before_copy');
  await writeLetters(lease, target, sealer, dead, { loadId, flush: id, token: `${tokens.letters}/dead` });
  reached('before_merge');
  if (numbers.length === 0) return { rows: 0, dead };
  const table = relationOf(target);
  const insert = (some: readonly number[]): Promise<void> =>
    lease.insert(insertRows(table, columns, tokens.rows), rows.chunks(some));
  try {
    await insert(numbers);
    return { rows: numbers.length, dead };
  } catch (error) {
    if (!isDataError(error)) throw error;
    const refused = await refusedRows(lease, { table, columns, rows, numbers }, allowance);
    if (refused.size === 0) throw error;
    const letters = [...refused.values()];
    if (refused.size > allowance) throw new TooManyRefused(letters);
    await writeLetters(lease, target, sealer, letters, { loadId, flush: id, token: `${tokens.letters}/refused` });
    const others = numbers.filter((row) => !refused.has(row));
    if (others.length > 0) await insert(others);
    return { rows: others.length, dead: [...dead, ...letters] };
  }
}

/**
 * Holds the table, or the dead letters, every message of the intent? Unknown for upserts, whose rows give way, and for
 * views, which hold no offsets.
 */
export async function isWhole(lease: LeasedSession, target: LoadTarget, intent: PlacedIntent): Promise<boolean> {
  if (target.mode === 'upsert' || intent.kind !== 'flush') return false;
  if ((await viewTargets(lease, target)).size > 0) return false;
  const { topic, partition, from, to } = intent;
  const [held] = await lease.ask(heldOffsets(target, { topic, partition, from, to }, 'count'));
  const [dead] = await lease.ask(deadOffsets(target, { topic, partition, from, to }, 'count'));
  return Number(held?.[0]) + Number(dead?.[0]) === intent.rows + intent.dead;
}

/**
 * Writes what is missing of an intent, until nothing is.
 * @throws Fenced when another loader has gone on behind it
 */
export async function settleContents(writing: Writing, intent: Recorded, contents: Contents): Promise<Outcome> {
  const { target, topic } = contents;
  const { lease } = writing;
  const span: Span = { topic, partition: intent.partition, from: intent.from, to: intent.to };
  const upsert = target.mode === 'upsert';
  // A server that crashes may have kept the table's part and not the view's. Another token, or a part of the rows,
  // would be another block to the view.
  const viewed = !upsert && intent.kind === 'flush' && (await viewTargets(lease, target)).size > 0;
  // A second token would be another block to the view, which may keep what the table deletes.
  const rounds = (await deletesRows(lease, target)) ? (viewed ? 1 : EXPIRING_ROUNDS) : ROUNDS;
  for (let round = 0; round < ROUNDS; round++) {
    const newest = await readIntent(lease, target, intent.partition, topic);
    if (newest?.id !== intent.id) throw new Fenced([{ topic, partition: intent.partition }]);
    const letters = await offsets(lease, deadOffsets(target, span, 'list'));
    // An upsert's row may have given way to a newer one. A second insert of it changes nothing.
    const held = upsert ? new Set<string>() : await offsets(lease, heldOffsets(target, span, 'list'));
    const there = (offset: bigint): boolean => held.has(String(offset)) || letters.has(String(offset));
    const dead = contents.dead.filter(({ message }) => !there(message.offset));
    const missing = contents.numbers.filter((row) =>
      viewed && round === 0 ? !letters.has(String(contents.rows.offset(row))) : !there(contents.rows.offset(row)),
    );
    const numbers = round < rounds ? missing : [];
    const lacking = dead.length > 0 || (numbers.length > 0 && (!upsert || round === 0));
    if (newest.done) return outcome(contents, letters);
    if (!lacking) {
      // The table had forgotten the token of rows that it has.
      if (viewed && Number((await lease.ask(repeats(target, span)))[0]?.[0]) > 0)
        await lease.run(deleteRepeats(target, span));
      return outcome(contents, letters);
    }
    const token = round === 0 ? intent.id : `${intent.id}/${round}`;
    const tokens = { letters: token, rows: upsert ? `${token}/${randomUUID()}` : token };
    await writeContents(writing, intent, { ...contents, dead, numbers: upsert && round > 0 ? [] : numbers }, tokens);
  }
  throw new TsdbtError(
    'runtime',
    `Offsets ${intent.from} to ${intent.to} of ${topic}/${intent.partition} were written to ${target.name} ` +
      `${ROUNDS} times, and the table does not show all of them.`,
    { hint: 'Does a row policy hide rows from the loader? It must see what it has written.' },
  );
}

/** The rules of a TTL, which commas outside of brackets separate. */
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

/** Has the table a TTL that deletes rows? One that moves or recompresses them keeps what was written. */
async function deletesRows(lease: LeasedSession, { schema, identifier }: LoadTarget): Promise<boolean> {
  const [row] = await lease.ask(
    `SELECT engine_full FROM system.tables WHERE database = ${quoteText(schema)} AND name = ${quoteText(identifier)}`,
  );
  const ttl = / TTL (.*?)(?: SETTINGS |$)/s.exec(row?.[0] ?? '')?.[1];
  return ttl !== undefined && !rulesOf(ttl).every((rule) => KEEPING.test(rule));
}

function outcome(contents: Contents, letters: ReadonlySet<string>): Outcome {
  const { rows, numbers } = contents;
  const refused = numbers.filter((row) => letters.has(String(rows.offset(row))));
  return {
    rows: numbers.length - refused.length,
    dead: [
      ...contents.dead,
      ...refused.map((row) => ({
        message: rows.message(row),
        topic: rows.topic(row),
        partition: rows.partition(row),
        error: 'it was refused before',
      })),
    ],
  };
}

/** @param sql returns one list */
async function offsets(lease: LeasedSession, sql: string): Promise<ReadonlySet<string>> {
  const [row] = await lease.ask(sql);
  return new Set((row?.[0] ?? '[]').slice(1, -1).split(',').filter(Boolean));
}
