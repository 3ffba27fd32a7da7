// Measures what a killed loader costs: settling one flush of 100,000 rows of which nothing, all or some months were
// written, and the time after a SIGKILL in which the other loader's rows of every partition are seen.
import { type ChildProcess, spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import type { FaultPoint, Sink } from '../../src/loader/sink.ts';
import { TopicWriter } from '../../tests/engine/kafka/topic-writer.ts';
import {
  type ClickHouseBench,
  clickhouseTarget,
  FLUSH,
  load,
  openClickHouse,
  writeSource,
} from './clickhouse-setup.ts';
import { familySeconds } from './processor-time.ts';
import { loadInto, median, message, pause, produce } from './setup.ts';

const ROWS = 100_000;
const ONCE = { once: true, signal: new AbortController().signal };

export async function main(small: boolean): Promise<void> {
  const bench = await openClickHouse();
  try {
    process.stdout.write(
      '| 100,000 rows, of which are written | settled after s | CPU s of both | load |\n|---|---|---|---|\n',
    );
    for (const [name, point] of [
      ['none', 'before_merge'],
      ['some months', 'before_commit'],
      ['all', 'before_commit'],
    ] as const)
      await settle(bench, name, point, small ? 1 : 3);
    const waits = await takeovers(bench, small ? 4 : 20);
    process.stdout.write(
      `\n| takeovers | median | longest | load |\n|---|---|---|---|\n| ${waits.length} | ` +
        `${median(waits).toFixed(1)} s | ${Math.max(...waits).toFixed(1)} s | ${load()} |\n`,
    );
  } finally {
    await bench.close();
  }
}

async function settle(bench: ClickHouseBench, name: string, point: FaultPoint, rounds: number): Promise<void> {
  const topic = `settle_${name.replace(' ', '_')}`;
  await produce(bench, topic, 1, ROWS, 200);
  const flush = { ...FLUSH, bytes: 1e9, ageMs: 60_000 };
  const target = clickhouseTarget(topic, flush, 'toStartOfHour(event_ts) - toIntervalHour(toHour(event_ts) % 2)');
  const [seconds, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    await bench.ask('drop database if exists raw sync');
    await bench.ask('drop database if exists tsdbt sync');
    const killed = bench.sink((reached) => {
      if (reached === point) throw new Error('killed');
    });
    await loadInto(bench, target, killed, ONCE).catch((error: unknown) => {
      if (!(error instanceof Error) || error.message !== 'killed') throw error;
    });
    if (name === 'some months')
      await bench
        .ask(`alter table raw.${topic} drop partition id (select min(partition_id) from system.parts)`)
        .catch(() => bench.ask(`alter table raw.${topic} delete where _offset % 4 = 1 settings mutations_sync = 1`));
    let [began, ended] = [0, 0];
    const before = familySeconds(bench.pid) + own();
    await loadInto(
      bench,
      target,
      timed(
        bench.sink(),
        (at) => (began ||= at),
        (at) => (ended = at),
      ),
      ONCE,
    );
    seconds.push((ended - began) / 1000);
    cpu.push(familySeconds(bench.pid) + own() - before);
    const found = (await bench.ask(`select count(), uniqExact(_offset) from raw.${topic}`)).toString().trim();
    if (found !== `${ROWS}\t${ROWS}`) throw new Error(`${found} rows and offsets after settling`);
  }
  process.stdout.write(`| ${name} | ${median(seconds).toFixed(2)} | ${Math.min(...cpu).toFixed(2)} | ${load()} |\n`);
}

/** Calls back when it is asked what is not settled, and when positions are read behind that. */
function timed(sink: Sink, began: (at: number) => void, ended: (at: number) => void): Sink {
  return new Proxy(sink, {
    get: (of, name) => {
      if (name === 'unsettled') began(performance.now());
      if (name === 'positions') ended(performance.now());
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}

function own(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds after a kill until rows of every partition that were produced behind it are seen. */
async function takeovers(bench: ClickHouseBench, kills: number): Promise<number[]> {
  const [topic, partitions] = ['taken', 4];
  writeSource(bench, topic, '{age: 100ms}');
  const writer = await TopicWriter.open(bench.connection.brokers, { retries: 50, retryDelay: 200 });
  await writer.create(topic, { partitions });
  const start = (): ChildProcess =>
    spawn(process.execPath, ['bin/tsdbt.js', 'load', '--project-dir', bench.dir, '--profiles-dir', bench.dir], {
      stdio: 'ignore',
    });
  let seq = 0;
  const send = async (): Promise<number> => {
    const first = seq;
    await writer.send(
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition, ...message(seq++, 200) })),
    );
    return first;
  };
  /** @returns when rows of all partitions are seen that were produced from now on */
  const seen = async (): Promise<number> => {
    const first = await send();
    for (;;) {
      const rows = await bench
        .ask(`select uniqExact(_partition) from raw.${topic} where event_id >= ${first}`)
        .catch(() => Buffer.from('0'));
      if (Number(rows.toString()) === partitions) return performance.now();
      await pause(20);
    }
  };
  const loaders = [start(), start()];
  const waits: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await seen();
    await pause(5000);
    const [first] = loaders.splice(0, 1);
    first?.kill('SIGKILL');
    const at = performance.now();
    waits.push(((await seen()) - at) / 1000);
    loaders.push(start());
  }
  await writer.close();
  for (const loader of loaders) loader.kill('SIGKILL');
  return waits;
}
