// Leases: which run may build a relation. ClickHouse has no locks, so a run announces itself by a table whose comment
// identifies it, looks for others, and waits while one is alive. It repairs or drops what dead runs left. exchange.ts
// moves rows.
import { createHash, randomBytes } from 'node:crypto';
import { TsdbtError } from '../../errors.ts';
import { type Exchange, finishExchange, setMerges } from './exchange.ts';
import { workingStem } from './beside.ts';
import { quoteWritten, quoteText } from './literal.ts';
import { isAlive, ownHost, ownIdentity, type ProcessIdentity } from '../process-identity.ts';
import type { Row } from '../table.ts';
import { sleep } from '../../within.ts';

/** Runs a statement outside of any node's session. */
export type Query = (sql: string) => Promise<readonly Row[]>;

/** The comment of a lock table. */
interface Claim {
  readonly host: string;
  readonly pid: number;
  readonly start: string;
  /** An exchange of the target that may be incomplete. */
  readonly exchange?: Exchange | undefined;
  /** Merges of the target are stopped. */
  readonly stopped?: boolean | undefined;
}

/** A table whose name starts like a working name of the relation. */
interface Neighbour {
  readonly name: string;
  readonly engine: string;
  readonly claim: Claim | null;
  readonly age: number;
}

/** A lock that was not renewed for this many seconds is stale. */
const STALE = 120;
const RENEW_MS = 15_000;
/** Minimum milliseconds between two checks of a lock held by another run. */
const PAUSE = 50;
/** Idle locks are dropped in groups: the milliseconds that one may remain, and the maximum number. */
const IDLE_LOCK_MS = 500;
const MAX_IDLE_LOCKS = 20;
const WORKING = new RegExp(
  '^__(?:tsdbt_(?:new|once|stage|shadow|changes|carry|lock|arrivals|arriving)|dbt_(?:tmp|backup|new_data))_' +
    '[0-9a-f]{12,32}$',
);
const UNKNOWN_DATABASE = '81';
const UNKNOWN_SETTING = '115';
/** Time limit for cleaning up on a server that does not answer. */
const LAST_WAIT = 3000;

/** The exclusive right to build one relation, until it is released. */
export class Lease {
  readonly schema: string;
  readonly identifier: string;
  readonly run: string;
  readonly query: Query;
  readonly notify: (message: string) => void;
  /** Engine of the relation when the schema was last read; null: it did not exist. */
  engine: string | null = null;
  #claim: Claim;
  #last: Promise<unknown> = Promise.resolve();
  #renewal: NodeJS.Timeout | undefined;

  constructor(
    schema: string,
    identifier: string,
    run: string,
    claim: Claim,
    query: Query,
    notify: (message: string) => void,
  ) {
    this.schema = schema;
    this.identifier = identifier;
    this.run = run;
    this.#claim = claim;
    this.query = query;
    this.notify = notify;
  }

  get exchange(): Exchange | undefined {
    return this.#claim.exchange;
  }

  /** Whether this lease has stopped merges of the relation with that UUID. */
  get stopped(): boolean {
    return this.#claim.stopped === true;
  }

  get lockName(): string {
    return this.workingName('lock');
  }

  /** Name of a table that this run needs while it builds the relation: `orders__tsdbt_stage_<run>`. */
  workingName(kind: string): string {
    return `${workingStem(this.identifier)}__tsdbt_${kind}_${this.run}`;
  }

  /** A table of the relation's schema, quoted for SQL. */
  table(name: string): string {
    return `${quoteWritten(this.schema)}.${quoteWritten(name)}`;
  }

  async announce(): Promise<void> {
    await this.query(
      `create table ${this.table(this.lockName)} (nothing UInt8) engine = Null comment ` +
        `${quoteText(JSON.stringify(this.#claim))}`,
    );
  }

  async withdraw(): Promise<void> {
    await this.query(`drop table if exists ${this.table(this.lockName)}`);
  }

  /** Renews the lock while the work runs. */
  keep(): void {
    this.#renewal = setInterval(() => void this.#write().catch(() => undefined), RENEW_MS);
    this.#renewal.unref();
  }

  stop(): void {
    clearInterval(this.#renewal);
  }

  /** Records the state of an exchange for recovery after a kill. It is on the server's disk when this returns. */
  async note(exchange: Exchange | undefined): Promise<void> {
    this.#claim = { ...this.#claim, exchange };
    await this.#write();
  }

  /** Forgets a completed exchange without a statement: its record names tables by UUIDs that no longer exist. */
  settle(): void {
    this.#claim = { ...this.#claim, exchange: undefined, stopped: false };
  }

  /**
   * Stops merges of the relation until the lease is released, and records `exchange` with it. Without the privilege
   * they continue.
   */
  async stopMerges(exchange = this.#claim.exchange): Promise<void> {
    this.#claim = { ...this.#claim, exchange, stopped: true };
    await this.#write();
    await setMerges(this, 'stop', this.identifier);
  }

  async startMerges(): Promise<void> {
    if (this.stopped) await setMerges(this, 'start', this.identifier);
    this.#claim = { ...this.#claim, stopped: false };
  }

  #write(): Promise<unknown> {
    const again = (): Promise<unknown> =>
      this.query(`alter table ${this.table(this.lockName)} modify comment ${quoteText(JSON.stringify(this.#claim))}`);
    this.#last = this.#last.then(again, again);
    return this.#last;
  }

