// A Kafka cluster for the loader: topics, a consumer group that shares their partitions, messages. @platformatic/kafka
// runs the group, cluster.ts sends requests, fetch-loop.ts reads. The caller keeps the positions.
import { TsdbtError } from '../../../errors.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type RangeRead,
  type ReadPosition,
  type TopicInfo,
  type TopicPartition,
} from '../broker.ts';
import type { LoadConnection } from '../../../connections/kafka-connection.ts';
import { readRange } from '../range-read.ts';
import { idOf } from '../../topic-ids.ts';
import { Cluster, LATEST, type Topics } from './cluster.ts';
import { verify } from './log-verification.ts';
import { answerError, brokerError, isNoMember, remedyOf } from './protocol-errors.ts';
import { FetchLoop } from './fetch-loop.ts';
import { called, clientOptions, type KafkaLibrary, loadClientLibrary } from './client-library.ts';
import { Positions } from './fetch-positions.ts';

/** How often a client checks for new partitions, and whether it is still in the group. */
const LOOK_MS = 5000;
/** How often a partition without a leader is offered to the loader again. */
const AWAY_MS = 1000;
/** What brokers accept as a topic's name. It becomes a folder of an archive. */
const TOPIC_NAME = /^[\w.-]{1,249}$/;
const SESSION = { sessionTimeout: 10_000, heartbeatInterval: 300, rebalanceTimeout: 30_000 };

/**
 * Creates a client, which connects with its first call.
 * @param group name of the consumer group: its loaders share the partitions
 * @param answerMs for tests: timeout of the broker's answers
 */
export async function kafkaClient(connection: LoadConnection, group: string, answerMs?: number): Promise<BrokerClient> {
  return new KafkaClient(connection, await loadClientLibrary(), group, answerMs);
}

class KafkaClient implements BrokerClient {
  readonly #cluster: Cluster;
  readonly #topicIds = new Map<string, string>();
  readonly #positions = new Positions(this.#topicIds);
  readonly #loop: FetchLoop;
  #listener: AssignmentListener | null = null;
  #looked = Date.now();
  /** Number of partitions of each topic at the last check. */
  #partitions = 0;
  /** Partitions that were assigned and not started, by `topic/partition`, with the time when they are offered again. */
  readonly #away = new Map<string, TopicPartition>();
  #askAwayAt = 0;
  /** Consecutive checks that found the client outside of its group. */
  #outside = 0;
  /** Whether the library has stopped trying to rejoin the group. */
  #gaveUp = false;

  constructor(connection: LoadConnection, library: KafkaLibrary, group: string, answerMs?: number) {
    this.#cluster = new Cluster(connection, library, group, answerMs);
    const { consumer } = this.#cluster;
    consumer.on('consumer:rejoin', () => {
      this.#gaveUp = !consumer.isActive();
    });
    this.#loop = new FetchLoop(this.#cluster, this.#positions);
  }

