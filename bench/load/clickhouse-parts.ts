// Counts the active parts of a table of 4 months that is loaded from 12 partitions by a flush every 5 seconds: an
// hour, or one minute with --small.
import { TopicWriter } from '../../tests/engine/kafka/topic-writer.ts';
import { clickhouseTarget, load, openClickHouse } from './clickhouse-setup.ts';
import { loadInto, message, now, pause } from './setup.ts';

const PARTITIONS = 12;
/** From one message to the next: each flush of a partition has all months. */
const MONTH_MS = 31 * 86_400_000;

export async function main(small: boolean): Promise<void> {
  const bench = await openClickHouse();
  const seconds = small ? 60 : 3600;
  const stop = new AbortController();
  try {
    const writer = await TopicWriter.open(bench.connection.brokers, { retries: 50, retryDelay: 200 });
    await writer.create('parts', { partitions: PARTITIONS });
    const target = clickhouseTarget('parts', undefined, 'toYYYYMM(event_ts)');
    const loading = loadInto(bench, target, bench.sink(), { once: false, signal: stop.signal });
    const parts: number[] = [];
    let seq = 0;
    for (const began = now(); now() - began < seconds * 1000; await pause(500)) {
      await writer.send(
        Array.from({ length: PARTITIONS * 8 }, () => {
          const { key, value } = message(seq, 200);
          const at = new Date(1_767_225_600_000 + (seq % 4) * MONTH_MS + seq).toISOString();
          const text = value.toString('utf8').replace(/"event_ts":"[^"]*"/, `"event_ts":"${at}"`);
          return { topic: 'parts', partition: Math.floor(seq++ / 8) % PARTITIONS, key, value: Buffer.from(text) };
        }),
      );
      const sql = "select count() from system.parts where active and database = 'raw' and table = 'parts'";
      parts.push(Number((await bench.ask(sql)).toString()));
    }
    stop.abort();
    const { summary } = await loading;
    await writer.close();
    const months = (await bench.ask('select uniqExact(toYYYYMM(event_ts)) from raw.parts')).toString().trim();
    process.stdout.write(
      '| seconds | rows | months | most active parts | at the end | load |\n|---|---|---|---|---|---|\n' +
        `| ${seconds} | ${summary.rows} | ${months} | ${Math.max(...parts)} | ${parts.at(-1)} | ${load()} |\n`,
    );
  } finally {
    stop.abort();
    await bench.close();
  }
}
