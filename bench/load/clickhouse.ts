// Compares rows per second appended to ClickHouse by the loader, JSON decoding included, with one INSERT of the same
// rows as tab-separated text from memory into the same kind of table, in turns. Also prints CPU seconds of loader and
// server and what a flush waits for beside its rows.
import { performance } from 'node:perf_hooks';
import { clickhouseTarget, load, openClickHouse } from './clickhouse-setup.ts';
import { familySeconds } from './processor-time.ts';
import { loadInto, median, produce } from './setup.ts';

const COLUMNS =
  'session_id, event_id, event_ts, user_id, event_type, page, amount, processing_ts, _rest, _topic, _partition, ' +
  '_offset, _kafka_ts, _loaded_at';

interface Round {
  readonly loader: number;
  readonly insert: number;
  /** CPU s per million rows: loader, server, server of the INSERT alone. */
  readonly cpu: readonly [number, number, number];
}

export async function main(small: boolean): Promise<void> {
  const bench = await openClickHouse();
  const rounds = small ? 2 : 5;
  try {
    process.stdout.write(
      '| message | partitions | loader rows/s | INSERT rows/s | ratio (min–max) | CPU s per million rows: loader, ' +
        'server, INSERT alone | load |\n|---|---|---|---|---|---|---|\n',
    );
    for (const bytes of [200, 2000]) {
      for (const partitions of [1, 4, 12]) {
        const count = (bytes === 200 ? 600_000 : 90_000) / (small ? 3 : 1);
        const topic = `t${bytes}_${partitions}`;
        await produce(bench, topic, partitions, count, bytes);
        const target = clickhouseTarget(topic);
        const found: Round[] = [];
        for (let round = 0; round < rounds; round++) {
          await bench.ask('drop database if exists raw sync');
          await bench.ask('drop database if exists tsdbt sync');
          const before = familySeconds(bench.pid);
          const loaded = await loadInto(bench, target, bench.sink(), {
            once: true,
            signal: new AbortController().signal,
          });
          const server = familySeconds(bench.pid) - before;
          if (loaded.summary.rows !== count) throw new Error(`${loaded.summary.rows} rows of ${count} were loaded`);
          const rows = await bench.ask(`select ${COLUMNS} from raw.${topic} format TabSeparated`);
          await bench.ask(`create table raw.base as raw.${topic}`);
          const alone = familySeconds(bench.pid);
          const began = performance.now();
          await bench.ask(`insert into raw.base (${COLUMNS}) format TabSeparated`, [rows]);
          const ms = performance.now() - began;
          const cpu = [loaded.cpuMs / 1000, server, familySeconds(bench.pid) - alone];
          const [own = 0, theirs = 0, base = 0] = cpu.map((seconds) => (seconds / count) * 1e6);
          found.push({ loader: count / (loaded.ms / 1000), insert: count / (ms / 1000), cpu: [own, theirs, base] });
        }
        const ratios = found.map(({ loader, insert }) => loader / insert);
        process.stdout.write(
          `| ${bytes} B | ${partitions} | ${Math.round(median(found.map((r) => r.loader)))} | ` +
            `${Math.round(median(found.map((r) => r.insert)))} | ${median(ratios).toFixed(2)} ` +
            `(${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}) | ` +
            `${[0, 1, 2].map((i) => Math.min(...found.map(({ cpu }) => cpu[i] ?? 0)).toFixed(2)).join(', ')} | ` +
            `${load()} |\n`,
        );
      }
    }
  } finally {
    await bench.close();
  }
}
