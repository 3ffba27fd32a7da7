// A look at the bookkeeping a few times a second, for all loaders of a process: it says that they live, sends away
// members of their groups that do not, long before the broker would, and sees positions that were moved by hand.
// Without it everything works, later.
import type { LoadTarget } from './load-target.ts';
import type { GroupMember, Place, Sink } from './sink.ts';

/** A loader as the pulse sees it. */
export interface Watched {
  readonly target: LoadTarget;
  /** The group and this loader's name in it, once it has one; null: there are no groups. */
  member(): { readonly group: string; readonly member: string | null } | null;
  /** Sends dead members of the group away. */
  evict(members: readonly string[]): Promise<void>;
  /** @returns what tells the loader whether it has moved on itself since */
  mark(): unknown;
  /** Where the table is. @param mark from before it was asked */
  positions(places: ReadonlyMap<number, Place>, mark: unknown): void;
}

const EVERY_MS = 300;
/** A member of which nothing was seen for so long is gone, when two looks in a row say so. */
const SILENT_MS = 900;
/** A database that answers later than this tells nothing of who is silent. */
const SLOW_MS = 400;

export class Pulse {
  readonly #sink: Sink;
  readonly #now: () => number;
  readonly #watched = new Set<Watched>();
  readonly #silent = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(sink: Sink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  /** @returns ends it */
  enter(watched: Watched): () => Promise<void> {
    this.#watched.add(watched);
    this.#start();
    return async () => {
      const member = watched.member();
      this.#watched.delete(watched);
      if (this.#watched.size === 0 && this.#timer !== null) {
        clearTimeout(this.#timer);
        this.#timer = null;
      }
      if (member?.member != null)
        await this.#sink.forget([{ group: member.group, member: member.member }]).catch(() => undefined);
    };
  }

  #start(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      void this.#look()
        .catch(() => undefined)
        .finally(() => {
          this.#timer = null;
          if (this.#watched.size > 0) this.#start();
        });
    }, EVERY_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const all = [...this.#watched];
    const members = all.map((each) => each.member());
    const own = members.flatMap((member) =>
      member === null || member.member === null ? [] : [{ group: member.group, member: member.member }],
    );
    const groups = [...new Set(members.flatMap((member) => (member === null ? [] : [member.group])))];
    const marks = new Map(all.map((each) => [each, each.mark()]));
    const began = this.#now();
    const { others, positions } = await this.#sink.look(
      own,
      groups,
      all.map(({ target }) => target),
    );
    for (const each of all)
      if (this.#watched.has(each)) each.positions(positions.get(each.target) ?? new Map(), marks.get(each));
    const slow = this.#now() - began > SLOW_MS;
    const gone: GroupMember[] = [];
    const silent = new Map<string, string>();
    for (const { group, member, seen, silentMs } of slow ? [] : others) {
      if (silentMs < SILENT_MS) continue;
      const key = `${group} ${member}`;
      silent.set(key, seen);
      if (this.#silent.get(key) === seen) gone.push({ group, member });
    }
    this.#silent.clear();
    for (const [key, seen] of silent) this.#silent.set(key, seen);
    for (const group of new Set(gone.map((each) => each.group))) {
      const left = gone.filter((each) => each.group === group);
      await all[members.findIndex((member) => member?.group === group)]?.evict(left.map(({ member }) => member));
      await this.#sink.forget(left);
    }
  }
}
