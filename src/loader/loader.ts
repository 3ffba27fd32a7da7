// One topic into one table: reads batches, makes rows, flushes by rows, bytes or age, and waits when the database is away. The position is the
// database's alone: what was flushed twice is refused there (Fenced) and read anew from where the table is.
import { TsdbtError } from '../errors.ts';
import type { AssignmentListener, BrokerClient, MessageBatch, PartitionFailure, TopicInfo, TopicPartition } from './broker.ts';
import { partitionKey } from './broker.ts';
import { type DecodedRecord, type Decoder, PoisonMessage } from './decode.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import { type Drift, type EncodedRow, RowEncoder } from './row-encoder.ts';
import { type DeadLetter, Fenced, type Sink } from './sink.ts';

/** What happens while loading, for progress lines, metrics and tests. */
export type LoadEvent =
  | { readonly kind: 'assigned' | 'revoked'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'flushed'; readonly target: LoadTarget; readonly rows: number; readonly bytes: number; readonly dead: readonly DeadLetter[]; readonly ms: number; readonly lag: bigint; readonly newest: number | null }
  | { readonly kind: 'waiting'; readonly target: LoadTarget; readonly message: string; readonly seconds: number }
  | { readonly kind: 'stopped'; readonly target: LoadTarget; readonly partition: TopicPartition | null; readonly message: string }
  | { readonly kind: 'fenced'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'column'; readonly target: LoadTarget; readonly columns: readonly LoadColumn[] };

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
}

/** What one loader has done. */
export interface LoadSummary { readonly rows: number; readonly dead: number; readonly stopped: readonly string[] }

const REVOKE_DEADLINE_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
const MAINTENANCE_MS = 3_600_000;

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
  rows: EncodedRow[] = [];
  dead: DeadLetter[] = [];
  bytes = 0;
  since = 0;

  get empty(): boolean { return this.held.size === 0; }

  forget(partitions: readonly TopicPartition[]): void {
    const gone = new Set(partitions.map(partitionKey));
    for (const key of gone) this.held.delete(key);
    this.rows = this.rows.filter((row) => !gone.has(partitionKey(row)));
    this.dead = this.dead.filter((letter) => !gone.has(partitionKey(letter)));
  }
}

/** Loads one target until its signal is aborted or, with `once`, until the ends are reached. */
export class Loader {
  private readonly options: LoaderOptions;
  private encoder: RowEncoder;
  private columns: readonly LoadColumn[] = [];
  private buffer = new PendingRows();
  private flushing: { readonly buffer: PendingRows; readonly done: Promise<void> } | null = null;
  /** Next offset to read of each partition that is ours. */
  private readonly positions = new Map<string, bigint>();
  private readonly stopped = new Map<string, string>();
  private ends: ReadonlyMap<string, bigint> = new Map();
  private topic: TopicInfo | null = null;
  private assignedOnce = false;
  private rows = 0;
  private dead = 0;

  constructor(options: LoaderOptions) {
    this.options = options;
    this.encoder = new RowEncoder(options.target, { columns: [], hashKey: options.hashKey });
  }

