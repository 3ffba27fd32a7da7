// The loader against a real Kafka: transactions, kills, two loaders, a broker that goes away. Needs Java and Maven.
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterMetadata, Connection, Producer } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called, loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { RawFetch } from '../../../src/loader/brokers/kafka/fetch-request.ts';
import { crc32cOf } from '../../../src/loader/brokers/kafka/crc32c.ts';
import { RecordBatches } from '../../../src/loader/brokers/kafka/record-batches.ts';
import { OWN_SERVER } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

/** How often a loader is killed. */
const KILLS = Number(process.env['TSDBT_LOAD_KILLS'] ?? 6);
const SOURCE = (topic: string, more = 'mode: append'): string => `sources:
  - name: raw
    tables:
      - name: ${topic}
        config: { meta: { tsdbt: { load: { topic: ${topic}, ${more}, flush: { rows: 500, age: 100ms } } } } }
        columns: [{ name: key, data_type: text }, { name: seq, data_type: bigint }, { name: crc, data_type: bigint }]
`;
const crc = (seq: number): number => (seq * 2654435761) % 4294967296;

describe('a topic of a real Kafka', () => {
  let broker: KafkaBroker;
  let project: FaultProject;
  beforeAll(async () => {
    broker = await KafkaBroker.start();
    project = await FaultProject.open({}, OWN_SERVER);
    project.write({ 'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n` });
  });
  afterAll(async () => {
    await project?.close();
    await broker?.close();
  });

  const writerOf = (more: Parameters<typeof TopicWriter.open>[1] = {}): Promise<TopicWriter> =>
    TopicWriter.open([`127.0.0.1:${broker.port}`], more);
  const load = async (...more: string[]): Promise<string> => {
    const { code, out } = await project.start(['load', '--once', ...more]).ended;
    expect(code, out).toBe(0);
    return out;
  };

  it('is loaded with what was committed, and without what was aborted', async () => {
    const writer = await writerOf({ transactionalId: 'tx-1' });
    await writer.create('tx');
    project.write({ 'models/sources.yml': SOURCE('tx') });
    let seq = 0;
    const kept: number[] = [];
    for (const commit of [true, false, true, false, false, true]) {
      const transaction = await called<NonNullable<Producer['transaction']>>((done) =>
        writer.producer.beginTransaction({}, done),
      );
      const mine = [seq++, seq++, seq++];
      const messages = mine.map((n) => ({ topic: 'tx', value: Buffer.from(JSON.stringify({ seq: n })) }));
      await called((done) => transaction.send({ messages }, done));
      if (commit) {
        await called<void>((done) => transaction.commit(done));
        kept.push(...mine);
      } else await called<void>((done) => transaction.abort(done));
    }
    await writer.close();
    await load();
    expect((await project.rows('select seq from raw.tx order by 1')).flat().map(Number)).toEqual(kept);
    expect(await load()).toContain('raw.tx: 0 rows loaded');
    expect((await project.start(['load', 'status']).ended).out).toMatch(/tx\/0 {2}next (\d+) {2}end \1 {2}lag 0 rows/);
    // Brokers of every age answer in a form of their own.
    const library = await loadClientLibrary();
    const bootstrapBrokers = [`127.0.0.1:${broker.port}`];
    const consumer = new library.Consumer({ groupId: 'raw', clientId: 'test', bootstrapBrokers });
    const { brokers, topics } = await called<ClusterMetadata>((done) => consumer.metadata({ topics: ['tx'] }, done));
    const connection = await called<Connection>((done) => consumer.connections.get([...brokers.values()][0]!, done));
    const topic = topics.get('tx')!;
    for (let version = 11; version <= 17; version++) {
      const wanted = [
        {
          id: topic.id,
          name: 'tx',
          partitions: [
            { partition: 0, leaderEpoch: topic.partitions[0]!.leaderEpoch, offset: 0n, lastEpoch: null, maxBytes: 1e6 },
          ],
        },
      ];
      const {
        errorCode,
        partitions: [found],
      } = await new RawFetch(library, version).fetch(connection, {
        maxWaitMs: 100,
        minBytes: 1,
        maxBytes: 1e6,
        topics: wanted,
      });
      expect([version, errorCode, found?.errorCode, found?.topic, found?.lastStableOffset]).toEqual([
        version,
        0,
        0,
        version < 13 ? 'tx' : topic.id,
        found?.highWatermark,
      ]);
      const {
        records: [records],
        next,
      } = new RecordBatches(found!.records, {
        position: 0n,
        end: found!.highWatermark,
        aborted: found!.aborted,
        crc32c: crc32cOf(library),
        unpack: () => null,
      }).take(1e9)!;
      expect([
        Array.from({ length: records!.length }, (_, i) => JSON.parse(String(records!.message(i).value)).seq),
        next,
      ]).toEqual([kept, found!.highWatermark]);
    }
    await called<void>((done) => consumer.close(done));
  });

  it(
    `is loaded once, with exactly the planted dead letters, over ${KILLS} kills, two loaders, and crashes of ` +
      'broker and database',
    async () => {
      const writer = await writerOf({ retries: 50, retryDelay: 200 });
      await writer.create('hard', { partitions: 3 });
      project.write({ 'models/sources.yml': SOURCE('hard') });
      let seq = 0;
      const poison: string[] = [];
      const produce = async (count: number): Promise<void> => {
        const messages = Array.from({ length: count }, () => {
          const n = seq++;
          if (n % 997 !== 500)
            return {
              topic: 'hard',
              key: Buffer.from(`k${n % 50}`),
              value: Buffer.from(JSON.stringify({ key: `k${n % 50}`, seq: n, crc: crc(n) })),
            };
          poison.push(`{"seq": "no number ${n}"}`);
          return { topic: 'hard', key: Buffer.from(`k${n % 50}`), value: Buffer.from(poison.at(-1)!) };
        });
        await writer.send(messages);
      };
      await produce(2000);
      let steady = project.start(['load'], 'steady');
      for (let kill = 0; kill < KILLS; kill++) {
        const other = project.start(['load'], 'other');
        for (let i = 0; i < 4; i++) {
          await produce(400);
          // In the midst of everything.
          if (kill === 3 && i === 1) await project.crash();
          await pause(100 + Math.random() * 300);
        }
        (kill % 2 === 0 ? other : steady).child.kill('SIGKILL');
        if (kill === 1) {
          await broker.down();
          await broker.up();
        }
        if (kill % 2 === 1) {
          other.child.kill('SIGKILL');
          steady = project.start(['load'], 'steady');
        }
        await other.ended;
      }
      // Only the last loader can bring these: it takes a signal by then.
      await produce(10);
      await writer.close();
      await project.until(
        `select (select count(*) from raw.hard) >= ${seq - poison.length} or exists (select from raw.hard ` +
          `where seq = ${seq - 1})`,
      );
      steady.child.kill('SIGTERM');
      const { code, out } = await steady.ended;
      expect(code, out).toBe(0);
      await load();
      const good = seq - poison.length;
      expect(
        await project.rows(
          'select count(*), count(distinct seq), min(seq), max(seq), count(*) filter (where crc <> (seq * ' +
            '2654435761) % 4294967296) from raw.hard',
        ),
      ).toEqual([[String(good), String(good), '0', String(seq - 1), '0']]);
      expect(
        (
          await project.rows(
            "select convert_from(value, 'UTF8') from tsdbt.dead_letters where target like '%hard' order by 1",
          )
        ).flat(),
      ).toEqual([...poison].sort());
      // Contiguous in every partition.
      expect(
        await project.rows(
          'select _partition from raw.hard group by 1 having max(_offset) - min(_offset) + 1 <> count(*) + ' +
            "(select count(*) from tsdbt.dead_letters d where d.partition = _partition and target like '%hard' " +
            'and d."offset" between min(_offset) and max(_offset))',
        ),
      ).toEqual([]);
    },
    240_000 + KILLS * 10_000,
  );

  it('is named if it is missing, and so is an unreachable broker', async () => {
    project.write({ 'models/sources.yml': SOURCE('absent') });
    const missing = await project.start(['load', '--once']).ended;
    expect([missing.code, missing.out]).toEqual([
      2,
      expect.stringMatching(/Topic absent does not exist on 127\.0\.0\.1:\d+/),
    ]);
    project.write({ 'one.ndjson': '{"seq": 1}\n' });
    const produced = await project.start(['produce', '--topic', 'absent', '--from', 'one.ndjson']).ended;
    expect([produced.code, produced.out]).toEqual([2, expect.stringContaining('Topic absent does not exist')]);
    const unready = await project.start(['load', 'check']).ended;
    expect([unready.code, unready.out]).toEqual([
      1,
      expect.stringMatching(/Topic absent does not exist on [\d.:]+\. Make it, as `tsdbt produce --partitions 3` does/),
    ]);
    project.write({ 'two.ndjson': '{"seq": 1}\n{"id": 2}\n' });
    const two = ['produce', '--topic', 'two', '--partitions', '1', '--from', 'two.ndjson', '--key', 'seq'];
    const unkeyed = await project.start(two).ended;
    expect([unkeyed.code, unkeyed.out]).toEqual([2, expect.stringContaining("record 2 has no 'seq' to be its key")]);
    project.write({ 'connections.yml': 'connections: { default: { brokers: ["127.0.0.1:1"] } }\n' });
    const checked = await project.start(['load', 'check']).ended;
    expect([checked.code, checked.out]).toEqual([1, expect.stringContaining('no broker answers at 127.0.0.1:1')]);
  });
});
