// The transactions that dbt and psycopg2 put around a session's statements: when one begins, with which settings, and
// the BEGIN that is sent with the next statement.
import type { Connection, ConnectionPool } from './connection.ts';
import { databaseError } from './database-error.ts';
import { quoteIdentifier, quoteWritten } from './literal.ts';
import { setSearchPathText } from './value-settings.ts';

/** Settings that apply inside each transaction only: a pooler may give each one another server. */
export interface TransactionSettings {
  readonly role: string | null;
  readonly searchPath: string | null;
  /** `autocommit: true` in the profile: dbt's BEGIN and COMMIT are not sent. */
  readonly autocommit: boolean;
  /** Seconds after which the server ends a transaction whose client is silent; absent: unchanged. */
  readonly silence?: number | undefined;
}

/** How a transaction sends a text. */
export interface TransactionWire {
  /** Sends one message without an event. */
  send(connection: Connection, text: string): Promise<unknown>;
  /** Sends one message that is logged as BEGIN. */
  sendBegin(connection: Connection, text: string): Promise<unknown>;
  /** Logs a BEGIN that is sent with the next statement. */
  logBegin(): void;
}

/** How long a backend keeps running after its client is gone. */
const CHECK_INTERVAL = '2s';

/** @param checked the server can check whether its client is still connected */
export function beginText({ role, searchPath, silence }: TransactionSettings, checked: boolean): string {
  // After waiting for a lock, the transaction must see what its holder committed, whatever the role's default isolation
  // level is.
  let sql = 'BEGIN ISOLATION LEVEL READ COMMITTED';
  if (role !== null) sql += `; SET LOCAL ROLE ${quoteWritten(role)}`;
  if (searchPath !== null) sql += `; ${setSearchPathText(searchPath, quoteIdentifier)}`;
  if (silence !== undefined) sql += `; SET LOCAL idle_in_transaction_session_timeout = '${Math.ceil(silence)}s'`;
  return checked ? `${sql}; SET LOCAL client_connection_check_interval = '${CHECK_INTERVAL}'` : sql;
}

export class SessionTransaction {
  readonly #settings: TransactionSettings;
  readonly #pool: Pick<ConnectionPool, 'checkInterval'>;
  readonly #wire: TransactionWire;
  #open = false;
  /** psycopg2 begins a transaction before a connection's first statement, later ones only on request. */
  #begun = false;
  #unsent = '';

  constructor(settings: TransactionSettings, pool: Pick<ConnectionPool, 'checkInterval'>, wire: TransactionWire) {
    this.#settings = settings;
    this.#pool = pool;
    this.#wire = wire;
  }

  /** Whether dbt has begun it and not ended it. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether a BEGIN waits for the next statement. */
  get isUnsent(): boolean {
    return this.#unsent !== '';
  }

  /** The prefix of the next statement in its message; may be empty. */
  takeUnsent(): string {
    const begin = this.#unsent;
    this.#unsent = '';
    return begin;
  }

  /** dbt's BEGIN. @param take takes the connection */
  async begin(take: () => Promise<Connection>): Promise<void> {
    this.#open = true;
    if (this.#settings.autocommit) return;
    await this.#beginOn(await take());
  }

  /** Begins a transaction before a statement, as psycopg2 does. */
  async beginOnce(connection: Connection): Promise<void> {
    if (!this.#begun && !this.#settings.autocommit) await this.#beginOn(connection);
  }

  /** dbt's COMMIT: for dbt the transaction has ended, whatever the server answers. @returns whether one must be sent */
  commit(): boolean {
    this.#open = false;
    return !this.#settings.autocommit;
  }

  /** After a rollback or a release the next statement starts a new transaction. */
  reset(): void {
    this.#open = false;
    this.#begun = false;
    this.#unsent = '';
  }

  async #beginOn(connection: Connection): Promise<void> {
    this.#begun = true;
    if (connection.status !== 'I') return;
    const { checkInterval } = this.#pool;
    // If the role is refused, that is the error.
    if (checkInterval !== undefined && this.#settings.role === null) {
      this.#unsent = `${beginText(this.#settings, checkInterval)}; `;
      this.#wire.logBegin();
      return;
    }
    await this.#sendBegin(connection);
  }

  async #sendBegin(connection: Connection): Promise<void> {
    const plain = beginText(this.#settings, false);
    const known = this.#pool.checkInterval;
    try {
      await this.#wire.sendBegin(connection, known === false ? plain : beginText(this.#settings, true));
      this.#pool.checkInterval ??= true;
    } catch (error) {
      // Postgres 13 lacks the setting, and some systems cannot check.
      if (this.#pool.checkInterval !== undefined || connection.broken) throw databaseError(error, plain, plain, 0);
      this.#pool.checkInterval = false;
      await this.#wire.send(connection, 'ROLLBACK');
      try {
        await this.#wire.sendBegin(connection, plain);
      } catch (second) {
        await this.#wire.send(connection, 'ROLLBACK').catch(() => undefined);
        throw databaseError(second, plain, plain, 0);
      }
    }
  }
}
