// Loads a table's changes beside Debezium's JDBC sink in Kafka Connect: the same topic of real envelopes, which
// Debezium makes of a Postgres, into the same database, in turns. Rows a CPU second of the loading process; the sink's
// count from its first fifth on, without the start of its machine.
import { loadavg } from 'node:os';
import pg from 'pg';
import { changeDecoder } from '../../src/loader/formats/debezium/debezium-decoder.ts';
import { kafkaClient } from '../../src/loader/brokers/kafka/kafka-client.ts';
import type { LoadTarget } from '../../src/loader/settings/load-target.ts';
import { connectJars, KafkaConnect, startDebezium } from '../../tests/engine/kafka/kafka-connect.ts';
import { SourcePostgres } from '../../tests/engine/kafka/source-postgres.ts';
import { familySeconds } from './processor-time.ts';
import { type Bench, forgetLoads, loadTopic, now, openBench, pause, targetOf } from './setup.ts';

const COLUMNS = {
  id: 'bigint',
  customer: 'uuid',
  status: 'text',
  total: 'numeric(12,2)',
  created_at: 'timestamptz',
  due: 'date',
  local_at: 'timestamp',
  note: 'text',
  version: 'integer',
};
const MADE = `create schema shop;
create table shop.orders (${Object.entries(COLUMNS)
  .map(([name, type]) => `${name} ${type}${name === 'id' ? ' primary key' : ''}`)
  .join(', ')});`;
/** Of so many rows one is deleted. */
const DELETED = 20;
const DEADLINE_MS = 900_000;

export async function main(small: boolean): Promise<void> {
  const rows = small ? 20_000 : 150_000;
  const rounds = small ? 2 : 3;
  const bench = await openBench();
  const source = await SourcePostgres.start();
  const closing: { close(): Promise<unknown> }[] = [source];
  try {
    await source.client.query(
      `${MADE} insert into shop.orders select i, gen_random_uuid(), 'new', i % 100000 / 100.0,
       timestamptz '2026-03-01 01:02:03.123456+02' + i * interval '1 second', date '2026-03-01' + i % 300,
       timestamp '2026-03-01 10:00:00.5' + i * interval '1 minute', 'note ' || i, 0 from generate_series(1, ${rows}) i`,
    );
    const broker = `127.0.0.1:${bench.broker.port}`;
    const topics: string[] = [];
    for (const schemas of [true, false]) {
      const prefix = schemas ? 'wrapped' : 'bare';
      const worker = { 'key.converter.schemas.enable': schemas, 'value.converter.schemas.enable': schemas };
      closing.unshift(await startDebezium(broker, source.address, { prefix, schema: 'shop', worker }));
      topics.push(`${prefix}.shop.orders`);
    }
    await filled(bench, topics, rows);
    await source.client.query("update shop.orders set status = 'paid', version = 1, total = total + 0.01");
    await source.client.query(`delete from shop.orders where id % ${DELETED} = 0`);
    const deleted = Math.floor(rows / DELETED);
    // A tombstone follows each delete.
    await filled(bench, topics, rows * 2 + deleted * 2);
    for (const part of closing.splice(0, 2)) await part.close();

    const changes = rows * 2 + deleted;
    process.stdout.write(
      `${changes} changes of ${rows} rows, 3 partitions, upsert; rows a CPU second of the loader\n\n`,
    );
    process.stdout.write(
      '| round | tsdbt, schema | tsdbt, no schema | JDBC sink | ratio | load |\n|---|---|---|---|---|---|\n',
    );
    for (let round = 1; round <= rounds; round++) {
      const [wrapped = 0, bare = 0] = [
        await ours(bench, topics[0] ?? '', rows),
        await ours(bench, topics[1] ?? '', rows),
      ];
      const theirs = await jdbc(bench, topics[0] ?? '', `theirs_${round}`, rows);
      const ratio = (wrapped / theirs).toFixed(1);
      const cells = [round, ...[wrapped, bare, theirs].map(Math.round), ratio, loadavg()[0]?.toFixed(1)];
      process.stdout.write(`| ${cells.join(' | ')} |\n`);
    }
  } finally {
    for (const part of closing) await part.close();
    await bench.close();
  }
}

