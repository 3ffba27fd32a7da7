// Positions that are set back while other loaders hold the partitions: two loaders, one of them stopped meanwhile and
// woken. Each message is in the table once.
import { afterEach, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

const PARTITIONS = 4;
const WAIT = { timeout: 120_000, interval: 200 };
const SOURCE = (type: string): string =>
  'sources: [{name: raw, tables: [{name: t, config: {meta: {tsdbt: {load: {topic: t, flush: {age: 100ms}}}}}, ' +
  `columns: [{name: id, data_type: ${type}}]}]}]\n`;

interface Project {
  readonly dir: string;
  count(): Promise<unknown>;
  members(): Promise<number>;
}

describe('a rewind alongside two loaders', () => {
  const ends: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const part of ends.splice(0)) await part.close();
  });

  const followed = async (open: (connections: string) => Promise<Project>): Promise<void> => {
    const broker = await KafkaBroker.start();
    ends.unshift(broker);
    const address = `127.0.0.1:${broker.port}`;
    const writer = await TopicWriter.open([address]);
    ends.unshift(writer);
    await writer.create('t', { partitions: PARTITIONS });
    const send = (from: number, to: number): Promise<void> =>
      writer.send(
        Array.from({ length: to - from }, (_, i) => ({
          topic: 't',
          partition: (from + i) % PARTITIONS,
          value: Buffer.from(JSON.stringify({ id: from + i })),
        })),
      );
    const project = await open(`connections: { default: { brokers: ["${address}"] } }\n`);
    const load = (name: string, ...args: string[]): Running =>
      start(['load', ...args, '--target-path', name, '--log-path', `logs-${name}`, '--no-use-colors'], {
        cwd: project.dir,
        env: { ...process.env, DBT_PROFILES_DIR: project.dir },
      });
    const has = (rows: number): Promise<void> =>
      expect.poll(() => project.count().catch(() => null), WAIT).toEqual([[`${rows}`, `${rows}`]]);
    await send(0, 400);
    const loaders = [load('one'), load('two')];
    await expect.poll(() => project.members().catch(() => 0), WAIT).toBe(2);
    await has(400);
    // Both hold partitions; nothing comes that would fence them.
    const back = async (to: string): Promise<void> => {
      const { code, out } = await load('rewind', 'rewind', '--select', 'source:raw.t', '--to', to).ended;
      expect([code, out]).toEqual([0, expect.stringMatching(/[1-9]\d* rows and 0 dead letters from there on deleted/)]);
    };
    await back('0:10,1:20,2:30,3:earliest');
    await has(400);
    const [first] = loaders;
    first?.child.kill('SIGSTOP');
    await back('earliest');
    await send(400, 500);
    first?.child.kill('SIGCONT');
    await has(500);
    for (const { child } of loaders) child.kill('SIGTERM');
    for (const { ended } of loaders) expect((await ended).code).toBe(0);
    expect(await project.count()).toEqual([['500', '500']]);
  };

  it('is followed on Postgres', async () => {
    await followed(async (connections) => {
      const project = await FaultProject.open({
        'connections.yml': connections,
        'models/sources.yml': SOURCE('integer'),
      });
      ends.unshift(project);
      return {
        dir: project.dir,
        count: () => project.rows('select count(*), count(distinct id) from raw.t'),
        members: async () => Number(await project.one('select count(*) from tsdbt.load_members')),
      };
    });
  }, 300_000);

  it.skipIf(clickhouseMissing !== null)(
    'is followed on ClickHouse',
    async () => {
      await followed(async (connections) => {
        const lab = await ClickhouseLab.open({ 'connections.yml': connections, 'models/sources.yml': SOURCE('Int64') });
        ends.unshift(lab);
        return {
          dir: lab.dir,
          count: () => lab.rows('select toString(count()), toString(uniqExact(id)) from raw.t'),
          members: async () =>
            Number((await lab.rows('select toString(uniqExact(member_id)) from tsdbt.load_members'))[0]?.[0]),
        };
      });
    },
    400_000,
  );
});
