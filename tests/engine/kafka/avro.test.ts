// Avro on a real Kafka: what Confluent's serializers for Node and Python and our own `produce` write, loaded by
// `tsdbt load` after `load check`.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { avroPython } from '../../oracle/support/servers.mjs';
import { MemoryRegistry } from '../loader/memory-registry.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { start } from '../support/program.ts';
import { confluentClient } from './confluent.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { KafkaLab } from './kafka-lab.ts';
import { TopicWriter } from './topic-writer.ts';

const SCHEMA = {
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'page', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' } },
  ],
};

describe('an Avro topic', () => {
  let lab: KafkaLab;
  let registry: MemoryRegistry;
  beforeAll(async () => {
    lab = await KafkaLab.open();
    registry = await MemoryRegistry.start();
    lab.project.write({
      'connections.yml':
        `connections: { default: { brokers: ["127.0.0.1:${lab.broker.port}"], ` +
        `registry: { url: "${registry.url}" } } }\n`,
    });
    lab.sources({ clicks: ', format: avro' }, { id: 'bigint', at: 'timestamptz', page: 'text', tags: 'jsonb' });
  });
  afterAll(async () => {
    await lab?.close();
    await registry?.close();
  });

  it("of Confluent's clients and of tsdbt is checked and loaded", async () => {
    lab.project.write({
      'click.avsc': JSON.stringify(SCHEMA),
      'clicks.ndjson': '{"id": 1, "at": "2026-01-02T03:04:05.678Z", "page": "/a", "tags": ["x"]}\n',
    });
    const produce = ['produce', '--topic', 'clicks', '--from', 'clicks.ndjson', '--format', 'avro'];
    const none = await lab.project.start([...produce, '--partitions', '1']).ended;
    expect([none.code, none.out]).toEqual([2, expect.stringContaining('The registry has no schema of clicks-value')]);
    const first = await lab.project.start([
      ...produce,
      '--partitions',
      '1',
      '--schema',
      join(lab.project.dir, 'click.avsc'),
      '--register',
    ]).ended;
    expect(first.code, first.out).toBe(0);
    const again = await lab.project.start(produce).ended;
    expect(again.code, again.out).toBe(0);

    const { SchemaRegistryClient, AvroSerializer } = confluentClient();
    const node = new AvroSerializer(new SchemaRegistryClient({ baseURLs: [registry.url] }), 1, {
      useLatestVersion: true,
      autoRegisterSchemas: false,
    });
    // The registry answers within this process: it must not wait.
    const { stdout: python } = await promisify(execFile)(
      avroPython(),
      [join(import.meta.dirname, 'confluent_avro.py'), registry.url, 'clicks'],
      {
        encoding: 'utf8',
        timeout: 200_000,
      },
    );
    await lab.writer.send([
      {
        topic: 'clicks',
        value: await node.serialize('clicks', { id: 2, at: 1_767_323_045_678, page: null, tags: [] }),
      },
      ...python
        .trim()
        .split('\n')
        .map((hex) => ({ topic: 'clicks', value: Buffer.from(hex, 'hex') })),
      { topic: 'clicks', value: Buffer.from([0, 0, 0, 3, 231, 0]) },
    ]);
    const check = await lab.project.start(['load', 'check']).ended;
    expect(check.out).toContain('raw.clicks: OK');
    await lab.load();
    expect(
      await lab.project.rows(
        `select id, (at at time zone 'UTC')::text, coalesce(page, '(null)'), tags::text
         from raw.clicks order by _offset`,
      ),
    ).toEqual([
      ['1', '2026-01-02 03:04:05.678', '/a', '["x"]'],
      ['1', '2026-01-02 03:04:05.678', '/a', '["x"]'],
      ['2', '2026-01-02 03:04:05.678', '(null)', '[]'],
      ['9223372036854775807', '2026-01-02 03:04:05.678', 'é', '["a", "b"]'],
    ]);
    expect((await lab.project.rows('select error from tsdbt.dead_letters')).flat()).toEqual([
      'the registry has no schema 999',
    ]);
    registry.register('clicks-value', { ...SCHEMA, fields: [{ name: 'id', type: 'boolean' }] }, { schemaType: 'AVRO' });
    const broken = await lab.project.start(['load', 'check']).ended;
    expect(broken.out).toContain("schema version 2: field 'id' is a boolean, and column 'id' is bigint");
  });
});