/** Waits until topics hold so many messages. */
async function filled(bench: Bench, topics: readonly string[], count: number): Promise<void> {
  const client = await kafkaClient(bench.connection, 'bench.filled');
  try {
    for (const deadline = now() + DEADLINE_MS; ; await pause(1000)) {
      if (now() > deadline) throw new Error('Debezium did not send all changes');
      const sums: number[] = [];
      for (const topic of topics) {
        const ends = await client.ends([topic]).catch(() => new Map<string, { end: bigint }>());
        sums.push([...ends.values()].reduce((sum, { end }) => sum + Number(end), 0));
      }
      if (sums.every((sum) => sum >= count)) return;
    }
  } finally {
    await client.close();
  }
}

async function ours(bench: Bench, topic: string, rows: number): Promise<number> {
  await forgetLoads(bench, 'orders');
  const target: LoadTarget = {
    ...targetOf('orders', 'upsert', { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 }),
    topic,
    format: 'debezium',
    key: ['id'],
    columns: [
      ...Object.entries(COLUMNS).map(([name, type]) => ({ name, type })),
      { name: 'processing_ts', type: 'timestamptz' },
    ],
    changes: {
      deletes: 'hard',
      keeps: true,
      truncate: 'fail',
      decimals: 'precise',
      times: 'adaptive',
      binary: 'bytes',
    },
  };
  const once = { once: true, signal: new AbortController().signal };
  const { summary, cpuMs } = await loadTopic(bench, target, once, changeDecoder(null, target, now));
  await same(bench, 'raw.orders', rows);
  return summary.rows / (cpuMs / 1000);
}

/** Is the table that of the source? */
async function same(bench: Bench, table: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: bench.url.href });
  await client.connect();
  const { rows: found } = await client.query(
    `select count(*)::int as rows, sum(version)::int as versions from ${table}`,
  );
  await client.end();
  const left = rows - Math.floor(rows / DELETED);
  if (found[0]?.rows !== left || found[0].versions !== left)
    throw new Error(`${table} is not the source's: ${JSON.stringify(found)}, and ${left} rows were left`);
}

async function jdbc(bench: Bench, topic: string, table: string, rows: number): Promise<number> {
  const { url } = bench;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const sink = await KafkaConnect.start({
    jars: connectJars('jdbc'),
    broker: `127.0.0.1:${bench.broker.port}`,
    java: ['-Xmx1g'],
    connector: {
      name: table,
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      'tasks.max': 3,
      topics: topic,
      'collection.name.format': table,
      'connection.url': `jdbc:postgresql://${url.hostname}:${url.port}${url.pathname}?reWriteBatchedInserts=true`,
      'connection.username': decodeURIComponent(url.username),
      'connection.password': decodeURIComponent(url.password),
      'insert.mode': 'upsert',
      'delete.enabled': true,
      'primary.key.mode': 'record_key',
      'use.reduction.buffer': true,
      'schema.evolution': 'basic',
      'batch.size': 5000,
      'consumer.override.max.poll.records': 5000,
      'consumer.override.auto.offset.reset': 'earliest',
    },
  });
  try {
    const all = rows * 2 + Math.floor(rows / DELETED);
    const left = rows - Math.floor(rows / DELETED);
    let first: { readonly applied: number; readonly seconds: number } | null = null;
    for (const deadline = now() + DEADLINE_MS; now() < deadline && !sink.ended; await pause(250)) {
      const { rows: found } = await client
        .query(`select count(*)::int as rows, coalesce(sum(version), 0)::int as versions from ${table}`)
        .catch(() => ({ rows: [] }));
      const { rows: here = 0, versions = 0 } = found[0] ?? {};
      const seconds = familySeconds(sink.pid ?? 0);
      // Each row was one change; its second version was another.
      if (here + versions >= all / 5) first ??= { applied: here + versions, seconds };
      if (first !== null && here === left && versions === left)
        return (all - first.applied) / (seconds - first.seconds);
    }
    throw new Error(`the JDBC sink did not load all rows:\n${sink.said.slice(-3000)}`);
  } finally {
    await client.end();
    await sink.close();
  }
}
