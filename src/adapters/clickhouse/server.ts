// State shared by all sessions of a command: the connection, the server's capabilities and settings, the pool of server
// sessions. session.ts runs a node's statements.
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { TsdbtError } from '../../errors.ts';
import type { Credentials } from '../../contracts/project.ts';
import { Connection, type ServerAddress } from './connection.ts';
import type { SilenceTimes } from '../silence.ts';
import { sleep, within } from '../../within.ts';
import { databaseError } from './database-error.ts';
import { quoteDouble, quoteText, quoteWritten } from './literal.ts';
import { COMPLETE_SETTINGS, ROW_SETTINGS } from './row-settings.ts';
import { exchangesTables, type ServerFacts } from './server-facts.ts';

/** One session on the server, with its own temporary tables and settings. */
export interface Lane {
  readonly sessionId: string;
  /** Whether a statement may have left state in it. */
  stateful: boolean;
  /** Seconds without a statement after which the server drops it; absent: the server's default. */
  readonly holds?: number | undefined;
}

const EMBEDDED_TRIES = 50;
const PAUSE_MS = 100;
/** Time limit in milliseconds for cancelling statements and closing connections. */
const KILL_MS = 2000;
const CLOSE_MS = 2000;
/** Pauses between two checks whether a cancelled statement has ended. */
const [GONE_MS, LONGEST_GONE_MS] = [20, 1000];
const MUTATIONS = 'allow_nondeterministic_mutations';

export interface ServerOptions {
  readonly credentials: Credentials;
  readonly threads: number;
  readonly silence: SilenceTimes;
  /** Where the server is; resolved once, with the first statement. */
  readonly address: () => Promise<ServerAddress>;
}

