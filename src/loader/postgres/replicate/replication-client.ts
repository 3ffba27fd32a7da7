// A replicated table of another Postgres as a topic with one partition. First a snapshot, whose rows have the offsets
// from 0 on, then the changes of its slot, whose offsets are positions in the server's log. pgoutput-reader.ts defines
// them.
//
// The slot is confirmed up to the position of every table that shares it, and only at clean points. So everything from
// the table's position on can be read again. A snapshot cannot: one that was interrupted is taken again, after its rows
// were deleted.
import { setTimeout as wait } from 'node:timers/promises';
import { destroy } from '../../../adapters/postgres/connection.ts';
import { quoteIdentifier, quoteText } from '../../../adapters/postgres/literal.ts';
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
import type { LoadTarget } from '../../settings/load-target.ts';
import { ChangeRecords, type Commit } from './change-records.ts';
import { copyRow } from './copy-lines.ts';
import { lsnOf, lsnText } from './log-position.ts';
import { AHEAD_BYTES, LogStream, TableFeed } from './log-stream.ts';
import { PgoutputReader } from './pgoutput-reader.ts';
import { replicatedColumn } from './replicated-relation.ts';
import { PLAIN_TEXTS, ReplicationFeed } from './replication-feed.ts';
import {
  codeOf,
  MOST_HEADER_BYTES,
  type ReplicationSource,
  type SlotState,
  type SourceState,
  temporarySlot,
} from './replication-source.ts';
import { SharedSlot } from './shared-slot.ts';

/** How long a poll waits for changes. */
const POLL_MS = 100;
/** Interval of checks of publication and privileges. */
const CHECK_MS = 10_000;
/** Time and bytes of the log after which a table without changes gets a new position. */
const [QUIET_MS, QUIET_BYTES] = [10_000, 16n * 1024n * 1024n];
/** The epochs of a snapshot's rows, and of the range between them and the log; those of changes are timelines. */
const [SNAPSHOT_EPOCH, SNAPSHOT_END_EPOCH] = [0, 2_147_483_647];
/** SQLSTATEs of a slot that cannot be read any more, and of a slot or publication that is missing. */
const LOST = new Set(['55000', '42704']);

/** A snapshot that is being read. */
interface Snapshot {
  /** Position of the slot, from which changes follow. */
  lsn: bigint;
  /** Whether all rows were read and the slot is kept. */
  done: boolean;
}

/** Returns the table that keeps a shared slot from being confirmed. */
export type SlotHolder = () => Promise<string | null>;

export class ReplicationClient implements BrokerClient {
  readonly #source: ReplicationSource;
  readonly #slot: SharedSlot;
  readonly #target: Pick<LoadTarget, 'name' | 'topic' | 'key'>;
  readonly #at: TopicPartition;
  /** Whether it never joins the tables that share the slot. */
  readonly #apart: boolean;
  readonly #holder: SlotHolder;
  #records = new ChangeRecords('');
  /** The connection of a snapshot. */
  #copy: ReplicationFeed | null = null;
  #snapshot: Snapshot | null = null;
  /** The end of a snapshot whose rows are written, while the table has no position in the log yet; otherwise null. */
  #copied: bigint | null = null;
  #feed: TableFeed | null = null;
  /** A stream of only this table; null: it reads that of the slot. */
  #own: LogStream | null = null;
  #checked = 0;
  /** Changes when reading stops: what was being opened is outdated. */
  #turn = 0;
  #failure: PartitionFailure | null = null;
  #paused = false;
  /** Everything before it was returned; null: the table has no position yet. */
  #position: bigint | null = null;
  /** The position from which changes are read: it is written before them. */
  #base = 0n;
  #advanced = 0;
  #timeline = 0;
  /** The end of the log that was asked for, and that when reading began. */
  #aim = 0n;
  #end = 0n;
  /** Whether a range is read again, up to the aim. */
  #isRange = false;
  /**
   * The table's position, and the one before it, up to which the slot may be confirmed: the sink may complete a flush
   * only with the next one, and has to read it again otherwise.
   */
  #written = 0n;
  #settled = 0n;

