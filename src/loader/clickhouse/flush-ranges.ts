// Writes the ranges of a flush together: records an intent for each in one INSERT, reads them back, writes all rows in
// one INSERT. Tracks the newest intents, the progress of a failed attempt, and the intents that are written but not yet
// marked as done: the INSERT of the next flush's intents marks them. sink.ts says whether there is one.
import { randomUUID } from 'node:crypto';
import { InOrder } from '../../in-order.ts';
import { partitionKey } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { OffsetRange } from '../sink.ts';
import { finish, readPlaces, type Recorded, recordTogether } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { newIntent, relationOf } from './load-flushes.ts';
import { type Contents, type Outcome, partOf, settleContents, writeContents, type Writing } from './settle.ts';
import { clockPassed } from './topic-clock.ts';

/** A range that is written but not yet marked as done. */
export interface WrittenRange {
  readonly recorded: Recorded;
  /** The outcome of its messages. */
  readonly rows: number;
  readonly dead: number;
}

/** What a flush has written. */
export interface WrittenRanges {
  readonly ranges: readonly WrittenRange[];
  /** The ranges that another loader has taken over. */
  readonly fenced: readonly OffsetRange[];
  readonly outcome: Outcome;
}

type Known = Recorded & { readonly done: boolean };

/** One flush and its progress. A second call for the same flush continues where the first failed. */
interface Attempt {
  readonly id: string;
  readonly ranges: ReadonlyMap<string, OffsetRange>;
  /** By `topic/partition`; null: nothing known. */
  recorded: ReadonlyMap<string, Recorded> | null;
  /** Whether anything of it was sent, so that it must be read back. */
  sent: boolean;
  outcome: Outcome | null;
}

/** The known state of a table. */
interface TableState {
  /** The newest known intents, by `topic/partition`. */
  readonly newest: Map<string, Known>;
  /** The number of this loader's last INSERT of intents, and whether others recorded some since the one before. */
  chain: bigint | null;
  /**
   * When this loader last recorded, by the monotonic clock and by the wall clock, which continues while the machine
   * sleeps.
   */
  recordedAt: { readonly steady: number; readonly wall: number };
  shared: boolean;
  attempt: Attempt | null;
  /** Intents that are written but not yet marked as done, by `topic/partition`. */
  readonly left: Map<string, Recorded>;
  /** Serializes the calls that mark intents as done: each is marked once. */
  readonly calls: InOrder;
}

/**
 * How long this loader's last number is valid: the server forgets tokens once many others were recorded, including
 * those of other tables, and would then accept a number twice.
 */
const CHAIN_MS = 3000;

const NOTHING: Outcome = { rows: 0, dead: [] };

export class FlushRanges {
  readonly #tables = new Map<string, TableState>();
  /** Stores the newest intent of a partition. */
  learn(target: LoadTarget, intent: Known): void {
    this.#table(target).newest.set(partitionKey(intent), intent);
  }

  /** Leaves written intents to the next flush: its INSERT of intents marks them as done at no cost. */
  leave(target: LoadTarget, written: readonly Recorded[]): void {
    const table = this.#table(target);
    for (const intent of written) {
      table.left.set(partitionKey(intent), intent);
      table.newest.set(partitionKey(intent), { ...intent, done: true });
    }
  }

  /** Marks written intents as done, including those that earlier flushes left. */
  async finish(
    lease: LeasedSession,
    { target, loadId }: Pick<Contents, 'target' | 'loadId'>,
    written: readonly Recorded[] = [],
  ): Promise<void> {
    const table = this.#table(target);
    await table.calls.run(async () => {
      await finish(lease, [...table.left.values(), ...written], { target, loadId });
      table.left.clear();
    });
    for (const intent of written) this.learn(target, { ...intent, done: true });
  }

  /** Whether any written intent is not yet marked as done. */
  hasLeft(target: LoadTarget): boolean {
    return this.#table(target).left.size > 0;
  }

  /** Whether the newest intent of the partition is known not to be done. */
  isOpen(target: LoadTarget, intent: Recorded): boolean {
    return this.#table(target).newest.get(partitionKey(intent))?.done === false;
  }

