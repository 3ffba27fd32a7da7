// One topic into one table: reads batches, makes rows, flushes by rows, bytes or age, and waits when the database is away. The position is the
// database's alone: what was flushed twice is refused there (Fenced) and read anew from where the table is.
import { TsdbtError } from '../errors.ts';
import type { AssignmentListener, BrokerClient, MessageBatch, PartitionFailure, TopicInfo, TopicPartition } from './broker.ts';
import { partitionKey } from './broker.ts';
import type { Records } from './records.ts';
import { type DecodedRecord, type Decoder, PoisonMessage } from './decode.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import { JsonScanner } from './json-scanner.ts';
import { RowBuffer } from './row-buffer.ts';
import { type Drift, RowEncoder } from './row-encoder.ts';
import { type DeadLetter, type FaultPoint, Fenced, type Sink } from './sink.ts';

/** What happens while loading, for progress lines, metrics and tests. */
export type LoadEvent =
  | { readonly kind: 'assigned' | 'revoked'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'flushed'; readonly target: LoadTarget; readonly rows: number; readonly bytes: number; readonly dead: readonly DeadLetter[]; readonly ms: number; readonly lag: bigint; readonly newest: number | null }
  | { readonly kind: 'waiting'; readonly target: LoadTarget; readonly message: string; readonly seconds: number }
  /** What one wait was for is there again; or the table takes no more than it is given, and reading pauses. */
  | { readonly kind: 'resumed' | 'paused' | 'flushing'; readonly target: LoadTarget }
  | { readonly kind: 'polled'; readonly target: LoadTarget; readonly lag: ReadonlyMap<string, PartitionLag> }
  | { readonly kind: 'stopped'; readonly target: LoadTarget; readonly partition: TopicPartition | null; readonly message: string }
  | { readonly kind: 'fenced'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'column'; readonly target: LoadTarget; readonly columns: readonly LoadColumn[] };

/** How far one partition is behind. */
export interface PartitionLag {
  readonly rows: bigint;
  /** When the newest loaded message was made, in milliseconds since 1970; null: none was loaded by this loader. */
  readonly newest: number | null;
}

export interface LoaderOptions {
  readonly target: LoadTarget;
  readonly client: BrokerClient;
  readonly sink: Sink;
  readonly decoder: Decoder;
  readonly loadId: string;
  readonly hashKey: string | null;
  /** Stop at the ends that the topic has at the start. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly notify: (event: LoadEvent) => void;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. */
  readonly pause: (ms: number) => Promise<void>;
  /** For tests: told of each fault point. */
  readonly reached?: (point: FaultPoint) => void;
}

/** What one loader has done. */
export interface LoadSummary { readonly rows: number; readonly dead: number; readonly stopped: readonly string[] }

const REVOKE_DEADLINE_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
const MAINTENANCE_MS = 3_600_000;
/** What a row costs in memory beside its bytes. */
const ROW_BYTES = 64;
/** Rows that are made in one go while the database waits to be fed. */
const ROWS_AT_A_STRETCH = 1000;

/** What has been read of one partition and not been flushed. */
interface Held {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  next: bigint;
  end: bigint;
  rows: number;
  dead: number;
  newest: number | null;
}

/** What has been read and not been written. */
class PendingRows {
  readonly held = new Map<string, Held>();
  rows: RowBuffer;
  dead: DeadLetter[] = [];
  /** What is held, as memory goes, and how much of it is the messages'. */
  bytes = 0;
  messageBytes = 0;
  since = 0;
  loadedAt = Buffer.alloc(0);

  /** @param rows empty */
  constructor(rows: RowBuffer) {
    this.rows = rows;
  }

  get empty(): boolean { return this.held.size === 0; }

  forget(partitions: readonly TopicPartition[]): void {
    const gone = new Set(partitions.map(partitionKey));
    for (const key of gone) this.held.delete(key);
    this.rows = this.rows.without((topic, partition) => gone.has(partitionKey({ topic, partition })));
    this.dead = this.dead.filter((letter) => !gone.has(partitionKey(letter)));
  }
}

