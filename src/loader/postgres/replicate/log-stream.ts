// Reads the changes of a slot once, for several tables: hands each one its changes, stops reading while a table has
// enough, and confirms positions to the slot.
import type { DriverClient } from '../../../adapters/postgres/connection.ts';
import { quoteIdentifier } from '../../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../../errors.ts';
import { invalid, knownLsn, momentOf } from './log-position.ts';
import { BEGIN, COMMIT, DELETE, INSERT, type PgoutputReader, RELATION, TRUNCATE, UPDATE } from './pgoutput-reader.ts';
import { Arrivals, ReplicationFeed } from './replication-feed.ts';

/** Bytes that are read ahead: by one table, at least by each of many, and by all. */
export const [AHEAD_BYTES, LEAST_AHEAD, ALL_AHEAD] = [4 * 1024 * 1024, 512 * 1024, 16 * 1024 * 1024];
/** Interval of reports to the server, which also ask for its position. */
const REPORT_MS = 500;
/** How long a table may stop the others. */
const FULL_MS = 5000;
/** How long reading stops so that a table that reads by itself meets the others, and the time between two stops. */
const [HELD_MS, HELD_EVERY_MS] = [2000, 10_000];
/** Clean points that are kept at most; then every second one is forgotten. */
const MOST_CLEAN = 1000;
const [LOG_DATA, KEEP_ALIVE] = ['w', 'k'].map((code) => code.charCodeAt(0));
const LOG_HEAD_BYTES = 25;

/** A table's part of a stream. */
export class TableFeed extends Arrivals {
  readonly name: string;
  readonly reader: PgoutputReader;
  stream: LogStream | null = null;
  /** Whether its reader is in the transaction that is being read. */
  begun = false;
  /** Whether it was removed because it stopped the others for too long. */
  cut = false;

  constructor(name: string, reader: PgoutputReader) {
    super();
    this.name = name;
    this.reader = reader;
  }
}

export interface StreamOptions {
  readonly slot: string;
  readonly publication: string;
  /** The position of the slot. */
  readonly confirmed: bigint;
  /** Number of tables that share the slot. Only with all of them there are points that may be confirmed. */
  readonly sharing: number;
  /** Converts an error of the server. */
  readonly explain: (error: unknown) => unknown;
  /** Called when it has ended by itself. */
  readonly ended: () => void;
}

export class LogStream {
  readonly #feed: ReplicationFeed;
  readonly #tables = new Set<TableFeed>();
  readonly #sharing: number;
  readonly #timer: NodeJS.Timeout;
  /** The last description of tables that are or were part of the stream, by their oid: it is sent only once. */
  readonly #described = new Map<number, Buffer>();
  /** The beginning of the transaction that is being read, and the position of its commit. */
  #begin: { readonly message: Buffer; readonly lsn: bigint } | null = null;
  #boundary: bigint;
  /** An offset that no table has passed. */
  #top = 0n;
  /** Positions from which the offsets of every table are the same when they are read again; ascending. */
  #clean: bigint[] = [];
  #confirmed = 0n;
  /** The highest position in the log that the server has sent. */
  received = 0n;
  /** When the server sent it, by its clock, in milliseconds since 1970. */
  sentAt: number | null = null;
  readonly #full = new Set<TableFeed>();
  #fullSince = 0;
  #heldUntil = 0;

