// A pattern of topics into one table against a real Kafka: topics that come, are deleted and are made again while two
// loaders share the partitions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called } from '../../../src/loader/brokers/kafka/client-library.ts';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { type Running, start } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { eventually, KafkaLab } from './kafka-lab.ts';
import { TopicWriter, type WrittenMessage } from './topic-writer.ts';

const source = (more: string): string =>
  `sources: [{name: raw, tables: [{name: orders, config: {meta: {tsdbt: {load: {${more}, flush: {age: 50ms}}}}}, ` +
  'columns: [{name: id, data_type: integer}]}]}]\n';

interface Document {
  readonly tables: readonly { readonly topics: string[]; readonly partitions: readonly { lag_rows: number }[] }[];
}

describe('a topic pattern', () => {
  let lab: KafkaLab;
  beforeAll(async () => {
    lab = await KafkaLab.open();
    await lab.writer.create(['orders_eu', 'orders_us', 'my_orders_eu'], { partitions: 2 });
  });
  afterAll(async () => lab?.close());

  const send = (topic: string, from: number, to: number): Promise<void> =>
    lab.writer.send(
      Array.from({ length: to - from }, (_, i) => ({ topic, value: Buffer.from(JSON.stringify({ id: from + i })) })),
    );
  const until = (topic: string, rows: number): Promise<void> =>
    lab.project.until(
      `select count(*) = ${rows} and count(distinct id) = ${rows} from raw.orders where _topic = '${topic}'`,
    );

  it('is loaded by two loaders, which add new topics and drop deleted ones', async () => {
    lab.project.write({ 'models/sources.yml': source("topic_pattern: '^orders_.*', on_gap: earliest") });
    await send('orders_eu', 0, 100);
    await send('my_orders_eu', 0, 10);
    const check = await lab.project.start(['load', 'check']).ended;
    expect([check.code, check.out]).toEqual([0, expect.stringContaining('raw.orders: OK')]);
    const running = [lab.project.start(['load'], 'one'), lab.project.start(['load'], 'two')];
    await until('orders_eu', 100);
    await lab.writer.create('orders_asia', { partitions: 3 });
    await eventually(() => send('orders_asia', 0, 300));
    await until('orders_asia', 300);
    await called((done) => lab.writer.admin.deleteTopics({ topics: ['orders_us'] }, done));
    await send('orders_eu', 100, 200);
    await until('orders_eu', 200);
    await eventually(() => lab.writer.create('orders_us', { partitions: 1 }));
    await eventually(() => send('orders_us', 0, 50));
    await until('orders_us', 50);
    await send('orders_eu', 200, 210);
    await until('orders_eu', 210);
    await lab.project.until('select count(*) > 1 from tsdbt.load_members');
    for (const { child } of running) child.kill('SIGTERM');
    for (const { ended } of running) expect((await ended).code).toBe(0);
    expect(await lab.project.rows('select distinct _topic from raw.orders order by 1')).toEqual([
      ['orders_asia'],
      ['orders_eu'],
      ['orders_us'],
    ]);
    const status = await lab.project.start(['load', 'status', '--output', 'json']).ended;
    expect(status.code, status.out).toBe(0);
    const [table] = (JSON.parse(status.stdout) as Document).tables;
    expect(table?.topics).toEqual(['^orders_.*']);
    // The topic that was made again has one partition less.
    expect(table?.partitions.map(({ lag_rows }) => lag_rows)).toEqual([0, 0, 0, 0, 0, 0, null]);
  });

  it('continues from the same positions when the topics are named', async () => {
    lab.project.write({ 'models/sources.yml': source('topics: [orders_eu, orders_asia]') });
    await send('orders_eu', 210, 220);
    expect(await lab.load()).toContain('raw.orders: 10 rows loaded');
    const rewound = await lab.project.start(['load', 'rewind', '--to', 'orders_asia:earliest']).ended;
    expect([rewound.code, rewound.out]).toEqual([0, expect.stringContaining('raw.orders  orders_asia/2  next 0')]);
    expect(await lab.load()).toContain('raw.orders: 300 rows loaded');
    await until('orders_eu', 220);
    await until('orders_asia', 300);
  });

  it('is rejected if a topic is in two sources of one table', async () => {
    const twice = source("topic_pattern: 'orders_.*'").replace(
      '}]}]\n',
      '}, {name: again, identifier: orders, config: {meta: {tsdbt: {load: {topic: orders_eu}}}}}]}]\n',
    );
    lab.project.write({ 'models/sources.yml': twice });
    expect(await lab.load(2)).toContain('Sources raw.orders and raw.again both load topic orders_eu into raw.orders');
  });
});

