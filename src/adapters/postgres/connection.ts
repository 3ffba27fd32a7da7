// Connections to a Postgres server: opening one as profiles.yml says (TLS, retries, timeout), a pool that never holds
// more than its cap, and asking the server to stop a statement, or about one that is silent. What is sent over them is
// decided in session.ts.
import { readFileSync } from 'node:fs';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type pg from 'pg';
import { TsdbtError } from '../../errors.ts';
import { within } from '../../within.ts';
import { type Look, type SilenceTimes, silenceTimes, watchSilence } from '../silence.ts';
import { connectionError } from './database-error.ts';
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

/** Where the server is and who asks, checked; every connection of a command is opened from one of these. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Seconds. */
  readonly connectTimeout: number;
  /** How often a failed attempt is made again. */
  readonly retries: number;
  readonly applicationName: string | null;
  /** Seconds of silence before a keep-alive; 0: the system's. */
  readonly keepalivesIdle: number;
  /** For the server's command line. */
  readonly options: string | null;
  readonly sslmode: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  readonly sslrootcert: string | null;
}

/** A client of `pg` with those of its own fields that no type of the package names. */
export type DriverClient = pg.Client & {
  readonly connection: pg.Connection & { readonly stream: Socket };
  readonly processID: number;
  readonly secretKey: number | null;
  readonly _ended: boolean;
  readonly _queryable: boolean;
};

/** An open connection and what is known of its server. */
export interface Connection {
  readonly client: DriverClient;
  readonly processId: number;
  /** `'I'` idle, `'T'` in a transaction, `'E'` in a failed one. */
  status: string;
  broken: boolean;
  /** Why it was given up, when it was. */
  lost: TsdbtError | null;
  /** Milliseconds of a clock that never goes back. */
  readonly openedAt: number;
}

/** Milliseconds that a request to stop a statement may take, and a good-bye. */
const CANCEL_MS = 2000;
const END_MS = 1000;
/** How long it is tried to find out how a transaction has ended: a server may have to start again. */
const SETTLE_MS = 10_000;
const ASK_MS = 3000;

/** At most `max` connections at a time; who comes later waits, in order. */
export class ConnectionPool {
  readonly address: () => Promise<ServerAddress>;
  readonly max: number;
  readonly #times: SilenceTimes;
  /** Those that are being opened. */
  readonly #attempts = new Set<DriverClient>();
  readonly #idle: Connection[] = [];
  readonly #waiting: { resolve: (connection: Connection) => void; reject: (error: unknown) => void }[] = [];
  readonly #open = new Set<Connection>();
  #opening = 0;
  #closed = false;
  /** Set once the server has refused TLS under `sslmode: prefer`. */
  #plain = false;
  /** What this server does with `client_connection_check_interval`; undefined: not tried yet. */
  checkInterval: boolean | undefined = undefined;

  constructor(address: () => Promise<ServerAddress>, max: number, times = silenceTimes(undefined)) {
    this.address = address;
    this.max = max;
    this.#times = times;
  }

  /** Whether a process of the server is behind one of the connections. */
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