export class Server {
  readonly #options: ServerOptions;
  #connection: Promise<Connection> | undefined;
  /** Includes servers that are still being resolved. */
  readonly #opened = new Set<Connection>();
  /** Statements of sessions in flight, by id. */
  readonly #statements = new Map<string, AbortController>();
  #closed = false;
  readonly #lanes: Lane[] = [];
  #taken = 0;
  readonly #waiting: (() => void)[] = [];
  /** Settings sent with each statement. */
  settings: Readonly<Record<string, string>>;
  /** For internal statements: `ROW_SETTINGS`, as far as the server and the user allow. */
  rowSettings: Readonly<Record<string, string>> = {};
  /** The default database, once it exists. */
  database: string | null = null;
  #known: ServerFacts = {
    version: '',
    timezone: 'UTC',
    database: '',
    engine: '',
    atomicExchange: false,
    lightweightDeletes: false,
  };

  constructor(options: ServerOptions) {
    this.#options = options;
    this.settings = customSettings(options.credentials);
  }

  connect(): Promise<Connection> {
    this.#connection ??= this.#reach();
    this.#connection.catch(() => {
      this.#connection = undefined;
    });
    return this.#connection;
  }

  /** The embedded server has died: the next statement finds or starts another one. */
  lost(): void {
    void this.#connection?.then((connection) => connection.close()).catch(() => undefined);
    this.#connection = undefined;
    this.#lanes.length = 0;
  }

  /** A dying embedded server may still appear alive: retried a moment later. */
  async #reach(): Promise<Connection> {
    for (let tries = 1; ; tries++) {
      const address = await this.#options.address();
      if (this.#closed) throw new TsdbtError('connection', 'the command is being stopped');
      try {
        return await this.#open(address);
      } catch (error) {
        if (
          address.embedded === null ||
          tries === EMBEDDED_TRIES ||
          !(error instanceof TsdbtError) ||
          error.kind !== 'connection'
        )
          throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  async #open(address: ServerAddress): Promise<Connection> {
    const { credentials, threads, silence } = this.#options;
    const connection = new Connection(address, threads + 4, silence);
    this.#opened.add(connection);
    try {
      const { schema, check_exchange: check, cluster_mode: clusterMode } = credentials;
      const defaults = defaultSettings(credentials);
      const answer = await this.#ask(
        connection,
        greeting(schema, [...Object.keys({ ...defaults, ...ROW_SETTINGS }), MUTATIONS]),
      );
      const rows = answer
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t') as [kind: string, name: string, value: string, readonly: string]);
      const of = (kind: string): typeof rows => rows.filter((row) => row[0] === kind);
      const [, version = '', timezone = 'UTC'] = of('server')[0] ?? [];
      const known = new Map(
        of('setting').map(([, name, value, readonly]) => [name, { value, readonly: readonly !== '0' }]),
      );
      // Omits settings that this user may not change or the server does not support, unless the profile requests them.
      const settableOf = (all: Readonly<Record<string, string>>): Record<string, string> =>
        Object.fromEntries(Object.entries(all).filter(([name]) => known.get(name)?.readonly === false));
      this.rowSettings = settableOf(ROW_SETTINGS);
      const mutations = known.get(MUTATIONS);
      const lightweightDeletes = mutations !== undefined && (mutations.value !== '0' || !mutations.readonly);
      this.settings = {
        ...settableOf(defaults),
        ...(lightweightDeletes ? { [MUTATIONS]: '1' } : {}),
        ...customSettings(credentials),
      };
      const engine = of('database')[0]?.[1] ?? (await this.#createDatabase(connection));
      this.database = schema;
      this.#known = {
        version,
        timezone,
        database: schema,
        engine,
        lightweightDeletes,
        atomicExchange: check === false || clusterMode === true || exchangesTables(engine),
      };
      for (const [, name] of of('left'))
        await this.#ask(connection, `DROP TABLE IF EXISTS ${quoteWritten(schema)}.${quoteWritten(name)}`).catch(
          () => undefined,
        );
      return connection;
    } catch (error) {
      this.#opened.delete(connection);
      await connection.close();
      throw error;
    }
  }

  /** dbt-clickhouse creates the profile's database when it connects. @returns its engine */
  async #createDatabase(connection: Connection): Promise<string> {
    const { schema, cluster, database_engine: engine } = this.#options.credentials;
    const onCluster = typeof cluster === 'string' && cluster.trim() !== '' ? ` ON CLUSTER ${quoteDouble(cluster)}` : '';
    const ofEngine = typeof engine === 'string' && engine !== '' ? ` ENGINE ${engine}` : '';
    await this.#ask(connection, `CREATE DATABASE IF NOT EXISTS ${quoteWritten(schema)}${onCluster}${ofEngine}`);
    return (
      await this.#ask(connection, `SELECT engine FROM system.databases WHERE name = ${quoteText(schema)}`)
    ).trim();
  }

  /** Returns the text of an answer, outside of any session. @throws TsdbtError */
  async #ask(connection: Connection, sql: string, settings: Readonly<Record<string, string>> = {}): Promise<string> {
    try {
      const { body } = await connection.send({
        sql,
        queryId: randomUUID(),
        sessionId: null,
        settings: { ...settings, wait_end_of_query: '1', default_format: 'TabSeparated' },
        abort: new AbortController(),
      });
      return await text(body);
    } catch (error) {
      throw databaseError(error, { sql, text: sql, start: 0 }, connection.address.embedded);
    }
  }

  /** Runs an internal statement. @returns its answer, tab-separated */
  async command(sql: string): Promise<string> {
    const connection = await this.connect();
    return this.#ask(connection, sql, {
      ...this.settings,
      ...this.rowSettings,
      ...(this.database === null ? {} : { database: this.database }),
    });
  }

  async facts(): Promise<ServerFacts> {
    await this.connect();
    return this.#known;
  }

  /**
   * Limits concurrent sessions: one per thread, plus two.
   * @param holds see `Lane`
   * @param own true for a query that another session may wait for while it holds a lane: it may exceed the limit
   */
  async takeLane(holds?: number, own = false): Promise<Lane> {
    while (!own && this.#taken >= this.#options.threads + 2)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.#taken++;
    const kept = this.#lanes.pop();
    return kept !== undefined && kept.holds === holds
      ? kept
      : { sessionId: `tsdbt::${randomUUID()}`, stateful: false, holds };
  }

  /** Reuses a session without state, unless the profile requests new connections. */
  giveBack(lane: Lane): void {
    this.#taken--;
    if (!lane.stateful && this.#options.credentials['reuse_connections'] !== false && this.#connection !== undefined)
      this.#lanes.push(lane);
    this.#waiting.shift()?.();
  }

  /** Registers a statement that a session sends: `close` cancels it. */
  begun(queryId: string, abort: AbortController): void {
    this.#statements.set(queryId, abort);
  }

  over(queryId: string): void {
    this.#statements.delete(queryId);
  }

  /** Cancels a statement. Returns when it has ended, when the server cannot be asked, or when `close` was called. */
  async end(queryId: string, abort: AbortController): Promise<void> {
    const running = `query_id = ${quoteText(queryId)} OR ${markedStatement(queryId)}`;
    try {
      do {
        // The embedded engine identifies a statement that has not started by its client, which has disconnected.
        if (await this.#isEmbedded()) abort.abort();
        await within(this.command(`KILL QUERY WHERE ${running} ASYNC`), KILL_MS);
        for (let pause = GONE_MS; await this.#runs(running); pause = Math.min(2 * pause, LONGEST_GONE_MS))
          await sleep(pause);
        abort.abort();
        // The statement may have been on its way to the server.
      } while (await this.#runs(running));
    } catch {
      // If the server cannot be asked, there is nothing to wait for.
      abort.abort();
    }
  }

  /** Also false if the server does not answer in time. @throws if it cannot be asked */
  async #runs(which: string): Promise<boolean> {
    if (this.#closed) return false;
    const counted = this.command(`${COUNT_RUNNING} WHERE ${which}`);
    return (await within(counted, KILL_MS)) && (await counted).trim() !== '0';
  }

  async #isEmbedded(): Promise<boolean> {
    const connection = await this.#connection?.catch(() => null);
    return (connection?.address.embedded ?? null) !== null;
  }

  /** Cancels running statements within two seconds. */
  async close(): Promise<void> {
    const running = [...this.#statements];
    await within(Promise.all(running.map(([queryId, abort]) => this.end(queryId, abort))), running.length && KILL_MS);
    this.#connection = undefined;
    this.#closed = true;
    const opened = [...this.#opened];
    this.#opened.clear();
    await within(Promise.all(opened.map((connection) => connection.close())), CLOSE_MS);
  }
}

const COUNT_RUNNING = 'SELECT count() FROM system.processes';

/**
 * The condition that a statement in `system.processes` has this id, or an id with this prefix on the embedded engine,
 * which has no ids and writes them into the text of statements.
 */
export function markedStatement(id: string): string {
  const marked = `position(query, ${quoteText(`tsdbt-${id}`)}) > 0`;
  return `(${marked} AND NOT match(query, '^(KILL QUERY|SELECT count[(][)] FROM)'))`;
}

/** The first query of a command: settings, the database's engine, leftovers of dbt-clickhouse's checks. */
function greeting(schema: string, settings: readonly string[]): string {
  const database = quoteText(schema);
  return (
    "SELECT 'server', version(), timezone(), '' UNION ALL SELECT 'setting', name, value, toString(readonly) " +
    `FROM system.settings WHERE name IN (${settings.map(quoteText).join(', ')})` +
    ` UNION ALL SELECT 'database', engine, '', '' FROM system.databases WHERE name = ${database}` +
    ` UNION ALL SELECT 'left', name, '', '' FROM system.tables WHERE database = ${database} AND ` +
    "startsWith(name, '__dbt_exchange_test_') AND metadata_modification_time < now() - 60"
  );
}

/** Settings of dbt-clickhouse's sessions; an insert is acknowledged when its rows are stored. */
function defaultSettings({
  cluster_mode: clusterMode,
  database_engine: engine,
}: Credentials): Readonly<Record<string, string>> {
  return {
    ...(clusterMode === true || engine === 'Replicated'
      ? { database_replicated_enforce_synchronous_settings: '1', insert_quorum: 'auto' }
      : {}),
    ...(engine === 'Shared' ? { select_sequential_consistency: '1' } : {}),
    mutations_sync: '3',
    lightweight_deletes_sync: '3',
    alter_sync: '3',
    insert_distributed_sync: '1',
    async_insert: '0',
    ...COMPLETE_SETTINGS,
  };
}

function customSettings({ custom_settings: custom }: Credentials): Readonly<Record<string, string>> {
  if (custom === null || typeof custom !== 'object') return {};
  return Object.fromEntries(
    Object.entries(custom).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? String(Number(value)) : String(value),
    ]),
  );
}
