// Compares Avro with JSON for the same click events: CPU seconds per million messages to decode them, to build rows,
// and to load them from Kafka into Postgres. In turns, minimum of several.
import { AvroCells } from '../../src/loader/formats/avro/avro-row-path.ts';
import { Cursor } from '../../src/loader/formats/avro/byte-cursor.ts';
import { avroDecoder, decodeRecord, writerSchema } from '../../src/loader/formats/avro/avro-decoder.ts';
import { writeAvro } from '../../src/loader/avro/writer.ts';
import { parseSchema } from '../../src/loader/formats/avro/avro-schema.ts';
import { jsonDecoder } from '../../src/loader/formats/message-decoder.ts';
import { FastPath } from '../../src/loader/formats/rows/json-row-path.ts';
import { recordsOf } from '../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../src/loader/formats/rows/row-buffer.ts';
import { RowEncoder } from '../../src/loader/formats/rows/row-encoder.ts';
import type { RowPath } from '../../src/loader/formats/rows/row-writer.ts';
import { forgetLoads, loadTopic, message, openBench, produce, targetOf } from './setup.ts';

const SCHEMA = {
  type: 'record',
  name: 'Event',
  fields: [
    { name: 'session_id', type: 'string' },
    { name: 'event_id', type: 'long' },
    { name: 'event_ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'user_id', type: ['null', 'string'] },
    { name: 'event_type', type: { type: 'enum', name: 'Kind', symbols: ['page_view', 'purchase'] } },
    { name: 'page', type: 'string' },
    { name: 'amount', type: 'double' },
  ],
};
const REGISTERED = { schema: JSON.stringify(SCHEMA), type: 'AVRO', references: new Map<string, string>() };
const FLUSH = { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 };
const BYTES = 200;

/** Minimum CPU seconds per million of several rounds, in turns. */
async function least(
  rounds: number,
  count: number,
  works: readonly (() => Promise<number | undefined>)[],
): Promise<number[]> {
  const found = works.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++) {
    for (const [i, work] of works.entries()) {
      const before = process.cpuUsage();
      const own = await work();
      const { user, system } = process.cpuUsage(before);
      found[i] = Math.min(found[i] ?? 0, own ?? (user + system) / 1e6);
    }
  }
  return found.map((seconds) => (seconds / count) * 1e6);
}

export async function main(small: boolean): Promise<void> {
  const type = parseSchema(REGISTERED.schema);
  const head = Buffer.from([0, 0, 0, 0, 1]);
  const asAvro = (made: ReturnType<typeof message>): ReturnType<typeof message> => ({
    key: made.key,
    value: Buffer.concat([head, writeAvro(type, JSON.parse(made.value.toString()))]),
  });
  const line = (what: string, [json = 0, avro = 0]: readonly number[]): void => {
    process.stdout.write(`| ${what} | ${json.toFixed(2)} | ${avro.toFixed(2)} | ${(json / avro).toFixed(2)} |\n`);
  };
  process.stdout.write('| CPU s per million | JSON | Avro | rows a CPU s, Avro / JSON |\n|---|---|---|---|\n');
  const count = small ? 50_000 : 200_000;
  const target = targetOf('t', 'append', FLUSH);
  const encoder = new RowEncoder(target, { columns: target.columns, hashKey: null, loadId: 'bench' });
  const schema = writerSchema(REGISTERED, 1, target);
  const messages = Array.from({ length: count }, (_, i) => message(i, BYTES));
  const [json, avro] = [messages, messages.map(asAvro)].map((list) =>
    list.map(({ key, value }, i) => ({ offset: BigInt(i), timestamp: 1, key, value, headers: [] })),
  );
  const cursor = new Cursor();
  line(
    'decode to a record',
    await least(9, count, [
      async () => {
        for (const { value } of json ?? []) jsonDecoder.decode(value);
        return undefined;
      },
      async () => {
        for (const { value } of avro ?? []) decodeRecord(schema, value, cursor);
        return undefined;
      },
    ]),
  );
  const rowsOf = (path: RowPath, list: typeof json) => {
    const records = recordsOf(list ?? []);
    const rows = new RowBuffer(64 * 1024 * 1024);
    return async (): Promise<undefined> => {
      rows.clear();
      rows.from(records, 't', 0);
      const place = encoder.place('t', 0);
      const now = Buffer.from(new Date(0).toISOString());
      for (let i = 0; i < records.length; i++)
        if (!path.add(records, i, rows, place, now)) throw new Error('a message is not ordinary');
    };
  };
  line(
    'make rows',
    await least(9, count, [
      rowsOf(new FastPath(encoder.plan), json),
      rowsOf(new AvroCells(encoder.plan, () => schema), avro),
    ]),
  );
  const bench = await openBench();
  try {
    const loads = small ? 60_000 : 300_000;
    const loaded = async (topic: string, decoder = jsonDecoder): Promise<number> => {
      await forgetLoads(bench, topic);
      const { summary, cpuMs } = await loadTopic(bench, targetOf(topic, 'append', FLUSH), undefined, decoder);
      if (summary.rows !== loads) throw new Error(`${summary.rows} rows of ${loads} were loaded`);
      return cpuMs / 1000;
    };
    await produce(bench, 'as_json', 1, loads, BYTES);
    await produce(bench, 'as_avro', 1, loads, BYTES, asAvro);
    const registry = { schema: () => Promise.resolve(REGISTERED) };
    line(
      'load from Kafka',
      await least(small ? 2 : 5, loads, [
        () => loaded('as_json'),
        () => loaded('as_avro', avroDecoder(registry, target, Date.now)),
      ]),
    );
  } finally {
    await bench.close();
  }
}