  /** Gives a connection back; one in a transaction or broken is thrown away. */
  release(connection: Connection): void {
    if (connection.broken || connection.status !== 'I' || this.#closed) {
      this.#discard(connection);
      this.#serveNext();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(connection);
    else this.#idle.push(connection);
  }

  /** Closes what is idle and stops what runs; a server that does not answer has three seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(stopped());
    for (const client of this.#attempts) destroy(client);
    const idle = new Set(this.#idle.splice(0));
    await Promise.all(
      [...this.#open].map(async (connection) => {
        if (!idle.has(connection)) await this.cancel(connection);
        this.#open.delete(connection);
        connection.broken = true;
        if (idle.has(connection)) await end(connection.client);
        // A statement that is being stopped is waited for no longer: without its client the server rolls it back.
        else destroy(connection.client);
      }),
    );
  }

  /** Asks the server to stop the connection's statement. Never throws. */
  async cancel(connection: Connection): Promise<void> {
    const { host, port } = await this.address();
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
        // The server closes when it is done; a pooler drops the request of whoever closes first.
        socket.write(packet);
        socket.resume();
      });
    });
  }

  /**
   * Follows a statement from when it is sent; gives the connection up when the server works on it no longer or is gone.
   * @param doubt told when the server does not tell
   * @returns to be called with its answer
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
      // The same server again, whatever its name means by now.
      const at = connection.client.connection.stream.remoteAddress;
      asker = await this.#connect({ ...address, connectTimeout: limit / 500 }, at);
      const { rows } = await asker.query<AnswerRow>(questionSql(statement));
      const verdict = verdictOf(rows, asker.processID, statement);
      // It would keep its locks until the server notices, and could still be told to commit.
      const { end } = verdict;
      if (final && end !== undefined) await asker.query(`select pg_catalog.pg_terminate_backend(${end})`);
      found = verdict;
    };
    await within(
      ask().catch((error: unknown) => {
        found = verdictOfFailure(error);
      }),
      limit,
    );
    if (asker !== undefined) destroy(asker);
    if (found !== undefined) return found;
    // A pooler answers for a server that it waits for, perhaps because all of its connections are at work.
    if (asker !== undefined) return { state: 'unknown', why: 'a second connection gets no answer either' };
    return { state: 'unreachable', why: `no answer within ${limit / 1000} s` };
  }

  /**
   * How a transaction has ended whose connection is lost, asked by another one.
   * @param mark what `TRANSACTION_MARK` gave inside of it
   */
  async outcome(mark: string): Promise<Outcome> {
    for (const until = performance.now() + SETTLE_MS; !this.#closed && performance.now() < until; ) {
      let asker: DriverClient | undefined;
      let found: Outcome | 'in progress' = 'in progress';
      const ask = async (): Promise<void> => {
        asker = await this.#connect({ ...(await this.address()), connectTimeout: ASK_MS / 1000 });
        const { rows } = await asker.query<{ outcome: Outcome | 'in progress' }>(outcomeSql(mark));
        found = rows[0]?.outcome ?? null;
      };
      // A server that starts, or is not reached yet, is asked again.
      await within(
        ask().catch(() => undefined),
        ASK_MS,
      );
      if (asker !== undefined) destroy(asker);
      if (found !== 'in progress') return found;
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
    }
    return null;
  }

  /** @param lasts the statement was to last: how it has ended matters */
  #giveUp(connection: Connection, message: string, { state, undone = false }: Look, lasts: boolean): void {
    const outcome = undone ? NOT_COMMITTED : UNKNOWN_END;
    connection.lost = new TsdbtError('connection', `${message}.${lasts ? `\n\t${outcome}` : ''}`, {
      hint: lasts && !undone ? UNKNOWN_HINT : undefined,
    });
    connection.broken = true;
    destroy(connection.client);
    // The others lead to the same place.
    if (state === 'unreachable') for (const idle of this.#idle.splice(0)) destroy(idle.client);
  }

  #serveNext(): void {
    const next = this.#waiting.shift();
    if (next) this.#openOne().then(next.resolve, next.reject);
  }

  #discard(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    void end(connection.client);
  }

  async #openOne(): Promise<Connection> {
    this.#opening++;
    try {
      const address = await this.address();
      for (let attempt = 0; ; attempt++) {
        try {
          const client = await this.#connect(address);
          if (this.#closed) {
            destroy(client);
            throw stopped();
          }
          const connection: Connection = {
            client,
            processId: client.processID,
            status: 'I',
            broken: false,
            lost: null,
            openedAt: performance.now(),
          };
          this.#dropWhenLost(connection);
          this.#open.add(connection);
          return connection;
        } catch (error) {
          if (this.#closed) throw stopped();
          if (attempt >= address.retries || !isTransient(error)) throw connectionError(error, address);
          await new Promise((resolve) => {
            setTimeout(resolve, attempt * attempt * 1000);
          });
        }
      }
    } finally {
      this.#opening--;
    }
  }

  #dropWhenLost(connection: Connection): void {
    const { client } = connection;
    const drop = (): void => {
      connection.broken = true;
      const index = this.#idle.indexOf(connection);
      if (index >= 0) this.#idle.splice(index, 1);
      if (this.#open.delete(connection)) this.#serveNext();
    };
    client.on('error', drop);
    client.on('end', drop);
  }

  /** @param at the host's number, when it is not to be looked up */
  async #connect(address: ServerAddress, at?: string): Promise<DriverClient> {
    const prefer = address.sslmode === null || address.sslmode === 'prefer' || address.sslmode === 'allow';
    const tls = address.host.startsWith('/') || address.sslmode === 'disable' ? undefined : tlsOptions(address);
    const place = { ...address, host: at ?? address.host };
    if (tls === undefined || (prefer && this.#plain)) return openClient(place, false, this.#attempts);
    // A certificate is for the name.
    const named = at === undefined || isIP(address.host) > 0 ? tls : { ...tls, servername: address.host };
    try {
      return await openClient(place, named, this.#attempts);
    } catch (error) {
      if (!prefer || !(error instanceof Error) || !/does not support SSL/.test(error.message)) throw error;
      this.#plain = true;
      return openClient(place, false, this.#attempts);
    }
  }
}

function stopped(): TsdbtError {
  return new TsdbtError('connection', 'the command is being stopped');
}

/** @param attempts holds it while it is being opened */
async function openClient(
  address: ServerAddress,
  ssl: TlsOptions | false,
  attempts: Set<DriverClient>,
): Promise<DriverClient> {
  // Loaded with the first connection: most commands that parse open none.
  const { default: driver } = await import('pg');
  const client = new driver.Client({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    application_name: address.applicationName ?? undefined,
    connectionTimeoutMillis: address.connectTimeout * 1000,
    ssl,
    options: address.options ?? undefined,
    keepAlive: true,
    keepAliveInitialDelayMillis: address.keepalivesIdle * 1000,
  }) as DriverClient;
  // A failure after the attempt is over must not end the process.
  client.on('error', () => {});
  let dateStyle = 'ISO';
  client.connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'DateStyle') dateStyle = status.parameterValue;
  });
  attempts.add(client);
  try {
    await client.connect();
    // A role or a database may have its own; dbt's driver asks for this one, and dates are read in no other.
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

/** libpq's meaning of `sslmode`: `require` encrypts, `verify-ca` checks who signed, `verify-full` the name too. */
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

/** Is another attempt of use? Not when the server says who or what is wrong. */
function isTransient(error: unknown): boolean {
  if (error instanceof TsdbtError) return false;
  const code = error !== null && typeof error === 'object' && 'code' in error ? String(error.code) : '';
  return !/^(28|3D|42)/.test(code);
}

async function end(client: DriverClient): Promise<void> {
  // A server that is gone would be waited for without end.
  await within(client.end(), END_MS);
  destroy(client);
}

function destroy(client: DriverClient): void {
  client.connection.stream.destroy();
}
