// Counts dead letters among the last messages and says when there are too many. One bad column type would otherwise
// send a whole topic to the dead letters. loader.ts stops the table.
import { TsdbtError } from '../errors.ts';
import { DEAD_WINDOW, type LoadTarget } from './load-target.ts';

/** Stops a table of whose topic too much cannot become rows. A retry changes nothing. */
export class TooManyDead extends TsdbtError {}

export class DeadLimit {
  readonly #target: LoadTarget;
  /** Number of messages so far; number and reason of each dead letter, oldest first. */
  #messages = 0;
  #dead: { readonly at: number; readonly reason: string }[] = [];

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

  /** Adds dead letters of an earlier load, with how many messages ago each was. */
  before(letters: readonly { readonly back: number; readonly error: string }[]): void {
    this.#dead.unshift(
      ...letters
        .toSorted((a, b) => b.back - a.back)
        .map(({ back, error }) => ({ at: this.#messages - back, reason: withoutValues(error) })),
    );
  }

  /** Adds dead letters of the messages read last, or of the last flush. */
  add(errors: readonly string[]): void {
    for (const error of errors) this.#dead.push({ at: this.#messages, reason: withoutValues(error) });
  }

  /** The newest dead letters are going to be read again: they do not count. */
  forget(letters: number): void {
    if (letters > 0) this.#dead = this.#dead.slice(0, -letters);
  }

  get reached(): boolean {
    return this.#target.maxDead !== null && this.#recent().length > this.#target.maxDead;
  }

  /** @param at the table's position: nothing behind it was written */
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

/** The first line of a database's message, without the value that it quotes. */
export function withoutValues(error: string): string {
  const [line = ''] = error.split('\n');
  return line
    .replace(/: ".*$/, '')
    .replace(/^value ".*" is/, 'a value is')
    .replace(/=\(.*\)/, '');
}
