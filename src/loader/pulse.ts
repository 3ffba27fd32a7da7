// Reads the bookkeeping a few times a second for all loaders of a process. It renews their members, evicts dead ones
// long before the broker would, and finds positions that were moved and tables that were paused. Without it all of
// that happens later, and a pause at the next start.
import { TsdbtError } from '../errors.ts';
import type { LoadTarget } from './load-target.ts';
import { partitionKey } from './broker.ts';
import type { GroupMember, Looked, Pace, Place, Sink } from './sink.ts';

/** A loader, for the pulse. */
export interface Watched {
  /** The target, or with several topics a view of it for each. */
  targets(): readonly LoadTarget[];
  /** The group and this loader's member id, null before it has one; null: there are no groups. */
  member(): { readonly group: string; readonly member: string | null } | null;
  /** Evicts dead members from the group. @throws `connection` error: it may be tried again */
  evict(members: readonly string[]): Promise<void>;
  /** Is a flush in flight? Positions are asked for less often then: most of them are about to be moved. */
  busy(): boolean;
  /** @returns a mark by which the loader sees whether its positions have changed since */
  mark(): unknown;
  /** Hands over the table's positions, by `topic/partition`. @param mark taken before they were read */
  positions(places: ReadonlyMap<string, Place>, mark: unknown): void;
  /** The table is paused. */
  paused(): void;
}

/** A member not seen for so long is dead, when two looks in a row say so. */
const PACE: Pace = { everyMs: 300, silentMs: 900 };
/** How soon after a first look that found somebody silent the second one comes. */
const AGAIN_MS = 300;
/** When the database answers later than this, silence proves nothing. */
const SLOW_MS = 400;
/** Positions of a loader that is busy are asked for in one of so many looks: with a backlog it is busy all the time. */
const BUSY_LOOKS = 10;

export class Pulse {
  readonly #sink: Sink;
  readonly #pace: Pace;
  readonly #now: () => number;
  readonly #watched = new Set<Watched>();
  readonly #silent = new Map<string, string>();
  readonly #evicting = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;

  constructor(sink: Sink, now: () => number) {
    this.#sink = sink;
    this.#pace = sink.pace ?? PACE;
    this.#now = now;
  }

  /** @returns stops it */
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
    const { everyMs } = this.#pace;
    const wait = this.#silent.size > 0 ? Math.min(AGAIN_MS, everyMs) : everyMs;
    this.#timer = setTimeout(() => {
      void this.#look()
        .catch(() => undefined)
        .finally(() => {
          this.#timer = null;
          if (this.#watched.size > 0) this.#start();
        });
    }, wait);
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
    const targets = new Map(all.map((each) => [each, each.targets()]));
    const alsoBusy = ++this.#looks % BUSY_LOOKS === 0;
    const asked = new Set(all.filter((each) => alsoBusy || !each.busy()));
    const began = this.#now();
    const { others, positions, paused } = await this.#sink.look(
      own,
      groups,
      [...targets.values()].flat(),
      [...asked].flatMap((each) => targets.get(each) ?? []),
    );
    for (const [each, views] of targets) {
      if (!this.#watched.has(each)) continue;
      if (asked.has(each)) each.positions(byPartition(views, positions), marks.get(each));
      if (views.some((view) => paused.has(view))) each.paused();
    }
    // What was silent before stays so: a slow look proves neither this nor that.
    if (this.#now() - began > SLOW_MS) return;
    const gone: GroupMember[] = [];
    const silent = new Map<string, string>();
    for (const { group, member, seen, silentMs } of others) {
      if (silentMs < this.#pace.silentMs) continue;
      const key = `${group} ${member}`;
      silent.set(key, seen);
      if (this.#silent.get(key) === seen && !this.#evicting.has(key)) gone.push({ group, member });
    }
    this.#silent.clear();
    for (const [key, seen] of silent) this.#silent.set(key, seen);
    for (const group of new Set(gone.map((each) => each.group))) {
      const left = gone.filter((each) => each.group === group);
      const by = all[members.findIndex((member) => member?.group === group)];
      if (by !== undefined) void this.#evict(by, left);
    }
  }

  /** The next looks do not wait for it: the broker may be away. */
  async #evict(by: Watched, gone: readonly GroupMember[]): Promise<void> {
    const keys = gone.map(({ group, member }) => `${group} ${member}`);
    for (const key of keys) this.#evicting.add(key);
    try {
      await by.evict(gone.map(({ member }) => member)).catch((error: unknown) => {
        // The broker finds out by itself what it refuses; the next looks find what it could not do.
        if (!(error instanceof TsdbtError) || error.kind === 'connection') throw error;
      });
      await this.#sink.forget(gone);
    } catch {
      // The next looks find them once more.
    } finally {
      for (const key of keys) this.#evicting.delete(key);
    }
  }
}

function byPartition(views: readonly LoadTarget[], positions: Looked['positions']): ReadonlyMap<string, Place> {
  return new Map(
    views.flatMap((view) =>
      [...(positions.get(view) ?? [])].map(
        ([partition, place]) => [partitionKey({ topic: view.topic, partition }), place] as const,
      ),
    ),
  );
}