  /** @param apart it reads a copy of a shared slot */
  constructor(
    source: ReplicationSource,
    slot: SharedSlot,
    target: Pick<LoadTarget, 'name' | 'topic' | 'key'>,
    holder: SlotHolder = async () => null,
    apart = false,
  ) {
    this.#holder = holder;
    this.#source = source;
    this.#slot = slot;
    this.#target = target;
    this.#at = { topic: target.topic, partition: 0 };
    this.#apart = apart;
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
      if (this.#copy === null && this.#feed === null)
        await (this.#position === 0n && this.#copied === null
          ? this.#startSnapshot()
          : this.#startStream(this.#position, this.#copied));
      const batch = this.#take();
      this.#meet();
      if (batch !== null) return { batches: [batch], failures: [], waiting: null };
      const reading = this.#copy ?? this.#feed;
      reading?.throwFailure();
      this.#checkAtTimes();
      await (reading === null ? wait(POLL_MS) : reading.arrival(POLL_MS));
      return NOTHING_READ;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async read(at: RangePlace, from: bigint, to: bigint, waitMs: number | null = null): Promise<RangeRead> {
    const { epoch = null } = at;
    // The rows of a snapshot cannot be read again, and are deleted when loading starts. After them nothing is missing.
    if (epoch === SNAPSHOT_EPOCH || epoch === SNAPSHOT_END_EPOCH)
      return { batches: [this.#batch([], from, to, epoch)], failure: null };
    const state = await this.#source.state();
    this.#timeline = state.timeline;
    const doubt = this.#doubt(from, null, state);
    if (doubt !== null) return { batches: [], failure: doubt };
    // A slot has one reader.
    this.#stop();
    const slot = this.#slot.isShared ? this.#slot : new SharedSlot(new Set([this.#target.name]));
    const other = new ReplicationClient(this.#source, slot, this.#target, this.#holder, this.#slot.isShared);
    other.#goTo({ ...at, next: from, epoch: null });
    other.#aim = to;
    other.#isRange = true;
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
    this.#slot.settle(this.#target.name, this.#settled);
  }

  /** The offsets of a transaction with many changes exceed the end of the log before its last change. */
  caughtUp(): boolean {
    if (this.#position === null || this.#paused) return true;
    const { stream = null, reader } = this.#feed ?? {};
    return stream !== null && stream.boundary >= this.#aim && !reader?.inTransaction && this.#records.length === 0;
  }

  async slot(): Promise<SlotLag | null> {
    const { slot, maxSlotLag } = this.#source.config;
    const retained = await this.#source.retained();
    if (retained === null) return null;
    const heldBy = this.#slot.isShared ? await this.#holder() : null;
    return { slot, retained: Number(retained), limit: maxSlotLag, heldBy };
  }

  async dropSlot(): Promise<boolean> {
    if (!this.#source.config.dropsSlot) return false;
    await this.#source.discardSlot();
    return true;
  }

  async close(): Promise<void> {
    this.#position = null;
    this.#stop();
    await this.#source.close();
  }

  #goTo({ next, epoch }: ReadPosition): void {
    this.#stop();
    this.#copied = null;
    this.#position = this.#written = this.#settled = next;
    if (!this.#apart) this.#slot.settle(this.#target.name, next);
    if (next > 0n && epoch === SNAPSHOT_EPOCH) this.#failure = this.#snapshotFailure('the snapshot was interrupted');
  }

  #stop(): void {
    this.#turn++;
    this.#copy?.close();
    if (this.#feed !== null) this.#slot.leave(this.#feed);
    this.#own?.close();
    [this.#copy, this.#snapshot, this.#feed, this.#own] = [null, null, null, null];
    this.#records.drop();
  }

  /** What was read ahead; null: nothing. */
  #take(): MessageBatch | null {
    const position = this.#position ?? 0n;
    const snapshot = this.#snapshot;
    if (snapshot !== null) {
      const next = position + BigInt(this.#records.length);
      if (next > snapshot.lsn)
        throw new TsdbtError('runtime', `${this.#source.shown} has more rows than its log bytes`);
      if (next > position) {
        this.#copy?.pause(false);
        return this.#returned(this.#batch(this.#records.take(), position, next, SNAPSHOT_EPOCH));
      }
      // Its own flush: only then the table's position says that the snapshot is complete.
      if (!snapshot.done || this.#written < position) return null;
      this.#stop();
      if (this.#slot.isShared) {
        this.#copied = snapshot.lsn;
        return null;
      }
      return this.#returned(this.#batch([], position, snapshot.lsn, SNAPSHOT_END_EPOCH));
    }
    const feed = this.#feed;
    if (feed === null || feed.stream === null) return null;
    feed.stream.update(feed);
    const { next, clean, from, inTransaction } = feed.reader;
    if (from === null || this.#written < this.#base) return null;
    if (this.#copied !== null) {
      this.#copied = null;
      this.#base = from;
      return this.#returned(this.#batch([], position, from, SNAPSHOT_END_EPOCH));
    }
    const isOver = feed.stream.boundary >= this.#end && !inTransaction && this.#records.length === 0;
    const isOther = next < position && position > this.#end + MOST_HEADER_BYTES;
    if (isOver && (isOther || (this.#isRange && next + MOST_HEADER_BYTES < this.#aim))) {
      this.#stop();
      this.#failure = this.#beyondEnd(this.#end);
    }
    if (next <= position) return null;
    const quiet = this.#records.length === 0;
    if (quiet) {
      const aimed = position < this.#aim && clean !== null && clean >= this.#aim;
      const late = Date.now() - this.#advanced >= QUIET_MS || next - position >= QUIET_BYTES;
      if (inTransaction || !(aimed || late)) return null;
    }
    const batch = this.#batch(this.#records.take(), position, next);
    feed.stream.drained(feed);
    return this.#returned(quiet ? { ...batch, time: feed.stream.sentAt } : batch);
  }

  /** Joins the tables that share the slot if this one has read as far as they; or reads by itself if it was cut off. */
  #meet(): void {
    const feed = this.#feed;
    const own = this.#own;
    if (feed?.cut === true) this.#stop();
    if (feed === null || own === null || this.#apart || this.#copied !== null || this.#records.length > 0) return;
    const { next, clean, inTransaction } = feed.reader;
    if (inTransaction || clean === null || clean !== next) return;
    const stream = this.#slot.meet(feed, own, clean);
    if (stream === null) this.#stop();
    if (stream !== own) this.#own = null;
  }

  #returned(batch: MessageBatch): MessageBatch {
    this.#position = batch.next;
    this.#advanced = Date.now();
    return batch;
  }

  #batch(records: MessageBatch['records'], from: bigint, next: bigint, epoch = this.#timeline): MessageBatch {
    const received = this.#feed?.stream?.received ?? 0n;
    // Offsets of a large transaction exceed the end of the log, so that it does not show whether a range is complete.
    const end = this.#isRange ? next + 1n : next;
    return { ...this.#at, records, from, next, end: received > end ? received : end, epoch };
  }

  async #startSnapshot(): Promise<void> {
    const source = this.#source;
    const slot = this.#slot;
    slot.absent(this.#target.name);
    const turn = this.#turn;
    await source.check();
    await slot.making.run(() => source.publish());
    const { database, timeline } = await source.state();
    const [types, { columns: published, where, partitioned }] = [await source.types(), await source.published()];
    this.#timeline = timeline;
    this.#records = new ChangeRecords(database);
    const records = this.#records;
    const columns = published.map(({ name, type, inIdentity }) => replicatedColumn(name, type, inIdentity, types));
    const names = columns.map(({ name }) => name);
    const { key: declared } = this.#target;
    const key =
      declared.length > 0
        ? declared.map((name) => names.indexOf(name))
        : columns.flatMap(({ inIdentity }, i) => (inIdentity ? [i] : []));
    const snapshot: Snapshot = { lsn: 0n, done: false };
    let commit: Commit = { lsn: 0n, micros: 0n };
    let offset = this.#position ?? 0n;
    const client = await (await source.adapter()).replication(PLAIN_TEXTS);
    const feed = new ReplicationFeed(client, (line) => {
      const row = copyRow(line, columns.length);
      records.add('r', offset++, commit, columns, row, row, key);
      if (records.size >= AHEAD_BYTES) feed.pause(true);
    });
    if (turn !== this.#turn) return feed.close();
    this.#copy = feed;
    const temporary = temporarySlot(source.config, 'copy');
    const begin = async (): Promise<void> => {
      const before = await source.slot();
      const isKept = before !== null && before.lost === null && slot.isShared;
      if (before !== null && !isKept) await source.dropSlot();
      await feed.run('BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ');
      const made = `CREATE_REPLICATION_SLOT ${quoteIdentifier(temporary)} TEMPORARY LOGICAL pgoutput USE_SNAPSHOT`;
      const [, lsn] = await feed.run(made);
      snapshot.lsn = lsnOf(lsn);
      commit = { lsn: snapshot.lsn, micros: BigInt(Date.now()) * 1000n };
      // Tables that share a slot have it from the first snapshot on: the others must not be before it.
      if (slot.isShared && !isKept) await source.keepSlot(temporary);
    };
    const copy = async (): Promise<void> => {
      const list = names.map(quoteIdentifier).join(', ');
      const rows = `${partitioned ? '' : 'ONLY '}${source.quoted}${where === null ? '' : ` WHERE ${where}`}`;
      await feed.run(`COPY (SELECT ${list} FROM ${rows}) TO STDOUT`);
      const [rewritten] = await feed.run(source.rewrittenSql);
      if (rewritten !== '0')
        throw new TsdbtError(
          'connection',
          `${source.shown} was rewritten before its rows were read: reading them again`,
        );
      await feed.run('COMMIT');
      if (slot.isShared) this.#expectSlotBefore(snapshot.lsn, await source.slot());
      else await source.keepSlot(temporary);
      snapshot.done = true;
    };
    try {
      await slot.making.run(begin);
    } catch (error) {
      feed.fail(error);
      throw error;
    }
    if (turn !== this.#turn) return;
    this.#snapshot = snapshot;
    copy().then(
      () => feed.arrived(),
      (error: unknown) => feed.fail(error),
    );
  }

  /** @throws `connection` error: the snapshot is taken again */
  #expectSlotBefore(lsn: bigint, slot: SlotState | null): void {
    if (slot === null || slot.lost !== null || slot.confirmed > lsn)
      throw new TsdbtError('connection', `slot '${this.#source.config.slot}' was moved during the snapshot`);
  }

  /** @param copied the end of a snapshot: changes that it has are skipped */
  async #startStream(position: bigint, copied: bigint | null): Promise<void> {
    const source = this.#source;
    const { schema, table } = source.config;
    const turn = this.#turn;
    const state = await source.state();
    const doubt = this.#doubt(copied ?? position, null, state);
    if (doubt !== null) {
      this.#failure = doubt;
      return;
    }
    await source.check(true);
    const types = await source.types();
    this.#timeline = state.timeline;
    const { name, key } = this.#target;
    const records = new ChangeRecords(state.database);
    const described = { oid: state.oid, schema, name: table, key };
    const reader = new PgoutputReader(records, described, types, copied === null ? position : null, copied ?? 0n);
    const feed = new TableFeed(name, reader);
    const joins = copied === null && !this.#apart && this.#slot.join(feed, source);
    const own = joins ? null : await this.#copySlot(feed, state);
    if (turn !== this.#turn) {
      own?.close();
      return this.#slot.leave(feed);
    }
    this.#records = records;
    this.#feed = feed;
    this.#own = own;
    this.#base = position;
    this.#end = state.end;
    this.#advanced = this.#checked = Date.now();
  }

  /** Reads a temporary copy of the slot, which other tables are reading. */
  async #copySlot(feed: TableFeed, { slot }: SourceState): Promise<LogStream> {
    const source = this.#source;
    const temporary = temporarySlot(source.config, 'read');
    const client = await (await source.adapter()).replication(PLAIN_TEXTS);
    try {
      await client.query(
        `select pg_copy_logical_replication_slot(${quoteText(source.config.slot)}, ${quoteText(temporary)}, true)`,
      );
    } catch (error) {
      destroy(client);
      throw error;
    }
    return new LogStream(client, [feed], {
      slot: temporary,
      publication: source.publication,
      confirmed: slot?.confirmed ?? 0n,
      sharing: 0,
      explain: (error) => source.inUse(error),
      ended: () => undefined,
    });
  }

  /** A publication that somebody changes omits changes without an error. */
  #checkAtTimes(): void {
    const feed = this.#feed;
    if (feed === null || Date.now() - this.#checked < CHECK_MS) return;
    this.#checked = Date.now();
    this.#source.check(true).catch((error: unknown) => {
      if (error instanceof TsdbtError && error.kind === 'runtime') feed.fail(error);
    });
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
    // Other errors of the server are permanent. 53: no slot is free. 42710: the server has not noticed yet that a
    // connection with a temporary slot was lost.
    throw new TsdbtError(code === undefined || /^(?:08|53|57|E|42710)/.test(code) ? 'connection' : 'runtime', message, {
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
  #doubt(next: bigint, epoch: number | null, { slot, end, timeline }: SourceState): PartitionFailure | null {
    const name = `slot '${this.#source.config.slot}'`;
    if (slot === null) return this.#lost(`${name} does not exist: it was dropped, or never created`);
    if (slot.lost !== null) return this.#lost(`${name} cannot be read: ${slot.lost}`);
    if (slot.confirmed > next)
      return this.#lost(
        `${name} is at ${lsnText(slot.confirmed)}: another process has read from it, or it was made anew`,
      );
    // Offsets of a large transaction exceed the end of the log. On the same timeline, reading shows if it is intact.
    const isOther = epoch !== null && epoch !== SNAPSHOT_END_EPOCH && epoch !== timeline;
    if (next > end + MOST_HEADER_BYTES && isOther) return this.#beyondEnd(end);
    return null;
  }

  #beyondEnd(end: bigint): PartitionFailure {
    return {
      ...this.#at,
      reason: 'beyond_end',
      message: `the server's log ends at ${lsnText(end)}: it was restored, or failed over to one that lacked changes`,
      from: end,
    };
  }
}
