// A replicated table of another Postgres as a topic with one partition. First a snapshot, whose rows have the offsets
// from 0 on, then the changes of its slot, whose offsets are positions in the server's log. pgoutput-reader.ts defines
// them.
//
// The slot is confirmed up to the table's position, and only at clean points. So everything from the table's position
// on can be read again. A snapshot cannot: one that was interrupted is taken again, after its rows were deleted.
import { setTimeout as wait } from 'node:timers/promises';
import { quoteIdentifier } from '../../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../../errors.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type MessageBatch,
  NOTHING_READ,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type RangePlace,
  type RangeRead,
  type ReadPosition,
  type SlotLag,
  type TopicInfo,
  type TopicPartition,
} from '../../brokers/broker.ts';
import { readRange } from '../../brokers/range-read.ts';
import { ChangeRecords, type Commit } from './change-records.ts';
import { copyRow } from './copy-lines.ts';
import { PgoutputReader } from './pgoutput-reader.ts';
import { replicatedColumn } from './replicated-relation.ts';
import { EPOCH_MICROS, PLAIN_TEXTS, ReplicationFeed } from './replication-feed.ts';
import {
  codeOf,
  lsnOf,
  lsnText,
  MOST_HEADER_BYTES,
  type ReplicationSource,
  type SourceState,
  temporarySlot,
} from './replication-source.ts';

/** Bytes that are read ahead. */
const AHEAD_BYTES = 4 * 1024 * 1024;
/** How long a poll waits for changes. */
const POLL_MS = 100;
/** Interval of reports to the server, which also ask for its position. */
const REPORT_MS = 500;
/** Number of reports after which publication and privileges are checked again. */
const CHECKED_REPORTS = 20;
/** Time and bytes of the log after which a table without changes gets a new position. */
const [QUIET_MS, QUIET_BYTES] = [10_000, 16n * 1024n * 1024n];
/** The epoch of a snapshot's rows; those of changes have the server's timeline. */
const SNAPSHOT_EPOCH = 0;
const [LOG_DATA, KEEP_ALIVE] = ['w', 'k'].map((code) => code.charCodeAt(0));
const LOG_HEAD_BYTES = 25;
const MICROS_PER_MS = 1000n;
/** SQLSTATEs of a slot that cannot be read any more, and of a slot or publication that is missing. */
const LOST = new Set(['55000', '42704']);

/** A snapshot that is being read. */
interface Snapshot {
  /** Position of the slot, from which changes follow. */
  lsn: bigint;
  /** Whether all rows were read and the slot is kept. */
  done: boolean;
}

export class ReplicationClient implements BrokerClient {
  readonly #source: ReplicationSource;
  readonly #key: readonly string[];
  readonly #at: TopicPartition;
  #records = new ChangeRecords('');
  #feed: ReplicationFeed | null = null;
  #reader: PgoutputReader | null = null;
  #snapshot: Snapshot | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failure: PartitionFailure | null = null;
  #paused = false;
  /** Everything before it was returned; null: the table has no position yet. */
  #position: bigint | null = null;
  #advanced = 0;
  #timeline = 0;
  /** The end of the log that was asked for. */
  #aim = 0n;
  /** The highest position in the log that the server has sent. */
  #received = 0n;
  /** When the server sent it, by its clock. */
  #sentAt: number | null = null;
  /** Clean points that were not confirmed, ascending; the last one; and what was confirmed. */
  readonly #clean: bigint[] = [];
  #confirmed = 0n;
  /**
   * The table's position, and the one before it, up to which the slot may be confirmed: the sink may complete a flush
   * only with the next one, and has to read it again otherwise.
   */
  #written = 0n;
  #settled = 0n;

  /** @param key of the loaded table */
  constructor(source: ReplicationSource, topic: string, key: readonly string[]) {
    this.#source = source;
    this.#key = key;
    this.#at = { topic, partition: 0 };
  }

