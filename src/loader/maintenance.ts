// Creates the upcoming partitions of a loaded table and drops those past their retention, once per hour.
import type { LoadEvent } from './events.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Sink } from './sink.ts';

const EVERY_MS = 3_600_000;

export class Maintenance {
  #last = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds since 1970 */
  async run(
    {
      target,
      sink,
      notify,
      now,
    }: {
      readonly target: LoadTarget;
      readonly sink: Sink;
      readonly notify: (event: LoadEvent) => void;
      readonly now: () => number;
    },
    patiently: <T>(statement: () => Promise<T>) => Promise<T>,
  ): Promise<void> {
    if (now() - this.#last <= EVERY_MS) return;
    this.#last = now();
    const names = await patiently(() => sink.maintain(target));
    if (names.length > 0) notify({ kind: 'dropped', target, names });
  }
}
