// Writes the ranges of a flush together: records an intent of each in one INSERT, reads them back, writes all rows in
// one INSERT. Keeps what is known of the newest intents, how far an attempt has come that failed, and which intents are
// written and not called done: the INSERT of the next flush's intents does that. sink.ts says when there is none.
import { randomUUID } from 'node:crypto';
import { InOrder } from '../../in-order.ts';
import { partitionKey } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import type { OffsetRange } from '../sink.ts';
import { finish, readPlaces, type Recorded, recordTogether } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { newIntent, relationOf } from './load-flushes.ts';
import { type Contents, type Outcome, partOf, settleContents, writeContents, type Writing } from './settle.ts';
import { clockPassed } from './topic-clock.ts';

/** A range that is written, and not yet called done. */
export interface WrittenRange {
  readonly recorded: Recorded;
  /** What became of its messages. */
  readonly rows: number;
  readonly dead: number;
}

/** What a flush has written. */
export interface WrittenRanges {
  readonly ranges: readonly WrittenRange[];
  /** Those that another loader has taken over. */
  readonly fenced: readonly OffsetRange[];
  readonly outcome: Outcome;
}

type Known = Recorded & { readonly done: boolean };

/** One flush, and how far it has come. A second call of the same flush goes on where the first failed. */
interface Attempt {
  readonly id: string;
  readonly ranges: ReadonlyMap<string, OffsetRange>;
  /** By `topic/partition`; null: nothing that is known of. */
  recorded: ReadonlyMap<string, Recorded> | null;
  /** Was anything of it sent? Then it must be read back. */
  sent: boolean;
  outcome: Outcome | null;
}

/** What is known of a table. */
interface TableState {
  /** The newest intents as far as is known, by `topic/partition`. */
  readonly newest: Map<string, Known>;
  /** The number of the last INSERT of intents of this loader, and whether others have recorded since the one before. */
  chain: bigint | null;
  /**
   * When this loader has recorded last, by the clock that is never set, and by the one that goes on while the machine
   * sleeps.
   */
  recordedAt: { readonly steady: number; readonly wall: number };
  shared: boolean;
  attempt: Attempt | null;
  /** Intents that are written and not called done yet, by `topic/partition`. */
  readonly left: Map<string, Recorded>;
  /** Work that calls intents done: each is called so once. */
  readonly calls: InOrder;
}

/**
 * For how long the last number of this loader counts: the server forgets tokens once many others were recorded, also
 * those of other tables, and would take a number twice.
 */
const CHAIN_MS = 3000;

const NOTHING: Outcome = { rows: 0, dead: [] };

export class FlushRanges {
  readonly #tables = new Map<string, TableState>();
  /** Notes the newest intent of a partition. */
  learn(target: LoadTarget, intent: Known): void {
    this.#table(target).newest.set(partitionKey(intent), intent);
  }

  /** Leaves it to the next flush to call intents done that are written: its INSERT of intents does, at no cost. */
  leave(target: LoadTarget, written: readonly Recorded[]): void {
    const table = this.#table(target);
    for (const intent of written) {
      table.left.set(partitionKey(intent), intent);
      table.newest.set(partitionKey(intent), { ...intent, done: true });
    }
  }

  /** Calls intents done that are written, and those that earlier flushes have left. */
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

  /** Is there anything that nobody has called done? */
  hasLeft(target: LoadTarget): boolean {
    return this.#table(target).left.size > 0;
  }

  /** Is the newest intent of the partition known not to be done? */
  isOpen(target: LoadTarget, intent: Recorded): boolean {
    return this.#table(target).newest.get(partitionKey(intent))?.done === false;
  }

  /**
   * Writes ranges, or what is missing of them after an attempt that has failed.
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
      // The process may have been stopped, and a rewind waits for no more than the lease of a look that is fresh.
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
    // What an attempt has sent, and what others have done since, only the server knows.
    const unsure = ranges.filter((range) => table.newest.get(partitionKey(range))?.done !== true);
    const moved = new Set<string>();
    for (const [key, intent] of await readPlaces(lease, target, unsure)) {
      const known = table.newest.get(key);
      // Others may have set the position to where it was, of another topic, too.
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
      // From here on nobody but the server knows whether they are recorded.
      for (const intent of wanted) {
        const newest = table.newest.get(partitionKey(intent));
        if (newest !== undefined) this.learn(target, { ...newest, done: false });
      }
      looked = now();
      const last = table.chain;
      // Where others record, too, the last number of this loader is seldom the highest.
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
    // The INSERT that has recorded one of them has called done what was left.
    if (found.size > 0) table.left.clear();
    attempt.recorded = found;
    return looked;
  }

  /** The attempt to write ranges: the present one, when this call repeats it, or a part of it that is written. */
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

/** How many rows and dead letters the messages of a range have become. */
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
