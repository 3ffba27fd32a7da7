// Connections to a Postgres server. Opens them according to profiles.yml (TLS, retries, timeout), pools them up to a
// limit, cancels statements and asks about silent ones. session.ts decides what to send.
import { readFileSync } from 'node:fs';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type pg from 'pg';
import { TsdbtError } from '../../errors.ts';
import { sleep, within } from '../../within.ts';
import { type Look, type SilenceTimes, silenceTimes, watchSilence } from '../silence.ts';
import type { ServerPlace, SessionAttributes } from './connection-defaults.ts';
import { connectionError } from './database-error.ts';
import { guardMessages } from './guarded-messages.ts';
import { NOT_COMMITTED, type Outcome, outcomeSql, UNKNOWN_END, UNKNOWN_HINT } from './lost-commit.ts';
import {
  type AnswerRow,
  questionSql,
  type SilentStatement,
  type Verdict,
  verdictOf,
  verdictOfFailure,
} from './silent-statement.ts';
import { isMeantToLast } from './statements.ts';
import { SignsOfLife, StoppedCopies } from './connection-life.ts';

/** Validated connection settings of a command. */
export interface ServerAddress {
  /** Tried in order. */
  readonly places: readonly ServerPlace[];
  /** Required attributes of the session. */
  readonly attributes: SessionAttributes;
  readonly user: string;
  /** Empty: the driver reads PGPASSWORD and ~/.pgpass; null: it does not. */
  readonly password: string | null;
  /** Hosts whose password is null. */
  readonly withoutPassword?: readonly string[];
  readonly database: string;
  /** Seconds. */
  readonly connectTimeout: number;
  /** Number of retries. */
  readonly retries: number;
  readonly applicationName: string | null;
  /** Seconds of silence before a keep-alive; 0: the system's default. */
  readonly keepalivesIdle: number;
  /** Options on the server's command line. */
  readonly options: string | null;
  readonly sslmode: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  readonly sslrootcert: string | null;
  /** Whether the session may use commands of the replication protocol. */
  readonly replication?: true;
}

/** A client of `pg` with fields that its type declarations lack. */
export type DriverClient = pg.Client & {
  readonly connection: pg.Connection & { readonly stream: Socket };
  readonly processID: number;
  readonly secretKey: number | null;
  readonly _ended: boolean;
  readonly _queryable: boolean;
};

/** An open connection, with the server's version and settings. */
export interface Connection {
  readonly client: DriverClient;
  readonly place: ServerPlace;
  readonly processId: number;
  /** `'I'` idle, `'T'` in a transaction, `'E'` in a failed one. */
  status: string;
  broken: boolean;
  /** Why it was abandoned; null while it is usable. */
  lost: TsdbtError | null;
  /** A monotonic clock in milliseconds. */
  readonly openedAt: number;
}

/** The server is starting, stopping or recovering. */
const CANNOT_CONNECT_NOW = '57P03';
/** Time limit for a cancel request and for closing, in milliseconds. */
const CANCEL_MS = 2000;
const END_MS = 1000;
/** How long to ask for a transaction's outcome: the server may have to restart. */
const SETTLE_MS = 10_000;
const ASK_MS = 3000;
/** SQLSTATE of a session that the server ends: by an administrator, or as its transaction was idle. */
const ENDED_BY_SERVER: ReadonlySet<string> = new Set(['57P01', '25P03']);

/** At most `max` connections at a time; later requests wait in order. */
export class ConnectionPool {
  readonly address: () => Promise<ServerAddress>;
  readonly max: number;
  readonly #times: SilenceTimes;
  /** Connections that are being opened. */
  readonly #attempts = new Set<DriverClient>();
  readonly #idle: Connection[] = [];
  readonly #waiting: { resolve: (connection: Connection) => void; reject: (error: unknown) => void }[] = [];
  readonly #open = new Set<Connection>();
  #opening = 0;
  #closed = false;
  /** Set once the server has refused TLS under `sslmode: prefer`. */
  #plain = false;
  /** Whether this server supports `client_connection_check_interval`; undefined: not tried. */
  checkInterval: boolean | undefined = undefined;
  /** Whether DDL must be sent in separate messages: Citus passes on the whole message. */
  singly = false;
  /** Shows the server that this process lives. */
  readonly life: SignsOfLife;
  readonly #stoppedCopies = new StoppedCopies();

