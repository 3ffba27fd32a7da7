// Common setup of the loader's measurements: a broker, a database, a source table, messages, a loader. Starts both
// servers itself.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PostgresAdapter } from '../../src/adapters/postgres/adapter.ts';
import type { LoadConnection } from '../../src/connections/kafka-connection.ts';
import { type Decoder, jsonDecoder } from '../../src/loader/formats/message-decoder.ts';
import { kafkaClient } from '../../src/loader/brokers/kafka/kafka-client.ts';
import { TopicWriter } from '../../tests/engine/kafka/topic-writer.ts';
import type { LoadTarget } from '../../src/loader/settings/load-target.ts';
import { type LoadEvent, Loader, type LoadSummary } from '../../src/loader/loader.ts';
import { PostgresSink } from '../../src/loader/postgres/sink.ts';
import { Sealer } from '../../src/loader/seal.ts';
import type { Sink } from '../../src/loader/sink.ts';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';

export interface Bench {
  readonly dir: string;
  readonly broker: KafkaBroker;
  readonly url: URL;
  readonly connection: LoadConnection;
  tsdbt(...args: string[]): string;
  adapter(): PostgresAdapter;
  close(): Promise<void>;
}

/** Now in milliseconds. */
export const now = (): number => Date.now();
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

export async function openBench(): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-'));
  writeFileSync(join(dir, 'dbt_project.yml'), 'name: bench\nversion: "1.0"\nprofile: bench\n');
  writeFileSync(
    join(dir, 'profiles.yml'),
    'bench: {target: dev, outputs: {dev: {type: postgres, embedded: true, schema: bench, threads: 4}}}\n',
  );
  const tsdbt = (...args: string[]): string =>
    execFileSync(process.execPath, ['bin/tsdbt.js', ...args, '--project-dir', dir, '--profiles-dir', dir], {
      encoding: 'utf8',
    });
  tsdbt('db', 'start');
  const url = new URL(/postgres(?:ql)?:\/\/\S+/.exec(tsdbt('db', 'url'))![0]);
  const broker = await KafkaBroker.start();
  return {
    dir,
    broker,
    url,
    tsdbt,
    connection: {
      name: 'bench',
      path: '',
      brokers: [`127.0.0.1:${broker.port}`],
      tls: null,
      sasl: null,
      registry: null,
    },
    adapter: () =>
      new PostgresAdapter({
        credentials: {
          type: 'postgres',
          host: url.hostname,
          port: Number(url.port),
          user: decodeURIComponent(url.username),
          password: decodeURIComponent(url.password),
          database: url.pathname.slice(1),
          schema: 'bench',
        },
        threads: 4,
        quoting: {},
      }),
    async close() {
      await broker.close();
      tsdbt('db', 'stop');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Drops the topic's table and all that the loader knows of it: the next load begins anew. */
export async function forgetLoads(bench: Bench, topic: string): Promise<void> {
  const adapter = bench.adapter();
  const session = adapter.session({ name: 'bench' });
  await session.begin();
  await session.execute(`drop table if exists raw.${topic}; drop schema if exists tsdbt cascade`);
  await session.commit();
  await session.release();
  await adapter.close();
}

const COLUMNS = [
  ['session_id', 'text'],
  ['event_id', 'bigint'],
  ['event_ts', 'timestamptz'],
  ['user_id', 'text'],
  ['event_type', 'text'],
  ['page', 'text'],
  ['amount', 'numeric'],
  ['processing_ts', 'timestamptz'],
] as const;

export function targetOf(topic: string, mode: 'append' | 'upsert', flush: LoadTarget['flush']): LoadTarget {
  return {
    uniqueId: `source.bench.raw.${topic}`,
    name: `raw.${topic}`,
    path: 'models/sources.yml',
    database: null,
    schema: 'raw',
    identifier: topic,
    connection: 'bench',
    topic,
    format: 'json',
    mode,
    key: mode === 'upsert' ? ['session_id', 'event_id'] : [],
    partitionBy: null,
    retentionDays: null,
    storage: null,
    hash: [],
    drop: [],
    schemaDrift: 'ignore',
    flush,
    columns: COLUMNS.map(([name, type]) => ({ name, type })),
    rest: '_rest',
    start: 'earliest',
    onGap: 'stop',
    maxDead: 100,
    changes: null,
  };
}

/** A click event of about `bytes` bytes. */
export function message(seq: number, bytes: number): { key: Buffer; value: Buffer } {
  const session = `s${String(seq % 50_000).padStart(8, '0')}`;
  const event = {
    session_id: session,
    event_id: seq,
    event_ts: new Date(1_767_225_600_000 + seq * 10).toISOString(),
    user_id: `u${seq % 9973}`,
    event_type: seq % 7 === 0 ? 'purchase' : 'page_view',
    page: '',
    amount: (seq % 10_000) / 100,
  };
  event.page = '/p/'.padEnd(Math.max(8, bytes - JSON.stringify(event).length), 'abcdefghij ');
  return { key: Buffer.from(session), value: Buffer.from(JSON.stringify(event)) };
}

/** How messages are sent: how many form one batch of each partition, and how many such requests are in flight. */
export interface Sending {
  readonly size: number;
  readonly inFlight: number;
}

export async function produce(
  bench: Pick<Bench, 'connection'>,
  topic: string,
  partitions: number,
  count: number,
  bytes: number,
  wrap: (made: ReturnType<typeof message>) => ReturnType<typeof message> = (made) => made,
  { size, inFlight }: Sending = { size: Math.floor(400_000 / bytes), inFlight: 1 },
): Promise<void> {
  const writer = await TopicWriter.open(bench.connection.brokers, { retries: 50, retryDelay: 200 });
  await writer.create(topic, { partitions });
  const batch = (at: number): Parameters<TopicWriter['send']>[0] =>
    Array.from({ length: Math.min(size, count - at) }, (_, i) => ({
      topic,
      ...wrap(message(at + i, bytes)),
      partition: (at + i) % partitions,
    }));
  for (let at = 0; at < count; at += size * inFlight) {
    const starts = Array.from({ length: inFlight }, (_, i) => at + i * size).filter((start) => start < count);
    await Promise.all(starts.map((start) => writer.send(batch(start))));
  }
  await writer.close();
}

export interface Loaded {
  readonly summary: LoadSummary /** Milliseconds from the first partition to the last commit. */;
  readonly ms: number;
  readonly cpuMs: number;
}

/** Loads a topic to its end, or until the signal is aborted, as `tsdbt load` does. */
export async function loadTopic(
  bench: Bench,
  target: LoadTarget,
  options: { once: boolean; signal: AbortSignal; sink?: (sink: Sink) => Sink } = {
    once: true,
    signal: new AbortController().signal,
  },
  decoder: Decoder = jsonDecoder,
): Promise<Loaded> {
  const adapter = bench.adapter();
  const sink = new PostgresSink(adapter, new Sealer(null), now);
  const loaded = await loadInto(bench, target, options.sink?.(sink) ?? sink, options, decoder);
  await adapter.close();
  return loaded;
}

/** The same into any sink. */
export async function loadInto(
  { connection }: Pick<Bench, 'connection'>,
  target: LoadTarget,
  sink: Sink,
  { once, signal }: { once: boolean; signal: AbortSignal },
  decoder: Decoder = jsonDecoder,
): Promise<Loaded> {
  let began = 0;
  let cpu = process.cpuUsage();
  let ended = 0;
  const notify = (event: LoadEvent): void => {
    if (event.kind === 'assigned' && began === 0) {
      began = performance.now();
      cpu = process.cpuUsage();
    }
    if (event.kind === 'flushed') ended = performance.now();
    if (event.kind === 'waiting' || event.kind === 'stopped') process.stderr.write(`${event.message}\n`);
  };
  const client = await kafkaClient(connection, `bench.${target.topic}`);
  const summary = await new Loader({
    target,
    client,
    sink,
    decoder,
    loadId: 'bench',
    hashKey: null,
    once,
    signal,
    now,
    notify,
    pause,
  }).run();
  const used = process.cpuUsage(cpu);
  return { summary, ms: ended - began, cpuMs: (used.user + used.system) / 1000 };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
