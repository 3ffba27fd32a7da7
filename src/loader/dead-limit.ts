// Counts dead letters among the last messages and reports when there are too many. One wrong column type would
// otherwise send a whole topic to the dead letters. loader.ts stops the table.
import { TsdbtError } from '../errors.ts';
import { partitionKey, type TopicPartition } from './brokers/broker.ts';
import { DEAD_WINDOW } from '../settings/load-settings.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { DeadLetter, RecentLetter } from './sink.ts';

/** Stops a table if too many of its messages cannot become rows. A retry does not help. */
export class TooManyDead extends TsdbtError {}

export class DeadLimit {
  readonly #target: LoadTarget;
  /** Number of messages so far; for each dead letter its number, reason, `topic/partition` and offset, oldest first. */
  #messages = 0;
  #dead: { readonly at: number; readonly reason: string; readonly place: string; readonly offset: bigint }[] = [];

  constructor(target: LoadTarget) {
    this.#target = target;
  }

  /** Number of dead letters that are still allowed. */
  get left(): number {
    return this.#target.maxDead === null
      ? Number.MAX_SAFE_INTEGER
      : Math.max(0, this.#target.maxDead - this.#recent().length);
  }

  /** Counts messages that were read. */
  read(messages: number): void {
    this.#messages += messages;
  }

  /** Adds dead letters of an earlier load, each with the number of messages since. */
  before(letters: readonly RecentLetter[]): void {
    this.#dead.unshift(
      ...letters
        .toSorted((a, b) => b.back - a.back)
        .map(({ back, error, offset, ...at }) => ({
          ...{ at: this.#messages - back, reason: withoutValues(error) },
          ...{ place: partitionKey(at), offset },
        })),
    );
  }

  /** Adds dead letters of the last messages, or of the last flush. */
  add(letters: readonly DeadLetter[]): void {
    for (const { error, message, ...at } of letters)
      this.#dead.push({
        ...{ at: this.#messages, reason: withoutValues(error) },
        ...{ place: partitionKey(at), offset: message.offset },
      });
  }

  /** Removes dead letters that were not written: the new owner of their partitions reads them again. */
  forget(letters: readonly DeadLetter[]): void {
    if (letters.length === 0) return;
    const gone = new Set(letters.map((letter) => `${partitionKey(letter)} ${letter.message.offset}`));
    this.#dead = this.#dead.filter(({ place, offset }) => !gone.has(`${place} ${offset}`));
  }

  /** A partition is read again from an offset. */
  readAgain(at: TopicPartition, next: bigint): void {
    const again = partitionKey(at);
    this.#dead = this.#dead.filter(({ place, offset }) => place !== again || offset < next);
  }

  get reached(): boolean {
    return this.#target.maxDead !== null && this.#recent().length > this.#target.maxDead;
  }

  /** @param at the table's position: nothing after it was written */
  error(at: string): TooManyDead {
    const target = this.#target;
    const recent = this.#recent();
    const counts = new Map<string, number>();
    for (const { reason } of recent) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const [[reason, count] = ['', 0]] = [...counts].sort((a, b) => b[1] - a[1]);
    return new TooManyDead(
      'runtime',
      `Loading ${target.name} stopped: ${recent.length} of the last ${DEAD_WINDOW} messages cannot become rows,` +
        ` more than max_dead (${target.maxDead}). The commonest reason, ${count} times: ${reason}. Nothing is ` +
        `lost: the table is at ${at}, before what was not written.`,
      {
        path: target.path,
        hint:
          'Mend the column or the producer and load again (`tsdbt load replay-dlq` for those that are in ' +
          'tsdbt.dead_letters already), raise `max_dead` in the load config, or pass over them with `tsdbt load ' +
          'rewind --to`.',
      },
    );
  }

  #recent(): readonly { readonly reason: string }[] {
    const oldest = this.#messages - DEAD_WINDOW;
    const passed = this.#dead.findIndex(({ at }) => at > oldest);
    if (passed !== 0) this.#dead = passed < 0 ? [] : this.#dead.slice(passed);
    return this.#dead;
  }
}

/** The first line of a database's message, without the quoted value. */
export function withoutValues(error: string): string {
  const [line = ''] = error.split('\n');
  return line
    .replace(/: ".*$/, '')
    .replace(/^value ".*" is/, 'a value is')
    .replace(/=\(.*\)/, '');
}