/** Loads one target until its signal is aborted or, with `once`, until the ends are reached. */
export class Loader {
  private readonly options: LoaderOptions;
  private encoder: RowEncoder;
  /** The short way from message to row; null where every message has to be decoded. */
  private scanner: JsonScanner | null = null;
  private columns: readonly LoadColumn[] = [];
  private buffer = new PendingRows(new RowBuffer());
  /** The memory of rows that are written, for the next ones: taking it anew each time costs more than filling it. */
  private spare: RowBuffer | null = null;
  private flushing: { readonly buffer: PendingRows; readonly done: Promise<void> } | null = null;
  /** The partitions that the group has given to this loader. */
  private readonly ours = new Set<string>();
  /** Next offset to read of each of them; none while it is being found out. */
  private readonly positions = new Map<string, bigint>();
  private readonly stopped = new Map<string, string>();
  /** Where the topic ended at the start, and where it ends as far as is known. */
  private ends: ReadonlyMap<string, bigint> = new Map();
  private readonly latest = new Map<string, bigint>();
  /** What is in the table. */
  private readonly flushed = new Map<string, { readonly next: bigint; readonly newest: number | null }>();
  private failure: unknown;
  private topic: TopicInfo | null = null;
  private assignedOnce = false;
  /** Flushes that are finding out where to go on. */
  private fencing = 0;
  private rows = 0;
  private dead = 0;

  constructor(options: LoaderOptions) {
    this.options = options;
    this.encoder = new RowEncoder(options.target, { columns: [], hashKey: options.hashKey, loadId: options.loadId });
  }

  /** @throws when table or topic cannot be used at all; what passes by itself is waited for */
  async run(): Promise<LoadSummary> {
    const { target, client, sink, signal, now, notify } = this.options;
    try {
      // Who may not read makes no table.
      const [topic] = await this.patiently(() => client.topics([target.topic]));
      this.topic = topic ?? null;
      const ends = await this.patiently(() => client.ends([target.topic]));
      this.ends = new Map([...ends].map(([key, { end }]) => [key, end]));
      this.useColumns(await this.patiently(() => sink.prepare(target)));
      let maintained = now();
      await this.patiently(() => sink.maintain(target));
      await this.patiently(() => client.join([target.topic], this.listener()));
      // The last flush may find that there is more to read: another loader had moved a position.
      do {
        while (!signal.aborted && !this.finished()) {
          const polled = await this.patiently(() => client.poll());
          if (polled.batches.length === 0) this.spare = null;
          for (const failure of polled.failures) await this.partitionFailed(failure);
          for (const batch of polled.batches) await this.take(batch);
          notify({ kind: 'polled', target, lag: this.lag() });
          await this.flushDue();
          if (now() - maintained > MAINTENANCE_MS) {
            maintained = now();
            await this.patiently(() => sink.maintain(target));
          }
        }
        await this.flushAll();
        notify({ kind: 'polled', target, lag: this.lag() });
      } while (!signal.aborted && !this.finished());
    } finally {
      await client.close();
    }
    return { rows: this.rows, dead: this.dead, stopped: [...this.stopped.values()] };
  }

  private listener(): AssignmentListener {
    const { target, notify, pause } = this.options;
    return {
      assigned: async (partitions) => {
        const starts = await this.patiently(() => this.startingPoints(partitions));
        for (const key of starts.keys()) this.ours.add(key);
        this.goOn(starts);
        this.assignedOnce = true;
        notify({ kind: 'assigned', target, partitions });
        return starts;
      },
      revoked: async (partitions) => {
        this.options.reached?.('in_revoke');
        // What is not flushed by the deadline is read again by whoever gets the partition.
        await Promise.race([this.flushAll(), pause(REVOKE_DEADLINE_MS)]);
        this.release(partitions);
        notify({ kind: 'revoked', target, partitions });
      },
    };
  }