  /** @param tables have positions at or after the slot's */
  constructor(client: DriverClient, tables: readonly TableFeed[], options: StreamOptions) {
    const { slot, publication, confirmed, sharing, explain, ended } = options;
    this.#boundary = confirmed;
    this.#sharing = sharing;
    const feed = new ReplicationFeed(
      client,
      (bytes) => this.#receive(bytes),
      (error) => {
        ended();
        const read = [...this.#tables];
        this.close();
        for (const table of read) table.fail(error);
      },
    );
    this.#feed = feed;
    for (const table of tables) this.add(table);
    const named = `(proto_version '1', publication_names '${quoteIdentifier(publication).replaceAll("'", "''")}')`;
    feed
      .run(`START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL 0/0 ${named}`)
      .then(() => feed.fail(new TsdbtError('connection', 'the server ended the replication')))
      .catch((error: unknown) => feed.fail(explain(error)));
    this.#timer = setInterval(() => this.#report(), REPORT_MS);
    this.#timer.unref();
  }

  get names(): ReadonlySet<string> {
    return new Set([...this.#tables].map(({ name }) => name));
  }

  /** The last position between two transactions. */
  get boundary(): bigint {
    return this.#boundary;
  }

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** Every transaction that committed before was read, and none after it. */
  get place(): bigint {
    return this.#begin === null ? this.#boundary : this.#begin.lsn + 1n;
  }

  /** Adds a table whose reader needs nothing from before this stream's place. */
  add(table: TableFeed): void {
    const { reader } = table;
    const { oid } = reader;
    const described = this.#described.get(oid);
    if (reader.described !== null) this.#described.set(oid, reader.described);
    else if (described !== undefined) reader.read(described);
    else this.#described.set(oid, Buffer.alloc(0));
    table.stream = this;
    table.begun = false;
    this.#tables.add(table);
    this.#clean = [];
    if (reader.next > this.#top) this.#top = reader.next;
  }

  remove(table: TableFeed): void {
    if (!this.#tables.delete(table)) return;
    table.stream = null;
    this.drained(table);
  }

  /** Tells a reader how far the log was read, if no change says so. */
  update({ begun, reader }: TableFeed): void {
    if (!begun) reader.reached(this.#boundary);
  }

  /** Goes on after a table's changes were taken. */
  drained(table: TableFeed): void {
    this.#full.delete(table);
    this.#readOn();
  }

  /** Stops reading for a moment: a table that reads by itself is about to meet this stream. */
  hold(): void {
    const now = Date.now();
    if (now < this.#heldUntil + HELD_EVERY_MS) return;
    this.#heldUntil = now + HELD_MS;
    this.#readOn();
  }

  /** Ends a stop before its time. */
  release(): void {
    if (Date.now() < this.#heldUntil) this.#heldUntil = Date.now();
    this.#readOn();
  }

  /** Asks the server for its position. */
  ask(): void {
    this.#feed.confirm(this.received, this.#confirmed);
  }

  /** Confirms the last clean point up to a position: the server may forget what is before it. */
  confirm(upTo: bigint): void {
    let count = 0;
    while (count < this.#clean.length && (this.#clean[count] ?? 0n) <= upTo) count++;
    const last = this.#clean[count - 1];
    if (last === undefined) return;
    this.#clean.splice(0, count);
    this.#confirmed = last;
    this.ask();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#feed.close();
    for (const table of this.#tables) table.stream = null;
    this.#tables.clear();
  }

  #report(): void {
    this.ask();
    this.#readOn();
    if (this.#full.size === 0 || this.#full.size === this.#tables.size || Date.now() - this.#fullSince < FULL_MS)
      return;
    for (const table of this.#full) {
      table.cut = true;
      this.remove(table);
      table.arrived();
    }
  }

  #readOn(): void {
    this.#feed.pause(this.#full.size > 0 || Date.now() < this.#heldUntil);
  }

  #receive(bytes: Buffer): void {
    try {
      const lsn = knownLsn(bytes.readBigUInt64BE(1));
      if (lsn > this.received) this.received = lsn;
      if (bytes[0] === LOG_DATA) this.#message(bytes.subarray(LOG_HEAD_BYTES));
      else if (bytes[0] === KEEP_ALIVE) {
        this.sentAt = momentOf(bytes.readBigInt64BE(9));
        if (this.#begin === null) this.#reached(lsn);
      }
    } catch (error) {
      throw error instanceof RangeError ? invalid('it ends too early') : error;
    }
  }

  #message(message: Buffer): void {
    switch (message[0]) {
      case BEGIN:
        this.#begin = { message: Buffer.from(message), lsn: message.readBigUInt64BE(1) };
        break;
      case COMMIT:
        for (const table of this.#tables) {
          if (!table.begun) continue;
          this.#hand(table, message);
          table.begun = false;
          table.arrived();
        }
        this.#begin = null;
        this.#reached(knownLsn(message.readBigUInt64BE(10)));
        break;
      case RELATION: {
        const oid = message.readUInt32BE(1);
        if (this.#described.has(oid)) this.#described.set(oid, Buffer.from(message));
        for (const table of this.#tables) this.#change(table, message);
        break;
      }
      case TRUNCATE:
        for (const table of this.#tables) this.#change(table, message);
        break;
      case INSERT:
      case UPDATE:
      case DELETE: {
        const oid = message.readUInt32BE(1);
        for (const table of this.#tables) if (table.reader.oid === oid) this.#change(table, message);
        break;
      }
    }
  }

  #reached(lsn: bigint): void {
    if (lsn > this.#boundary) this.#boundary = lsn;
    const point = this.#boundary;
    if (point < this.#top || point <= (this.#clean.at(-1) ?? this.#confirmed)) return;
    if (this.#tables.size !== this.#sharing) return;
    this.#clean.push(point);
    if (this.#clean.length > MOST_CLEAN) this.#clean = this.#clean.filter((_, i) => i % 2 === 0);
  }

  #change(table: TableFeed, message: Buffer): void {
    if (!table.begun && this.#begin !== null) {
      table.begun = true;
      this.#hand(table, this.#begin.message);
    }
    this.#hand(table, message);
    const { next, records } = table.reader;
    if (next > this.#top) this.#top = next;
    const share = Math.max(LEAST_AHEAD, Math.min(AHEAD_BYTES, ALL_AHEAD / Math.max(1, this.#tables.size)));
    if (records.size < share || this.#full.has(table) || table.stream !== this) return;
    if (this.#full.size === 0) this.#fullSince = Date.now();
    this.#full.add(table);
    this.#readOn();
    table.arrived();
  }

  /** A table that fails does not stop the others. */
  #hand(table: TableFeed, message: Buffer): void {
    if (table.stream !== this) return;
    try {
      table.reader.read(message);
    } catch (error) {
      this.remove(table);
      table.fail(error);
    }
  }
}