  async topics(): Promise<readonly TopicInfo[]> {
    const { id } = await this.#source.state();
    return [{ topic: this.#at.topic, id, partitions: 1 }];
  }

  async matching(): Promise<readonly string[]> {
    return [this.#at.topic];
  }

  async ends(): Promise<ReadonlyMap<string, { readonly earliest: bigint; readonly end: bigint }>> {
    const { end } = await this.#source.state();
    this.#aim = end;
    // A snapshot can always be taken.
    return new Map([[partitionKey(this.#at), { earliest: 0n, end }]]);
  }

  async offsetsAt(): Promise<ReadonlyMap<string, bigint>> {
    throw new TsdbtError('usage', 'Error: a replicated table has no times to rewind to.', {
      hint: '--to earliest takes a new snapshot.',
    });
  }

  async verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]> {
    const own = positions.filter(({ next, epoch }) => next > 0n && epoch !== SNAPSHOT_EPOCH);
    if (own.length === 0) return [];
    const state = await this.#source.state();
    return own.flatMap(({ next, epoch }) => this.#doubt(next, epoch, state) ?? []);
  }

  async check(): Promise<void> {
    await this.#source.check();
  }

  async join(_topics: readonly string[], listener: AssignmentListener): Promise<void> {
    const start = (await listener.assigned([this.#at])).get(partitionKey(this.#at));
    if (start !== undefined) this.#goTo(start);
  }

  async poll(): Promise<Polled> {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) return { batches: [], failures: [failure], waiting: null };
    if (this.#position === null || this.#paused) {
      await wait(POLL_MS);
      return NOTHING_READ;
    }
    try {
      if (this.#feed === null)
        await (this.#position === 0n ? this.#startSnapshot() : this.#startStream(this.#position));
      const batch = this.#take();
      if (batch !== null) return { batches: [batch], failures: [], waiting: null };
      this.#feed?.throwFailure();
      await this.#feed?.arrival(POLL_MS);
      return NOTHING_READ;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async read(at: RangePlace, from: bigint, to: bigint, waitMs: number | null = null): Promise<RangeRead> {
    const { epoch = null } = at;
    // The rows of a snapshot cannot be read again, and are deleted when loading starts.
    if (epoch === SNAPSHOT_EPOCH) return { batches: [this.#batch([], from, to, SNAPSHOT_EPOCH)], failure: null };
    const state = await this.#source.state();
    this.#timeline = state.timeline;
    // Between the snapshot and the slot there are no changes.
    if (state.slot?.confirmed === to) return { batches: [this.#batch([], from, to)], failure: null };
    const doubt = this.#doubt(from, null, state);
    if (doubt !== null) return { batches: [], failure: doubt };
    // The slot has one reader.
    this.#stop();
    const other = new ReplicationClient(this.#source, this.#at.topic, this.#key);
    other.#goTo({ ...at, next: from, epoch: null });
    other.#aim = to;
    try {
      return await readRange(() => other.poll(), at, from, to, waitMs);
    } finally {
      other.#stop();
    }
  }

  pause(): void {
    this.#paused = true;
    this.#stop();
  }

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void {
    const start = positions.get(partitionKey(this.#at));
    if (start === undefined) return;
    this.#paused = false;
    this.#goTo({ ...this.#at, ...start });
  }

  async commit(next: ReadonlyMap<string, bigint>): Promise<void> {
    const position = next.get(partitionKey(this.#at));
    if (position === undefined) return;
    [this.#settled, this.#written] = [this.#written, position];
    const before = this.#confirmed;
    this.#confirm();
    if (this.#confirmed > before && this.#reader !== null) this.#feed?.confirm(this.#received, this.#confirmed);
  }

  async slot(): Promise<SlotLag | null> {
    const { slot, maxSlotLag } = this.#source.config;
    const retained = await this.#source.retained();
    return retained === null ? null : { slot, retained: Number(retained), limit: maxSlotLag };
  }

  async dropSlot(): Promise<boolean> {
    if (!this.#source.config.dropsSlot) return false;
    await this.#source.discardSlot();
    return true;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#source.close();
  }

  #goTo({ next, epoch }: ReadPosition): void {
    this.#stop();
    this.#position = this.#written = this.#settled = next;
    if (next > 0n && epoch === SNAPSHOT_EPOCH) this.#failure = this.#snapshotFailure('the snapshot was interrupted');
  }

  #stop(): void {
    this.#feed?.close();
    if (this.#timer !== null) clearInterval(this.#timer);
    [this.#feed, this.#reader, this.#snapshot, this.#timer] = [null, null, null, null];
    this.#records.drop();
    this.#clean.length = 0;
  }

  /** Confirms clean points that the table has passed. */
  #confirm(): void {
    while (this.#clean[0] !== undefined && this.#clean[0] <= this.#settled) this.#confirmed = this.#clean.shift() ?? 0n;
  }

  /** What was read ahead; null: nothing. */
  #take(): MessageBatch | null {
    const position = this.#position ?? 0n;
    const snapshot = this.#snapshot;
    const feed = this.#feed;
    if (snapshot !== null) {
      const next = position + BigInt(this.#records.length);
      const { done } = snapshot;
      if (next > snapshot.lsn)
        throw new TsdbtError('runtime', `${this.#source.shown} has more rows than its log bytes`);
      if (next > position) {
        feed?.pause(false);
        return this.#returned(this.#batch(this.#records.take(), position, next, SNAPSHOT_EPOCH));
      }
      // Its own flush: only then the table's position says that the snapshot is complete.
      if (!done || this.#written < position) return null;
      const end = snapshot.lsn;
      this.#stop();
      return this.#returned(this.#batch([], position, end));
    }
    const reader = this.#reader;
    if (reader === null) return null;
    const { next, clean } = reader;
    if (clean !== null && clean > (this.#clean.at(-1) ?? this.#confirmed)) {
      this.#clean.push(clean);
      this.#confirm();
    }
    if (next <= position) return null;
    const quiet = this.#records.length === 0;
    if (quiet) {
      const aimed = position < this.#aim && clean !== null && clean >= this.#aim;
      const late = Date.now() - this.#advanced >= QUIET_MS || next - position >= QUIET_BYTES;
      if (reader.inTransaction || !(aimed || late)) return null;
    }
    feed?.pause(false);
    const batch = this.#batch(this.#records.take(), position, next);
    return this.#returned(quiet ? { ...batch, time: this.#sentAt } : batch);
  }

  #returned(batch: MessageBatch): MessageBatch {
    this.#position = batch.next;
    this.#advanced = Date.now();
    return batch;
  }

  #batch(records: MessageBatch['records'], from: bigint, next: bigint, epoch = this.#timeline): MessageBatch {
    const end = this.#received > next ? this.#received : next;
    return { ...this.#at, records, from, next, end, epoch };
  }

  async #startSnapshot(): Promise<void> {
    const source = this.#source;
    await source.check();
    await source.publish();
    await source.dropSlot();
    const { database, timeline } = await source.state();
    const [types, { columns: published, where, partitioned }] = [await source.types(), await source.published()];
    this.#timeline = timeline;
    this.#records = new ChangeRecords(database);
    const records = this.#records;
    const columns = published.map(({ name, type, inIdentity }) => replicatedColumn(name, type, inIdentity, types));
    const names = columns.map(({ name }) => name);
    const key =
      this.#key.length > 0
        ? this.#key.map((name) => names.indexOf(name))
        : columns.flatMap(({ inIdentity }, i) => (inIdentity ? [i] : []));
    const snapshot: Snapshot = { lsn: 0n, done: false };
    let commit: Commit = { lsn: 0n, micros: 0n };
    let offset = this.#position ?? 0n;
    const feed = new ReplicationFeed(await (await source.adapter()).replication(PLAIN_TEXTS), (line) => {
      const row = copyRow(line, columns.length);
      records.add('r', offset++, commit, columns, row, row, key);
      if (records.size >= AHEAD_BYTES) feed.pause(true);
    });
    this.#feed = feed;
    const temporary = temporarySlot(source.config.slot);
    const begin = async (): Promise<void> => {
      await feed.run('BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ');
      const made = `CREATE_REPLICATION_SLOT ${quoteIdentifier(temporary)} TEMPORARY LOGICAL pgoutput USE_SNAPSHOT`;
      const [, position] = await feed.run(made);
      snapshot.lsn = lsnOf(position);
      commit = { lsn: snapshot.lsn, micros: BigInt(Date.now()) * 1000n };
    };
    const copy = async (): Promise<void> => {
      const list = names.map(quoteIdentifier).join(', ');
      const rows = `${partitioned ? '' : 'ONLY '}${source.quoted}${where === null ? '' : ` WHERE ${where}`}`;
      await feed.run(`COPY (SELECT ${list} FROM ${rows}) TO STDOUT`);
      await feed.run('COMMIT');
      await source.keepSlot(temporary);
      snapshot.done = true;
    };
    try {
      await begin();
    } catch (error) {
      feed.fail(error);
      throw error;
    }
    this.#snapshot = snapshot;
    copy().catch((error: unknown) => feed.fail(error));
  }

  async #startStream(position: bigint): Promise<void> {
    const source = this.#source;
    const { slot: name, publication, schema, table } = source.config;
    const state = await source.state();
    const doubt = this.#doubt(position, null, state);
    if (doubt !== null) {
      this.#failure = doubt;
      return;
    }
    await source.check(true);
    const types = await source.types();
    this.#timeline = state.timeline;
    this.#records = new ChangeRecords(state.database);
    const reader = new PgoutputReader(
      this.#records,
      { oid: state.oid, schema, name: table, key: this.#key },
      types,
      position,
    );
    const feed = new ReplicationFeed(await (await source.adapter()).replication(PLAIN_TEXTS), (bytes) => {
      const lsn = bytes.readBigUInt64BE(1);
      if (lsn > this.#received) this.#received = lsn;
      if (bytes[0] === LOG_DATA) reader.read(bytes.subarray(LOG_HEAD_BYTES));
      else if (bytes[0] === KEEP_ALIVE) {
        reader.reached(lsn);
        this.#sentAt = Number((bytes.readBigInt64BE(9) + EPOCH_MICROS) / MICROS_PER_MS);
      }
      if (reader.records.size >= AHEAD_BYTES) feed.pause(true);
    });
    this.#feed = feed;
    this.#reader = reader;
    this.#advanced = Date.now();
    const options =
      `(proto_version '1', publication_names ` + `'${quoteIdentifier(publication ?? name).replaceAll("'", "''")}')`;
    feed
      .run(`START_REPLICATION SLOT ${quoteIdentifier(name)} LOGICAL 0/0 ${options}`)
      .then(() => feed.fail(new TsdbtError('connection', 'the server ended the replication')))
      .catch((error: unknown) => feed.fail(source.inUse(error, state.slot?.reader ?? null)));
    let reports = 0;
    this.#timer = setInterval(() => {
      feed.confirm(this.#received, this.#confirmed);
      // A publication that somebody changes omits changes without an error.
      if (++reports % CHECKED_REPORTS === 0)
        source.check(true).catch((error: unknown) => {
          if (error instanceof TsdbtError && error.kind === 'runtime') feed.fail(error);
        });
    }, REPORT_MS);
    this.#timer.unref();
  }

  /** Starts again, unless the slot is lost. @throws a `connection` error, which is waited for */
  #failed(error: unknown): Polled {
    const inSnapshot = this.#snapshot !== null && this.#position !== 0n;
    this.#stop();
    const code = error instanceof TsdbtError ? error.details.code : codeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    if (inSnapshot) {
      this.#failure = this.#snapshotFailure(message);
      return NOTHING_READ;
    }
    if (!(error instanceof TsdbtError) && code !== undefined && LOST.has(code))
      return { batches: [], failures: [this.#lost(message)], waiting: null };
    if (error instanceof TsdbtError) throw error;
    // Other errors of the server are permanent. 42710: the server has not noticed yet that a snapshot was interrupted.
    throw new TsdbtError(code === undefined || /^(?:08|57|E|42710)/.test(code) ? 'connection' : 'runtime', message, {
      code,
    });
  }

  #lost(message: string): PartitionFailure {
    return { ...this.#at, reason: 'offset_out_of_range', message };
  }

  #snapshotFailure(message: string): PartitionFailure {
    return { ...this.#at, reason: 'unfinished_snapshot', message };
  }

  /** Why changes from a position on cannot be read; null: they can. */
  #doubt(next: bigint, epoch: number | null, { slot, end }: SourceState): PartitionFailure | null {
    const name = `slot '${this.#source.config.slot}'`;
    if (slot === null) return this.#lost(`${name} does not exist: it was dropped, or never created`);
    if (slot.lost !== null) return this.#lost(`${name} cannot be read: ${slot.lost}`);
    if (slot.confirmed > next)
      return this.#lost(
        `${name} is at ${lsnText(slot.confirmed)}: another process has read from it, or it was made anew`,
      );
    if (next > end + MOST_HEADER_BYTES && epoch !== null)
      return {
        ...this.#at,
        reason: 'beyond_end',
        message: `the server's log ends at ${lsnText(end)}: it was restored, or failed over to one that lacked changes`,
        from: end,
      };
    return null;
  }
}
