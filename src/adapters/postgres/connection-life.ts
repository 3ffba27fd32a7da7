// Ends what a stopped process (SIGSTOP, a paused machine, a cut network) holds at the server. A transaction without a
// statement ends by the server's timeout, which `SHOWS_LIFE_MS` keeps a living process from. A COPY counts as active,
// so no timeout ends it: a second transaction, the pulse, shows that its process lives.
import { randomInt } from 'node:crypto';
import { within } from '../../within.ts';

/** Seconds without a word after which the server ends a transaction. */
export const SILENCE_SECONDS = 30;
/** How often a process shows that it lives. */
const SHOWS_LIFE_MS = 5000;
/** A COPY without a pulse that is older than this is suspect: a living process has a pulse by then. */
const SUSPECT_SECONDS = 15;
/** First half of the advisory locks that pulses hold; the second half is the pool's number. */
const PULSES = 1_953_719_652;
const END_MS = 1000;
/** From here on a process that did not run was stopped, not busy. */
const STOPPED_MS = 10_000;
/** How long a stop is the reason of what is found. */
const RECENT_MS = 60_000;

/** COPYs whose process has no pulse. `bytes` grows while rows move; it is null before Postgres 14. */
function withoutPulse(progress: boolean): string {
  const bytes = '(select p.bytes_processed from pg_catalog.pg_stat_progress_copy p where p.pid = a.pid)';
  return `select a.pid, ${progress ? bytes : 'null'}::text as bytes from pg_catalog.pg_stat_activity a
where a.state = 'active' and a.wait_event in ('ClientRead', 'ClientWrite') and a.usename = session_user
  and a.datname = pg_catalog.current_database() and a.query ~ '^/\\* tsdbt [0-9]+ \\*/'
  and pg_catalog.clock_timestamp() - a.query_start > interval '${SUSPECT_SECONDS} seconds'
  and not exists (select from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and l.granted and l.classid = ${PULSES} and l.objsubid = 2
    and d.datname = a.datname and l.objid::text = substring(a.query from '[0-9]+'))`;
}

const IS_WAITED_FOR =
  " and exists (select from pg_catalog.pg_stat_activity w where w.wait_event_type = 'Lock' and a.pid = any " +
  '(pg_catalog.pg_blocking_pids(w.pid)))';

/** A connection of its own, which answers one query after the other. */
export interface PulseClient {
  query(sql: string): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
  end(): Promise<void>;
  readonly connection: { readonly stream: { destroy(): unknown } };
}

/** A session whose transaction may be idle. */
export interface Beating {
  /** Shows the server that this process lives, when a transaction is open and nothing is sent. */
  beat(): void;
}

/** The signs of life of one pool of connections. */
export class SignsOfLife {
  readonly #open: () => Promise<PulseClient>;
  readonly #number = randomInt(1, 2 ** 31);
  readonly #sessions = new Set<Beating>();
  /** COPYs in flight, by whether they were at the last turn. */
  readonly #copies = new Map<symbol, boolean>();
  readonly #clients = new Set<PulseClient>();
  #timer: NodeJS.Timeout | null = null;
  #turn = 0;
  /** The last time that this process did not run. */
  #stop = { ms: 0, end: -RECENT_MS };
  #pulse: PulseClient | null = null;
  #opening = false;
  #closed = false;

  /** @param open opens a connection that the pool does not count */
  constructor(open: () => Promise<PulseClient>) {
    this.#open = open;
  }