describe.skipIf(clickhouseMissing !== null)('a topic pattern into ClickHouse', () => {
  it('is upserted with the topic in the key, by two loaders, and tombstones delete', async () => {
    const broker = await KafkaBroker.start();
    const ends: { close(): Promise<unknown> }[] = [broker];
    try {
      const address = `127.0.0.1:${broker.port}`;
      const writer = await TopicWriter.open([address]);
      ends.unshift(writer);
      const topics = ['stock_eu', 'stock_us'];
      await writer.create(topics, { partitions: 2 });
      const lab = await ClickhouseLab.open({
        'connections.yml': `connections: { default: { brokers: ["${address}"] } }\n`,
        'models/sources.yml': `sources:
  - name: raw
    tables:
      - name: stock
        config:
          meta:
            tsdbt:
              load: { topic_pattern: 'stock_.*', mode: upsert, key: [region, id], flush: { age: 50ms } }
        columns:
          - { name: region, data_type: String, meta: { tsdbt: { load: { from: topic } } } }
          - { name: id, data_type: Int64 }
          - { name: n, data_type: Int64 }
`,
      });
      ends.unshift(lab);
      const load = (name: string, ...more: string[]): Running =>
        start(['load', ...more, '--target-path', name, '--log-path', `logs-${name}`, '--no-use-colors'], {
          cwd: lab.dir,
          env: { ...process.env, DBT_PROFILES_DIR: lab.dir },
        });
      const row = (topic: string, id: number, n: number | null): WrittenMessage => ({
        topic,
        // A key belongs to one partition.
        partition: id % 2,
        key: Buffer.from(String(id)),
        value: n === null ? (null as unknown as Buffer) : Buffer.from(JSON.stringify({ id, n })),
      });
      // One topic is far ahead: its offsets say nothing of the other's.
      await writer.send(Array.from({ length: 400 }, (_, i) => row('stock_eu', i % 20, i)));
      await writer.send(Array.from({ length: 20 }, (_, i) => row('stock_us', i, -i)));
      const running = [load('one'), load('two')];
      await writer.send([row('stock_eu', 3, null), row('stock_us', 4, null), row('stock_us', 5, 7)]);
      const held = (): Promise<string[][]> =>
        lab.rows(
          'select region, toString(count()), toString(sum(n)) from raw.stock final group by 1 order by 1',
        ) as Promise<string[][]>;
      const eu = Array.from({ length: 20 }, (_, i) => 380 + i).filter((n) => n !== 383);
      const us = Array.from({ length: 20 }, (_, i) => (i === 5 ? 7 : -i)).filter((_, i) => i !== 4);
      const sum = (all: readonly number[]): string => String(all.reduce((total, n) => total + n, 0));
      await expect
        .poll(() => held().catch(() => []), FOR_EVENTS)
        .toEqual([
          ['stock_eu', '19', sum(eu)],
          ['stock_us', '19', sum(us)],
        ]);
      // One of them may have loaded all of it: the other one takes a signal when it has come, too.
      const members = 'select toString(uniqExact(member_id)) from tsdbt.load_members';
      await expect.poll(async () => Number((await lab.rows(members))[0]?.[0]), FOR_EVENTS).toBeGreaterThan(1);
      for (const { child } of running) child.kill('SIGTERM');
      for (const { ended } of running) expect((await ended).code).toBe(0);
      expect(await lab.rows('select error from tsdbt.dead_letters')).toEqual([]);
    } finally {
      for (const part of ends) await part.close();
    }
  });
});
