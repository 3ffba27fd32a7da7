// Runs the commands of docs/loader.md on a real Kafka, once. Broker faults are in tests/engine/kafka (`npm run
// test:kafka`).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KafkaBroker, whyNoBroker } from '../kafka/kafka-broker.ts';
import { FaultProject } from '../faults/project.ts';

const reason = whyNoBroker();

describe.skipIf(reason !== null)(`a real Kafka${reason === null ? '' : ` (left out: ${reason})`}`, () => {
  let broker: KafkaBroker;
  let project: FaultProject;
  beforeAll(async () => {
    broker = await KafkaBroker.start();
    project = await FaultProject.open({
      'connections.yml': `events: { brokers: "127.0.0.1:${broker.port}" }\n`,
      'models/sources.yml':
        'sources: [{ name: raw, tables: [{ name: t, config: { meta: { tsdbt: { load: { connection: events, ' +
        'topic: t, mode: upsert, key: [id] } } } }, columns: [{ name: id, data_type: bigint }, { name: note, ' +
        'data_type: text }] }] }]\n',
      'rows.ndjson': Array.from(
        { length: 3000 },
        (_, i) => `{"id": ${i % 2500}, "note": "${i}", "more": {"n": ${i}}}\n`,
      ).join(''),
    });
  });
  afterAll(async () => {
    await project?.close();
    await broker?.close();
  });

  it('works with produce, load and status', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const { code, out } = await project.start(args).ended;
      expect(code, out).toBe(0);
      return out;
    };
    expect(await run('produce', '--topic', 't', '--partitions', '2', '--key', 'id', '--from', 'rows.ndjson')).toContain(
      '3000 messages produced to t',
    );
    expect(await run('load', '--once')).toContain('raw.t: 3000 rows loaded');
    expect(await project.rows("select count(*), sum(note::int), sum((_rest->'more'->>'n')::int) from raw.t")).toEqual([
      ['2500', '4373750', '4373750'],
    ]);
    const status = await run('load', 'status');
    expect(
      [...status.matchAll(/raw\.t {2}t\/\d {2}next (\d+) {2}end \1 {2}lag 0 rows/g)]
        .map(([, next]) => Number(next))
        .reduce((a, b) => a + b, 0),
    ).toBe(3000);
  });
});