  /** All working tables of the relation, of any run. */
  async neighbours(): Promise<Neighbour[]> {
    const prefix = workingStem(this.identifier);
    const known = `name = ${quoteText(this.identifier)}`;
    const rows = (
      await this.query(
        `select name, engine, if(${known}, '', comment), toInt64(now()) - toInt64(metadata_modification_time) ` +
          `from system.tables where database = ${quoteText(this.schema)} and (${known} or startsWith(name, ` +
          `${quoteText(`${prefix}__`)}))`,
      )
    ).map((row) => ({ name: row.textAt(0), engine: row.textAt(1), comment: row.textAt(2), age: row.textAt(3) }));
    this.engine = rows.find(({ name }) => name === this.identifier)?.engine ?? null;
    return rows
      .filter(({ name }) => WORKING.test(name.slice(prefix.length)))
      .map(({ name, engine, comment, age }) => ({
        name,
        engine,
        claim: name.startsWith(`${prefix}__tsdbt_lock_`) ? parseClaim(comment) : null,
        age: Number(age),
      }));
  }

  /** Repairs what dead runs left, and drops the rest. */
  async sweep(left: readonly Neighbour[]): Promise<void> {
    for (const { claim } of left) {
      if (claim?.stopped === true) await setMerges(this, 'start', this.identifier);
      if (claim?.exchange !== undefined) await finishExchange(this, claim.exchange);
    }
    // Drops views before the tables that they write into, and locks last: until then the next run finds their records.
    const place = ({ engine, claim }: Neighbour): number =>
      engine === 'MaterializedView' ? 0 : claim === null ? 1 : 2;
    for (const { name, engine } of [...left].sort((a, b) => place(a) - place(b))) {
      if (engine === 'View' || engine === 'Dictionary')
        await this.query(`drop ${engine.toLowerCase()} if exists ${this.table(name)}`);
      else await this.drop(name);
    }
  }

  /** Drops a table of any size. Servers refuse tables over 50 GB, and before 24.1 a statement cannot override that. */
  async drop(name: string): Promise<void> {
    const sql = `drop table if exists ${this.table(name)}`;
    try {
      await this.query(`${sql} settings max_table_size_to_drop = 0`);
    } catch (error) {
      if (!(error instanceof TsdbtError) || error.details.code !== UNKNOWN_SETTING) throw error;
      await this.query(sql);
    }
  }
}

/** A lock comment of unknown format identifies no process: the lock is respected until it is stale. */
function parseClaim(comment: string): Claim {
  try {
    const { host, pid, start, ...state } = JSON.parse(comment) as Partial<Claim>;
    return { ...state, host: String(host), pid: Number(pid), start: String(start) };
  } catch {
    return { host: '', pid: 0, start: '' };
  }
}

/** A held lease. */
export interface Held {
  /**
   * Engine of the relation; null: it does not exist; undefined: unchanged since this command, which held the lease
   * throughout, last read it.
   */
  readonly engine: string | null | undefined;
  /**
   * Releases the lease and drops the node's working tables. Must be called once.
   * @param clean the node has dropped them itself
   */
  release(clean: boolean): Promise<void>;
}

/** The leases held by a command, one per relation. */
export class Leases {
  readonly #query: Query;
  readonly #own: ProcessIdentity = ownIdentity();
  readonly #host = ownHost();
  readonly #held = new Map<string, Lease>();
  /** Queues of this process's work, by relation. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Idle locks that will be dropped soon; a node that needs one takes it over. */
  readonly #idle = new Map<string, Lease>();
  readonly #dropping = new Map<string, Promise<void>>();
  /** Release functions of claimed names, by key. */
  readonly #claims = new Map<string, () => Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #oneByOne = false;

  constructor(query: Query) {
    this.#query = query;
  }

  /** @throws `internal` if the relation's lock is not held */
  of(schema: string, identifier: string): Lease {
    const lease = this.#held.get(key(schema, identifier));
    if (lease === undefined) throw new TsdbtError('internal', `${schema}.${identifier} is published without its lock`);
    return lease;
  }

