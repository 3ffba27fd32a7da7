// Kafka's OffsetForLeaderEpoch request: where a leader epoch ends in the leader's log. A consumer that has read further
// in that epoch holds messages that no longer exist. Versions 3 and 4.
import type { API, Connection } from '@platformatic/kafka';
import type { KafkaLibrary } from './client-library.ts';
import { AnswerReader } from './fetch-request.ts';

const OFFSET_FOR_LEADER_EPOCH = 23;
/** The oldest version for consumers, and the one with compact lengths and tags. */
export const OLDEST_EPOCHS = 3;
const FLEXIBLE = 4;
/** The replica id of a consumer. */
const NO_REPLICA = -1;

/** One partition of the request: the end of `epoch`, asked of the leader since `leaderEpoch`. */
export interface AskedEpoch {
  readonly topic: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly epoch: number;
}

/** The newest epoch up to the requested one, and the offset after its last message; -1: the broker knows none. */
export interface EpochEnd {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly epoch: number;
  readonly end: bigint;
}

type Arguments = Parameters<KafkaLibrary['offsetForLeaderEpochV4']['createRequest']>;

/** Asks with the newest version that both sides support. */
export class RawEpochs {
  readonly #api: API<Arguments, EpochEnd[]>;

  /** @param newest version supported by the broker; at least OLDEST_EPOCHS */
  constructor(library: KafkaLibrary, newest: number) {
    const flexible = newest >= FLEXIBLE;
    const { createRequest } = flexible ? library.offsetForLeaderEpochV4 : library.offsetForLeaderEpochV3;
    this.#api = library.createAPI<Arguments, EpochEnd[]>(
      OFFSET_FOR_LEADER_EPOCH,
      flexible ? FLEXIBLE : OLDEST_EPOCHS,
      createRequest,
      (_correlation, _key, _version, reader) => readAnswer(reader.buffer.slice(reader.position), flexible),
      flexible,
      flexible,
    );
  }

  /** @throws the library's errors if the connection fails */
  async ends(connection: Connection, asked: readonly AskedEpoch[]): Promise<EpochEnd[]> {
    const names = [...new Set(asked.map(({ topic }) => topic))];
    return this.#api.async(
      connection,
      NO_REPLICA,
      names.map((name) => ({
        name,
        partitions: asked
          .filter(({ topic }) => topic === name)
          .map(({ partition, leaderEpoch, epoch }) => ({
            partitionIndex: partition,
            currentLeaderEpoch: leaderEpoch,
            leaderEpoch: epoch,
          })),
      })),
    );
  }
}

/** Reads an answer after its header. */
function readAnswer(bytes: Buffer, flexible: boolean): EpochEnd[] {
  const answer = new AnswerReader(bytes, flexible);
  // Throttle time.
  answer.int32();
  return answer
    .list(() => {
      const topic = answer.text();
      const found = answer.list((): EpochEnd => {
        const [errorCode, partition, epoch, end] = [answer.int16(), answer.int32(), answer.int32(), answer.int64()];
        answer.tags();
        return { topic, partition, errorCode, epoch, end };
      });
      answer.tags();
      return found;
    })
    .flat();
}
