// Reads the bookkeeping a few times per second for all loaders of a process. It renews their members, evicts dead ones
// long before the broker would, and detects moved positions and paused tables. Without it all of that is detected
// later, and a pause at the next start.
import { TsdbtError } from '../errors.ts';
import type { LoadTarget } from './settings/load-target.ts';
import { partitionKey } from './brokers/broker.ts';
import type { GroupMember, Looked, Pace, Place, Sink } from './sink.ts';

/** A loader, for the pulse. */
export interface Watched {
  /** The target, or with several topics a view of it for each. */
  targets(): readonly LoadTarget[];
  /** The group and this loader's member id, null before it has one; null: there are no groups. */
  member(): { readonly group: string; readonly member: string | null } | null;
  /** Evicts dead members from the group. @throws `connection` error: it can be retried */
  evict(members: readonly string[]): Promise<void>;
  /** Whether a flush is in flight. Positions are then read less often, because most will be moved soon. */
  busy(): boolean;
  /** @returns a mark by which the loader detects whether its positions have changed since */
  mark(): unknown;
  /** Receives the table's positions, by `topic/partition`. @param mark taken before they were read */
  positions(places: ReadonlyMap<string, Place>, mark: unknown): void;
  /** The table is paused. */
  paused(): void;
}

/** A member that was not seen for this long, in two consecutive reads, is dead. */
const PACE: Pace = { everyMs: 300, silentMs: 900 };
/** Delay of the second read after one that found a silent member. */
const AGAIN_MS = 300;
/** If the database takes longer to answer, silence proves nothing. */
const SLOW_MS = 400;
/** Positions of a busy loader are read only in one of this many reads: with a backlog it is always busy. */
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

  /** @returns a function that stops it */
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
    // A slow read proves nothing: silent members stay suspects.
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

  /** The next reads do not wait for it: the broker may be unavailable. */
  async #evict(by: Watched, gone: readonly GroupMember[]): Promise<void> {
    const keys = gone.map(({ group, member }) => `${group} ${member}`);
    for (const key of keys) this.#evicting.add(key);
    try {
      await by.evict(gone.map(({ member }) => member)).catch((error: unknown) => {
        // The broker detects by itself what it rejects; the next reads find what failed.
        if (!(error instanceof TsdbtError) || error.kind === 'connection') throw error;
      });
      await this.#sink.forget(gone);
    } catch {
      // The next reads find them again.
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
