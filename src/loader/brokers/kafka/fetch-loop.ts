// Fetches partitions from their leaders, one round ahead of what is read, and decompresses in small steps.
// kafka-client.ts chooses the partitions, record-batches.ts reads batches.
import { setTimeout as pause } from 'node:timers/promises';
import { TsdbtError } from '../../../errors.ts';
import { type MessageBatch, type PartitionFailure, partitionKey, type Polled } from '../broker.ts';
import type { Cluster, Topics } from './cluster.ts';
import { type Crc32c, crc32cOf } from './crc32c.ts';
import { partings, verify, withEpoch } from './log-verification.ts';
import { answerError, errorName, remedyOf } from './protocol-errors.ts';
import { parting, type Position, type Positions, rest } from './fetch-positions.ts';
import type { Fetched, FetchedPartition, FetchOptions, WantedPartition } from './fetch-request.ts';
import { RecordBatches, UnreadableBatch } from './record-batches.ts';
import { type Unpack, unpacker } from './decompress.ts';

/**
 * Bytes per round of requests to all leaders together. As much again is fetched ahead while the last round is loaded.
 */
const MAX_BYTES = 4 * 1024 * 1024;
/** Minimum bytes per leader, whatever their number: a broker sends the first batch whole in any case. */
const LEAST_BYTES = 256 * 1024;
const PARTITION_BYTES = 2 * 1024 * 1024;
/** A poll ends after the batch with which this many decompressed bytes are reached. */
const UNPACKED_BYTES = 8 * 1024 * 1024;
const WAIT_MS = 200;
const NOT_AUTHORIZED = 29;

type AskedTopics = FetchOptions['topics'];

/** The request to one broker, and its answer. */
interface Answer {
  readonly asked: AskedTopics;
  readonly fetched: Fetched;
}

/** The answers of one round of requests. */
interface Round {
  readonly answers: readonly Answer[];
  readonly failures: readonly (readonly [Position, PartitionFailure])[];
}

/** A position with the leader of its partition. */
interface Led {
  readonly position: Position;
  readonly topicId: string;
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** The fetched batches of one partition that are being read. */
interface Opened {
  readonly position: Position;
  readonly batches: RecordBatches;
  readonly end: bigint;
  at: bigint;
}

export class FetchLoop {
  readonly #cluster: Cluster;
  readonly #positions: Positions;
  readonly #crc32c: Crc32c;
  readonly #unpack: Unpack;
  /** The fetch in flight while the last one is being read. */
  #ahead: Promise<Round> | null = null;
  #opened: Opened[] = [];

  constructor(cluster: Cluster, positions: Positions) {
    this.#cluster = cluster;
    this.#positions = positions;
    this.#crc32c = crc32cOf(cluster.library);
    this.#unpack = unpacker(cluster.library);
  }

  /** Returns the next messages; waits a little if there are none. @throws if no broker answers */
  async poll(): Promise<Polled> {
    const failures: PartitionFailure[] = [];
    if (this.#opened.length === 0) {
      const round = await (this.#ahead ?? this.#ask()).finally(() => {
        this.#ahead = null;
      });
      // A position that was moved in the meantime has not failed.
      for (const [position, failure] of round.failures) if (this.#positions.isCurrent(position)) failures.push(failure);
      for (const answer of round.answers) failures.push(...(await this.#open(answer)));
      // Fetches the next round while this one is being read.
      if (this.#opened.some(({ batches, at }) => batches.next > at)) {
        this.#ahead = this.#ask();
        this.#ahead.catch(() => undefined);
      }
    }
    const batches = this.#read(failures);
    return { batches, failures, waiting: this.#positions.waiting() };
  }

  /** Sends a fetch to each leader; waits a little if there is nothing to fetch. @throws if no broker answers */
  async #ask(): Promise<Round> {
    const topics = await this.#cluster.topics(this.#cluster.subscribed, this.#cluster.stale);
    this.#cluster.stale = false;
    const failures: (readonly [Position, PartitionFailure])[] = [];
    const led = this.#led(topics, failures);
    const unsure = await this.#unsure(led, topics, failures);
    const byLeader = questions(led.filter(({ position }) => !unsure.has(position)));
    if (byLeader.size === 0 && failures.length === 0) await pause(WAIT_MS);
    const maxBytes = Math.max(LEAST_BYTES, Math.floor(MAX_BYTES / Math.max(1, byLeader.size)));
    const answers = await Promise.allSettled(
      [...byLeader].map(async ([leader, asked]): Promise<Answer> => {
        try {
          const fetched = await this.#cluster.fetch(leader, { maxWaitMs: WAIT_MS, maxBytes, topics: asked });
          return { asked, fetched };
        } catch (error) {
          // If one broker is unavailable, the others are still read.
          if (!(error instanceof TsdbtError) || error.kind !== 'connection' || byLeader.size === 1) throw error;
          this.#allTroubled(asked, error.message);
          return { asked, fetched: { errorCode: 0, partitions: [] } };
        }
      }),
    );
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return { answers: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])), failures };
  }

