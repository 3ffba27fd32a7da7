// Setup of the measurements of loading into ClickHouse: a broker, an embedded server, a project, the source table and
// what asks the server directly. Starts both servers itself.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseAdapter } from '../../src/adapters/clickhouse/adapter.ts';
import { createClickHouseAdapter } from '../../src/adapters/clickhouse/create.ts';
import { embeddedClickhouse } from '../../src/adapters/clickhouse/embedded.ts';
import { ClickHouseSink } from '../../src/loader/clickhouse/sink.ts';
import type { LoadTarget } from '../../src/loader/settings/load-target.ts';
import { Sealer } from '../../src/loader/seal.ts';
import type { FaultPoint } from '../../src/loader/sink.ts';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import { type Bench, targetOf } from './setup.ts';

export interface ClickHouseBench extends Pick<Bench, 'dir' | 'broker' | 'connection'> {
  /** The server's process. */
  readonly pid: number;
  readonly adapter: ClickHouseAdapter;
  sink(reached?: (point: FaultPoint) => void): ClickHouseSink;
  /** The answer's text. @param body rows of an INSERT */
  ask(sql: string, body?: readonly Uint8Array[]): Promise<Buffer>;
  close(): Promise<void>;
}

/** Columns of the messages of setup.ts. */
const COLUMNS = [
  ['session_id', 'String'],
  ['event_id', 'Int64'],
  ['event_ts', "DateTime64(3, 'UTC')"],
  ['user_id', 'String'],
  ['event_type', 'LowCardinality(String)'],
  ['page', 'String'],
  ['amount', 'Decimal(18, 2)'],
  ['processing_ts', "Nullable(DateTime64(3, 'UTC'))"],
] as const;
/** The default of a table in ClickHouse. */
export const FLUSH = { rows: 100_000, bytes: 24 * 1024 * 1024, ageMs: 5000 };

export async function openClickHouse(): Promise<ClickHouseBench> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-ch-'));
  const data = join(dir, '.tsdbt/ch');
  const server = await embeddedClickhouse({ dir: data, projectDir: process.cwd() });
  const { host, port, user, password } = server;
  const broker = await KafkaBroker.start();
  const brokers = [`127.0.0.1:${broker.port}`];
  mkdirSync(join(dir, 'models'));
  writeFileSync(join(dir, 'dbt_project.yml'), 'name: bench\nversion: "1.0"\nprofile: bench\n');
  writeFileSync(
    join(dir, 'profiles.yml'),
    `bench: {target: dev, outputs: {dev: {type: clickhouse, host: ${host}, port: ${port}, user: ${user}, password: ` +
      `"${password}", schema: bench, threads: 4}}}\n`,
  );
  writeFileSync(join(dir, 'connections.yml'), `connections: {default: {brokers: ${JSON.stringify(brokers)}}}\n`);
  const adapter = createClickHouseAdapter(
    {
      profile_name: 'bench',
      target_name: 'dev',
      threads: 4,
      profiles_dir: null,
      credentials: { type: 'clickhouse', database: '', schema: 'raw', host, port, user, password },
    },
    { quoting: {}, projectDir: dir, threads: 4 },
  );
  return {
    dir,
    broker,
    adapter,
    pid: keeperOf(data),
    connection: { name: 'bench', path: '', brokers, tls: null, sasl: null, registry: null },
    sink: (reached) => new ClickHouseSink(adapter, new Sealer(null), reached),
    async ask(sql, body) {
      const answer = await fetch(`http://${host}:${port}/?query=${encodeURIComponent(sql)}`, {
        method: 'POST',
        headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
        body: body === undefined ? '' : Buffer.concat(body),
      });
      const text = Buffer.from(await answer.arrayBuffer());
      if (!answer.ok) throw new Error(text.toString('utf8'));
      return text;
    },
    async close() {
      await adapter.close();
      await broker.close();
      await server.release();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The source table of a topic, ordered by time. @param partitionBy of the table */
export function clickhouseTarget(topic: string, flush: LoadTarget['flush'] = FLUSH, partitionBy = ''): LoadTarget {
  return {
    ...targetOf(topic, 'append', flush),
    columns: COLUMNS.map(([name, type]) => ({ name, type })),
    storage: {
      engine: null,
      orderBy: ['event_ts'],
      primaryKey: [],
      partitionBy: partitionBy === '' ? [] : [partitionBy],
      ttl: null,
      settings: {},
    },
  };
}

/** The same as a source of the bench's project, for `tsdbt load`. */
export function writeSource({ dir }: Pick<Bench, 'dir'>, topic: string, flush: string): void {
  const columns = COLUMNS.map(([name, type]) => `{name: ${name}, data_type: ${JSON.stringify(type)}}`).join(', ');
  writeFileSync(
    join(dir, 'models', 'sources.yml'),
    `sources: [{name: raw, tables: [{name: ${topic}, config: {meta: {tsdbt: {load: {topic: ${topic}, order_by: ` +
      `[event_ts], flush: ${flush}}}}}, columns: [${columns}]}]}]\n`,
  );
}

/** Load of the machine in the last minute: what a figure of wall time is worth. */
export function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** The process that holds the folder. */
function keeperOf(data: string): number {
  const pid = readdirSync('/proc').find((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(data);
    } catch {
      return false;
    }
  });
  if (pid === undefined) throw new Error('the embedded server has no process');
  return Number(pid);
}