  private release(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.ours.delete(partitionKey(partition));
      this.positions.delete(partitionKey(partition));
      this.flushed.delete(partitionKey(partition));
      this.latest.delete(partitionKey(partition));
    }
    this.buffer.forget(partitions);
  }

  /** Reads from these offsets on, which are the table's. */
  private goOn(starts: ReadonlyMap<string, bigint>): void {
    for (const [key, next] of starts) {
      if (!this.ours.has(key)) continue;
      this.positions.set(key, next);
      this.flushed.set(key, { next, newest: this.flushed.get(key)?.newest ?? null });
    }
  }

  private lag(): ReadonlyMap<string, PartitionLag> {
    return new Map([...this.flushed].map(([key, { next, newest }]) => {
      const end = this.latest.get(key) ?? this.ends.get(key) ?? next;
      return [key, { rows: end > next ? end - next : 0n, newest }];
    }));
  }

  /** Where each partition goes on: the kept position, or the beginning. */
  private async startingPoints(partitions: readonly TopicPartition[]): Promise<Map<string, bigint>> {
    const { target, sink, client } = this.options;
    const kept = await sink.positions(target);
    const [topic] = await client.topics([target.topic]);
    this.topic = topic ?? null;
    const topicId = topic?.id ?? null;
    const ends = await client.ends([target.topic]);
    const starts = new Map<string, bigint>();
    const fresh = new Map<number, bigint>();
    const reset = new Map<number, bigint>();
    for (const { topic, partition } of partitions) {
      const key = partitionKey({ topic, partition });
      const earliest = ends.get(key)?.earliest ?? 0n;
      const known = kept.get(partition);
      const anew = known !== undefined && known.topicId !== null && topicId !== null && known.topicId !== topicId;
      if (anew && target.onGap === 'stop') throw this.madeAnew();
      if (known === undefined || anew) (anew ? reset : fresh).set(partition, earliest);
      starts.set(key, known === undefined || anew ? earliest : known.next);
    }
    if (reset.size > 0) await sink.rewind(target, topicId, reset);
    await sink.startAt(target, topicId, fresh);
    return starts;
  }

  private madeAnew(): TsdbtError {
    const { target } = this.options;
    return new TsdbtError('runtime', `topic ${target.topic} was deleted and made again: its offsets are not those that the table has.`, {
      path: target.path, hint: `\`tsdbt load rewind --select source:${target.name} --to earliest\` loads the new topic from its beginning; \`on_gap: earliest\` in the load config always does.`,
    });
  }

  private async take(batch: MessageBatch): Promise<void> {
    const { target, decoder, client } = this.options;
    const key = partitionKey(batch);
    const position = this.positions.get(key);
    if (position === undefined || this.stopped.has(key)) return;
    if (batch.from > position) {
      // It would leave a gap.
      client.seek(new Map([[key, position]]));
      return;
    }
    this.latest.set(key, batch.end);
    if (batch.next <= position) return;
    let held = this.hold(batch, position);
    let mark = position;
    /** Waits for something in the midst of a batch; whatever is flushed meanwhile ends before `offset`. @returns null when the partition is read from elsewhere then */
    const wait = async <T>(offset: bigint, work: () => Promise<T>): Promise<{ readonly value: T } | null> => {
      held.next = offset;
      mark = offset;
      this.positions.set(key, offset);
      const value = await work();
      if (this.positions.get(key) !== mark) return null;
      held = this.hold(batch, offset);
      return { value };
    };
    const place = this.encoder.place(batch.topic, batch.partition);
    let stretch = 0;
    for (const records of batch.records) {
      let at = 0;
      if (batch.from < position) while (at < records.length && records.offset(at) < position) at++;
      let into: PendingRows | null = null;
      let rows: RowBuffer | null = null;
      /** What follows is made of these messages, also when what is held has changed hands meanwhile. */
      const begin = (): RowBuffer => {
        if (into === this.buffer && rows === into.rows) return rows;
        into = this.buffer;
        rows = into.rows;
        rows.from(records, batch.topic, batch.partition);
        return rows;
      };
      while (at < records.length) {
        // Whoever feeds the database has a turn.
        if (stretch >= ROWS_AT_A_STRETCH) {
          if (this.flushing !== null && (await wait(records.offset(at), breath)) === null) return;
          stretch = 0;
        }
        begin();
        const ordinary = this.takeOrdinary(records, at, Math.min(records.length, at + ROWS_AT_A_STRETCH - stretch), held, place);
        stretch += ordinary + 1;
        at += ordinary;
        if (ordinary > 0) continue;
        const message = records.message(at);
        const { offset } = message;
        try {
          let record: DecodedRecord;
          const decoded = message.value === null ? decoder.decodeKey(message.key, target.key) : decoder.decode(message.value);
          if (decoded instanceof Promise) {
            let first: Promise<DecodedRecord> | null = decoded;
            const again = async (): Promise<DecodedRecord> => {
              const attempt = first ?? decoder.decode(message.value!);
              first = null;
              return attempt;
            };
            const waited = await wait(offset, () => this.patiently(again, () => this.flushDue()));
            if (waited === null) return;
            record = waited.value;
          } else record = decoded;
          const drift = target.schemaDrift === 'ignore' ? [] : this.encoder.drift(record);
          // What waits was made without the new column: it goes first.
          if (drift.length > 0 && (await wait(offset, () => this.drifted(drift))) === null) return;
          const { line, key: rowKey, partitionTime } = this.encoder.encode(message, record, batch.topic, batch.partition, this.buffer.loadedAt.toString());
          const rows = begin();
          rows.add(at, line, rowKey, message.value === null);
          if (partitionTime !== null) rows.addTime(partitionTime);
          this.buffer.bytes += line.length;
          held.rows++;
        } catch (error) {
          if (!(error instanceof PoisonMessage)) throw error;
          if (this.positions.get(key) !== mark) return;
          held = this.hold(batch, offset);
          this.buffer.dead.push({ message, topic: batch.topic, partition: batch.partition, error: error.message });
          held.dead++;
        }
        this.count(records, at, held);
        at++;
      }
    }
    held.next = batch.next;
    held.end = batch.end;
    this.positions.set(key, batch.next);
  }

  /** Takes messages as long as they are ordinary ones, up to before `to`. @returns how many */
  private takeOrdinary(records: Records, from: number, to: number, held: Held, place: Buffer): number {
    const { scanner, buffer } = this;
    if (scanner === null) return 0;
    const { rows, loadedAt } = buffer;
    const before = rows.end;
    let at = from;
    for (; at < to && records.valueStart(at) >= 0 && scanner.add(records, at, rows, place, loadedAt); at++) this.count(records, at, held);
    held.rows += at - from;
    buffer.bytes += rows.end - before;
    return at - from;
  }

  private count(records: Records, i: number, held: Held): void {
    const size = records.size(i);
    const time = records.timestamp(i);
    this.buffer.bytes += size + ROW_BYTES;
    this.buffer.messageBytes += size;
    if (held.newest === null || time > held.newest) held.newest = time;
  }

  /** What is held of the batch's partition; begun where it is not. */
  private hold({ topic, partition, end }: MessageBatch, from: bigint): Held {
    const { buffer } = this;
    if (buffer.empty) {
      buffer.since = this.options.now();
      buffer.loadedAt = Buffer.from(new Date(buffer.since).toISOString());
    }
    const key = partitionKey({ topic, partition });
    let held = buffer.held.get(key);
    if (held === undefined) {
      held = { topic, partition, from, next: from, end, rows: 0, dead: 0, newest: null };
      buffer.held.set(key, held);
    }
    return held;
  }

  private async drifted(drift: readonly Drift[]): Promise<void> {
    const { target, sink, notify } = this.options;
    const names = drift.map(({ field }) => `'${field}'`).join(', ');
    if (target.schemaDrift === 'dead_letter') throw new PoisonMessage(`no column is declared for ${names}`);
    if (target.schemaDrift === 'fail') {
      throw new TsdbtError('runtime', `A message of topic ${target.topic} has ${names}, and source ${target.name} declares no such column.`, { path: target.path, hint: 'Declare it, or choose schema_drift: ignore, add_column or dead_letter.' });
    }
    if (drift.some(({ field }) => Buffer.byteLength(field) > 63)) throw new PoisonMessage('the name of a new field is longer than 63 bytes and cannot be that of a column');
    const columns = drift.map(({ field, type }) => ({ name: field, type }));
    await this.flushAll();
    this.options.reached?.('in_drift');
    try {
      this.useColumns(await this.patiently(() => sink.addColumns(target, columns)));
    } catch (error) {
      // A table has 1,600 columns at most.
      if (error instanceof TsdbtError && error.details.code?.startsWith('54')) throw new PoisonMessage(`no column can be added for ${names}`);
      throw error;
    }
    notify({ kind: 'column', target, columns });
  }

  private useColumns(columns: readonly LoadColumn[]): void {
    this.columns = columns;
    const { target, hashKey, loadId, decoder } = this.options;
    this.encoder = new RowEncoder(target, { columns, hashKey, loadId });
    this.scanner = decoder.plain ? new JsonScanner(this.encoder.plan) : null;
  }

  private full(): boolean {
    const { flush } = this.options.target;
    return this.buffer.rows.length + this.buffer.dead.length >= flush.rows || this.buffer.bytes >= flush.bytes;
  }

  /** Starts a flush that is due. Two buffers at most: one that fills, one that is being written; then reading waits. */
  private async flushDue(): Promise<void> {
    if (this.due()) this.startFlush();
    if (this.flushing === null || !this.full()) return;
    this.options.notify({ kind: 'paused', target: this.options.target });
    await this.flushing.done;
    // At once: the database has nothing to do, and there is enough for it.
    if (this.due()) this.startFlush();
  }

  private due(): boolean {
    if (this.buffer.empty || this.flushing !== null) return false;
    return this.full() || this.options.now() - this.buffer.since >= this.options.target.flush.ageMs;
  }

  private finished(): boolean {
    if (!this.options.once || !this.assignedOnce || this.fencing > 0) return false;
    return [...this.positions].every(([key, next]) => this.stopped.has(key) || next >= (this.ends.get(key) ?? 0n));
  }

  private startFlush(): void {
    const { buffer } = this;
    this.buffer = new PendingRows(this.spare ?? new RowBuffer());
    this.spare = null;
    const done = this.write(buffer).finally(() => {
      if (this.flushing?.buffer === buffer) this.flushing = null;
    });
    // Whoever waits for the flush sees its failure; nobody may wait.
    done.catch((error: unknown) => { this.failure ??= error; });
    this.flushing = { buffer, done };
  }

  /** Writes what is held, in order. */
  private async flushAll(): Promise<void> {
    if (this.flushing !== null) await this.flushing.done;
    if (!this.buffer.empty && this.failure === undefined) {
      this.startFlush();
      await this.flushing?.done;
    }
    if (this.failure !== undefined) throw this.failure;
  }

  /** Until it is written, or somebody else has. */
  private async write(buffer: PendingRows): Promise<void> {
    const { target, sink, loadId, notify, now, client } = this.options;
    const began = now();
    notify({ kind: 'flushing', target });
    const ranges = [...buffer.held.values()].map(({ topic, partition, from, next, end, rows, dead, newest }) => ({ topic, partition, from, to: next, end, rows, dead, lastTimestamp: newest }));
    try {
      let attempts = 0;
      const flushed = await this.patiently(() => {
        attempts++;
        return sink.flush({ target, columns: this.columns, ranges, rows: buffer.rows, dead: buffer.dead, loadId });
      });
      // A connection that was given up may still be sending.
      if (attempts === 1) this.spare = buffer.rows.clear();
      this.rows += flushed.rows;
      this.dead += flushed.dead.length;
      for (const { topic, partition, to, lastTimestamp } of ranges) {
        const key = partitionKey({ topic, partition });
        const before = this.flushed.get(key);
        if (before !== undefined) this.flushed.set(key, { next: to, newest: lastTimestamp ?? before.newest });
      }
      const lag = ranges.reduce((sum, { end, to }) => sum + (end > to ? end - to : 0n), 0n);
      const newest = ranges.reduce<number | null>((max, range) => (range.lastTimestamp === null ? max : Math.max(max ?? 0, range.lastTimestamp)), null);
      notify({ kind: 'flushed', target, rows: flushed.rows, bytes: buffer.messageBytes, dead: flushed.dead, ms: now() - began, lag, newest });
      await client.commit(new Map(ranges.map((range) => [partitionKey(range), range.to])));
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      await this.fenced(buffer, error);
    }
  }

  /** Throws away what is held of the partitions that somebody else has moved, keeps the rest, and reads on from where the table is. */
  private async fenced(buffer: PendingRows, { partitions }: Fenced): Promise<void> {
    const { target, notify, client } = this.options;
    notify({ kind: 'fenced', target, partitions });
    const ours = partitions.filter((partition) => this.ours.has(partitionKey(partition)));
    // Nothing is taken of them until it is known where they go on.
    this.fencing++;
    for (const partition of ours) this.positions.delete(partitionKey(partition));
    buffer.forget(partitions);
    this.buffer.forget(partitions);
    try {
      if (!buffer.empty) await this.write(buffer);
      const starts = await this.patiently(() => this.startingPoints(ours));
      this.goOn(starts);
      client.seek(starts);
    } finally {
      this.fencing--;
    }
  }

  private async partitionFailed(failure: PartitionFailure): Promise<void> {
    const { target, notify, client, sink } = this.options;
    const key = partitionKey(failure);
    if (this.stopped.has(key)) return;
    const anew = failure.reason === 'made_anew';
    if ((anew || failure.reason === 'offset_out_of_range') && target.onGap === 'earliest') {
      await this.flushAll();
      const [topic] = await this.patiently(() => client.topics([target.topic]));
      this.topic = topic ?? null;
      const earliest = (await this.patiently(() => client.ends([target.topic]))).get(key)?.earliest ?? 0n;
      await this.patiently(() => sink.rewind(target, this.topic?.id ?? null, new Map([[failure.partition, earliest]])));
      const starts = new Map([[key, earliest]]);
      this.goOn(starts);
      client.seek(starts);
      return;
    }
    if (anew) {
      await this.flushAll();
      throw this.madeAnew();
    }
    const hint = failure.reason === 'offset_out_of_range' ? ` The messages from offset ${this.positions.get(key) ?? 0n} on are gone from the topic before they were loaded. \`tsdbt load rewind --select source:${target.name} --to earliest\` goes on with what is left; \`on_gap: earliest\` always does.` : '';
    this.stopped.set(key, `${key}: ${failure.message}${hint}`);
    client.pause([failure]);
    notify({ kind: 'stopped', target, partition: failure, message: `${failure.message}${hint}` });
    if ([...this.positions.keys()].every((each) => this.stopped.has(each))) {
      await this.flushAll();
      throw new TsdbtError('runtime', `Loading ${target.name} stopped: ${this.stopped.get(key)}`, { path: target.path });
    }
  }

  /** Does it again while database or broker are away; what will not pass by itself is thrown. */
  private async patiently<T>(work: () => Promise<T>, meanwhile?: () => Promise<void>): Promise<T> {
    const { target, notify, signal, pause } = this.options;
    for (let attempt = 0; ; attempt++) {
      if (this.failure !== undefined) throw this.failure;
      try {
        const result = await work();
        if (attempt > 0) notify({ kind: 'resumed', target });
        return result;
      } catch (error) {
        await meanwhile?.();
        if (!passes(error) || signal.aborted) throw error;
        const wait = Math.min(LONGEST_WAIT_MS, 200 * 2 ** Math.min(attempt, 8));
        notify({ kind: 'waiting', target, message: (error as Error).message.split('\n')[0]!, seconds: wait / 1000 });
        await pause(wait);
      }
    }
  }
}

/** Lets what else is due go first. */
function breath(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

/**
 * Is it a matter of waiting? Connections, restarts, locks, full disks, and a table that is away or locked away; SQLSTATE classes 08, 40, 53, 55,
 * 57, 58, 42P01, 25006: a server that has become a standby, and 25P03: this process was stopped in the midst of a flush.
 */
function passes(error: unknown): boolean {
  if (!(error instanceof TsdbtError)) return false;
  const { code } = error.details;
  if (error.kind === 'connection') return code === undefined || !/^(28|3D)/.test(code);
  if (error.kind !== 'database') return false;
  return code === undefined ? /server closed the connection|Connection terminated/.test(error.message) : /^(08|40|53|55|57|58)/.test(code) || code === '42P01' || code === '25006' || code === '25P03';
}
