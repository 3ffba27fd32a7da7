// Several loaders, several tables, on a real broker: who is killed is replaced at once, one table's trouble is its own,
// positions are moved beside a loader.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from '../support/program.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { KafkaLab } from './kafka-lab.ts';

describe('a group of loaders', () => {
  let lab: KafkaLab;
  beforeAll(async () => {
    lab = await KafkaLab.open({ retries: 20, retryDelay: 200 });
  });
  afterAll(async () => lab?.close());

  const sources = (...topics: string[]): void =>
    lab.sources(Object.fromEntries(topics.map((topic) => [topic, ', flush: { rows: 1000, age: 50ms }'])), {
      id: 'integer',
    });
  const create = (topic: string, partitions = 1): Promise<void> => lab.writer.create(topic, { partitions });
  const send = (topic: string, from: number, to: number): Promise<void> =>
    lab.writer.send(
      Array.from({ length: to - from }, (_, i) => ({
        topic,
        key: Buffer.from(`k${i}`),
        value: Buffer.from(`{"id": ${from + i}}`),
      })),
    );
  const loaded = (topic: string, count: number): string => `select (select count(*) from raw.${topic}) = ${count}`;
  const end = async (running: Running): Promise<{ code: number | null; out: string }> => {
    running.child.kill('SIGTERM');
    return running.ended;
  };
  /** Seconds until what has been sent is there. */
  const taken = async (topic: string, count: number): Promise<number> => {
    const began = Date.now();
    await lab.project.until(loaded(topic, count));
    return (Date.now() - began) / 1000;
  };

  it('takes over from a killed loader, in a running and in a new one', async () => {
    await create('heirs', 3);
    sources('heirs');
    await send('heirs', 0, 100);
    const first = lab.project.start(['load'], 'first');
    await lab.project.until("select to_regclass('raw.heirs') is not null");
    await lab.project.until(loaded('heirs', 100));
    const second = lab.project.start(['load'], 'second');
    await lab.project.until('select count(*) = 2 from tsdbt.load_members');
    await pause(3000);
    first.child.kill('SIGKILL');
    await send('heirs', 100, 200);
    const beside = await taken('heirs', 200);
    // By the other loader, and not because the broker has missed it for ten seconds.
    expect(lab.broker.said).toMatch(/left group .*not seen any more/);
    second.child.kill('SIGKILL');
    await Promise.all([first.ended, second.ended]);
    await send('heirs', 200, 300);
    const third = lab.project.start(['load'], 'third');
    const anew = await taken('heirs', 300);
    process.stderr.write(
      `taken over after ${beside.toFixed(1)} s beside, ${anew.toFixed(1)} s by a new one with its start\n`,
    );
    expect((await end(third)).code).toBe(0);
    expect(await lab.project.rows('select count(*), count(distinct id) from raw.heirs')).toEqual([['300', '300']]);
    expect(await lab.project.rows('select count(*) from tsdbt.load_members')).toEqual([['0']]);
  });

  it(
    'reports a missing topic at once, at /healthz and in the status, loads the other table, and continues ' +
      'when the topic exists',
    async () => {
      await create('there');
      sources('there', 'absent');
      const running = lab.project.start(['load', '--metrics-port', '0']);
      await send('there', 0, 10);
      await lab.project.until("select to_regclass('raw.there') is not null");
      await lab.project.until(loaded('there', 10));
      await expect
        .poll(() => running.out(), FOR_EVENTS)
        .toMatch(/raw\.absent: Topic absent does not exist on 127\.0\.0\.1:\d+\. Make it, .*; trying again in 1s/);
      const url = /Metrics at (\S+)\/metrics/.exec(running.out())![1]!;
      const health = await fetch(`${url}/healthz`);
      const { status: state, tables } = (await health.json()) as {
        status: string;
        tables: { table: string; ok: boolean; reasons: string[] }[];
      };
      expect([health.status, state, tables.map(({ table, ok, reasons }) => [table, ok, reasons]).sort()]).toEqual([
        503,
        'failing',
        [
          ['raw.absent', false, [expect.stringMatching(/^failed: Topic absent does not exist/)]],
          ['raw.there', true, []],
        ],
      ]);
      const status = await lab.project.start(['load', 'status'], 'status').ended;
      expect([status.code, status.out]).toEqual([
        1,
        expect.stringMatching(/raw\.absent {2}failed: Topic absent does not exist/),
      ]);
      expect(status.out).toMatch(/raw\.there {2}there\/0 {2}next 10 {2}end 10/);
      expect(status.out).not.toContain('connections.yml');
      await create('absent');
      await send('absent', 0, 5);
      await lab.project.until("select to_regclass('raw.absent') is not null");
      await lab.project.until(loaded('absent', 5));
      const rewound = await lab.project.start(['load', 'rewind', '--select', 'source:raw.there', '--to', '4'], 'rewind')
        .ended;
      expect([rewound.code, rewound.out]).toEqual([0, expect.stringContaining('6 rows and 0 dead letters')]);
      await lab.project.until(loaded('there', 10));
      expect(await lab.project.rows('select count(*), count(distinct id) from raw.there')).toEqual([['10', '10']]);
      expect((await end(running)).code).toBe(0);
    },
  );

  it('ends on SIGTERM when the broker is gone', async () => {
    await create('gone');
    sources('gone');
    await send('gone', 0, 10);
    const running = lab.project.start(['load']);
    await lab.project.until("select to_regclass('raw.gone') is not null");
    await lab.project.until(loaded('gone', 10));
    await lab.broker.down();
    await pause(1000);
    await end(running);
    await lab.broker.up();
  });
});
