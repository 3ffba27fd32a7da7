// Compares rows per second appended to ClickHouse by the loader, JSON decoding included, with INSERTs of the same rows
// as tab-separated text from memory into the same kind of table, in turns: one INSERT of all, whose rows are never
// merged, and one after another of a flush each. Also prints CPU seconds of loader and server.
import { performance } from 'node:perf_hooks';
import { insertRows } from '../../src/loader/clickhouse/write.ts';
import type { LoadTarget } from '../../src/loader/load-target.ts';
import { type ClickHouseBench, clickhouseTarget, FLUSH, load, openClickHouse } from './clickhouse-setup.ts';
import { familySeconds } from './processor-time.ts';
import { loadInto, median, produce } from './setup.ts';

const COLUMNS =
  'session_id, event_id, event_ts, user_id, event_type, page, amount, processing_ts, _rest, _topic, _partition, ' +
  '_offset, _kafka_ts, _loaded_at';

interface Round {
  readonly loader: number;
  readonly insert: number;
  readonly flushes: number;
  /** CPU s: loader, server, server of the one INSERT, server of those of a flush each. */
  readonly cpu: readonly [number, number, number, number];
}

export async function main(small: boolean): Promise<void> {
  const bench = await openClickHouse();
  const rounds = small ? 2 : 3;
  try {
    process.stdout.write(
      '| message | partitions | rows/s: loader, one INSERT, INSERTs of a flush | ratio to one (min–max), of a ' +
        'flush | CPU s per million rows: loader, server, one INSERT, INSERTs of a flush | load |\n' +
        '|---|---|---|---|---|---|\n',
    );
    for (const bytes of [200, 2000]) {
      for (const partitions of [1, 4, 12]) {
        const count = (bytes === 200 ? 2_400_000 : 240_000) / (small ? 12 : 1);
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
          const one = await inserted(bench, topic, [rows]);
          const each = await inserted(bench, topic, pieces(rows, FLUSH));
          found.push({
            loader: count / loaded.ms,
            insert: count / one.ms,
            flushes: count / each.ms,
            cpu: [loaded.cpuMs / 1000, server, one.cpu, each.cpu],
          });
        }
        const rate = (of: (round: Round) => number): number => Math.round(1000 * median(found.map(of)));
        const ratio = (of: (round: Round) => number): string => {
          const ratios = found.map((round) => round.loader / of(round));
          const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
          return `${median(ratios).toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
        };
        const cpu = [0, 1, 2, 3].map((i) => (Math.min(...found.map((round) => round.cpu[i] ?? 0)) / count) * 1e6);
        process.stdout.write(
          `| ${bytes} B | ${partitions} | ${rate((r) => r.loader)}, ${rate((r) => r.insert)}, ` +
            `${rate((r) => r.flushes)} | ${ratio((r) => r.insert)}, ${ratio((r) => r.flushes)} | ` +
            `${cpu.map((seconds) => seconds.toFixed(2)).join(', ')} | ${load()} |\n`,
        );
      }
    }
  } finally {
    await bench.close();
  }
}

/** Inserts pieces one after another into a new table like that of the topic, as a flush does. */
async function inserted(
  bench: ClickHouseBench,
  topic: string,
  rows: readonly Uint8Array[],
): Promise<{ readonly ms: number; readonly cpu: number }> {
  await bench.ask('drop table if exists raw.base sync');
  await bench.ask(`create table raw.base as raw.${topic}`);
  const before = familySeconds(bench.pid);
  const began = performance.now();
  for (const [number, piece] of rows.entries())
    await bench.ask(insertRows('raw.base', COLUMNS.split(', '), String(number)), [piece]);
  return { ms: performance.now() - began, cpu: familySeconds(bench.pid) - before };
}

/** Text in pieces of whole lines, of the size of a flush. */
function pieces(text: Buffer, { rows, bytes }: LoadTarget['flush']): Buffer[] {
  const found: Buffer[] = [];
  let [from, lines, at] = [0, 0, 0];
  while (at < text.length) {
    at = text.indexOf(10, at) + 1;
    if (++lines < rows && at - from < bytes && at < text.length) continue;
    found.push(text.subarray(from, at));
    [from, lines] = [at, 0];
  }
  return found;
}