  /** The leader of each partition to be read; partitions without a leader wait. */
  #led(topics: Topics, failures: (readonly [Position, PartitionFailure])[]): readonly Led[] {
    return this.#positions.wanted(Date.now()).flatMap((position): Led[] => {
      const { at } = position;
      const topic = topics.get(at.topic);
      const place = topic?.partitions[at.partition];
      if (topic === undefined || place === undefined || place.leader < 0) {
        const code = this.#cluster.errorOf(at.topic, at.partition);
        this.#troubled(position, code === 0 ? 'it has no leader' : `the broker answers ${errorName(code)}`);
        return [];
      }
      if ((position.topicId ?? topic.id) !== topic.id) {
        const message = `topic ${at.topic} was deleted and made again`;
        failures.push([position, { ...at, reason: 'made_anew', message }]);
        return [];
      }
      return [{ position, topicId: topic.id, leader: place.leader, leaderEpoch: place.leaderEpoch }];
    });
  }

  /**
   * Asks new leaders whether they have what was read in the previous epoch.
   * @returns the positions that must not be read now
   */
  async #unsure(
    led: readonly Led[],
    topics: Topics,
    failures: (readonly [Position, PartitionFailure])[],
  ): Promise<ReadonlySet<Position>> {
    const asked = led.filter(
      ({ position: { epoch, verified }, leaderEpoch }) => epoch !== null && verified !== leaderEpoch,
    );
    const refused = new Set<Position>();
    const outcomes = await partings(
      this.#cluster,
      asked.flatMap(({ position: { at, next, epoch } }) => withEpoch({ ...at, next, epoch })),
      topics,
    );
    for (const { position, leaderEpoch } of asked) {
      const outcome = outcomes.get(partitionKey(position.at));
      if (outcome === undefined) {
        position.verified = leaderEpoch;
        continue;
      }
      refused.add(position);
      if (outcome.reason === 'unanswered') this.#troubled(position, outcome.trouble);
      else failures.push([position, outcome]);
    }
    return refused;
  }

  /** A transient error: refreshes the metadata and pauses the partition for a while. */
  #troubled(position: Position, trouble: string): void {
    this.#cluster.stale = true;
    rest(position, trouble, Date.now());
  }

  #allTroubled(asked: AskedTopics, trouble: string): void {
    for (const { name, partitions } of asked) {
      for (const { partition } of partitions) {
        const position = this.#positions.get({ topic: name, partition });
        if (position !== undefined) this.#troubled(position, trouble);
      }
    }
  }

  /** Opens what was fetched and verifies checksums. @returns the errors that stop partitions */
  async #open({ asked, fetched }: Answer): Promise<PartitionFailure[]> {
    if (fetched.errorCode !== 0) {
      const error = answerError(fetched.errorCode, this.#cluster.connection, this.#cluster.subscribed);
      if (error.kind !== 'connection') throw error;
      this.#allTroubled(asked, `the broker answers ${errorName(fetched.errorCode)}`);
      return [];
    }
    const failures: PartitionFailure[] = [];
    const lost: Position[] = [];
    for (const found of fetched.partitions) {
      const position = this.#askedFor(asked, found);
      if (position === null) continue;
      if (found.errorCode !== 0) {
        const remedy = remedyOf(found.errorCode);
        if (remedy === 'range') lost.push(position);
        else if (remedy === 'retry' || remedy === 'verify') {
          if (remedy === 'verify') position.verified = null;
          this.#troubled(position, `the broker answers ${errorName(found.errorCode)}`);
        } else failures.push(refusal(position, found.errorCode));
        continue;
      }
      if (found.diverging !== null) {
        const parted = parting(position, found.diverging);
        if (parted !== null) failures.push(parted);
        else position.epoch = found.diverging.epoch;
        continue;
      }
      position.troubles = 0;
      this.#opened.push(this.#batchesOf(found, position));
    }
    if (lost.length > 0) failures.push(...(await this.#outOfRange(lost)));
    return failures;
  }

  /** The position that an answer is for; null if it was moved in the meantime: continuing would leave a gap. */
  #askedFor(asked: AskedTopics, found: FetchedPartition): Position | null {
    const topic = asked.find(({ id, name }) => id === found.topic || name === found.topic);
    if (topic === undefined) return null;
    const position = this.#positions.get({ topic: topic.name, partition: found.partition });
    const wanted = topic.partitions.find(({ partition }) => partition === found.partition);
    return position !== undefined && this.#positions.isRead(position) && position.next === wanted?.offset
      ? position
      : null;
  }

  #batchesOf({ records, aborted, highWatermark, lastStableOffset }: FetchedPartition, position: Position): Opened {
    const batches = new RecordBatches(records, {
      position: position.next,
      end: highWatermark,
      aborted,
      crc32c: this.#crc32c,
      unpack: this.#unpack,
    });
    position.ahead = batches.next;
    return { position, batches, at: position.next, end: lastStableOffset >= 0n ? lastStableOffset : highWatermark };
  }

  /** For positions that a broker does not have: checks whether they are before or after its log. */
  async #outOfRange(positions: readonly Position[]): Promise<PartitionFailure[]> {
    const ends = await this.#cluster.ends([...new Set(positions.map(({ at }) => at.topic))]);
    const beyond = await verify(
      this.#cluster,
      positions.map(({ at, next, epoch }) => ({ ...at, next, epoch })),
    );
    return positions.flatMap((position): PartitionFailure[] => {
      const { at, next } = position;
      const failure = beyond.find((each) => partitionKey(each) === partitionKey(at));
      if (failure !== undefined) return [failure];
      const earliest = ends.get(partitionKey(at))?.earliest ?? 0n;
      if (next < earliest) {
        const message = `offset ${next} is out of range: the log begins at ${earliest}`;
        return [{ ...at, reason: 'offset_out_of_range', message }];
      }
      // The log now has it: the leader was behind.
      this.#troubled(position, `offset ${next} is out of range`);
      return [];
    });
  }

  /** Reads batch after batch, up to the limit of decompressed bytes, and advances the positions. */
  #read(failures: PartitionFailure[]): MessageBatch[] {
    const found: MessageBatch[] = [];
    for (let left = UNPACKED_BYTES; left > 0 && this.#opened[0] !== undefined; ) {
      const opened = this.#opened[0];
      const { position, batches, end } = opened;
      if (!this.#positions.isRead(position) || position.next !== opened.at) {
        this.#opened.shift();
        continue;
      }
      const from = position.next;
      try {
        const taken = batches.take(left);
        if (taken === null) {
          this.#opened.shift();
          const key = partitionKey(position.at);
          if (found.every((each) => partitionKey(each) !== key))
            found.push({ ...position.at, records: [], from, next: from, end, epoch: null });
          continue;
        }
        left -= taken.bytes;
        const { records, next, epoch } = taken;
        found.push({ ...position.at, records, from, next, end, epoch });
        position.next = opened.at = next;
        position.epoch = epoch;
        position.damaged = null;
      } catch (error) {
        if (!(error instanceof UnreadableBatch)) throw error;
        this.#opened.shift();
        position.ahead = position.next;
        // It may have been damaged in transit: a second fetch decides. Batches before it count.
        const key = partitionKey(position.at);
        const again = error.damaged || found.some((each) => partitionKey(each) === key);
        if (again && position.damaged !== error.offset) position.damaged = error.offset;
        else
          failures.push({
            ...position.at,
            reason: error.damaged ? 'corrupt' : 'too_large',
            message: `the batch at offset ${error.offset} cannot be read: ${error.message}`,
            ...(error.behind === null ? {} : { behind: error.behind }),
          });
      }
    }
    return found;
  }
}

