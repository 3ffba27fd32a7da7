// Loads the same events through Debezium's JDBC sink in Kafka Connect, on the same broker and database as the loader.
// Its rate counts from the first visible row to the last, without startup. Its messages carry the schema that it needs.
import pg from 'pg';
import { connectJars, KafkaConnect } from '../../tests/engine/kafka/kafka-connect.ts';
import { type Bench, loadTopic, now, openBench, pause, produce, targetOf } from './setup.ts';

const SCHEMA = {
  type: 'struct',
  optional: false,
  fields: [
    ['session_id', 'string'],
    ['event_id', 'int64'],
    ['event_ts', 'string'],
    ['user_id', 'string'],
    ['event_type', 'string'],
    ['page', 'string'],
    ['amount', 'double'],
  ].map(([field, type]) => ({ field, type, optional: false })),
};

export async function main(small: boolean): Promise<void> {
  const bench = await openBench();
  const jars = connectJars('jdbc');
  const count = small ? 30_000 : 300_000;
  try {
    process.stdout.write(
      '| 200 B, 4 partitions | tsdbt load rows/s | Debezium JDBC sink rows/s | ratio |\n|---|---|---|---|\n',
    );
    for (const mode of ['append', 'upsert'] as const) {
      const [plain, wrapped] = [`plain_${mode}`, `wrapped_${mode}`];
      await produce(bench, plain, 4, count, 200);
      await produce(bench, wrapped, 4, count, 200, ({ key, value }) => ({
        key,
        value: Buffer.from(`{"schema":${JSON.stringify(SCHEMA)},"payload":${value.toString()}}`),
      }));
      const { summary, ms } = await loadTopic(
        bench,
        targetOf(plain, mode, { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 }),
      );
      const ours = summary.rows / (ms / 1000);
      const theirs = await debezium(bench, jars, wrapped, mode, count);
      process.stdout.write(
        `| ${mode} | ${Math.round(ours)} | ${Math.round(theirs)} | ${(ours / theirs).toFixed(1)} |\n`,
      );
    }
  } finally {
    await bench.close();
  }
}

async function debezium(
  bench: Bench,
  jars: string,
  topic: string,
  mode: 'append' | 'upsert',
  count: number,
): Promise<number> {
  const { url } = bench;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const starting = KafkaConnect.start({
    jars,
    broker: `127.0.0.1:${bench.broker.port}`,
    java: ['-Xmx1g'],
    worker: { 'key.converter': 'org.apache.kafka.connect.storage.StringConverter' },
    connector: {
      name: topic,
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      'tasks.max': 4,
      topics: topic,
      'connection.url': `jdbc:postgresql://${url.hostname}:${url.port}${url.pathname}?reWriteBatchedInserts=true`,
      'connection.username': decodeURIComponent(url.username),
      'connection.password': decodeURIComponent(url.password),
      'insert.mode': mode === 'append' ? 'insert' : 'upsert',
      'primary.key.mode': mode === 'append' ? 'none' : 'record_value',
      ...(mode === 'append' ? {} : { 'primary.key.fields': 'session_id,event_id', 'use.reduction.buffer': true }),
      'schema.evolution': 'basic',
      'batch.size': 5000,
      'consumer.override.max.poll.records': 5000,
      'consumer.override.auto.offset.reset': 'earliest',
    },
  });
  let failed: unknown;
  starting.catch((error: unknown) => {
    failed = error;
  });
  try {
    let first: { at: number; rows: number } | null = null;
    for (const deadline = now() + 400_000; now() < deadline && failed === undefined; ) {
      await pause(250);
      const found = await client.query(`select count(*)::int as rows from "${topic}"`).catch(() => null);
      const rows = Number(found?.rows[0]?.rows ?? 0);
      if (rows > 0) first ??= { at: now(), rows };
      if (first !== null && rows >= count) return (count - first.rows) / ((now() - first.at) / 1000);
    }
    throw new Error(`Debezium did not load all rows:\n${(await starting).said.slice(-3000)}`);
  } finally {
    await client.end();
    await (await starting).close();
  }
}
