// An unclean election on three real brokers: the leader that had the last messages dies, one that lacks them leads, and
// what was loaded is not in the topic any more.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaBroker } from './kafka-broker.ts';
import { KafkaLab } from './kafka-lab.ts';
import { uncleanElection } from './unclean-election.ts';

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

  it('stops the partition with epoch and offset, and a rewind makes table and topic equal', async () => {
    const source = (topic: string): void => lab.sources({ [topic]: '' }, { id: 'integer' });
    // The group's own topic comes to lie on the broker that stays.
    await lab.writer.create('first');
    source('first');
    await lab.load();
    source('u');
    let epoch = '';
    await uncleanElection(lab, others, async () => {
      await lab.load();
      expect(await lab.ids('u')).toEqual(from(0, 20));
      const rows = await lab.project.rows("select leader_epoch from tsdbt.load_offsets where topic = 'u'");
      epoch = rows[0]?.[0] ?? '';
    });
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
