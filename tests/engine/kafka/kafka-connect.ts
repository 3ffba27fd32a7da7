// A real Kafka Connect in one Java process, from its Maven jars: a connector that runs at a broker of the tests, killed
// and started again where it left off. Knows no connector's options but Debezium's for Postgres.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endChild, hasEnded } from '../support/end-child.ts';
import { quietPort } from '../support/quiet-port.ts';
import { mavenJars } from './kafka-broker.ts';

const DEBEZIUM = '3.3.0.Final';
const CONNECT = '4.1.0';

const dependency = (group: string, artifact: string, version: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
  `<version>${version}</version></dependency>`;

/** A folder with Kafka Connect, its JSON converter and one of Debezium's connectors; fetched when it is not there. */
export function connectJars(connector: 'postgres' | 'jdbc'): string {
  return mavenJars(
    `tsdbt-connect-${connector}-${DEBEZIUM}`,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tsdbt</groupId><artifactId>connect</artifactId><version>1</version><dependencies>
${dependency('io.debezium', `debezium-connector-${connector}`, DEBEZIUM)}
${dependency('org.apache.kafka', 'connect-runtime', CONNECT)}
${dependency('org.apache.kafka', 'connect-json', CONNECT)}
${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
</dependencies></project>`,
  );
}

export type Properties = Readonly<Record<string, string | number | boolean>>;

export interface ConnectOptions {
  /** From `connectJars`. */
  readonly jars: string;
  /** `host:port` of a broker. */
  readonly broker: string;
  /** Options of the connector, `name` and `connector.class` among them. */
  readonly connector: Properties;
  /** Options of the worker beside those that make it work here. */
  readonly worker?: Properties;
  readonly java?: readonly string[];
}

/** A worker with one connector. What it has read of its source is kept over `down` and `up`, as of its last note. */
export class KafkaConnect {
  /** Its log. */
  said = '';
  readonly #options: ConnectOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tsdbt-connect-'));
  readonly #port: number;
  #child: ChildProcess | null = null;

  private constructor(options: ConnectOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }

  /** @returns a worker whose connector and task run */
  static async start(options: ConnectOptions): Promise<KafkaConnect> {
    const connect = new KafkaConnect(options, await quietPort());
    const { broker, connector, worker } = options;
    connect.#write('worker.properties', {
      'bootstrap.servers': broker,
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'offset.storage.file.filename': connect.#offsets,
      'offset.flush.interval.ms': 1000,
      listeners: `http://127.0.0.1:${connect.#port}`,
      'connector.client.config.override.policy': 'All',
      'plugin.discovery': 'service_load',
      ...worker,
    });
    connect.#write('connector.properties', connector);
    await connect.up();
    return connect;
  }

  /** Its process; undefined while it is stopped. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Has its process ended by itself? */
  get ended(): boolean {
    return hasEnded(this.#child);
  }

  /** @throws with the end of its log when the connector fails */
  async up(): Promise<void> {
    const { jars, java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m'] } = this.#options;
    const files = ['worker', 'connector'].map((name) => join(this.#folder, `${name}.properties`));
    const child = spawn(
      'java',
      [...java, '-cp', `${jars}/*`, 'org.apache.kafka.connect.cli.ConnectStandalone', ...files],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        this.said = (this.said + String(chunk)).slice(-1_000_000);
      });
    for (; !this.ended; await pause(100)) {
      const states = await this.#states();
      if (states.includes('FAILED')) break;
      if (states.length > 1 && states.every((state) => state === 'RUNNING')) return;
    }
    const said = this.said.slice(-4000);
    await this.close();
    throw new Error(`Kafka Connect does not come up:\n${said}`);
  }

  /** States of the connector and of its tasks; none while the worker does not answer. */
  async #states(): Promise<string[]> {
    const { name } = this.#options.connector;
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}/connectors/${name}/status`);
      if (!answer.ok) return [];
      const { connector, tasks } = (await answer.json()) as { connector: State; tasks: State[] };
      return [connector, ...tasks].map(({ state }) => state);
    } catch {
      return [];
    }
  }

  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await endChild(child, signal);
  }

  /**
   * Returns once the worker has noted that a first snapshot is behind it. Killed before that it takes another one,
   * which tells nothing of rows that were deleted since: no reader of its topics can know.
   */
  async snapshotNoted(): Promise<void> {
    for (; !this.ended; await pause(50)) {
      const notes = readNotes(this.#offsets);
      if (notes.includes('"lsn"') && !/"snapshot_completed":false/.test(notes)) return;
    }
    throw new Error(`Kafka Connect has ended:\n${this.said.slice(-4000)}`);
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Where it notes how far it has read. */
  get #offsets(): string {
    return join(this.#folder, 'offsets');
  }

  #write(name: string, options: Properties): void {
    const lines = Object.entries(options).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(this.#folder, name), lines.join(''));
  }
}

/** A file of serialized Java objects, with JSON texts in it; empty: it is not there. */
function readNotes(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

interface State {
  readonly state: string;
}

export interface SourceDatabase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Debezium over the tables of a schema; its topics are `<prefix>.<schema>.<table>`, three partitions each. The server
 * needs `wal_level = logical`.
 */
export async function startDebezium(
  broker: string,
  { host, port, user, password, database }: SourceDatabase,
  {
    prefix,
    schema,
    more = {},
    worker = {},
  }: { prefix: string; schema: string; more?: Properties; worker?: Properties },
): Promise<KafkaConnect> {
  return KafkaConnect.start({
    jars: connectJars('postgres'),
    broker,
    worker: { 'key.converter.schemas.enable': false, 'value.converter.schemas.enable': false, ...worker },
    connector: {
      name: prefix,
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'tasks.max': 1,
      'database.hostname': host,
      'database.port': port,
      'database.user': user,
      'database.password': password,
      'database.dbname': database,
      'topic.prefix': prefix,
      'topic.creation.default.partitions': 3,
      'topic.creation.default.replication.factor': 1,
      'plugin.name': 'pgoutput',
      'slot.name': prefix,
      'publication.name': prefix,
      'publication.autocreate.mode': 'filtered',
      'schema.include.list': schema,
      'skipped.operations': 'none',
      ...more,
    },
  });
}
