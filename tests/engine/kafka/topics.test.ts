// What topics do while they are loaded: compressed, compacted, with huge messages, growing, expired, deleted and made
// again.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called } from '../../../src/loader/brokers/kafka/client-library.ts';
import { eventually, KafkaLab } from './kafka-lab.ts';

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

interface Value {
  readonly id: number;
  readonly v: string;
}

describe('a Kafka topic', () => {
  let lab: KafkaLab;
  beforeAll(async () => {
    lab = await KafkaLab.open();
  });
  afterAll(async () => lab?.close());

  const sources = (topics: Readonly<Record<string, string>>): void =>
    lab.sources(
      Object.fromEntries(
        Object.entries(topics).map(([topic, more]) => [topic, `${more}, flush: { rows: 1000, age: 50ms }`]),
      ),
      { id: 'integer', v: 'text' },
    );
  const create = (topic: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> =>
    lab.writer.create(topic, {
      partitions,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  const send = (
    topic: string,
    values: readonly Value[],
    { partition, key }: { partition?: number; key?: (value: Value) => string } = {},
  ): Promise<void> =>
    lab.writer.send(
      values.map((value) => ({
        topic,
        value: Buffer.from(JSON.stringify(value)),
        ...(partition === undefined ? {} : { partition }),
        ...(key === undefined ? {} : { key: Buffer.from(key(value)) }),
      })),
    );
  const numbered = (from: number, to: number): Value[] =>
    Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `value ${from + i}` }));

  it('is loaded with any codec, with a message of five megabytes among small ones, and compacted', async () => {
    for (const codec of CODECS) await create(`c_${codec}`, 1, { 'compression.type': codec });
    await create('huge', 1, { 'max.message.bytes': '8000000' });
    await create('compact', 1, {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'min.compaction.lag.ms': '0',
    });
    for (const codec of CODECS) await send(`c_${codec}`, numbered(0, 500));
    await send('huge', numbered(0, 10));
    await send('huge', [{ id: 10, v: 'x'.repeat(5_000_000) }]);
    await send('huge', numbered(11, 20));
    for (let round = 0; round < 5; round++) {
      await send('compact', numbered(round * 100, round * 100 + 100), {
        key: ({ id }) => String(id % 10),
      });
      await pause(150);
    }
    sources({ ...Object.fromEntries(CODECS.map((codec) => [`c_${codec}`, ''])), huge: '', compact: '' });
    // What the cleaner has left is what must be loaded.
    await lab.broker.cleaned('compact');
    await lab.load();
    for (const codec of CODECS)
      expect(await lab.ids(`c_${codec}`), codec).toEqual(numbered(0, 500).map(({ id }) => id));
    expect(await lab.project.rows('select id, length(v) from raw.huge where id in (9, 10, 11) order by 1')).toEqual([
      ['9', '7'],
      ['10', '5000000'],
      ['11', '8'],
    ]);
    expect((await lab.ids('huge')).length).toBe(20);
    const kept = await lab.ids('compact');
    expect(new Set(kept).size).toBe(kept.length);
    expect(kept.filter((id) => id >= 490)).toEqual(numbered(490, 500).map(({ id }) => id));
    expect(kept.length).toBeLessThan(500);
    expect((await lab.project.start(['load', 'status']).ended).out).toMatch(
      /compact\/0 {2}next 500 {2}end 500 {2}lag 0 rows/,
    );
  });

  it('that expired before it was read stops with an error, or continues if configured', async () => {
    await create('old', 2);
    sources({ old: '' });
    await send('old', numbered(0, 10), { partition: 0 });
    await lab.load();
    await send('old', numbered(10, 20), { partition: 0 });
    await send('old', numbered(100, 105), { partition: 1 });
    await called((done) =>
      lab.writer.admin.deleteRecords({ topics: [{ name: 'old', partitions: [{ partition: 0, offset: 15n }] }] }, done),
    );
    const out = await lab.load(1);
    expect(out).toMatch(
      /raw\.old: stopped: offset 10 is out of range.*rewind --select source:raw\.old --to earliest.*on_gap: earliest/,
    );
    expect(await lab.ids('old')).toEqual([...numbered(0, 10), ...numbered(100, 105)].map(({ id }) => id));
    sources({ old: ', on_gap: earliest' });
    await lab.load();
    expect(await lab.ids('old')).toEqual(
      [...numbered(0, 10), ...numbered(15, 20), ...numbered(100, 105)].map(({ id }) => id),
    );
  });

  it('that is extended during the load has its new partitions read', async () => {
    await create('grow', 1);
    sources({ grow: '' });
    await send('grow', numbered(0, 10));
    const running = lab.project.start(['load', '--metrics-port', '0']);
    await lab.project.until("select to_regclass('raw.grow') is not null");
    await lab.project.until('select (select count(*) from raw.grow) = 10');
    await called((done) =>
      lab.writer.admin.createPartitions(
        {
          topics: [{ name: 'grow', count: 3, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }],
        },
        done,
      ),
    );
    // Refused as a whole until the producer knows the partition.
    await eventually(() => send('grow', numbered(10, 20), { partition: 2 }));
    await lab.project.until('select (select count(*) from raw.grow) = 20');
    const url = /Metrics at (\S+)\/metrics/.exec(running.out())![1]!;
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /^tsdbt_load_rows_total\{topic="grow",table="raw\.grow"\} 20$/m,
    );
    await eventually(async () =>
      expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({
        status: 'ok',
        tables: [{ table: 'raw.grow', lag_rows: '0', lag_seconds: 0 }],
      }),
    );
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });

  it('is loaded from its end or from a time, with key, headers and position in columns', async () => {
    for (const topic of ['late', 'timed']) {
      await create(topic);
      await send(topic, numbered(0, 3));
    }
    await pause(20);
    const then = new Date().toISOString();
    await pause(20);
    await send('timed', numbered(3, 5));
    const column = (name: string, type: string, load: string): string =>
      `{ name: ${name}, data_type: ${type}, config: { meta: { tsdbt: { load: { ${load} } } } } }`;
    const table = (topic: string, start: string): string => `      - name: ${topic}
        config: { meta: { tsdbt: { load: { topic: ${topic}, start: "${start}" } } } }
        columns:
          - { name: id, data_type: integer }
          - ${column('who', 'text', 'from: key')}
          - ${column('trace', 'text', 'from: header.trace')}
          - ${column('headers', 'jsonb', 'from: headers')}
          - ${column('place', 'bigint', 'from: offset')}
          - ${column('city', 'text', 'path: "address.city"')}
          - ${column('seen', 'timestamptz', 'epoch: seconds')}\n`;
    lab.project.write({
      'models/sources.yml': `sources:\n  - name: raw\n    tables:\n${table('late', 'latest')}${table('timed', then)}`,
    });
    await lab.load();
    expect([await lab.ids('late'), await lab.ids('timed')]).toEqual([[], [3, 4]]);
    await lab.writer.send([
      {
        topic: 'late',
        key: Buffer.from('k1'),
        value: Buffer.from('{"id": 7, "address": {"city": "Bern", "zip": 3000}, "seen": 1767225600.5}'),
        headers: new Map([
          [Buffer.from('trace'), Buffer.from('t1')],
          [Buffer.from('other'), Buffer.from('ä')],
        ]),
      },
    ]);
    await lab.load();
    expect(
      await lab.project.rows(
        "select id, who, trace, headers::text, place, city, (seen at time zone 'UTC')::text, _rest::text from raw.late",
      ),
    ).toEqual([
      [
        '7',
        'k1',
        't1',
        '{"other": "ä", "trace": "t1"}',
        '3',
        'Bern',
        '2026-01-01 00:00:00.5',
        '{"address": {"zip": 3000}}',
      ],
    ]);
  });

  it('that is deleted and created again is reported and not loaded, or loaded if configured', async () => {
    await create('anew', 1);
    sources({ anew: '' });
    await send('anew', numbered(0, 10));
    const running = lab.project.start(['load']);
    await lab.project.until("select to_regclass('raw.anew') is not null");
    await lab.project.until('select (select count(*) from raw.anew) = 10');
    await called((done) => lab.writer.admin.deleteTopics({ topics: ['anew'] }, done));
    await eventually(() => create('anew', 1));
    await eventually(() => send('anew', numbered(100, 130)));
    await eventually(async () =>
      expect(running.out()).toMatch(/raw\.anew: (topic anew was deleted and made again|Topic anew does not exist)/),
    );
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(2);
    expect((await lab.ids('anew')).length).toBe(10);
    expect(await lab.load(2)).toContain('deleted and made again');
    sources({ anew: ', on_gap: earliest' });
    await lab.load();
    expect((await lab.ids('anew')).sort((a, b) => a - b)).toEqual(
      [...numbered(0, 10), ...numbered(100, 130)].map(({ id }) => id),
    );
  });
});
