// The position in each partition: the next offset to read, what is fetched ahead, and which partitions back off after
// an error. fetch-loop.ts sends the requests.
import { type PartitionFailure, partitionKey, type ReadPosition, type TopicPartition } from '../broker.ts';

/** How far a partition has been read. */
export interface Position {
  readonly at: TopicPartition;
  /** The topic's id when reading began; null: unknown. */
  readonly topicId: string | null;
  next: bigint;
  epoch: number | null;
  /** The offset to fetch from, after what is fetched and not yet read. */
  ahead: bigint;
  /** The leader epoch in which the log was verified. */
  verified: number | null;
  /** The offset of a damaged batch, which is fetched again. */
  damaged: bigint | null;
  /** Consecutive transient errors, the message of the last one, and the end of the back-off. */
  troubles: number;
  trouble: string;
  restsUntil: number;
}

/** Back-off after a transient error, longer each time. After this many in a row it is reported. */
const [TROUBLE_MS, LONGEST_TROUBLE_MS, TROUBLES_TOLD] = [100, 5000, 4];

/** The positions of a client. Moving a partition creates a new position, so that holders of the old one notice. */
export class Positions {
  readonly #byKey = new Map<string, Position>();
  readonly #paused = new Set<string>();
  readonly #topicIds: ReadonlyMap<string, string>;

  /** @param topicIds the current ids of topics; updated by the caller */
  constructor(topicIds: ReadonlyMap<string, string>) {
    this.#topicIds = topicIds;
  }

  all(): readonly Position[] {
    return [...this.#byKey.values()];
  }

  has(at: TopicPartition): boolean {
    return this.#byKey.has(partitionKey(at));
  }

  get(at: TopicPartition): Position | undefined {
    return this.#byKey.get(partitionKey(at));
  }

  /** The position of that name, `topic/partition`. */
  named(key: string): Position | undefined {
    return this.#byKey.get(key);
  }

  /** Whether it is still the position of its partition, and the partition is being read. */
  isRead(position: Position): boolean {
    const key = partitionKey(position.at);
    return this.#byKey.get(key) === position && !this.#paused.has(key);
  }

  /** Whether it is still the position of its partition. */
  isCurrent(position: Position): boolean {
    return this.get(position.at) === position;
  }

  /** Positions that are being read and do not back off. @param now milliseconds since 1970 */
  wanted(now: number): readonly Position[] {
    return this.all().filter(({ at, restsUntil }) => restsUntil <= now && !this.#paused.has(partitionKey(at)));
  }

  start(at: TopicPartition, next: bigint, epoch: number | null): void {
    this.#byKey.set(partitionKey(at), {
      ...{ at, topicId: this.#topicIds.get(at.topic) ?? null, next, epoch, ahead: next, verified: null, damaged: null },
      ...{ troubles: 0, trouble: '', restsUntil: 0 },
    });
  }

  forget(at: TopicPartition): void {
    this.#byKey.delete(partitionKey(at));
    this.#paused.delete(partitionKey(at));
  }

  clear(): void {
    this.#byKey.clear();
  }

  pause(at: TopicPartition): void {
    this.#paused.add(partitionKey(at));
  }

  /** Continues from another offset; resumes a paused partition. */
  seek(key: string, { next, epoch }: Pick<ReadPosition, 'next' | 'epoch'>): void {
    const position = this.#byKey.get(key);
    if (position !== undefined) this.start(position.at, next, epoch);
    this.#paused.delete(key);
  }

  /** Describes what partitions wait for; null: none waits. */
  waiting(): string | null {
    const told = this.all().filter(
      ({ at, troubles }) => troubles >= TROUBLES_TOLD && !this.#paused.has(partitionKey(at)),
    );
    return told.length === 0 ? null : told.map(({ at, trouble }) => `${partitionKey(at)}: ${trouble}`).join('; ');
  }
}

/** A transient error: the partition backs off. @param now milliseconds since 1970 */
export function rest(position: Position, trouble: string, now: number): void {
  position.troubles++;
  position.trouble = trouble;
  position.restsUntil = now + Math.min(LONGEST_TROUBLE_MS, TROUBLE_MS * 2 ** Math.min(position.troubles, 10));
}

/**
 * Whether the log diverges from what was read before the position. If the broker does not know the epoch, only the
 * offset counts.
 */
export function parting(
  { at, next, epoch }: Pick<Position, 'at' | 'next' | 'epoch'>,
  { epoch: known, end }: { readonly epoch: number; readonly end: bigint },
): PartitionFailure | null {
  if (known < 0 || end < 0n || end >= next) return null;
  const now =
    known === epoch
      ? `epoch ${epoch} ends there now`
      : `the log has epoch ${known} up to there, and nothing of epoch ${epoch}`;
  return {
    ...at,
    reason: 'truncated',
    from: end,
    message:
      `what was loaded from offset ${end} on, in leader epoch ${epoch}, is no longer in the topic (${now}; its ` +
      'leader was elected without it)',
  };
}
