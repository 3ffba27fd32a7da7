// One topic into one table: reads batches, makes rows, flushes by rows, bytes or age, and waits when the database is
// away. The position is the database's alone: what was flushed twice is refused there (Fenced) and read anew from where
// the table is.
import { TsdbtError } from '../errors.ts';
import type {
  AssignmentListener,
  BrokerClient,
  MessageBatch,
  PartitionFailure,
  ReadPosition,
  TopicPartition,
} from './broker.ts';
import { partitionKey } from './broker.ts';
import type { Records } from './fast/records.ts';
import { type DecodedRecord, type Decoder, PoisonMessage } from './decode.ts';
import { DeadLimit } from './dead-limit.ts';
import type { LoadEvent, PartitionLag } from './events.ts';
import { DEAD_WINDOW, type LoadColumn, type LoadTarget } from './load-target.ts';
import { JsonScanner } from './fast/json-scanner.ts';
import { answered, Patience, Unfinished } from './patience.ts';
import { type Held, PendingRows } from './pending-rows.ts';
import type { Pulse } from './pulse.ts';
import { RowBuffer } from './fast/row-buffer.ts';
import { type Drift, RowEncoder } from './row-encoder.ts';
import { type FaultPoint, Fenced, type Flushed, type Place, type Sink, TooManyRefused } from './sink.ts';
import { explain, madeAnew, startingPoints } from './starts.ts';

export type { LoadEvent, PartitionLag } from './events.ts';

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
  /** Milliseconds without progress after which `once` gives up; null: never. */
  readonly timeoutMs?: number | null;
  /** Null: who else loads and who moves positions is found out by what the broker and a flush say. */
  readonly pulse?: Pulse | null;
  /** For tests: told of each fault point. */
  readonly reached?: (point: FaultPoint) => void;
}

/** What one loader has done. */
export interface LoadSummary {
  readonly rows: number;
  readonly dead: number;
  readonly stopped: readonly string[];
  /** It was stopped, and what had been read could not be written in time: the next load reads it again. */
  readonly unfinished?: true;
}

const REVOKE_DEADLINE_MS = 10_000;
const MAINTENANCE_MS = 3_600_000;
/** What a broker is given to take leave of. */
const LEAVE_MS = 2000;
/** What a row costs in memory beside its bytes. */
const ROW_BYTES = 64;
/** Rows that are made in one go while the database waits to be fed, and their bytes. */
const ROWS_AT_A_STRETCH = 1000;
const BYTES_AT_A_STRETCH = 8 * 1024 * 1024;

/** Loads one target until its signal is aborted or, with `once`, until the ends are reached. */
export class Loader {
  private readonly options: LoaderOptions;
  private encoder: RowEncoder;
  /** The short way from message to row; null where every message has to be decoded. */
  private scanner: JsonScanner | null = null;
  private columns: readonly LoadColumn[] = [];
  private buffer = new PendingRows();
  /** The memory of rows that are written, for the next ones: taking it anew each time costs more than filling it. */
  private spare: RowBuffer | null = null;
  private flushing: { readonly buffer: PendingRows; readonly done: Promise<void> } | null = null;
  /** The partitions that the group has given to this loader. */
  private readonly ours = new Set<string>();
  /** Next offset to read of each of them; none while it is being found out. */
  private readonly positions = new Map<string, bigint>();
  private readonly stopped = new Map<string, string>();
  /** Partitions whose earlier dead letters count already. */
  private readonly counted = new Set<string>();
  /** Where the topic ended at the start, and where it ends as far as is known. */
  private ends: ReadonlyMap<string, bigint> = new Map();
  private readonly latest = new Map<string, bigint>();
  /** What is in the table. */
  private readonly flushed = new Map<string, Place & { readonly newest: number | null }>();
  private failure: unknown;
  private assignedOnce = false;
  /** Flushes that are finding out where to go on. */
  private fencing = 0;
  private rows = 0;
  private dead = 0;
  private readonly limit: DeadLimit;
  private readonly patience: Patience;
  /** Flushes that have begun or ended: positions that were read meanwhile say nothing. */
  private turns = 0;
  /** Positions that were moved by hand, as a look has found them. */
  private moved: ReadonlyMap<string, Place> = new Map();
  private progressed = 0;

