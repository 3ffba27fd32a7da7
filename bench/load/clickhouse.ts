// Compares rows per second appended to ClickHouse by the loader, JSON decoding included, with INSERTs of the same bytes
// from memory into the same kind of table, in turns: one INSERT of all, whose rows are never merged, and one after
// another of what each flush of a first load has sent. Also prints CPU seconds of loader and server.
import { performance } from 'node:perf_hooks';
import { collectSeldom } from '../../src/cli/collect-garbage.ts';
import { insertRows } from '../../src/loader/clickhouse/write.ts';
import { type LoadTarget, rowColumns } from '../../src/loader/settings/load-target.ts';
import { type ClickHouseBench, clickhouseTarget, load, openClickHouse } from './clickhouse-setup.ts';
import { familySeconds } from './processor-time.ts';
import { loadInto, median, produce } from './setup.ts';

/** What a load has sent. */
interface Sent {
  readonly columns: readonly string[];
  /** The rows of each flush as text, in the order of the messages. */
  readonly flushes: readonly Buffer[];
}

interface Round {
  readonly loader: number;
  readonly insert: number;
  readonly flushes: number;
  /** CPU s: loader, server, server of the one INSERT, server of those of a flush each. */
  readonly cpu: readonly [number, number, number, number];
}

export async function main(small: boolean): Promise<void> {
  // As `tsdbt load` does.
  collectSeldom();
  const bench = await openClickHouse();
  const rounds = small ? 2 : 3;
  try {
    process.stdout.write(
      '| message | partitions | rows/s: loader, one INSERT, INSERTs of a flush | ratio to one (min–max), of a ' +
        'flush | CPU s per million rows: loader, server, one INSERT, INSERTs of a flush | flushes | load |\n' +
        '|---|---|---|---|---|---|---|\n',
    );
    for (const bytes of [200, 2000]) {
      for (const partitions of [1, 4, 12]) {
        const count = (bytes === 200 ? 2_400_000 : 240_000) / (small ? 12 : 1);
        const topic = `t${bytes}_${partitions}`;
        await produce(bench, topic, partitions, count, bytes);
        const target = clickhouseTarget(topic);
        const found: Round[] = [];
        const sent = await sentRows(bench, target);
        for (let round = 0; round < rounds; round++) {
          await forgetLoads(bench);
          const before = familySeconds(bench.pid);
          const loaded = await loadInto(bench, target, bench.sink(), {
            once: true,
            signal: new AbortController().signal,
          });
          const server = familySeconds(bench.pid) - before;
          if (loaded.summary.rows !== count) throw new Error(`${loaded.summary.rows} rows of ${count} were loaded`);
          const one = await inserted(bench, topic, { ...sent, flushes: [Buffer.concat(sent.flushes)] });
          const each = await inserted(bench, topic, sent);
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
            `${cpu.map((seconds) => seconds.toFixed(2)).join(', ')} | ${sent.flushes.length} | ${load()} |\n`,
        );
      }
    }
  } finally {
    await bench.close();
  }
}

async function forgetLoads(bench: ClickHouseBench): Promise<void> {
  await bench.ask('drop database if exists raw sync');
  await bench.ask('drop database if exists tsdbt sync');
}

/** Loads the topic once, which nobody measures, and keeps what is sent. */
async function sentRows(bench: ClickHouseBench, target: LoadTarget): Promise<Sent> {
  await forgetLoads(bench);
  const sink = bench.sink();
  const flush = sink.flush.bind(sink);
  const flushes: Buffer[] = [];
  let columns: readonly string[] = [];
  sink.flush = async (what) => {
    columns = rowColumns(what.target, what.columns);
    flushes.push(Buffer.concat([...what.rows.chunks(what.rows.all())]));
    return flush(what);
  };
  await loadInto(bench, target, sink, { once: true, signal: new AbortController().signal });
  return { columns, flushes };
}

/** Inserts rows, one flush after another, into a new table like that of the topic. */
async function inserted(
  bench: ClickHouseBench,
  topic: string,
  { columns, flushes }: Sent,
): Promise<{ readonly ms: number; readonly cpu: number }> {
  await bench.ask('drop table if exists raw.base sync');
  await bench.ask(`create table raw.base as raw.${topic}`);
  const before = familySeconds(bench.pid);
  const began = performance.now();
  for (const [number, rows] of flushes.entries())
    await bench.ask(insertRows('raw.base', columns, String(number)), [rows]);
  return { ms: performance.now() - began, cpu: familySeconds(bench.pid) - before };
}
