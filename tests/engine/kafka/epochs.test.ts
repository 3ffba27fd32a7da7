// An unclean election on three real brokers: the leader that had the last messages dies, one that lacks them leads, and
// what was loaded is not in the topic any more.
import type { ClusterMetadata } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called } from '../../../src/loader/kafka/library.ts';
import type { KafkaBroker } from './kafka-broker.ts';
import { eventually, KafkaLab } from './kafka-lab.ts';
import { TopicWriter } from './topic-writer.ts';

describe('an unclean election', () => {
  const others: KafkaBroker[] = [];
  let lab: KafkaLab;
  beforeAll(async () => {
    lab = await KafkaLab.open();
  });
  afterAll(async () => {
    await lab?.close();
    for (const broker of others) await broker.close();
  });

  const from = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

  it('stops the partition, names epoch and offset, and a rewind makes table and topic the same', async () => {
    const address = `127.0.0.1:${lab.broker.port}`;
    const { admin } = lab.writer;
    const source = (topic: string): void => lab.sources({ [topic]: '' }, { id: 'integer' });
    /** By a client of its own: who leads has changed. Tried until there is a leader. */
    const send = (ids: readonly number[]): Promise<void> =>
      eventually(async () => {
        const writer = await TopicWriter.open([address], { idempotent: false, retries: 0 });
        try {
          await writer.send(ids.map((id) => ({ topic: 'u', value: Buffer.from(JSON.stringify({ id })) })));
        } finally {
          await writer.close();
        }
      });
    // The group's own topic comes to lie on the broker that stays.
    await lab.writer.create('first');
    source('first');
    await lab.load();
    const [second, third] = [await lab.broker.beside(2), await lab.broker.beside(3)];
    others.push(second, third);
    await lab.writer.create('u', {
      assignments: [{ partition: 0, brokers: [2, 3] }],
      configs: [{ name: 'unclean.leader.election.enable', value: 'true' }],
    });
    source('u');
    // Both have what comes first.
    const inSync = async (): Promise<number | undefined> =>
      (await called<ClusterMetadata>((done) => admin.metadata({ topics: ['u'], forceUpdate: true }, done))).topics.get(
        'u',
      )?.partitions[0]?.isr.length;
    await eventually(async () => expect(await inSync()).toBe(2));
    await send(from(0, 10));
    await eventually(async () => expect(await inSync()).toBe(2));
    await third.down('SIGTERM');
    await send(from(10, 20));
    await lab.load();
    expect(await lab.ids('u')).toEqual(from(0, 20));
    const [[epoch]] = (await lab.project.rows("select leader_epoch from tsdbt.load_offsets where topic = 'u'")) as [
      [string],
    ];
    await second.down('SIGKILL');
    await third.up();
    await send(from(100, 115));
    await second.up();
    const out = await lab.load(2);
    // How much the other one has is the cluster's affair; that it is less is certain.
    const cut = Number(
      new RegExp(`u/0: what was loaded from offset (\\d+) on, in leader epoch ${epoch}, is no longer`).exec(out)?.[1],
    );
    expect(cut, out).toBeLessThanOrEqual(10);
    expect(out).toContain(`tsdbt load rewind --select source:raw.u --to 0:${cut}`);
    expect(await lab.ids('u')).toEqual(from(0, 20));
    const rewound = await lab.project.start(['load', 'rewind', '--select', 'source:raw.u', '--to', `0:${cut}`]).ended;
    expect([rewound.code, rewound.out]).toEqual([
      0,
      expect.stringContaining(`${20 - cut} rows and 0 dead letters from there on deleted`),
    ]);
    await lab.load();
    expect(await lab.ids('u')).toEqual([...from(0, cut), ...from(100, 115)]);
  }, 400_000);
});