  constructor(address: () => Promise<ServerAddress>, max: number, times = silenceTimes(undefined)) {
    this.address = address;
    this.max = max;
    this.#times = times;
    this.life = new SignsOfLife(async () => (await this.#connectAny(await this.address())).client);
  }

  /** Whether one of the connections belongs to a process of the server. */
  holds(processId: number): boolean {
    return [...this.#open].some((connection) => connection.processId === processId);
  }

  get size(): number {
    return this.#open.size + this.#opening;
  }

  /** @throws a `connection` error that names host and port */
  async acquire(): Promise<Connection> {
    if (this.#closed) throw stopped();
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop())
      if (!connection.broken) return connection;
    if (this.size >= this.max)
      return new Promise((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
      });
    return this.#openOne();
  }

  /**
   * Opens a connection for the replication protocol, which is not part of the pool: its caller ends it.
   * @param options for the server's command line
   */
  async replication(options: string): Promise<DriverClient> {
    const address = await this.address();
    const all = [address.options, options].filter((each) => each !== null).join(' ');
    return (await this.#connectAny({ ...address, options: all, replication: true })).client;
  }

  /** Returns a connection to the pool; closes it if it is in a transaction or broken. */
  release(connection: Connection): void {
    if (connection.broken || connection.status !== 'I' || this.#closed) {
      // A lost connection has already been replaced.
      if (this.#discard(connection)) this.#serveNext();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(connection);
    else this.#idle.push(connection);
  }

  /** Closes idle connections and cancels running statements, within three seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    this.life.close();
    for (const { reject } of this.#waiting.splice(0)) reject(stopped());
    for (const client of this.#attempts) destroy(client);
    const idle = new Set(this.#idle.splice(0));
    await Promise.all(
      [...this.#open].map(async (connection) => {
        if (!idle.has(connection)) await this.cancel(connection);
        this.#open.delete(connection);
        connection.broken = true;
        if (idle.has(connection)) await end(connection.client);
        // Does not wait for a cancelled statement: the server rolls it back when its client is gone.
        else destroy(connection.client);
      }),
    );
  }

  /** Cancels the connection's statement. Never throws. */
  async cancel(connection: Connection): Promise<void> {
    const { host, port } = connection.place;
    const { secretKey: secret } = connection.client;
    if (typeof secret !== 'number') return;
    await new Promise<void>((resolve) => {
      const socket = host.startsWith('/') ? connectSocket(`${host}/.s.PGSQL.${port}`) : connectSocket(port, host);
      socket.setTimeout(CANCEL_MS, () => socket.destroy());
      socket.once('error', () => resolve());
      socket.once('close', () => resolve());
      socket.once('connect', () => {
        const packet = Buffer.alloc(16);
        packet.writeInt32BE(16, 0);
        packet.writeInt32BE(80877102, 4);
        packet.writeInt32BE(connection.processId, 8);
        packet.writeInt32BE(secret, 12);
        // The server closes when it is done; a pooler drops the request if the client closes first.
        socket.write(packet);
        socket.resume();
      });
    });
  }

  /**
   * Watches a statement in flight. Abandons the connection if the server no longer runs it or is gone.
   * @param doubt called if the server does not report it
   * @returns a function that ends the watch
   */
  watch(connection: Connection, sql: string, doubt: (message: string) => void): () => void {
    const { client, processId, openedAt } = connection;
    const { stream: socket } = client.connection;
    return watchSilence(
      {
        received: () => socket.bytesRead + socket.bytesWritten,
        now: () => performance.now(),
        doubt,
        look: (limit, final) => {
          const age = (performance.now() - openedAt) / 1000;
          return this.#look(connection, { processId, sql, age }, limit, final);
        },
        lost: (message, found) => {
          this.#giveUp(connection, message, found, isMeantToLast(sql, connection.status === 'I'));
        },
      },
      this.#times,
    );
  }

  async #look(connection: Connection, statement: SilentStatement, limit: number, final: boolean): Promise<Look> {
    let asker: DriverClient | undefined;
    let found: Verdict | undefined;
    const ask = async (): Promise<void> => {
      const address = await this.address();
      // Uses the same address: the name may now refer to another server.
      const at = connection.client.connection.stream.remoteAddress;
      asker = await this.#connect({ ...address, connectTimeout: limit / 500 }, connection.place, at);
      const { rows } = await asker.query<AnswerRow>(questionSql(statement));
      const verdict = verdictOf(rows, asker.processID, statement);
      // The lost connection would keep its locks until the server notices, and could still commit.
      const { end } = verdict;
      if (final && end !== undefined) await asker.query(`select pg_catalog.pg_terminate_backend(${end})`);
      // It may wait for a process that was stopped.
      const soon = verdict.state === 'runs' && (await this.#stoppedCopies.look(asker).catch(() => false));
      found = { ...verdict, soon };
    };
    await within(
      ask().catch((error: unknown) => {
        found = verdictOfFailure(error);
      }),
      limit,
    );
    if (asker !== undefined) destroy(asker);
    if (found !== undefined) return found;
    // A pooler may answer for a server whose connections are all busy.
    if (asker !== undefined) return { state: 'unknown', why: 'a second connection gets no answer either' };
    return { state: 'unreachable', why: `no answer within ${limit / 1000} s` };
  }

  /**
   * Asks on another connection for the outcome of a transaction whose connection was lost.
   * @param mark the value of `TRANSACTION_MARK` in it
   */
  async outcome(mark: string): Promise<Outcome> {
    for (const until = performance.now() + SETTLE_MS; !this.#closed && performance.now() < until; ) {
      let asker: DriverClient | undefined;
      let found: Outcome | 'in progress' = 'in progress';
      const ask = async (): Promise<void> => {
        ({ client: asker } = await this.#connectAny({ ...(await this.address()), connectTimeout: ASK_MS / 1000 }));
        const { rows } = await asker.query<{ outcome: Outcome | 'in progress' }>(outcomeSql(mark));
        found = rows[0]?.outcome ?? null;
      };
      // Retries while the server starts or cannot be reached.
      await within(
        ask().catch(() => undefined),
        ASK_MS,
      );
      if (asker !== undefined) destroy(asker);
      if (found !== 'in progress') return found;
      await sleep(200);
    }
    return null;
  }

  /** @param lasts the statement commits: its outcome matters */
  #giveUp(connection: Connection, message: string, { state, undone = false }: Look, lasts: boolean): void {
    const outcome = undone ? NOT_COMMITTED : UNKNOWN_END;
    connection.lost = new TsdbtError('connection', `${message}.${lasts ? `\n\t${outcome}` : ''}`, {
      hint: lasts && !undone ? UNKNOWN_HINT : undefined,
    });
    connection.broken = true;
    destroy(connection.client);
    // Idle connections lead to the same server.
    if (state === 'unreachable') for (const idle of this.#idle.splice(0)) destroy(idle.client);
  }

  #serveNext(): void {
    const next = this.#waiting.shift();
    if (next) this.#openOne().then(next.resolve, next.reject);
  }

  /** @returns whether it was still in the pool */
  #discard(connection: Connection): boolean {
    if (!this.#open.delete(connection)) return false;
    void end(connection.client);
    return true;
  }

  async #openOne(): Promise<Connection> {
    this.#opening++;
    let made = false;
    try {
      const address = await this.address();
      // A certificate that cannot be read does not justify a retry.
      if (address.places.some(({ host }) => usesTls(address, host))) tlsOptions(address);
      for (let attempt = 0; ; attempt++) {
        try {
          const { client, place } = await this.#connectAny(address);
          if (this.#closed) {
            destroy(client);
            throw stopped();
          }
          const connection: Connection = {
            client,
            place,
            processId: client.processID,
            status: 'I',
            broken: false,
            lost: null,
            openedAt: performance.now(),
          };
          this.#dropWhenLost(connection);
          this.#open.add(connection);
          made = true;
          return connection;
        } catch (error) {
          if (this.#closed) throw stopped();
          if (attempt >= address.retries || !isTransient(error)) throw error;
          await sleep(attempt * attempt * 1000);
        }
      }
    } finally {
      this.#opening--;
      // Its place goes to a waiting request, because it will never be returned.
      if (!made) this.#serveNext();
    }
  }

  #dropWhenLost(connection: Connection): void {
    const { client } = connection;
    const drop = (): void => {
      connection.broken = true;
      connection.lost ??= this.#lostWhileStopped('the connection was closed');
      const index = this.#idle.indexOf(connection);
      if (index >= 0) this.#idle.splice(index, 1);
      if (this.#open.delete(connection)) this.#serveNext();
    };
    // A query in flight gets the error first, and asks why the connection was lost.
    client.connection.on('errorMessage', ({ code, message }: { code?: string; message: string }) => {
      if (code !== undefined && ENDED_BY_SERVER.has(code)) connection.lost ??= this.#lostWhileStopped(message, code);
    });
    client.on('error', (error: Error) => {
      connection.lost ??= this.#lostWhileStopped(error.message);
      drop();
    });
    client.on('end', drop);
  }

  /** Null: this process has not been stopped. */
  #lostWhileStopped(why: string, code?: string): TsdbtError | null {
    const seconds = Math.round(this.life.stoppedMs / 1000);
    if (seconds === 0) return null;
    return new TsdbtError(
      'connection',
      `This process was stopped for ${seconds} s, and the server has ended its transaction: ${why}.\n\t` +
        NOT_COMMITTED,
      {
        code,
        hint: 'Run it again: what the transaction was to change is as it was before, or as another run left it.',
      },
    );
  }

  /**
   * Finds the first server of the list whose session has the attributes, as libpq does: a server that refuses the login
   * ends the search.
   */
  async #connectAny(address: ServerAddress): Promise<{ client: DriverClient; place: ServerPlace }> {
    const { places, attributes } = address;
    const rounds = attributes === 'prefer-standby' ? (['standby', 'any'] as const) : [attributes];
    const failures: TsdbtError[] = [];
    for (const wanted of rounds) {
      failures.length = 0;
      for (const place of places) {
        try {
          const client = await this.#connect(address, place);
          const unfit = await unfitness(client, wanted);
          if (unfit === null) return { client, place };
          destroy(client);
          failures.push(connectionError(new Error(unfit), place));
        } catch (error) {
          if (this.#closed || error instanceof TsdbtError) throw error;
          const failure = connectionError(error, place);
          if (isRefusal(error)) throw failure;
          failures.push(failure);
        }
      }
    }
    const [first] = failures;
    if (failures.length === 1 && first !== undefined) throw first;
    throw new TsdbtError('connection', failures.map(({ message }) => message).join('\n'), {
      code: first?.details.code,
    });
  }

  /** @param at the host's address, if it must not be resolved again */
  async #connect(server: ServerAddress, { host, port }: ServerPlace, at?: string): Promise<DriverClient> {
    const address = server.withoutPassword?.includes(host) === true ? { ...server, password: null } : server;
    const prefer = address.sslmode === null || address.sslmode === 'prefer' || address.sslmode === 'allow';
    const tls = usesTls(address, host) ? tlsOptions(address) : undefined;
    const place = { host: at ?? host, port };
    if (tls === undefined || (prefer && this.#plain)) return openClient(address, place, false, this.#attempts);
    // The certificate is issued for the name.
    const named = at === undefined || isIP(host) > 0 ? tls : { ...tls, servername: host };
    try {
      return await openClient(address, place, named, this.#attempts);
    } catch (error) {
      if (!prefer || !(error instanceof Error) || !/does not support SSL/.test(error.message)) throw error;
      this.#plain = true;
      return openClient(address, place, false, this.#attempts);
    }
  }
}

function stopped(): TsdbtError {
  return new TsdbtError('connection', 'the command is being stopped');
}

/** @param attempts collects the connection while it is being opened */
async function openClient(
  address: ServerAddress,
  place: ServerPlace,
  ssl: TlsOptions | false,
  attempts: Set<DriverClient>,
): Promise<DriverClient> {
  // Loaded with the first connection: most commands that parse open none.
  const { default: driver } = await import('pg');
  const client = new driver.Client({
    host: place.host,
    port: place.port,
    user: address.user,
    password: address.password ?? (() => ''),
    database: address.database,
    application_name: address.applicationName ?? undefined,
    connectionTimeoutMillis: address.connectTimeout * 1000,
    ssl,
    options: address.options ?? undefined,
    ...(address.replication === true ? { replication: 'database' } : {}),
    keepAlive: true,
    keepAliveInitialDelayMillis: address.keepalivesIdle * 1000,
  }) as DriverClient;
  guardMessages(client.connection);
  // An error event after the attempt must not end the process.
  client.on('error', () => {});
  let dateStyle = 'ISO';
  client.connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'DateStyle') dateStyle = status.parameterValue;
  });
  attempts.add(client);
  try {
    await client.connect();
    // A role or a database may set another datestyle. As in dbt's driver, only ISO is read.
    const styled = dateStyle.startsWith('ISO') ? null : client.query("SET DATESTYLE TO 'ISO'");
    if (styled !== null && (await within(styled, address.connectTimeout * 1000))) await styled;
    else if (styled !== null) throw new Error('timeout expired');
    return client;
  } catch (error) {
    destroy(client);
    throw error;
  } finally {
    attempts.delete(client);
  }
}

function usesTls({ sslmode }: ServerAddress, host: string): boolean {
  return sslmode !== 'disable' && !host.startsWith('/');
}

/**
 * libpq's meaning of `sslmode`: `require` encrypts, `verify-ca` also checks the issuer, `verify-full` also the name.
 */
function tlsOptions(address: ServerAddress): TlsOptions {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new TsdbtError(
        'connection',
        `could not read the file "${path}" named in the profile: ` +
          `${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const certificates = {
    ...(address.sslcert ? { cert: read(address.sslcert) } : {}),
    ...(address.sslkey ? { key: read(address.sslkey) } : {}),
    ...(address.sslrootcert && address.sslrootcert !== 'system' ? { ca: read(address.sslrootcert) } : {}),
  };
  const mode = address.sslmode ?? (address.sslrootcert === 'system' ? 'verify-full' : 'prefer');
  if (mode === 'verify-full') return { ...certificates, rejectUnauthorized: true };
  if (mode === 'verify-ca' || (mode === 'require' && address.sslrootcert))
    return { ...certificates, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  if (['require', 'prefer', 'allow'].includes(mode)) return { ...certificates, rejectUnauthorized: false };
  throw new TsdbtError('profile', `invalid sslmode value: "${mode}"`);
}

/** Why a session does not have the required attributes; null: it has them. */
async function unfitness(client: DriverClient, wanted: SessionAttributes): Promise<string | null> {
  if (wanted === 'any') return null;
  const { rows } = await client.query<{ readonly: string; standby: boolean }>(
    "select pg_catalog.current_setting('transaction_read_only') as readonly, pg_catalog.pg_is_in_recovery() as standby",
  );
  const { readonly = 'off', standby = false } = rows[0] ?? {};
  switch (wanted) {
    case 'read-write':
      return readonly === 'on' ? 'session is read-only' : null;
    case 'read-only':
      return readonly === 'on' ? null : 'session is not read-only';
    case 'primary':
      return standby ? 'server is in hot standby mode' : null;
    default:
      return standby ? null : 'server is not in hot standby mode';
  }
}

/** Whether a server has refused the session. A server that is starting or stopping has not. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && 'code' in error && error.code !== CANNOT_CONNECT_NOW;
}

/** Whether a retry can help. Not if the server reports an error. */
function isTransient(error: unknown): boolean {
  return !(error instanceof TsdbtError) || !/^(28|3D|42)/.test(error.details.code ?? '');
}

async function end(client: DriverClient): Promise<void> {
  // Without a limit it would wait for a dead server forever.
  await within(client.end(), END_MS);
  destroy(client);
}

/** Closes a connection at once. */
export function destroy(client: DriverClient): void {
  client.connection.stream.destroy();
}
