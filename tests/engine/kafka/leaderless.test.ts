// A partition whose only broker is away: it is waited for by itself, while a loader that starts without it loads the
// others, and settles what an earlier one left of it once it is back.
import { afterEach, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { eventually } from './kafka-lab.ts';
import { TopicWriter } from './topic-writer.ts';

const SOURCE = (type: string): string =>
  'sources: [{name: raw, tables: [{name: t, config: {meta: {tsdbt: {load: {topic: t, flush: {age: 100ms}}}}}, ' +
  `columns: [{name: id, data_type: ${type}}]}]}]\n`;
const WAIT = { timeout: 120_000, interval: 300 };

describe('a partition without a leader', () => {
  const ends: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const part of ends.splice(0)) await part.close();
  });

  const cluster = async (): Promise<{ broker: KafkaBroker; address: string }> => {
    const broker = await KafkaBroker.start();
    ends.unshift(broker);
    const address = `127.0.0.1:${broker.port}`;
    await withWriter(address, (writer) => writer.create('first'));
    return { broker, address };
  };
  const withWriter = async (address: string, work: (writer: TopicWriter) => Promise<void>): Promise<void> => {
    const writer = await TopicWriter.open([address], { idempotent: false, retries: 0 });
    try {
      await work(writer);
    } finally {
      await writer.close();
    }
  };
  const send = (address: string, partition: number, from: number, to: number): Promise<void> =>
    eventually(() =>
      withWriter(address, (writer) =>
        writer.send(
          Array.from({ length: to - from }, (_, i) => ({
            topic: 't',
            partition,
            value: Buffer.from(JSON.stringify({ id: from + i })),
          })),
        ),
      ),
    );
  const split = async (address: string): Promise<void> =>
    eventually(() =>
      withWriter(address, (writer) =>
        writer.create('t', {
          assignments: [
            { partition: 0, brokers: [1] },
            { partition: 1, brokers: [2] },
          ],
        }),
      ),
    );

  it('is waited for separately: a new loader loads the others', async () => {
    const { broker, address } = await cluster();
    const project = await FaultProject.open({
      'connections.yml': `connections: { default: { brokers: ["${address}"] } }\n`,
      'models/sources.yml': SOURCE('bigint').replaceAll('topic: t,', 'topic: first,'),
    });
    ends.unshift(project);
    // The group's own topic comes to lie on the broker that stays.
    expect((await project.start(['load', '--once']).ended).code).toBe(0);
    const second = await broker.beside(2);
    ends.unshift(second);
    await split(address);
    project.write({ 'models/sources.yml': SOURCE('bigint').replace('name: t,', 'name: both,') });
    for (const partition of [0, 1]) await send(address, partition, partition * 100, partition * 100 + 50);
    expect((await project.start(['load', '--once']).ended).code).toBe(0);
    await send(address, 1, 150, 160);
    await second.down('SIGKILL');
    await send(address, 0, 50, 70);
    const running = project.start(['load'], 'again');
    const rows = async (): Promise<unknown> =>
      project.rows('select _partition, count(*), count(distinct id) from raw.both group by 1 order by 1');
    await expect.poll(rows, WAIT).toEqual([
      ['0', '70', '70'],
      ['1', '50', '50'],
    ]);
    await second.up();
    await expect.poll(rows, WAIT).toEqual([
      ['0', '70', '70'],
      ['1', '60', '60'],
    ]);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  }, 400_000);

  it.skipIf(clickhouseMissing !== null)(
    'is settled when it is back, and the interrupted rows of others are written at once',
    async () => {
      const { broker, address } = await cluster();
      const lab = await ClickhouseLab.open({
        'connections.yml': `connections: { default: { brokers: ["${address}"] } }\n`,
        'models/sources.yml': SOURCE('Int64').replaceAll('topic: t,', 'topic: first,'),
      });
      ends.unshift(lab);
      const load = (more: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running =>
        start(['load', ...more, '--no-use-colors'], {
          cwd: lab.dir,
          env: { ...process.env, DBT_PROFILES_DIR: lab.dir, ...env },
        });
      expect((await load(['--once']).ended).code).toBe(0);
      const second = await broker.beside(2);
      ends.unshift(second);
      await split(address);
      lab.write({ 'models/sources.yml': SOURCE('Int64').replace('name: t,', 'name: both,') });
      for (const partition of [0, 1]) await send(address, partition, partition * 100, partition * 100 + 50);
      // Recorded, and nothing of it written.
      const cut = await load(['--once'], { TSDBT_FAULT_POINT: 'before_copy' }).ended;
      expect(cut.code).not.toBe(0);
      await second.down('SIGKILL');
      await send(address, 0, 50, 70);
      const running = load();
      const rows = async (): Promise<unknown> =>
        lab.rows(
          'select toString(_partition), toString(count()), toString(uniqExact(id)) from raw.both group by 1 ' +
            'order by 1',
        );
      await expect.poll(rows, WAIT).toEqual([['0', '70', '70']]);
      await second.up();
      await expect.poll(rows, WAIT).toEqual([
        ['0', '70', '70'],
        ['1', '50', '50'],
      ]);
      running.child.kill('SIGTERM');
      expect((await running.ended).code).toBe(0);
    },
    400_000,
  );
});
