// One unit of the loader's work on ClickHouse under a lease of the server: a session that the server forgets after some
// seconds without a statement, and when the server stops. Statements of a loader that slept longer, and copies that a
// proxy resends after a crash, name a session that no longer exists: the server rejects them.
import type { ClickHouseSession } from '../../adapters/clickhouse/session.ts';
import { TsdbtError } from '../../errors.ts';

/** Seconds without a statement after which the server forgets the session. */
export const LEASE_S = 15;
/** The server's code for an unknown session. */
export const SESSION_GONE = '372';

export class LeasedSession {
  readonly session: ClickHouseSession;
  /** Whether the server has opened the session. */
  #open = false;

  readonly #seconds: number;
  /** Milliseconds after which an INSERT of a silent loader has ended, or is rejected. */
  readonly quietMs: number;
  /** Milliseconds for which a check is valid: together with those of the session less than `quietMs`. */
  readonly freshMs: number;

  /** @param seconds of the lease */
  constructor(session: ClickHouseSession, seconds = LEASE_S) {
    this.session = session;
    this.#seconds = seconds;
    this.quietMs = (seconds * 4000) / 3;
    this.freshMs = (seconds * 1000) / 15;
  }

  /** Runs a query; values are texts, null stays null. */
  async ask(sql: string): Promise<(string | null)[][]> {
    const { table } = await this.session.execute(sql, { fetch: true, internal: true, settings: this.#lease() });
    this.#open = true;
    return table.rows.map(({ values }) => values.map((value) => (value === null ? null : String(value))));
  }

  /** Runs a statement that returns nothing. */
  async run(sql: string): Promise<void> {
    await this.session.execute(sql, { internal: true, settings: this.#lease() });
    this.#open = true;
  }

  /** Sends rows with `INSERT INTO … FORMAT …`. The lease must have begun. */
  async insert(sql: string, data: Iterable<Uint8Array>): Promise<void> {
    if (!this.#open) throw new TsdbtError('internal', 'rows are written before the session is opened');
    await this.session.insert(sql, data, this.#lease());
  }

  #lease(): Readonly<Record<string, string>> {
    return { session_timeout: String(this.#seconds), ...(this.#open ? { session_check: '1' } : {}) };
  }
}