describe.skipIf(clickhouseMissing !== null)('an Avro topic loaded into ClickHouse', () => {
  let broker: KafkaBroker;
  let registry: MemoryRegistry;
  let lab: ClickhouseLab;
  let writer: TopicWriter;
  beforeAll(async () => {
    [broker, registry] = await Promise.all([KafkaBroker.start(), MemoryRegistry.start()]);
    const address = `127.0.0.1:${broker.port}`;
    writer = await TopicWriter.open([address]);
    const declared = Object.entries({
      id: 'Int64',
      at: "DateTime64(3, 'UTC')",
      page: 'LowCardinality(Nullable(String))',
      tags: 'Array(String)',
      price: 'Decimal(9, 2)',
    }).map(([name, type]) => `          - { name: ${name}, data_type: "${type}" }\n`);
    lab = await ClickhouseLab.open({
      'connections.yml': `connections: {default: {brokers: ["${address}"], registry: {url: "${registry.url}"}}}\n`,
      'models/sources.yml':
        'sources:\n  - name: raw\n    tables:\n      - name: clicks\n' +
        '        config: { meta: { tsdbt: { load: { topic: clicks, format: avro } } } }\n' +
        `        columns:\n${declared.join('')}`,
    });
  });
  afterAll(async () => {
    for (const part of [lab, writer, registry, broker]) await part?.close();
  });
  const load = (...args: string[]): Promise<{ readonly code: number | null; readonly out: string }> =>
    start(['load', ...args, '--no-use-colors'], { cwd: lab.dir, env: { ...process.env, DBT_PROFILES_DIR: lab.dir } })
      .ended;

  it('has a contract that reports what a new version would break before it does', async () => {
    const price = { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 };
    const priced = { ...SCHEMA, fields: [...SCHEMA.fields, { name: 'price', type: price }] };
    const nullable = (name: string): object => ({
      ...priced,
      fields: priced.fields.map((each) =>
        each.name === name ? { ...each, type: ['null', each.type], default: null } : each,
      ),
    });
    const { SchemaRegistryClient, AvroSerializer } = confluentClient();
    const send = async (schema: object, value: object): Promise<void> => {
      registry.register('clicks-value', schema, { schemaType: 'AVRO' });
      const serializer = new AvroSerializer(new SchemaRegistryClient({ baseURLs: [registry.url] }), 1, {
        useLatestVersion: true,
        autoRegisterSchemas: false,
      });
      await writer.send([{ topic: 'clicks', value: await serializer.serialize('clicks', value) }]);
    };
    await writer.create('clicks', { partitions: 1 });
    const click = { id: 1, at: 1_767_323_045_678, page: null, tags: ['x'], price: Buffer.from('04d2', 'hex') };
    await send(priced, click);
    const good = await load('check');
    expect([good.code, good.out]).toEqual([0, expect.stringContaining('raw.clicks: OK')]);
    await send(nullable('price'), { ...click, id: 2, price: null });
    const broken = await load('check');
    expect([broken.code, broken.out]).toEqual([
      1,
      expect.stringContaining(
        "schema version 2: field 'price' may be null, and 'price' is Decimal(9, 2), which takes no null",
      ),
    ]);
    // It was right: that message breaks, the other one does not.
    const loaded = await load('--once');
    expect(loaded.code, loaded.out).toBe(0);
    expect(await lab.rows('select toString(id), toString(at), page, toString(price) from raw.clicks')).toEqual([
      ['1', '2026-01-02 03:04:05.678', null, '12.34'],
    ]);
    expect(await lab.rows('select toString(offset), error from tsdbt.dead_letters')).toEqual([
      ['1', "column 'price': null value, and the column takes none"],
    ]);
    // What the table fills breaks nothing.
    await lab.rows('alter table raw.clicks modify column price Decimal(9, 2) default 1');
    const filled = await load('check');
    expect([filled.code, filled.out]).toEqual([0, expect.stringContaining('raw.clicks: OK')]);
  });
});