  constructor(options: LoaderOptions) {
    this.options = options;
    this.limit = new DeadLimit(options.target);
    const { target, signal, once, timeoutMs = null, now, notify, pause, sink } = options;
    this.patience = new Patience({
      target,
      signal,
      timeoutMs: once ? timeoutMs : null,
      now,
      notify,
      pause,
      stop: () => void sink.stop(target),
      alive: () => sink.positions(target).then(() => true, answered),
    });
    this.encoder = new RowEncoder(options.target, { columns: [], hashKey: options.hashKey, loadId: options.loadId });
  }

  /** @throws when table or topic cannot be used at all; what passes by itself is waited for */
  async run(): Promise<LoadSummary> {
    const { target, client, sink, signal, now, notify, pulse } = this.options;
    let leave: (() => Promise<void>) | undefined;
    try {
      // Who may not read makes no table.
      await this.patiently(() => client.topics([target.topic]));
      const ends = await this.patiently(() => client.ends([target.topic]));
      this.ends = new Map([...ends].map(([key, { end }]) => [key, end]));
      this.useColumns(await this.patiently(() => sink.prepare(target), undefined, true));
      let maintained = now();
      await this.patiently(() => sink.maintain(target), undefined, true);
      leave = pulse?.enter({
        target,
        member: () => client.member?.() ?? null,
        evict: async (members) => client.evict?.(members),
        mark: () => this.turns,
        positions: (places, mark) => this.looked(places, mark),
      });
      await this.patiently(() => client.join([target.topic], this.listener()));
      this.progressed = now();
      // The last flush may find that there is more to read: another loader had moved a position.
      do {
        while (!signal.aborted && !this.finished()) {
          const polled = await this.patiently(() => client.poll());
          if (polled.batches.length === 0) this.spare = null;
          this.patience.partly(polled.waiting);
          await this.followMoved();
          for (const failure of polled.failures) await this.partitionFailed(failure);
          await this.endWhereAllStopped();
          for (const batch of polled.batches) await this.take(batch);
          notify({ kind: 'polled', target, lag: this.lag() });
          await this.flushDue();
          this.checkProgress();
          if (now() - maintained > MAINTENANCE_MS) {
            maintained = now();
            await this.patiently(() => sink.maintain(target), undefined, true);
          }
        }
        await this.flushAll();
        await this.endWhereAllStopped();
        notify({ kind: 'polled', target, lag: this.lag() });
      } while (!signal.aborted && !this.finished());
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      return { rows: this.rows, dead: this.dead, stopped: [...this.stopped.values()], unfinished: true };
    } finally {
      // A broker or a database that does not answer is not waited for.
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LEAVE_MS);
      });
      await Promise.race([Promise.all([leave?.(), client.close()]), late]);
      clearTimeout(timer);
      this.patience.close();
    }
    return { rows: this.rows, dead: this.dead, stopped: [...this.stopped.values()] };
  }

  /** With `once`: nothing has come for so long, and the ends are not reached. */
  private checkProgress(): void {
    const { once, timeoutMs = null, now, target } = this.options;
    if (!once || timeoutMs === null || now() - this.progressed <= timeoutMs) return;
    const behind = [...this.positions]
      .filter(([key, next]) => !this.stopped.has(key) && next < (this.ends.get(key) ?? 0n))
      .map(([key, next]) => `${key} is at ${next} of ${this.ends.get(key)}`);
    throw this.patience.timedOut(
      behind.length > 0
        ? `${behind.join(', ')}`
        : `no partition of ${target.topic} was given to this loader; another one of its group may have them`,
    );
  }

  /** Where the table is, as somebody has just looked. */
  private looked(places: ReadonlyMap<number, Place>, mark: unknown): void {
    if (mark !== this.turns || this.flushing !== null || this.fencing > 0) return;
    const moved = new Map<string, Place>();
    for (const key of this.ours) {
      const found = places.get(Number(key.slice(key.lastIndexOf('/') + 1)));
      if (found !== undefined && this.isElsewhere(key, found)) moved.set(key, found);
    }
    this.moved = moved;
  }

  /** A position that was set by hand has no epoch, also where the offset is the same. */
  private isElsewhere(key: string, found: Place): boolean {
    const known = this.flushed.get(key);
    return known !== undefined && (known.next !== found.next || known.epoch !== found.epoch);
  }

  /** Goes where `load rewind` has set the table, beside a loader that may have nothing to write. */
  private async followMoved(): Promise<void> {
    if (this.moved.size === 0) return;
    const { target, notify } = this.options;
    if (this.flushing !== null) await this.flushing.done;
    const partitions = [...this.moved]
      .filter(([key, found]) => this.ours.has(key) && this.isElsewhere(key, found))
      .map(([key]) => ({ topic: target.topic, partition: Number(key.slice(key.lastIndexOf('/') + 1)) }));
    this.moved = new Map();
    if (partitions.length === 0) return;
    notify({ kind: 'moved', target, partitions });
    await this.goWhereTheTableIs(new PendingRows(), partitions);
  }

  private listener(): AssignmentListener {
    const { target, notify, pause } = this.options;
    return {
      assigned: async (partitions) => {
        this.turns++;
        const starts = await this.patiently(() => this.startingPoints(partitions));
        for (const key of starts.keys()) this.ours.add(key);
        this.goOn(starts);
        // Before anything says that the end is reached.
        await this.verify(starts);
        await this.endWhereAllStopped();
        this.assignedOnce = true;
        this.progressed = this.options.now();
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
      this.stopped.delete(partitionKey(partition));
    }
    this.limit.forget(this.buffer.forget(partitions));
  }

  /** Reads from these offsets on, which are the table's. */
  private goOn(starts: ReadonlyMap<string, ReadPosition>): void {
    this.turns++;
    for (const [key, { next, epoch }] of starts) {
      if (!this.ours.has(key)) continue;
      this.positions.set(key, next);
      // It may have been stopped where it was.
      this.stopped.delete(key);
      this.flushed.set(key, { next, epoch, newest: this.flushed.get(key)?.newest ?? null });
    }
  }

  private lag(): ReadonlyMap<string, PartitionLag> {
    return new Map(
      [...this.flushed].map(([key, { next, newest }]) => {
        const end = this.latest.get(key) ?? this.ends.get(key) ?? next;
        return [key, { rows: end > next ? end - next : 0n, newest }];
      }),
    );
  }

  /** Where each partition goes on: the kept position, or the beginning. */
  private async startingPoints(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, ReadPosition>> {
    const { target, sink } = this.options;
    const starts = await startingPoints(this.options, partitions);
    const places = new Map(
      partitions.flatMap((at) =>
        this.counted.has(partitionKey(at)) ? [] : [[at.partition, starts.get(partitionKey(at))!.next] as const],
      ),
    );
    if (target.maxDead !== null)
      this.limit.before(await sink.recentDead(target, places, DEAD_WINDOW, target.maxDead + 1));
    for (const at of partitions) this.counted.add(partitionKey(at));
    return starts;
  }

  /** Is the log still the one that was loaded? Partitions where it is not stop. */
  private async verify(starts: ReadonlyMap<string, ReadPosition>): Promise<void> {
    for (const failure of await this.patiently(() => this.options.client.verify([...starts.values()]))) {
      if (this.ours.has(partitionKey(failure)) && !this.stopped.has(partitionKey(failure))) this.stop(failure);
    }
  }

  private async take(batch: MessageBatch): Promise<void> {
    const { target, decoder, client } = this.options;
    const key = partitionKey(batch);
    const position = this.positions.get(key);
    if (position === undefined || this.stopped.has(key)) return;
    if (batch.from > position) {
      // It would leave a gap.
      const known = this.flushed.get(key);
      client.seek(new Map([[key, { next: position, epoch: known?.next === position ? known.epoch : null }]]));
      return;
    }
    this.latest.set(key, batch.end);
    if (batch.next <= position) return;
    this.progressed = this.options.now();
    let held = this.hold(batch, position);
    let mark = position;
    /**
     * Waits for something in the midst of a batch; whatever is flushed meanwhile ends before `offset`.
     * @returns null when the partition is read from elsewhere then
     */
    const wait = async <T>(offset: bigint, work: () => Promise<T>): Promise<{ readonly value: T } | null> => {
      held.next = offset;
      held.epoch = batch.epoch;
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
        // One batch may hold more than a flush should.
        if (this.full() && (await wait(records.offset(at), () => this.flushDue())) === null) return;
        begin();
        const ordinary = this.takeOrdinary(
          records,
          at,
          Math.min(records.length, at + ROWS_AT_A_STRETCH - stretch),
          held,
          place,
        );
        stretch += ordinary + 1;
        at += ordinary;
        if (ordinary > 0) continue;
        const message = records.message(at);
        const { offset } = message;
        try {
          let record: DecodedRecord;
          const decoded =
            message.value === null ? decoder.decodeKey(message.key, target.key) : decoder.decode(message.value);
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
          const {
            line,
            key: rowKey,
            partitionTime,
          } = this.encoder.encode(message, record, batch.topic, batch.partition, this.buffer.loadedAt.toString());
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
          this.limit.add([error.message]);
        }
        this.limit.read(1);
        if (this.limit.reached) throw this.limit.error(this.place());
        this.count(records, at, held);
        at++;
      }
    }
    held.next = batch.next;
    held.end = batch.end;
    held.epoch = batch.epoch;
    this.positions.set(key, batch.next);
  }

  /** Takes messages as long as they are ordinary ones, up to before `to`. @returns how many */
  private takeOrdinary(records: Records, from: number, to: number, held: Held, place: Buffer): number {
    const { scanner, buffer } = this;
    if (scanner === null) return 0;
    const { rows, loadedAt } = buffer;
    const before = rows.end;
    let at = from;
    for (
      ;
      at < to &&
      rows.end - before < BYTES_AT_A_STRETCH &&
      records.valueStart(at) >= 0 &&
      scanner.add(records, at, rows, place, loadedAt);
      at++
    )
      this.count(records, at, held);
    held.rows += at - from;
    this.limit.read(at - from);
    buffer.bytes += rows.end - before;
    return at - from;
  }

  private count(records: Records, i: number, held: Held): void {
    const size = records.size(i);
    const time = records.timestamp(i);
    this.buffer.bytes += size + ROW_BYTES;
    this.buffer.messageBytes += size;
    // A message without a time says nothing.
    if (time > (held.newest ?? Number.NEGATIVE_INFINITY)) held.newest = time;
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
      held = { topic, partition, from, next: from, end, rows: 0, dead: 0, newest: null, epoch: null };
      buffer.held.set(key, held);
    }
    return held;
  }

  private async drifted(drift: readonly Drift[]): Promise<void> {
    const { target, sink, notify } = this.options;
    const names = drift.map(({ field }) => `'${field}'`).join(', ');
    if (target.schemaDrift === 'dead_letter') throw new PoisonMessage(`no column is declared for ${names}`);
    if (target.schemaDrift === 'fail') {
      throw new TsdbtError(
        'runtime',
        `A message of topic ${target.topic} has ${names}, and source ${target.name} declares no such column.`,
        { path: target.path, hint: 'Declare it, or choose schema_drift: ignore, add_column or dead_letter.' },
      );
    }
    if (drift.some(({ field }) => Buffer.byteLength(field) > 63))
      throw new PoisonMessage('the name of a new field is longer than 63 bytes and cannot be that of a column');
    const columns = drift.map(({ field, type }) => ({ name: field, type }));
    await this.flushAll();
    this.options.reached?.('in_drift');
    try {
      this.useColumns(await this.patiently(() => sink.addColumns(target, columns), undefined, true));
    } catch (error) {
      // A table has 1,600 columns at most.
      if (error instanceof TsdbtError && error.details.code?.startsWith('54'))
        throw new PoisonMessage(`no column can be added for ${names}`);
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
    this.turns++;
    const done = this.write(buffer).finally(() => {
      this.turns++;
      if (this.flushing?.buffer === buffer) this.flushing = null;
    });
    // Whoever waits for the flush sees its failure; nobody may wait.
    done.catch((error: unknown) => {
      this.failure ??= error;
    });
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
    const ranges = [...buffer.held.values()].map(
      ({ topic, partition, from, next, end, rows, dead, newest, epoch }) => ({
        topic,
        partition,
        from,
        to: next,
        end,
        rows,
        dead,
        lastTimestamp: newest,
        epoch,
      }),
    );
    try {
      let attempts = 0;
      const flushed = await this.patiently(
        (): Promise<Flushed> => {
          attempts++;
          return sink.flush({
            target,
            columns: this.columns,
            ranges,
            rows: buffer.rows,
            dead: buffer.dead,
            loadId,
            allowance: this.limit.left,
          });
        },
        undefined,
        true,
      );
      this.limit.add(flushed.dead.slice(buffer.dead.length).map(({ error }) => error));
      this.progressed = now();
      // A connection that was given up may still be sending.
      if (attempts === 1) this.spare = buffer.rows.clear();
      this.rows += flushed.rows;
      this.dead += flushed.dead.length;
      for (const { topic, partition, to, lastTimestamp, epoch } of ranges) {
        const key = partitionKey({ topic, partition });
        const before = this.flushed.get(key);
        if (before !== undefined)
          this.flushed.set(key, { next: to, epoch: epoch ?? before.epoch, newest: lastTimestamp ?? before.newest });
      }
      const lag = ranges.reduce((sum, { end, to }) => sum + (end > to ? end - to : 0n), 0n);
      const newest = ranges.reduce<number | null>(
        (max, range) => (range.lastTimestamp === null ? max : Math.max(max ?? 0, range.lastTimestamp)),
        null,
      );
      notify({
        kind: 'flushed',
        target,
        rows: flushed.rows,
        bytes: buffer.messageBytes,
        dead: flushed.dead,
        ms: now() - began,
        lag,
        newest,
      });
      await client.commit(new Map(ranges.map((range) => [partitionKey(range), range.to])));
    } catch (error) {
      if (error instanceof TooManyRefused) {
        this.limit.add(error.letters.map((letter) => letter.error));
        throw this.limit.error(this.place());
      }
      if (!(error instanceof Fenced)) throw error;
      notify({ kind: 'fenced', target, partitions: error.partitions });
      await this.goWhereTheTableIs(buffer, error.partitions);
    }
  }

  /** Where the table is, for people. */
  private place(): string {
    return [...this.flushed].map(([key, { next }]) => `${key} offset ${next}`).join(', ');
  }

  /**
   * Throws away what is held of the partitions that somebody else has moved, keeps the rest, and reads on from where
   * the table is.
   */
  private async goWhereTheTableIs(buffer: PendingRows, partitions: Fenced['partitions']): Promise<void> {
    const { client } = this.options;
    const ours = partitions.filter((partition) => this.ours.has(partitionKey(partition)));
    // Nothing is taken of them until it is known where they go on.
    this.fencing++;
    for (const partition of ours) this.positions.delete(partitionKey(partition));
    this.limit.forget(buffer.forget(partitions) + this.buffer.forget(partitions));
    try {
      if (!buffer.empty) await this.write(buffer);
      const starts = await this.patiently(() => this.startingPoints(ours));
      this.goOn(starts);
      client.seek(starts);
      await this.verify(starts);
    } finally {
      this.fencing--;
    }
  }

  private async partitionFailed(failure: PartitionFailure): Promise<void> {
    const { target, client, sink } = this.options;
    const key = partitionKey(failure);
    if (this.stopped.has(key)) return;
    const anew = failure.reason === 'made_anew';
    if ((anew || failure.reason === 'offset_out_of_range') && target.onGap === 'earliest') {
      await this.flushAll();
      const [topic] = await this.patiently(() => client.topics([target.topic]));
      const earliest = (await this.patiently(() => client.ends([target.topic]))).get(key)?.earliest ?? 0n;
      await this.patiently(() => sink.rewind(target, topic?.id ?? null, new Map([[failure.partition, earliest]])));
      const starts = new Map([
        [key, { topic: failure.topic, partition: failure.partition, next: earliest, epoch: null }],
      ]);
      this.goOn(starts);
      client.seek(starts);
      return;
    }
    if (anew) {
      await this.flushAll();
      throw madeAnew(target);
    }
    this.stop(failure);
  }

  /** One partition stops, the others go on. */
  private stop(failure: PartitionFailure): void {
    const { target, notify, client } = this.options;
    const key = partitionKey(failure);
    const message = explain(target, failure, this.positions.get(key) ?? 0n);
    this.stopped.set(key, `${key}: ${message}`);
    client.pause([failure]);
    notify({ kind: 'stopped', target, partition: failure, message });
  }

  /** @throws when there is nothing left to be read */
  private async endWhereAllStopped(): Promise<void> {
    const { target } = this.options;
    if (this.ours.size === 0 || this.fencing > 0 || [...this.ours].some((each) => !this.stopped.has(each))) return;
    await this.flushAll();
    throw new TsdbtError('runtime', `Loading ${target.name} stopped: ${[...this.stopped.values()].at(-1)}`, {
      path: target.path,
    });
  }

  /** Does it again while database or broker are away; what will not pass by itself is thrown. */
  private async patiently<T>(work: () => Promise<T>, meanwhile?: () => Promise<void>, statement = false): Promise<T> {
    return this.patience.wait(
      work,
      () => {
        if (this.failure !== undefined) throw this.failure;
      },
      meanwhile,
      statement,
    );
  }
}

/** Lets what else is due go first. */
function breath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
