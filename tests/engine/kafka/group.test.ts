// The group of a real Kafka as the loaders' client keeps it: what is answered late begins no rebalance, and a place in
// the group that was lost is taken again. Needs Java and Maven.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { partitionKey } from '../../../src/loader/brokers/broker.ts';
import { kafkaClient } from '../../../src/loader/brokers/kafka/kafka-client.ts';
import type { LoadConnection } from '../../../src/connections/kafka-connection.ts';
import {
  type ByteConsumer,
  called,
  type KafkaLibrary,
  loadClientLibrary,
} from '../../../src/loader/brokers/kafka/client-library.ts';
import { partialConsumer } from '../../../src/loader/brokers/kafka/partial-metadata.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

const PARTITIONS = 4;

describe("a loader's consumer group", () => {
  let broker: KafkaBroker;
  let library: KafkaLibrary;
  beforeAll(async () => {
    library = await loadClientLibrary();
    broker = await KafkaBroker.start();
    const writer = await TopicWriter.open([`127.0.0.1:${broker.port}`]);
    await writer.create('t', { partitions: PARTITIONS });
    await writer.close();
  });
  afterAll(async () => {
    await broker?.close();
  });

  const connection = (): LoadConnection => ({
    name: 'default',
    path: 'connections.yml',
    brokers: [`127.0.0.1:${broker.port}`],
    tls: null,
    sasl: null,
    registry: null,
  });
  const member = (group: string): ByteConsumer => {
    const consumer = partialConsumer(library, connection(), group, () => undefined);
    consumer.on('error', () => undefined);
    consumer.topics.trackAll('t');
    return consumer;
  };
  const join = async (consumer: ByteConsumer, heartbeatInterval: number, protocol = 'roundrobin'): Promise<void> => {
    const times = { sessionTimeout: 10_000, rebalanceTimeout: 30_000, heartbeatInterval };
    await called<string>((done) => consumer.joinGroup({ ...times, protocols: [{ name: protocol, version: 1 }] }, done));
  };

  it('rebalances once for a new loader, whatever is committed meanwhile', async () => {
    const [first, slow, third] = [member('g'), member('g'), member('g')];
    try {
      await join(first, 100);
      // It learns late that a third one comes: until then the first waits to join again.
      await join(slow, 3000);
      const coming = join(third, 100);
      const commit = (): Promise<void> =>
        called<void>((done) =>
          first.commit({ offsets: [{ topic: 't', partition: 0, offset: 1n, leaderEpoch: -1 }] }, done),
        ).catch(() => undefined);
      const commits: Promise<void>[] = [];
      let here = false;
      const arrived = coming.then(() => {
        here = true;
      });
      while (!here) {
        commits.push(commit());
        await pause(50);
      }
      await arrived;
      await Promise.all(commits);
      const { generationId } = third;
      await expect
        .poll(() => [first.generationId, slow.generationId], FOR_EVENTS)
        .toEqual([generationId, generationId]);
      // Many heartbeats later.
      const before = first.lastHeartbeat?.getTime() ?? 0;
      await expect.poll(() => (first.lastHeartbeat?.getTime() ?? 0) - before, FOR_EVENTS).toBeGreaterThan(2000);
      expect([first, slow, third].map((each) => [each.generationId, each.isActive()])).toEqual([
        [generationId, true],
        [generationId, true],
        [generationId, true],
      ]);
      expect(generationId).toBe(3);
    } finally {
      for (const each of [first, slow, third]) await called<void>((done) => each.close(true, done));
    }
  }, 300_000);

  it('is joined again at once after the library has given up', async () => {
    const refused = (error: unknown): string => String(error);
    const rival = member('h');
    const client = await kafkaClient(connection(), 'h');
    const evict = async (gone: readonly string[]): Promise<void> => client.evict?.(gone);
    const memberOf = (): string | null | undefined => client.member?.()?.member;
    const admin = new library.Admin({ clientId: 'test', bootstrapBrokers: [`127.0.0.1:${broker.port}`] });
    const members = async (): Promise<readonly string[]> => {
      const groups = await called<Map<string, { members: Map<string, unknown> }>>((done) =>
        admin.describeGroups({ groups: ['h'] }, done),
      );
      return [...(groups.get('h')?.members.keys() ?? [])];
    };
    // The time to look by itself never comes.
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await client.join(['t'], {
        assigned: async (come) => new Map(come.map((at) => [partitionKey(at), { ...at, next: 0n, epoch: null }])),
        revoked: async () => undefined,
      });
      // The rival's way to share partitions is another: who has it keeps the client out.
      for (let inside = false; !inside; ) {
        await evict(await members());
        inside = await join(rival, 100, 'range').then(
          () => true,
          () => false,
        );
      }
      await expect
        .poll(() => client.poll().then(() => 'polls', refused), FOR_EVENTS)
        .toContain('INCONSISTENT_GROUP_PROTOCOL');
      await called<void>((done) => rival.close(true, done));
      await expect
        .poll(() => client.poll().then(async () => (await members()).join() === memberOf(), refused), FOR_EVENTS)
        .toBe(true);
    } finally {
      vi.useRealTimers();
      await client.close();
      await called<void>((done) => admin.close(done));
    }
  }, 300_000);
});
