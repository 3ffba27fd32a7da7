// A pattern of topics into one table against a real Kafka: topics that come, are deleted and are made again while two
// loaders share the partitions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called } from '../../../src/loader/kafka/library.ts';
import { eventually, KafkaLab } from './kafka-lab.ts';

const source = (more: string): string =>
  `sources: [{name: raw, tables: [{name: orders, config: {meta: {tsdbt: {load: {${more}, flush: {age: 50ms}}}}}, ` +
  'columns: [{name: id, data_type: integer}]}]}]\n';

interface Document {
  readonly tables: readonly { readonly topics: string[]; readonly partitions: readonly { lag_rows: number }[] }[];
}

describe('a pattern of topics', () => {
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

  it('is loaded by two loaders; new topics are taken up, deleted ones left', async () => {
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

  it('goes on from the same positions when the topics are named', async () => {
    lab.project.write({ 'models/sources.yml': source('topics: [orders_eu, orders_asia]') });
    await send('orders_eu', 210, 220);
    expect(await lab.load()).toContain('raw.orders: 10 rows loaded');
    const rewound = await lab.project.start(['load', 'rewind', '--to', 'orders_asia:earliest']).ended;
    expect([rewound.code, rewound.out]).toEqual([0, expect.stringContaining('raw.orders  orders_asia/2  next 0')]);
    expect(await lab.load()).toContain('raw.orders: 300 rows loaded');
    await until('orders_eu', 220);
    await until('orders_asia', 300);
  });

  it('a topic that is in two sources of one table is refused', async () => {
    const twice = source("topic_pattern: 'orders_.*'").replace(
      '}]}]\n',
      '}, {name: again, identifier: orders, config: {meta: {tsdbt: {load: {topic: orders_eu}}}}}]}]\n',
    );
    lab.project.write({ 'models/sources.yml': twice });
    expect(await lab.load(2)).toContain('Sources raw.orders and raw.again both load topic orders_eu into raw.orders');
  });
});