/** The partitions to fetch, by leader. */
function questions(led: readonly Led[]): ReadonlyMap<number, AskedTopics> {
  const byLeader = new Map<number, Map<string, { id: string; name: string; partitions: WantedPartition[] }>>();
  for (const { position, topicId, leader, leaderEpoch } of led) {
    const { at, epoch, next, ahead } = position;
    const topics =
      byLeader.get(leader) ?? new Map<string, { id: string; name: string; partitions: WantedPartition[] }>();
    byLeader.set(leader, topics);
    const asked = topics.get(topicId) ?? { id: topicId, name: at.topic, partitions: [] };
    topics.set(topicId, asked);
    // The epoch of what is fetched ahead becomes known when it is read.
    const lastEpoch = ahead === next ? epoch : null;
    asked.partitions.push({
      partition: at.partition,
      leaderEpoch,
      offset: ahead,
      lastEpoch,
      maxBytes: PARTITION_BYTES,
    });
  }
  return new Map([...byLeader].map(([leader, topics]) => [leader, [...topics.values()]]));
}

function refusal({ at, next }: Position, code: number): PartitionFailure {
  return code === NOT_AUTHORIZED
    ? { ...at, reason: 'not_authorized', message: `not authorized to read topic ${at.topic}` }
    : { ...at, reason: 'refused', message: `the broker answers ${errorName(code)} at offset ${next}` };
}
