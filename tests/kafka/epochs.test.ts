// An unclean election on three real brokers: the leader that had the last messages dies, one that lacks them leads, and
// what was loaded is not in the topic any more.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClientLibrary } from '../../src/loader/kafka/client.ts';
import { FaultProject } from '../engine/faults/project.ts';
import { KafkaBroker } from './kafka-broker.ts';

describe('an unclean election', () => {
  const brokers: KafkaBroker[] = [];
  let project: FaultProject;
  beforeAll(async () => {
    brokers.push(await KafkaBroker.start());
    project = await FaultProject.open({
      'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${brokers[0]!.port}"] } }\n`,
    });
  }, 240_000);
  afterAll(async () => {
    await project?.close();
    for (const broker of brokers) await broker.close();
  });

  const source = (topic: string): void =>
    project.write({
      'models/sources.yml':
        `sources: [{ name: raw, tables: [{ name: ${topic}, config: { meta: { tsdbt: { load: { topic: ${topic} } ` +
        '} } }, columns: [{ name: id, data_type: integer }] }] }]\n',
    });
  const load = async (code: number): Promise<string> => {
    const ended = await project.run(['load', '--once']);
    expect(ended.code, ended.out).toBe(code);
    return ended.out;
  };
  const eventually = async (work: () => Promise<void>): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt === 120) throw error;
        await pause(500);
      }
    }
  };
  const ids = async (): Promise<number[]> =>
    (await project.rows('select id from raw.u order by _offset, id')).flat().map(Number);
  const from = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

  it('stops the partition, names epoch and offset, and a rewind makes table and topic the same', async () => {
    const { Admin, Producer } = await loadClientLibrary();
    const options = { clientId: 'test', bootstrapBrokers: [`127.0.0.1:${brokers[0]!.port}`] };
    const admin = new Admin(options);
    /** With clients of its own: who leads has changed. Tried until there is a leader. */
    const send = async (ids: readonly number[]): Promise<void> => {
      for (let attempt = 0; ; attempt++) {
        const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({ ...options, acks: -1, retries: 0 });
        try {
          return void (await producer.send({
            messages: ids.map((id) => ({ topic: 'u', value: Buffer.from(JSON.stringify({ id })) })),
          }));
        } catch (error) {
          if (attempt === 60) throw error;
          await pause(500);
        } finally {
          await producer.close();
        }
      }
    };
    // The group's own topic comes to lie on the broker that stays.
    await admin.createTopics({ topics: ['first'], partitions: 1, replicas: 1 });
    source('first');
    await load(0);
    const [second, third] = [await brokers[0]!.beside(2), await brokers[0]!.beside(3)];
    brokers.push(second, third);
    await admin.createTopics({
      topics: ['u'],
      assignments: [{ partition: 0, brokers: [2, 3] }],
      configs: [{ name: 'unclean.leader.election.enable', value: 'true' }],
    });
    source('u');
    // Both have what comes first.
    const inSync = async (): Promise<number | undefined> =>
      (await admin.metadata({ topics: ['u'], forceUpdate: true })).topics.get('u')?.partitions[0]?.isr.length;
    await eventually(async () => expect(await inSync()).toBe(2));
    await send(from(0, 10));
    await eventually(async () => expect(await inSync()).toBe(2));
    await third.down('SIGTERM');
    await send(from(10, 20));
    await load(0);
    expect(await ids()).toEqual(from(0, 20));
    const [[epoch]] = (await project.rows("select leader_epoch from tsdbt.load_offsets where topic = 'u'")) as [
      [string],
    ];
    await second.down('SIGKILL');
    await third.up();
    await send(from(100, 115));
    await second.up();
    const out = await load(2);
    // How much the other one has is the cluster's affair; that it is less is certain.
    const cut = Number(
      new RegExp(`u/0: what was loaded from offset (\\d+) on, in leader epoch ${epoch}, is no longer`).exec(out)?.[1],
    );
    expect(cut, out).toBeLessThanOrEqual(10);
    expect(out).toContain(`tsdbt load rewind --select source:raw.u --to 0:${cut}`);
    expect(await ids()).toEqual(from(0, 20));
    const rewound = await project.run(['load', 'rewind', '--select', 'source:raw.u', '--to', `0:${cut}`]);
    expect([rewound.code, rewound.out]).toEqual([
      0,
      expect.stringContaining(`${20 - cut} rows and 0 dead letters from there on deleted`),
    ]);
    await load(0);
    expect(await ids()).toEqual([...from(0, cut), ...from(100, 115)]);
    await admin.close();
  }, 400_000);
});
