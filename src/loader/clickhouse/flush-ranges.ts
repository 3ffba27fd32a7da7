// Writes the ranges of a flush: records their intents, one by one, reads all of them back at once, writes each. Keeps
// what is known of the newest intents, and how far an attempt has come that failed. sink.ts says when all is done.
import { partitionKey } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import { Fenced, type OffsetRange } from '../sink.ts';
import { newestRecorded, readIntent, record, type Recorded } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { type Intent, insertIntent, newIntent, relationOf } from './load-flushes.ts';
import { type Contents, type Outcome, settleContents, writeContents, type Writing } from './settle.ts';

/** One range, and what belongs to it. */
export interface RangeContents {
  readonly range: OffsetRange;
  /** Its target is the view of the range's topic. */
  readonly contents: Contents;
}

/** A range that is written, and not yet called done. */
export interface WrittenRange {
  readonly target: LoadTarget;
  readonly recorded: Recorded;
  readonly outcome: Outcome;
}

type Known = Recorded & { readonly done: boolean };

/** One range of a flush, and how far it has come. A second call of the same flush goes on where the first failed. */
interface Attempt {
  readonly intent: Intent;
  recorded: Recorded | null;
  /** Was anything of it sent? Then it must be read back. */
  sent: boolean;
  outcome: Outcome | null;
}

export class FlushRanges {
  /** The newest intents as far as is known, and the attempts on them, by table, topic and partition. */
  readonly #newest = new Map<string, Known>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that is never set */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Notes the newest intent of a partition. @param target of its topic */
  learn(target: LoadTarget, intent: Known): void {
    this.#newest.set(placeOf(target, intent.partition), intent);
  }

  /** Is the newest intent of the partition known not to be done? */
  isOpen(target: LoadTarget, partition: number): boolean {
    return this.#newest.get(placeOf(target, partition))?.done === false;
  }

  /**
   * Writes ranges, or what is missing of them after an attempt that has failed.
   * @param fenced is given the ranges that another loader has taken over
   */
  async write(writing: Writing, parts: readonly RangeContents[], fenced: OffsetRange[]): Promise<WrittenRange[]> {
    const written: WrittenRange[] = [];
    const confirmed = await this.#record(writing.lease, parts, fenced);
    for (const { range, contents } of parts) {
      if (fenced.includes(range)) continue;
      try {
        const { target } = contents;
        written.push({ target, ...(await this.#write(writing, { range, contents }, confirmed.get(range))) });
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
        this.#attempts.delete(placeOf(contents.target, range.partition));
        fenced.push(range);
      }
    }
    return written;
  }

  /**
   * Records the intents of ranges that have none: all of them first, then one look at which are this loader's.
   * @returns when each was last seen to be the newest one
   */
  async #record(
    lease: LeasedSession,
    parts: readonly RangeContents[],
    fenced: OffsetRange[],
  ): Promise<ReadonlyMap<OffsetRange, number>> {
    const confirmed = new Map<OffsetRange, number>();
    const sent: { readonly part: RangeContents; readonly attempt: Attempt; readonly before: Known; intent: Intent }[] =
      [];
    for (const part of parts) {
      const { range, contents } = part;
      const { target, loadId } = contents;
      const place = placeOf(target, range.partition);
      const attempt = this.#attemptOn(place, range);
      confirmed.set(range, this.#now());
      let newest = this.#newest.get(place) ?? null;
      if (attempt.recorded !== null && newest?.id === attempt.recorded.id && attempt.outcome !== null) continue;
      // What an attempt has sent, and what others have done since, only the server knows.
      if (newest === null || !newest.done) newest = await readIntent(lease, target, range.partition);
      if (newest !== null) this.#newest.set(place, newest);
      if (newest !== null && newest.id === attempt.intent.id) {
        attempt.recorded = newest;
        continue;
      }
      if (newest === null || !newest.done || newest.to !== range.from) {
        this.#attempts.delete(place);
        fenced.push(range);
        continue;
      }
      const { topicId, topicSince } = newest;
      const intent = { ...attempt.intent, topicId, topicSince, epoch: attempt.intent.epoch ?? newest.epoch };
      // From here on nobody but the server knows whether it is recorded.
      this.#newest.set(place, { ...newest, done: false });
      await lease.run(insertIntent(target, target.topic, loadId, newest.seq + 1n, intent));
      sent.push({ part, attempt, before: newest, intent });
    }
    const [first] = sent;
    if (first === undefined) return confirmed;
    const looked = this.#now();
    const places = sent.map(({ part: { range } }) => range);
    const found = await newestRecorded(lease, first.part.contents.target, places);
    for (const { part, attempt, before, intent } of sent) {
      const { range, contents } = part;
      const { target, loadId } = contents;
      const place = placeOf(target, range.partition);
      const newest = found.get(partitionKey(range));
      try {
        attempt.recorded =
          newest?.id === intent.id
            ? { ...intent, seq: newest.seq }
            : await record(lease, intent, { target, loadId, before });
        this.#newest.set(place, { ...attempt.recorded, done: false });
        confirmed.set(range, looked);
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
        this.#attempts.delete(place);
        fenced.push(range);
      }
    }
    return confirmed;
  }

  /** @param confirmed when the range's intent was last seen to be the newest */
  async #write(
    writing: Writing,
    { range, contents }: RangeContents,
    confirmed = Number.NEGATIVE_INFINITY,
  ): Promise<{ recorded: Recorded; outcome: Outcome }> {
    const { target } = contents;
    const attempt = this.#attemptOn(placeOf(target, range.partition), range);
    const { recorded } = attempt;
    if (recorded === null) throw new Fenced([range]);
    if (attempt.outcome !== null) return { recorded, outcome: attempt.outcome };
    // The other ranges took their time, and a rewind waits for no more than the lease of a look that is fresh.
    if (!attempt.sent && this.#now() - confirmed > writing.lease.freshMs) {
      const newest = await readIntent(writing.lease, target, range.partition);
      if (newest?.id !== recorded.id) throw new Fenced([range]);
    }
    const again = attempt.sent;
    attempt.sent = true;
    attempt.outcome = await (again ? settleContents : writeContents)(writing, recorded, contents);
    return { recorded, outcome: attempt.outcome };
  }

  /** The attempt to write a range: the present one, when this call repeats it. */
  #attemptOn(place: string, range: OffsetRange): Attempt {
    const known = this.#attempts.get(place);
    const newest = this.#newest.get(place);
    if (
      known !== undefined &&
      known.intent.from === range.from &&
      known.intent.to === range.to &&
      (known.recorded === null || newest?.id === known.recorded.id)
    )
      return known;
    const { partition, from, to, end, rows, dead, epoch, lastTimestamp, floor } = range;
    const intent: Intent = {
      ...newIntent('flush', partition),
      ...{ from, to, end, rows, dead, epoch, newest: lastTimestamp },
      ...(floor === undefined ? {} : { floor }),
    };
    const attempt: Attempt = { intent, recorded: null, sent: false, outcome: null };
    this.#attempts.set(place, attempt);
    return attempt;
  }
}

function placeOf(target: LoadTarget, partition: number): string {
  return JSON.stringify([relationOf(target), target.topic, partition]);
}