  /**
   * Waits until no other run builds the relation.
   * @param notify called once if it has to wait
   * @returns null if the database does not exist: then no run can build the relation
   */
  async acquire(schema: string, identifier: string, notify: (message: string) => void): Promise<Held | null> {
    const id = key(schema, identifier);
    const before = this.#turns.get(id);
    let done: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#turns.set(
      id,
      (before ?? Promise.resolve()).then(() => turn),
    );
    await before;
    const kept = this.#idle.get(id);
    this.#idle.delete(id);
    const lease =
      kept ??
      new Lease(
        schema,
        identifier,
        randomBytes(6).toString('hex'),
        { host: this.#host, ...this.#own },
        this.#query,
        notify,
      );
    try {
      await this.#dropping.get(id);
      if (kept === undefined) await this.#claim(lease);
    } catch (error) {
      done();
      if (error instanceof TsdbtError && error.details.code === UNKNOWN_DATABASE) return null;
      throw error;
    }
    this.#held.set(id, lease);
    lease.keep();
    const release = async (clean: boolean): Promise<void> => {
      lease.stop();
      this.#held.delete(id);
      try {
        await lease.startMerges();
        if (clean && lease.exchange === undefined) {
          this.#idle.set(id, lease);
          if (this.#idle.size >= MAX_IDLE_LOCKS) await this.flush();
          else this.#timer ??= setTimeout(() => void this.flush(), IDLE_LOCK_MS);
        } else {
          if (lease.exchange !== undefined) await finishExchange(lease, lease.exchange);
          await lease.sweep(await lease.neighbours());
        }
      } finally {
        done();
      }
    };
    return { engine: kept === undefined ? lease.engine : undefined, release };
  }

  /** Drops idle locks. Never throws: remaining locks are recognized as dead once this process has ended. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const leases = [...this.#idle];
    this.#idle.clear();
    if (leases.length > 0) {
      const dropped = this.#dropLocks(leases.map(([, lease]) => lease))
        .catch(() => undefined)
        .finally(() => {
          for (const [id] of leases) this.#dropping.delete(id);
        });
      for (const [id] of leases) this.#dropping.set(id, dropped);
    }
    await Promise.all(this.#dropping.values());
  }

  /** The last flush of a command. Releases claimed names, because no statement can be sent afterwards. */
  async close(): Promise<void> {
    const late = new Promise<void>((resolve) => {
      setTimeout(resolve, LAST_WAIT).unref();
    });
    const claims = [...this.#claims.values()].map((release) => release().catch(() => undefined));
    await Promise.race([Promise.all([this.flush(), ...claims]), late]);
  }

  async #dropLocks(leases: readonly Lease[]): Promise<void> {
    if (!this.#oneByOne && leases.length > 1) {
      try {
        await this.#query(`drop table if exists ${leases.map((lease) => lease.table(lease.lockName)).join(', ')}`);
        return;
      } catch (error) {
        // Older servers, and some databases, drop only one table per statement.
        if (!(error instanceof TsdbtError) || error.details.code === undefined) throw error;
        this.#oneByOne = true;
      }
    }
    for (const lease of leases) await lease.withdraw();
  }

  /** Claims a name that is not a relation's, without waiting. @returns its release function, or the current holder */
  async tryClaim(schema: string, name: string): Promise<(() => Promise<void>) | string> {
    const identifier = `tsdbt_${createHash('md5').update(name).digest('hex')}`;
    const id = key(schema, identifier);
    if (this.#held.has(id)) return who({ claim: { host: this.#host, ...this.#own } });
    const lease = new Lease(
      schema,
      identifier,
      randomBytes(6).toString('hex'),
      { host: this.#host, ...this.#own },
      this.#query,
      () => undefined,
    );
    const holder = await this.#claim(lease, false);
    if (holder !== null) return holder;
    this.#held.set(id, lease);
    lease.keep();
    const release = async (): Promise<void> => {
      if (!this.#claims.delete(id)) return;
      lease.stop();
      this.#held.delete(id);
      await lease.withdraw();
    };
    this.#claims.set(id, release);
    return release;
  }

  async #claim(lease: Lease, wait = true): Promise<string | null> {
    for (let told = false; ; ) {
      await lease.announce();
      let first: Neighbour | undefined;
      try {
        // Announces itself first and looks for others afterwards: of two runs at least one sees the other.
        const others = (await lease.neighbours()).filter(({ name }) => name !== lease.lockName);
        first = others.find((other) => this.#lives(other));
        if (first === undefined) {
          await lease.sweep(others);
          return null;
        }
      } catch (error) {
        await lease.withdraw().catch(() => undefined);
        throw error;
      }
      await lease.withdraw();
      if (!wait) return who(first);
      if (!told) lease.notify(`Waiting for ${who(first)}, which is building ${lease.schema}.${lease.identifier}`);
      told = true;
      do await sleep(PAUSE + Math.random() * 2 * PAUSE);
      while ((await lease.neighbours()).some((other) => this.#lives(other)));
    }
  }

  /**
   * On this host a dead process is recognized at once. Locks of other hosts, and those that this process could not
   * drop, must become stale.
   */
  #lives({ claim, age }: Neighbour): boolean {
    return claim !== null && age <= STALE && (claim.host !== this.#host || isAlive(claim));
  }
}

function who({ claim }: Pick<Neighbour, 'claim'>): string {
  return `process ${claim?.pid ?? 0} on ${claim?.host.split(' ')[0] ?? 'another host'}`;
}

function key(schema: string, identifier: string): string {
  return JSON.stringify([schema, identifier]);
}