  /** @throws when table or topic cannot be used at all; what passes by itself is waited for */
  async run(): Promise<LoadSummary> {
    const { target, client, sink, signal, now } = this.options;
    try {
      this.useColumns(await this.patiently(() => sink.prepare(target)));
      let maintained = now();
      await this.patiently(() => sink.maintain(target));
      const [topic] = await this.patiently(() => client.topics([target.topic]));
      this.topic = topic ?? null;
      const ends = await this.patiently(() => client.ends([target.topic]));
      this.ends = new Map([...ends].map(([key, { end }]) => [key, end]));
      await this.patiently(() => client.join([target.topic], this.listener()));
      while (!signal.aborted && !this.finished()) {
        const polled = await this.patiently(() => client.poll());
        for (const failure of polled.failures) await this.partitionFailed(failure);
        for (const batch of polled.batches) await this.take(batch);
        if (this.due()) this.startFlush();
        // Two buffers at most: one that fills, one that is being written.
        if (this.flushing !== null && this.full()) await this.flushing.done;
        if (now() - maintained > MAINTENANCE_MS) {
          maintained = now();
          await this.patiently(() => sink.maintain(target));
        }
      }
      await this.flushAll();
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
        for (const [key, next] of starts) this.positions.set(key, next);
        this.assignedOnce = true;
        notify({ kind: 'assigned', target, partitions });
        return starts;
      },
      revoked: async (partitions) => {
        // What is not flushed by the deadline is read again by whoever gets the partition.
        await Promise.race([this.flushAll(), pause(REVOKE_DEADLINE_MS)]);
        this.release(partitions);
        notify({ kind: 'revoked', target, partitions });
      },
    };
  }

  private release(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.positions.delete(partitionKey(partition));
    this.buffer.forget(partitions);
  }

  /** Where each partition goes on: the kept position, or the beginning. */
  private async startingPoints(partitions: readonly TopicPartition[]): Promise<Map<string, bigint>> {
    const { target, sink, client } = this.options;
    const kept = await sink.positions(target);
    const topicId = this.topic?.id ?? null;
    const ends = await client.ends([target.topic]);
    const anew = kept.topicId !== null && topicId !== null && kept.topicId !== topicId;
    if (anew && target.onGap === 'stop') {
      const message = `topic ${target.topic} was deleted and made again: its offsets are not those that the table has.`;
      throw new TsdbtError('runtime', message, { path: target.path, hint: `\`tsdbt load rewind --select source:${target.name} --to earliest\` loads the new topic from its beginning; \`on_gap: earliest\` in the load config always does.` });
    }
    const starts = new Map<string, bigint>();
    const fresh = new Map<number, bigint>();
    const reset = new Map<number, bigint>();
    for (const { topic, partition } of partitions) {
      const key = partitionKey({ topic, partition });
      const earliest = ends.get(key)?.earliest ?? 0n;
      const known = anew ? undefined : kept.next.get(partition);
      if (known === undefined) (anew ? reset : fresh).set(partition, earliest);
      starts.set(key, known ?? earliest);
    }
    if (reset.size > 0) await sink.rewind(target, topicId, reset);
    await sink.startAt(target, topicId, fresh);
    return starts;
  }

  private async take(batch: MessageBatch): Promise<void> {
    const { target, decoder } = this.options;
    const key = partitionKey(batch);
    const position = this.positions.get(key);
    if (position === undefined || this.stopped.has(key) || batch.next <= position) return;
    let held = this.hold(batch, position);
    for (const message of batch.messages) {
      if (message.offset < position) continue;
      try {
        const decoded = message.value === null ? decoder.decodeKey(message.key, target.key) : decoder.decode(message.value);
        const record: DecodedRecord = decoded instanceof Promise ? await decoded : decoded;
        const drift = target.schemaDrift === 'ignore' ? [] : this.encoder.drift(record);
        if (drift.length > 0) {
          // What waits was made without the new column: it goes first.
          held.next = message.offset;
          await this.drifted(drift);
          held = this.hold(batch, message.offset);
        }
        const row = this.encoder.encode(message, record, batch.topic, batch.partition, new Date(this.buffer.since).toISOString());
        this.buffer.rows.push(row);
        this.buffer.bytes += row.line.length;
        held.rows++;
      } catch (error) {
        if (!(error instanceof PoisonMessage)) throw error;
        this.buffer.dead.push({ message, topic: batch.topic, partition: batch.partition, error: error.message });
        this.buffer.bytes += (message.value?.length ?? 0) + (message.key?.length ?? 0);
        held.dead++;
      }
      held.newest = Math.max(held.newest ?? 0, message.timestamp);
    }
    held.next = batch.next;
    held.end = batch.end;
    this.positions.set(key, batch.next);
  }

  /** What is held of the batch's partition; begun where it is not. */
  private hold({ topic, partition, end }: MessageBatch, from: bigint): Held {
    const { buffer } = this;
    if (buffer.empty) buffer.since = this.options.now();
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
    const columns = drift.map(({ field, type }) => ({ name: field, type }));
    await this.flushAll();
    this.useColumns(await this.patiently(() => sink.addColumns(target, columns)));
    notify({ kind: 'column', target, columns });
  }

  private useColumns(columns: readonly LoadColumn[]): void {
    this.columns = columns;
    this.encoder = new RowEncoder(this.options.target, { columns, hashKey: this.options.hashKey });
  }

  private full(): boolean {
    const { flush } = this.options.target;
    return this.buffer.rows.length + this.buffer.dead.length >= flush.rows || this.buffer.bytes >= flush.bytes;
  }

  private due(): boolean {
    if (this.buffer.empty || this.flushing !== null) return false;
    return this.full() || this.options.now() - this.buffer.since >= this.options.target.flush.ageMs;
  }

  private finished(): boolean {
    if (!this.options.once || !this.assignedOnce) return false;
    return [...this.positions].every(([key, next]) => this.stopped.has(key) || next >= (this.ends.get(key) ?? 0n));
  }

  private startFlush(): void {
    const { buffer } = this;
    this.buffer = new PendingRows();
    const done = this.write(buffer).finally(() => {
      if (this.flushing?.buffer === buffer) this.flushing = null;
    });
    // Whoever waits for the flush sees its failure; nobody may wait.
    done.catch((error: unknown) => { this.failure ??= error; });
    this.flushing = { buffer, done };
  }

  private failure: unknown;

  /** Writes what is held, in order. */
  private async flushAll(): Promise<void> {
    if (this.flushing !== null) await this.flushing.done;
    if (!this.buffer.empty) {
      this.startFlush();
      await this.flushing?.done;
    }
  }

  /** Until it is written, or somebody else has. */
  private async write(buffer: PendingRows): Promise<void> {
    const { target, sink, loadId, notify, now, client } = this.options;
    const began = now();
    const ranges = [...buffer.held.values()].map(({ topic, partition, from, next, end, rows, dead, newest }) => ({ topic, partition, from, to: next, end, rows, dead, lastTimestamp: newest }));
    try {
      const flushed = await this.patiently(() => sink.flush({ target, columns: this.columns, ranges, rows: buffer.rows, dead: buffer.dead, loadId }));
      this.rows += flushed.rows;
      this.dead += flushed.dead.length;
      const lag = ranges.reduce((sum, { end, to }) => sum + (end > to ? end - to : 0n), 0n);
      const newest = ranges.reduce<number | null>((max, range) => (range.lastTimestamp === null ? max : Math.max(max ?? 0, range.lastTimestamp)), null);
      notify({ kind: 'flushed', target, rows: flushed.rows, bytes: buffer.bytes, dead: flushed.dead, ms: now() - began, lag, newest });
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
    buffer.forget(partitions);
    this.buffer.forget(partitions);
    if (!buffer.empty) await this.write(buffer);
    const ours = partitions.filter((partition) => this.positions.has(partitionKey(partition)));
    const starts = await this.patiently(() => this.startingPoints(ours));
    for (const [key, next] of starts) this.positions.set(key, next);
    client.seek(starts);
  }

  private async partitionFailed(failure: PartitionFailure): Promise<void> {
    const { target, notify, client, sink } = this.options;
    const key = partitionKey(failure);
    if (failure.reason === 'offset_out_of_range' && target.onGap === 'earliest') {
      await this.flushAll();
      const earliest = (await this.patiently(() => client.ends([target.topic]))).get(key)?.earliest ?? 0n;
      await this.patiently(() => sink.rewind(target, this.topic?.id ?? null, new Map([[failure.partition, earliest]])));
      this.positions.set(key, earliest);
      client.seek(new Map([[key, earliest]]));
      return;
    }
    if (this.stopped.has(key)) return;
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
  private async patiently<T>(work: () => Promise<T>): Promise<T> {
    const { target, notify, signal, pause } = this.options;
    for (let attempt = 0; ; attempt++) {
      if (this.failure !== undefined) throw this.failure;
      try {
        return await work();
      } catch (error) {
        if (!passes(error) || signal.aborted) throw error;
        const wait = Math.min(LONGEST_WAIT_MS, 200 * 2 ** Math.min(attempt, 8));
        notify({ kind: 'waiting', target, message: (error as Error).message.split('\n')[0]!, seconds: wait / 1000 });
        await pause(wait);
      }
    }
  }
}

/**
 * Is it a matter of waiting? Connections, restarts, locks, full disks, and a table that is away or locked away; SQLSTATE classes 08, 40, 53, 55,
 * 57, 58, and 42P01.
 */
function passes(error: unknown): boolean {
  if (!(error instanceof TsdbtError)) return false;
  const { code } = error.details;
  if (error.kind === 'connection') return code === undefined || !/^(28|3D)/.test(code);
  if (error.kind !== 'database') return false;
  return code === undefined ? /server closed the connection|Connection terminated/.test(error.message) : /^(08|40|53|55|57|58)/.test(code) || code === '42P01';
}