  /**
   * Writes ranges, or what is missing from them after a failed attempt.
   * @param contents all rows and dead letters of the ranges
   */
  async write(writing: Writing, contents: Contents, ranges: readonly OffsetRange[]): Promise<WrittenRanges> {
    const table = this.#table(contents.target);
    const attempt = this.#attempt(table, ranges);
    const now = writing.now();
    const confirmed =
      attempt.recorded === null ? await table.calls.run(() => this.#record(writing, contents, table, attempt)) : now;
    const recorded = attempt.recorded ?? new Map<string, Recorded>();
    const members = ranges.filter((range) => recorded.has(partitionKey(range)));
    const fenced = new Set(ranges.filter((range) => !recorded.has(partitionKey(range))));
    if (attempt.outcome === null && members.length > 0) {
      const intents = members.flatMap((range) => recorded.get(partitionKey(range)) ?? []);
      // The process may have been suspended, and a rewind waits only as long as a fresh check is valid.
      const again = attempt.sent || writing.now() - confirmed > writing.lease.freshMs;
      attempt.sent = true;
      const part = fenced.size === 0 ? contents : partOf(contents, members);
      const written = again ? null : await writeContents(writing, { intents, looked: confirmed }, part);
      const settled = written === null ? await settleContents(writing, intents, part) : null;
      attempt.outcome = written ?? settled?.outcome ?? NOTHING;
      const gone = new Set((settled?.gone ?? []).map(partitionKey));
      attempt.recorded = new Map([...recorded].filter(([key]) => !gone.has(key)));
      for (const range of members) if (gone.has(partitionKey(range))) fenced.add(range);
    }
    if (fenced.size > 0 && attempt.recorded?.size === 0) table.attempt = null;
    const outcome = attempt.outcome ?? NOTHING;
    return {
      ranges: members.filter((range) => !fenced.has(range)).flatMap((range) => writtenRange(range, attempt, contents)),
      fenced: [...fenced],
      outcome,
    };
  }

  /** Records the intents of an attempt. @returns when they were last seen to be the newest ones */
  async #record(
    { lease, now }: Writing,
    { target, loadId }: Contents,
    table: TableState,
    attempt: Attempt,
  ): Promise<number> {
    const ranges = [...attempt.ranges.values()];
    let looked = now();
    // Only the server knows what an attempt has sent, and what others have done since.
    const unsure = ranges.filter((range) => table.newest.get(partitionKey(range))?.done !== true);
    const moved = new Set<string>();
    for (const [key, intent] of await readPlaces(lease, target, unsure)) {
      const known = table.newest.get(key);
      // Others may have set the position to the same offset, even of another topic.
      if (known !== undefined && known.id !== intent.id && intent.id !== attempt.id) moved.add(key);
      this.learn(target, intent);
    }
    const found = new Map<string, Recorded>();
    const wanted: Recorded[] = [];
    for (const range of ranges) {
      const newest = table.newest.get(partitionKey(range));
      if (newest === undefined || moved.has(partitionKey(range))) continue;
      const isDone = newest.done || table.left.get(partitionKey(range))?.id === newest.id;
      if (newest.id === attempt.id) found.set(partitionKey(range), newest);
      else if (isDone && newest.to === range.from) wanted.push(intentOf(attempt.id, range, newest));
    }
    if (found.size === 0 && wanted.length > 0) {
      await clockPassed(lease, wanted);
      // From here on only the server knows whether they are recorded.
      for (const intent of wanted) {
        const newest = table.newest.get(partitionKey(intent));
        if (newest !== undefined) this.learn(target, { ...newest, done: false });
      }
      looked = now();
      const last = table.chain;
      // If other loaders also record, this loader's last number is rarely the highest.
      const passed = Math.max(looked - table.recordedAt.steady, Date.now() - table.recordedAt.wall);
      const known = table.shared || passed > CHAIN_MS ? null : last;
      const done = [...table.left.values()];
      const together = await recordTogether(lease, wanted, { target, loadId, chain: known, done });
      table.recordedAt = { steady: now(), wall: Date.now() };
      table.shared = last !== null && together.chain !== last + 1n;
      table.chain = together.chain;
      for (const intent of together.recorded) {
        found.set(partitionKey(intent), intent);
        this.learn(target, { ...intent, done: false });
      }
    }
    // The INSERT that recorded one of them has also marked the remaining ones as done.
    if (found.size > 0) table.left.clear();
    attempt.recorded = found;
    return looked;
  }

  /** The attempt to write ranges: the current one if this call repeats it or a written part of it. */
  #attempt(table: TableState, ranges: readonly OffsetRange[]): Attempt {
    const known = table.attempt;
    const repeats =
      known !== null &&
      (known.outcome !== null || known.ranges.size === ranges.length) &&
      ranges.every((range) => {
        const key = partitionKey(range);
        const before = known.ranges.get(key);
        const intent = known.recorded?.get(key);
        return (
          before?.from === range.from &&
          before.to === range.to &&
          (known.recorded === null || (intent !== undefined && table.newest.get(key)?.id === intent.id))
        );
      });
    if (repeats) return known;
    table.attempt = {
      id: randomUUID(),
      ranges: new Map(ranges.map((range) => [partitionKey(range), range])),
      recorded: null,
      sent: false,
      outcome: null,
    };
    return table.attempt;
  }

  #table(target: LoadTarget): TableState {
    const relation = relationOf(target);
    const table = this.#tables.get(relation) ?? {
      newest: new Map<string, Known>(),
      chain: null,
      recordedAt: { steady: 0, wall: 0 },
      shared: false,
      attempt: null,
      left: new Map<string, Recorded>(),
      calls: new InOrder(),
    };
    this.#tables.set(relation, table);
    return table;
  }
}

function intentOf(id: string, range: OffsetRange, before: Known): Recorded {
  const { topic, partition, from, to, end, rows, dead, lastTimestamp, floor } = range;
  const { topicId, topicSince, seq } = before;
  return {
    ...newIntent('flush', partition),
    ...{ id, topic, from, to, end, rows, dead, topicId, topicSince },
    seq: seq + 1n,
    newest: lastTimestamp,
    epoch: range.epoch ?? before.epoch,
    ...(floor === undefined ? {} : { floor }),
  };
}

function writtenRange(range: OffsetRange, { recorded, outcome }: Attempt, contents: Contents): WrittenRange[] {
  const intent = recorded?.get(partitionKey(range));
  if (intent === undefined || outcome === null) return [];
  return [{ recorded: intent, ...countsOf(range, contents, outcome) }];
}

/** How many rows and dead letters the messages of a range became. */
export function countsOf(
  range: OffsetRange,
  contents: Pick<Contents, 'dead'>,
  outcome: Outcome,
): { readonly rows: number; readonly dead: number } {
  const key = partitionKey(range);
  const count = (letters: Outcome['dead']): number => letters.filter((each) => partitionKey(each) === key).length;
  const dead = count(outcome.dead);
  return { rows: range.rows - (dead - count(contents.dead)), dead };
}