  async topics(names: readonly string[]): Promise<readonly TopicInfo[]> {
    // Topics named in errors until there is a subscription.
    if (this.#listener === null) this.#cluster.subscribed = names;
    // A partition without a leader exists all the same.
    const topics = await this.#cluster.topics(names, true);
    return names.map((topic) => {
      const found = topics.get(topic);
      const id = idOf(topic, found?.id ?? null);
      if (id === null) this.#topicIds.delete(topic);
      else this.#topicIds.set(topic, id);
      if (found === undefined || found.partitionsCount === 0) {
        const brokers = this.#cluster.connection.brokers.join(', ');
        throw new TsdbtError('runtime', `Topic ${topic} does not exist on ${brokers}`, {
          hint: 'Make it, or mend `topic:` in the load config of the source.',
        });
      }
      return { topic, id, partitions: found.partitionsCount };
    });
  }

  async matching(pattern: RegExp): Promise<readonly string[]> {
    return (await this.#cluster.topicNames()).filter((name) => TOPIC_NAME.test(name) && pattern.test(name)).sort();
  }

  ends(
    names: readonly string[],
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    return this.#cluster.ends(names, only);
  }

  async led(partitions: readonly TopicPartition[]): Promise<readonly TopicPartition[]> {
    const topics = await this.#cluster.topics([...new Set(partitions.map(({ topic }) => topic))], true);
    return partitions.filter(
      ({ topic, partition }) =>
        this.#cluster.errorOf(topic, partition) === 0 && (topics.get(topic)?.partitions[partition]?.leader ?? -1) >= 0,
    );
  }

  async offsetsAt(names: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>> {
    const [found, ends] = await Promise.all([
      this.#cluster.offsets(names, BigInt(Math.floor(time))),
      this.#cluster.offsets(names, LATEST),
    ]);
    return new Map(
      [...ends].map(([key, end]) => {
        const offset = found.get(key) ?? -1n;
        return [key, offset < 0n ? end : offset];
      }),
    );
  }

  verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]> {
    return verify(this.#cluster, positions);
  }

  async check(names: readonly string[]): Promise<void> {
    const cluster = this.#cluster;
    const topics = await cluster.wholeTopics(names, true);
    for (const name of names) {
      const { id = '', partitions = [] } = topics.get(name) ?? {};
      const ends = await cluster.offsets([name], LATEST);
      const partition = partitions.findIndex(({ leader }) => leader >= 0);
      const place = partitions[partition];
      if (place === undefined) continue;
      const { leader, leaderEpoch } = place;
      const offset = ends.get(partitionKey({ topic: name, partition })) ?? 0n;
      const wanted = { partition, leaderEpoch, offset, lastEpoch: null, maxBytes: 1 };
      const { errorCode, partitions: fetched } = await cluster.fetch(leader, {
        maxWaitMs: 0,
        maxBytes: 1,
        topics: [{ id, name, partitions: [wanted] }],
      });
      for (const code of [errorCode, ...fetched.map((each) => each.errorCode)]) {
        // A transient error says nothing about whether the topic may be read.
        if (code !== 0 && !['retry', 'verify', 'range'].includes(remedyOf(code)))
          throw answerError(code, cluster.connection, [name]);
      }
      await cluster.asking(() =>
        called((done) => cluster.consumer.listCommittedOffsets({ topics: [{ topic: name, partitions: [0] }] }, done)),
      );
    }
  }

  async join(names: readonly string[], listener: AssignmentListener): Promise<void> {
    const { topics } = this.#cluster.consumer;
    this.#cluster.subscribed = names;
    this.#listener = listener;
    topics.trackAll(...names.filter((name) => !topics.has(name)));
    topics.untrackAll(...topics.current.filter((name) => !names.includes(name)));
    this.#partitions = partitionsOf(await this.#cluster.topics(names, true), names);
    await this.#joinGroup();
    await this.#followAssignments(listener);
  }

  async poll(): Promise<Polled> {
    if (this.#gaveUp || Date.now() - this.#looked > LOOK_MS) await this.#look();
    if (this.#listener !== null) await this.#followAssignments(this.#listener);
    const polled = await this.#loop.poll();
    if (this.#away.size === 0) return polled;
    const away = `${[...this.#away.keys()].join(', ')}: no leader`;
    return { ...polled, waiting: polled.waiting === null ? away : `${polled.waiting}; ${away}` };
  }

  read(at: TopicPartition, from: bigint, to: bigint, waitMs: number | null = null): Promise<RangeRead> {
    const positions = new Positions(this.#topicIds);
    positions.start(at, from, null);
    const loop = new FetchLoop(this.#cluster, positions);
    return readRange(() => loop.poll(), at, from, to, waitMs);
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#positions.pause(partition);
  }

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void {
    for (const [key, position] of positions) this.#positions.seek(key, position);
  }

  async commit(next: ReadonlyMap<string, bigint>): Promise<void> {
    const offsets = [...next].flatMap(([key, offset]) => {
      const position = this.#positions.named(key);
      return position === undefined ? [] : [{ ...position.at, offset, leaderEpoch: position.epoch ?? -1 }];
    });
    if (offsets.length > 0)
      await this.#cluster
        .asking(() => called<void>((done) => this.#cluster.consumer.commit({ offsets }, done)))
        .catch(() => undefined);
  }

  member(): { readonly group: string; readonly member: string | null } {
    const { groupId, memberId } = this.#cluster.consumer;
    return { group: groupId, member: memberId };
  }

  async evict(members: readonly string[]): Promise<void> {
    const { library, connection, consumer } = this.#cluster;
    const admin = new library.Admin(clientOptions(connection));
    admin.on('error', () => undefined);
    const gone = members.map((memberId) => ({ memberId, reason: 'not seen any more' }));
    try {
      await called<void>((done) =>
        admin.removeMembersFromConsumerGroup({ groupId: consumer.groupId, members: gone }, done),
      );
    } catch (error) {
      // It has left, or the broker has noticed by itself.
      if (!isNoMember(error)) throw brokerError(error, connection, []);
    } finally {
      await called<void>((done) => admin.close(done)).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#positions.clear();
    await called<void>((done) => this.#cluster.consumer.close(true, done)).catch(() => undefined);
  }

  /** New partitions, and a membership that the library has abandoned, need a rebalance. */
  async #look(): Promise<void> {
    this.#looked = Date.now();
    const { subscribed, consumer } = this.#cluster;
    const partitions = partitionsOf(await this.#cluster.topics(subscribed, true), subscribed);
    this.#outside = consumer.isActive() ? 0 : this.#outside + 1;
    const grown = this.#partitions > 0 && partitions > this.#partitions;
    if (grown || this.#gaveUp || this.#outside > 2) {
      await this.#joinGroup();
      this.#gaveUp = false;
      this.#outside = 0;
    }
    this.#partitions = partitions;
  }

  async #joinGroup(): Promise<void> {
    const { consumer } = this.#cluster;
    await this.#cluster.asking(() => called<string>((done) => consumer.joinGroup({ ...SESSION }, done)));
  }

  /** Follows the group's assignments. */
  async #followAssignments(listener: AssignmentListener): Promise<void> {
    const given = (this.#cluster.consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
      partitions.map((partition): TopicPartition => ({ topic, partition })),
    );
    const keys = new Set(given.map(partitionKey));
    const gone = [...this.#positions.all().map(({ at }) => at), ...this.#away.values()].filter(
      (at) => !keys.has(partitionKey(at)),
    );
    if (gone.length > 0) {
      await listener.revoked(gone);
      for (const at of gone) {
        this.#positions.forget(at);
        this.#away.delete(partitionKey(at));
      }
    }
    const again = Date.now() >= this.#askAwayAt;
    const come = given.filter((at) => !this.#positions.has(at) && (again || !this.#away.has(partitionKey(at))));
    if (come.length === 0) return;
    this.#cluster.stale = true;
    const starts = await listener.assigned(come);
    for (const at of come) {
      const start = starts.get(partitionKey(at));
      if (start === undefined) this.#away.set(partitionKey(at), at);
      else {
        this.#away.delete(partitionKey(at));
        this.#positions.start(at, start.next, start.epoch);
      }
    }
    this.#askAwayAt = Date.now() + AWAY_MS;
  }
}

function partitionsOf(topics: Topics, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (topics.get(name)?.partitionsCount ?? 0), 0);
}