  /** Milliseconds for which this process did not run, until now or a moment ago; 0: it ran. */
  get stoppedMs(): number {
    if (this.#timer !== null) this.#noteStop();
    return performance.now() - this.#stop.end < RECENT_MS ? this.#stop.ms : 0;
  }

  add(session: Beating): void {
    this.#sessions.add(session);
    if (this.#timer !== null) return;
    this.#turn = performance.now();
    this.#timer = setInterval(() => this.#beat(), SHOWS_LIFE_MS).unref();
  }

  remove(session: Beating): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Begins a COPY. @returns its text, by which others see whose it is, and what ends it */
  copy(text: string): { readonly text: string; readonly ended: () => void } {
    const copy = Symbol();
    this.#copies.set(copy, false);
    return {
      text: `/* tsdbt ${this.#number} */ ${text}`,
      ended: () => {
        this.#copies.delete(copy);
        if (this.#copies.size === 0) this.#endPulse();
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#pulse = null;
    for (const { connection } of this.#clients) connection.stream.destroy();
    this.#clients.clear();
  }

  #noteStop(): void {
    const now = performance.now();
    const ms = now - this.#turn - SHOWS_LIFE_MS;
    if (ms > STOPPED_MS) this.#stop = { ms, end: now };
  }

  #beat(): void {
    this.#noteStop();
    this.#turn = performance.now();
    for (const session of this.#sessions) session.beat();
    const long = [...this.#copies.values()].some((before) => before);
    for (const copy of this.#copies.keys()) this.#copies.set(copy, true);
    const pulse = this.#pulse;
    if (pulse !== null)
      pulse.query('select').catch(() => {
        if (this.#pulse === pulse) this.#pulse = null;
      });
    else if (long && !this.#opening) {
      this.#opening = true;
      void this.#start()
        // Tried again at the next turn.
        .catch(() => undefined)
        .finally(() => {
          this.#opening = false;
        });
    }
  }

  /**
   * Begins the pulse, and a statement that waits at the server until it is lost: then this process is stopped, and its
   * COPYs are ended. After a pulse that has ended as it should there are none.
   */
  async #start(): Promise<void> {
    const pulse = await this.#connect();
    const settings = 'set local statement_timeout = 0; set local lock_timeout = 0';
    await pulse.query(
      `begin; ${settings}; set local idle_in_transaction_session_timeout = '${SILENCE_SECONDS}s'; ` +
        `select pg_catalog.pg_advisory_xact_lock(${PULSES}, ${this.#number})`,
    );
    this.#pulse = pulse;
    if (this.#copies.size === 0) return this.#endPulse();
    const watch = await this.#connect();
    watch
      .query(
        `begin; ${settings}; select pg_catalog.pg_advisory_xact_lock(${PULSES}, ${this.#number}); commit; ` +
          `select pg_catalog.pg_terminate_backend(s.pid) from (${withoutPulse(false)}) s, ` +
          `pg_catalog.pg_stat_activity a where a.pid = s.pid and a.query like '/* tsdbt ${this.#number} */%'`,
      )
      .catch(() => undefined)
      .finally(() => this.#drop(watch));
  }

  async #connect(): Promise<PulseClient> {
    const client = await this.#open();
    this.#clients.add(client);
    if (this.#closed) this.close();
    return client;
  }

  #endPulse(): void {
    const pulse = this.#pulse;
    this.#pulse = null;
    if (pulse !== null) void this.#drop(pulse);
  }

  async #drop(client: PulseClient): Promise<void> {
    await within(
      client.end().catch(() => undefined),
      END_MS,
    );
    client.connection.stream.destroy();
    this.#clients.delete(client);
  }
}

/** What a session asks that waits for another one: it ends COPYs of stopped processes that are waited for. */
export class StoppedCopies {
  /** What the last look has found, by the server process. */
  #seen = new Map<string, string>();

  /** @returns whether it has found some: they are ended when they are found again, and nothing has moved */
  async look(client: Pick<PulseClient, 'query'>): Promise<boolean> {
    const version = await client.query(
      "select pg_catalog.to_regclass('pg_catalog.pg_stat_progress_copy') is not null as known",
    );
    const { rows } = await client.query(withoutPulse(version.rows[0]?.['known'] === true) + IS_WAITED_FOR);
    const now = new Map(rows.map(({ pid, bytes }) => [String(pid), String(bytes)]));
    for (const [pid, bytes] of now)
      if (this.#seen.get(pid) === bytes) await client.query(`select pg_catalog.pg_terminate_backend(${pid})`);
    this.#seen = now;
    return now.size > 0;
  }
}
