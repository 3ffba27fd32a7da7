// An unclean election for tests: the leader that had the last messages of topic `u` dies, and one without them leads.
import type { ClusterMetadata } from '@platformatic/kafka';
import { expect } from 'vitest';
import { called } from '../../../src/loader/brokers/kafka/client-library.ts';
import type { KafkaBroker } from './kafka-broker.ts';
import { eventually, type KafkaLab } from './kafka-lab.ts';
import { TopicWriter } from './topic-writer.ts';

/**
 * The topic gets ids 0 to 19, of which at least the last ten are gone afterwards, and 100 to 114.
 * @param others the brokers that are started, for who closes them
 * @param before what is done while all messages are there
 */
export async function uncleanElection(
  lab: KafkaLab,
  others: KafkaBroker[],
  before: () => Promise<void>,
): Promise<void> {
  const address = `127.0.0.1:${lab.broker.port}`;
  const { admin } = lab.writer;
  /** By a client of its own: who leads has changed. Tried until there is a leader. */
  const send = (first: number, end: number): Promise<void> =>
    eventually(async () => {
      const writer = await TopicWriter.open([address], { idempotent: false, retries: 0 });
      const ids = Array.from({ length: end - first }, (_, i) => first + i);
      try {
        await writer.send(ids.map((id) => ({ topic: 'u', value: Buffer.from(JSON.stringify({ id })) })));
      } finally {
        await writer.close();
      }
    });
  const [second, third] = [await lab.broker.beside(2), await lab.broker.beside(3)];
  others.push(second, third);
  await lab.writer.create('u', {
    assignments: [{ partition: 0, brokers: [2, 3] }],
    configs: [{ name: 'unclean.leader.election.enable', value: 'true' }],
  });
  // Both have what comes first.
  const inSync = async (): Promise<number | undefined> =>
    (await called<ClusterMetadata>((done) => admin.metadata({ topics: ['u'], forceUpdate: true }, done))).topics.get(
      'u',
    )?.partitions[0]?.isr.length;
  await eventually(async () => expect(await inSync()).toBe(2));
  await send(0, 10);
  await eventually(async () => expect(await inSync()).toBe(2));
  await third.down('SIGTERM');
  await send(10, 20);
  await before();
  await second.down('SIGKILL');
  await third.up();
  await send(100, 115);
  await second.up();
}
