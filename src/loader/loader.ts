// Loads a target's topics into its table: polls the broker, feeds batches to an intake, starts flushes, follows the
// group, waits for unavailable servers. Only the database's position counts: it rejects a second flush of the same
// messages (Fenced), and reading resumes at the table's position. intake.ts builds rows, flusher.ts writes them.
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { TsdbtError } from '../errors.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type MessageBatch,
  NOTHING_READ,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type TopicPartition,
} from './brokers/broker.ts';
import { Halt } from './formats/row-change.ts';
import { type Decoder, PoisonMessage } from './formats/message-decoder.ts';
import { DeadLimit } from './dead-limit.ts';
import type { LoadEvent } from './events.ts';
import { Flusher } from './flusher.ts';
import { type Answer, GO_ON, Intake, type Need } from './intake.ts';
import { DEAD_WINDOW } from '../settings/load-settings.ts';
import type { LoadColumn, LoadTarget } from './settings/load-target.ts';
import { Partitions } from './partitions.ts';
import { answered, Patience, Unfinished, whenStopped } from './patience.ts';
import { Maintenance } from './maintenance.ts';
import { PendingRows } from './pending-rows.ts';
import type { Pulse } from './pulse.ts';
import type { Drift } from './formats/rows/row-encoder.ts';
import { addDriftColumns, fieldNames, RejectedFields } from './added-columns.ts';
import { type RowMaker, rowMaker } from './formats/rows/row-writer.ts';
import { type FaultPoint, Fenced, type OpenFlush, type Place, type Sink, type Start, TooManyRefused } from './sink.ts';
import {
  explain,
  isAnother,
  learnOrder,
  learnRecorded,
  ledOf,
  ledPartitions,
  madeAnew,
  refuseOlderVersions,
  startingPoints,
} from './starts.ts';
import { SnapshotFloors } from './formats/debezium/snapshot-floors.ts';
import { ofTopic, topicNamed, topicNames, topicsThere } from './settings/target-topics.ts';
import { within } from '../within.ts';

export type { LoadEvent, PartitionLag } from './events.ts';

export interface LoaderOptions {
  readonly target: LoadTarget;
  readonly client: BrokerClient;
  readonly sink: Sink;
  readonly decoder: Decoder;
  readonly loadId: string;
  readonly hashKey: string | null;
  /** Stop at the topic's end offsets as of the start. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly notify: (event: LoadEvent) => void;
  /** Resolves after that many milliseconds, or when the signal is aborted. */
  readonly pause: (ms: number) => Promise<void>;
  /** Milliseconds without progress after which `once` gives up; null: never. */
  readonly timeoutMs?: number | null;
  /** Null: other loaders and moved positions are noticed only through errors of the broker and of flushes. */
  readonly pulse?: Pulse | null;
  /** Called if the pulse finds the table paused. */
  readonly paused?: () => void;
  /** Interval of checks for topics that match a pattern, in milliseconds. */
  readonly topicsMs?: number;
  /** For tests: called at each fault point. */
  readonly reached?: (point: FaultPoint) => void;
}

/** The result of one loader. */
export interface LoadSummary {
  readonly rows: number;
  readonly dead: number;
  readonly stopped: readonly string[];
  /** It was stopped before the rows could be written: the next load reads them again. */
  readonly unfinished?: true;
  /** Since when the table is paused, which ended the load; an ISO time. */
  readonly paused?: string;
}

const REVOKE_DEADLINE_MS = 10_000;
/** How long to wait for the leader of another loader's partition when a flush is settled. */
const UNREACHABLE_MS = 10_000;
/** Interval of checks for topics that match a pattern. */
const TOPICS_MS = 5000;
/** Time limit for leaving the group and closing connections. */
const LEAVE_MS = 2000;

/** Loads one target until its signal is aborted or, with `once`, until the end offsets are reached. */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #limit: DeadLimit;
  readonly #rejected = new RejectedFields();
  readonly #floors: SnapshotFloors;
  readonly #patience: Patience;
  /** Partitions whose earlier dead letters are counted. */
  readonly #counted = new Set<string>();
  readonly #partitions = new Partitions();
  readonly #flusher: Flusher;
  #maker: RowMaker;
  /** Whether the group has assigned anything yet, even an empty set. */
  #assignedOnce = false;
  /** Number of reads of the table's position that are in flight. */
  #fencing = 0;
  /** Positions set by `load rewind`, found by the pulse, by `topic/partition`. */
  #moved: { readonly places: ReadonlyMap<string, Place>; readonly turn: number } | null = null;
  /** The topics that are read; those added since the start; when the pattern was last checked. */
  #topics: readonly string[] = [];
  readonly #came = new Set<string>();
  #asked = 0;
  /** When something was last read or written. */
  #progressed = 0;
  /** Own partitions without a leader, by `topic/partition`: the client assigns them again. */
  readonly #away = new Set<string>();
  /** Why the last flush of a partition cannot be settled, by `topic/partition`. */
  readonly #unreadable = new Map<string, PartitionFailure>();

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#limit = new DeadLimit(options.target);
    this.#floors = new SnapshotFloors(options.target);
    const { target, signal, once, timeoutMs = null, now, notify, pause, sink } = options;
    this.#patience = new Patience({
      target,
      signal,
      timeoutMs: once ? timeoutMs : null,
      now,
      notify,
      pause,
      stop: () => void sink.stop(target),
      alive: () => sink.positions(target).then(() => true, answered),
    });
    this.#maker = this.#rowMaker([]);
    this.#flusher = this.#newFlusher();
  }

  /** @throws if the table or topic cannot be used; waits for transient errors */
  async run(): Promise<LoadSummary> {
    const { target, client, sink, signal, now, notify } = this.#options;
    const maintenance = new Maintenance();
    let leave: (() => Promise<void>) | undefined;
    try {
      // The topic is checked first: without the privilege to read it, no table is created.
      this.#topics = await this.#patiently(() => topicNames(client, target));
      this.#asked = now();
      const topics = await this.#patiently(() => client.topics(this.#topics));
      // A partition without a leader must not stop the others.
      await this.#patiently(async () => this.#aimAt(await ledOf(client, topics)));
      const columns = await this.#patientStatement(() => sink.prepare(target));
      this.#maker = this.#rowMaker(columns);
      await maintenance.run(this.#options, (statement) => this.#patientStatement(statement));
      leave = this.#enterPulse();
      await this.#patiently(() => client.join(this.#topics, this.#listener()));
      this.#progressed = now();
      // The last flush may be fenced: then there is more to read.
      do {
        while (!signal.aborted && !this.#finished()) {
          await this.#pollOnce();
          await maintenance.run(this.#options, (statement) => this.#patientStatement(statement));
        }
        await this.#flusher.flushAll();
        await this.#endWhereAllStopped();
        notify({ kind: 'polled', target, lag: this.#partitions.lag });
      } while (!signal.aborted && !this.#finished());
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      return this.#flusher.unwritten ? { ...this.#summary(), unfinished: true } : this.#summary();
    } finally {
      // Does not wait for an unresponsive broker or database.
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LEAVE_MS);
      });
      await Promise.race([Promise.all([leave?.(), client.close(), this.#flusher.leave()]), late]);
      clearTimeout(timer);
      this.#patience.close();
    }
    return this.#summary();
  }

  #rowMaker(columns: readonly LoadColumn[]): RowMaker {
    const { target, decoder, hashKey, loadId } = this.#options;
    return rowMaker(target, decoder, columns, { hashKey, loadId, floors: this.#floors });
  }

  #summary(): LoadSummary {
    return { ...this.#flusher.written, stopped: this.#partitions.stopped };
  }

  #newFlusher(): Flusher {
    const { target, loadId, sink, client, now, notify } = this.#options;
    return new Flusher({
      target,
      loadId,
      sink,
      client,
      partitions: this.#partitions,
      limit: this.#limit,
      now,
      notify: (event) => {
        if (event.kind === 'flushed') this.#progressed = now();
        notify(event);
      },
      columns: () => this.#maker.columns,
      patiently: (statement) => this.#patientStatement(statement),
      fenced: (pending, partitions) => this.#goWhereTheTableIs(pending, partitions),
    });
  }

  #enterPulse(): (() => Promise<void>) | undefined {
    const { target, client, pulse } = this.#options;
    return pulse?.enter({
      targets: () => this.#topics.map((topic) => ofTopic(target, topic)),
      member: () => client.member?.() ?? null,
      evict: async (members) => client.evict?.(members),
      busy: () => this.#flusher.busy,
      mark: () => this.#partitions.turns,
      positions: (places, mark) => this.#looked(places, mark),
      paused: () => this.#options.paused?.(),
    });
  }

  async #pollOnce(): Promise<void> {
    const { target, client, notify } = this.#options;
    await this.#followTopics();
    const polled = await this.#patiently(
      () => client.poll().catch((error: unknown) => this.#topicGone(error)),
      // An unavailable broker does not delay writing what was read.
      () => this.#flusher.flushDue(),
    ).catch(whenStopped(NOTHING_READ));
    if (polled.batches.length === 0) this.#flusher.rest();
    this.#patience.partly(polled.waiting);
    await this.#followMoved();
    for (const failure of polled.failures) await this.#partitionFailed(failure);
    await this.#endWhereAllStopped();
    for (const batch of polled.batches) await this.#take(batch);
    notify({ kind: 'polled', target, lag: this.#partitions.lag });
    await this.#flusher.flushDue();
    this.#checkProgress();
  }

  /** Subscribes to topics that newly match the pattern, and leaves deleted ones. */
  async #followTopics(): Promise<void> {
    const { target, client, once, now, topicsMs = TOPICS_MS } = this.#options;
    if (once || !(target.topics instanceof RegExp) || now() - this.#asked < topicsMs) return;
    this.#asked = now();
    const names = await this.#patiently(() => topicNames(client, target));
    if (names.join() === this.#topics.join()) return;
    for (const name of names) if (!this.#topics.includes(name)) this.#came.add(name);
    this.#topics = names;
    await this.#patiently(() => client.join(names, this.#listener()));
  }

  /** A deleted topic of the pattern is not a failure: it is left at the next check. */
  async #topicGone(error: unknown): Promise<Polled> {
    const { target, client, once } = this.#options;
    if (once || !(target.topics instanceof RegExp)) throw error;
    const names = await client.matching(target.topics);
    if (this.#topics.every((topic) => names.includes(topic))) throw error;
    this.#asked = 0;
    return NOTHING_READ;
  }

  /** With `once`: nothing was read or written for too long before the end was reached. */
  #checkProgress(): void {
    const { once, timeoutMs = null, now, target } = this.#options;
    if (!once || timeoutMs === null || now() - this.#progressed <= timeoutMs) return;
    const { behind } = this.#partitions;
    throw this.#patience.timedOut(
      behind.length + this.#away.size > 0
        ? [...behind, ...[...this.#away].map((key) => `${key} has no leader`)].join(', ')
        : `no partition of ${target.topic} was given to this loader; another one of its group may have them`,
    );
  }

  /** Adds the batch's messages from the position on, until the end or until the partition is repositioned. */
  async #take(batch: MessageBatch): Promise<void> {
    const { target, decoder, client, now } = this.#options;
    const position = this.#partitions.nextOf(batch);
    if (position === null) return;
    if (batch.from > position) {
      // It would leave a gap.
      client.seek(new Map([[partitionKey(batch), this.#partitions.readPosition(batch, position)]]));
      return;
    }
    this.#partitions.saw(batch);
    if (batch.next <= position) return;
    this.#progressed = now();
    const intake = new Intake(
      { target, decoder, limit: this.#limit, now, floors: this.#floors },
      batch,
      position,
      this.#maker,
    );
    for (let answer = GO_ON; ; ) {
      const taken = intake.take(this.#flusher.filling, this.#maker, answer);
      if (taken.kind === 'too_many_dead') throw this.#limit.error(this.#partitions.place);
      if (taken.kind === 'taken') return this.#partitions.reach(batch, taken.next);
      // A flush during the wait moves the table's position exactly to this offset.
      this.#partitions.reach(batch, taken.offset);
      answer = await this.#answer(taken);
      if (!this.#partitions.isAt(batch, taken.offset)) return;
    }
  }

  /** Provides what an intake needs. */
  async #answer(need: Need): Promise<Answer> {
    try {
      switch (need.kind) {
        case 'turn':
        case 'room':
          if (need.kind === 'turn') await eventLoopTurn();
          await this.#flusher.flushDue();
          return GO_ON;
        case 'record':
          return {
            kind: 'record',
            record: await this.#patiently(need.decode, () => this.#flusher.flushDue()),
          };
        case 'columns':
          await this.#addColumns(need.drift);
          return GO_ON;
        case 'halt':
          await this.#flusher.flushAll();
          throw need.error;
      }
    } catch (error) {
      if (error instanceof Halt) {
        await this.#flusher.flushAll();
        throw error.error;
      }
      if (!(error instanceof PoisonMessage)) throw error;
      return { kind: 'dead', error: error.message };
    }
  }

  /** @throws PoisonMessage if a field cannot become a column */
  async #addColumns(drift: readonly Drift[]): Promise<void> {
    const { target, sink, notify, reached } = this.#options;
    const names = fieldNames(drift);
    if (target.schemaDrift === 'dead_letter') throw new PoisonMessage(`no column is declared for ${names}`);
    if (target.schemaDrift === 'fail')
      throw new TsdbtError(
        'runtime',
        `A message of topic ${target.topic} has ${names}, and source ${target.name} declares no such column.`,
        { path: target.path, hint: 'Declare it, or choose schema_drift: ignore, add_column or dead_letter.' },
      );
    const { columns: known } = this.#maker.encoder.plan;
    const all = await addDriftColumns(drift, known.length, this.#rejected, async (columns) => {
      await this.#flusher.flushAll();
      reached?.('in_drift');
      return this.#patientStatement(() => sink.addColumns(target, columns));
    });
    this.#maker = this.#rowMaker(all);
    const columns = drift.map(({ field, type }) => ({ name: field, type }));
    notify({ kind: 'column', target, columns });
  }

  #listener(): AssignmentListener {
    const { target, notify, now, once, reached } = this.#options;
    return {
      assigned: async (partitions) => {
        this.#partitions.turn();
        const led = await this.#patiently(() => ledPartitions(this.#options.client, partitions));
        for (const at of partitions) this.#away.add(partitionKey(at));
        for (const at of led) this.#away.delete(partitionKey(at));
        const starts = await this.#patiently(() => this.#startingPoints(led));
        if (once) await this.#patiently(() => this.#aimAt(led.filter((at) => !this.#partitions.isAimed(at))));
        this.#partitions.give(led);
        this.#partitions.goOn(starts);
        // Before the end is reported.
        await this.#verify(starts);
        await this.#endWhereAllStopped();
        this.#assignedOnce = true;
        // Partitions without a leader are assigned repeatedly.
        if (led.length > 0 || partitions.length === 0) this.#progressed = now();
        if (led.length > 0) notify({ kind: 'assigned', target, partitions: led });
        return starts;
      },
      revoked: async (partitions) => {
        reached?.('in_revoke');
        // What is not flushed by the deadline is read again by the partition's next owner.
        const flushed = this.#flusher.flushAll();
        if (await within(flushed, REVOKE_DEADLINE_MS)) await flushed;
        this.#partitions.release(partitions);
        for (const at of partitions) this.#away.delete(partitionKey(at));
        this.#limit.forget(this.#flusher.filling.forget(partitions));
        notify({ kind: 'revoked', target, partitions });
      },
    };
  }

  /** The start of each partition: the stored position, or the beginning. */
  async #startingPoints(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Start>> {
    const { target, sink } = this.#options;
    await this.#settle(partitions);
    const starts = await startingPoints({ ...this.#options, came: this.#came }, partitions);
    const places = new Map<string, Map<number, bigint>>();
    for (const [key, { topic, partition, next }] of starts)
      if (!this.#counted.has(key)) places.set(topic, (places.get(topic) ?? new Map()).set(partition, next));
    if (target.maxDead !== null)
      for (const [topic, next] of places)
        this.#limit.before(await sink.recentDead(ofTopic(target, topic), next, DEAD_WINDOW, target.maxDead + 1));
    for (const key of starts.keys()) this.#counted.add(key);
    // After the positions: if they are set from here on, flushes of what is learned now are fenced.
    await learnOrder(this.#options, this.#floors, [...starts.values()]);
    return starts;
  }

  /** Uses the current end offsets of partitions as those that `once` loads up to. */
  async #aimAt(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    const ends = await this.#options.client.ends([...new Set(partitions.map(({ topic }) => topic))], partitions);
    for (const [key, { end }] of ends) this.#partitions.aimAt(key, end);
  }

  /** Completes flushes that a loader has recorded and only partly written. */
  async #settle(partitions: readonly TopicPartition[]): Promise<void> {
    const { target, sink, client, loadId } = this.#options;
    for (const at of partitions) this.#unreadable.delete(partitionKey(at));
    const open = new Map<string, OpenFlush>();
    for (const name of new Set(partitions.map(({ topic }) => topic))) {
      const numbers = partitions.filter(({ topic }) => topic === name).map(({ partition }) => partition);
      for (const flush of await sink.unsettled(ofTopic(target, name), numbers)) open.set(flush.id, flush);
    }
    const names = [...new Set([...open.values()].flatMap(({ ranges }) => ranges.map(({ topic }) => topic)))];
    const ids = new Map<string, string | null>();
    for (const name of names) {
      const found = await (topicNamed(target, name) ? client.topics([name]) : topicsThere(client, name));
      for (const { topic, id } of found) ids.set(topic, id);
    }
    if (open.size > 0) await learnRecorded(this.#options, this.#floors, partitions, [...open.values()]);
    for (const flush of open.values()) {
      const pending = new PendingRows();
      for (const range of flush.ranges) {
        // Messages of a deleted topic are in no log: starts.ts reports that.
        if (!ids.has(range.topic) || isAnother(range.topicId, ids.get(range.topic) ?? null)) continue;
        // The owner of a partition waits for its leader. Other loaders settle what can be read.
        const key = partitionKey(range);
        const own = partitions.some((at) => partitionKey(at) === key);
        const waitMs = own ? null : this.#away.has(key) ? 0 : UNREACHABLE_MS;
        const { batches, failure } = await client.read(range, range.from, range.to, waitMs);
        if (failure?.reason === 'unreachable') continue;
        if (failure !== null && (failure.reason !== 'offset_out_of_range' || target.onGap === 'stop'))
          this.#unreadable.set(partitionKey(range), failure);
        else await this.#readAgain(pending, range, batches);
      }
      if (pending.empty) continue;
      const { columns } = this.#maker;
      const { rows, dead } = pending;
      const limit = new DeadLimit(target);
      try {
        const ranges = pending.ranges();
        await sink.settle(flush, { target, columns, ranges, rows, dead, loadId, allowance: limit.left });
      } catch (error) {
        if (error instanceof TooManyRefused) {
          limit.add(error.letters);
          const places = flush.ranges.map((range) => `${partitionKey(range)} offset ${range.from}`);
          throw limit.error(places.join(', '));
        }
        // Another loader has settled it: the positions are read afterwards.
        if (!(error instanceof Fenced)) throw error;
      }
    }
  }

  /** Adds the rows and dead letters of messages that are read again. @param from start of their range */
  async #readAgain(
    pending: PendingRows,
    { topic, partition, from }: TopicPartition & { readonly from: bigint },
    batches: readonly MessageBatch[],
  ): Promise<void> {
    const { target, decoder, now } = this.#options;
    const limit = new DeadLimit(target);
    pending.hold({ topic, partition }, from, from, now);
    for (const batch of batches) {
      const intake = new Intake({ target, decoder, limit, now, floors: this.#floors }, batch, batch.from, this.#maker);
      for (let answer = GO_ON; ; ) {
        const taken = intake.take(pending, this.#maker, answer);
        if (taken.kind === 'too_many_dead') throw limit.error(`${topic}/${partition} offset ${from}`);
        if (taken.kind === 'taken') break;
        if (taken.kind === 'turn') await eventLoopTurn();
        answer = taken.kind === 'turn' || taken.kind === 'room' ? GO_ON : await this.#answer(taken);
      }
    }
  }

  /** Checks whether the log is still the one that was loaded. If not, the partition stops. */
  async #verify(starts: ReadonlyMap<string, Start>): Promise<void> {
    const failures = await this.#patiently(() => this.#options.client.verify([...starts.values()]));
    for (const failure of [...failures, ...this.#unreadable.values()])
      if (this.#partitions.has(failure) && !this.#partitions.isStopped(failure)) this.#stop(failure);
  }

  /** Compares the table's positions with this loader's. @param turn the last one before the positions were read */
  #looked(places: ReadonlyMap<string, Place>, turn: unknown): void {
    if (typeof turn !== 'number' || this.#fencing > 0) return;
    const moved = this.#partitions.elsewhere(places, turn).filter((at) => !this.#flusher.isMoving(at));
    const keys = new Set(moved.map(partitionKey));
    this.#moved = { places: new Map([...places].filter(([key]) => keys.has(key))), turn };
  }

  /** Follows `load rewind`, even if this loader has nothing to write. */
  async #followMoved(): Promise<void> {
    if (this.#moved === null || this.#moved.places.size === 0) return;
    const { target, notify } = this.#options;
    await this.#flusher.settled();
    const partitions = this.#partitions.elsewhere(this.#moved.places, this.#moved.turn);
    this.#moved = null;
    if (partitions.length === 0) return;
    notify({ kind: 'moved', target, partitions });
    await this.#goWhereTheTableIs(new PendingRows(), partitions);
  }

  /** Drops the rows of repositioned partitions, keeps the others, and continues from the table's positions. */
  async #goWhereTheTableIs(pending: PendingRows, partitions: readonly TopicPartition[]): Promise<void> {
    const { client } = this.#options;
    const ours = partitions.filter((partition) => this.#partitions.has(partition));
    this.#fencing++;
    this.#partitions.suspend(ours);
    this.#limit.forget([...pending.forget(partitions), ...this.#flusher.filling.forget(partitions)]);
    try {
      if (!pending.empty) await this.#flusher.write(pending);
      const starts = await this.#patiently(() => this.#startingPoints(ours));
      for (const start of starts.values()) this.#limit.readAgain(start, start.next);
      this.#partitions.goOn(starts);
      client.seek(starts);
      await this.#verify(starts);
    } finally {
      this.#fencing--;
    }
  }

  async #partitionFailed(failure: PartitionFailure): Promise<void> {
    const { target, client, sink } = this.#options;
    const { topic, partition, reason } = failure;
    if (this.#partitions.isStopped(failure)) return;
    const [anew, unfinished] = [reason === 'made_anew', reason === 'unfinished_snapshot'];
    if (unfinished || ((anew || reason === 'offset_out_of_range') && target.onGap === 'earliest')) {
      await this.#flusher.flushAll();
      const [found] = await this.#patiently(() => client.topics([topic]));
      const next = (await this.#patiently(() => client.ends([topic]))).get(partitionKey(failure))?.earliest ?? 0n;
      const view = ofTopic(target, topic);
      if (anew) await this.#patiently(() => refuseOlderVersions(sink, view, found?.id ?? null));
      const at = new Map([[partition, next]]);
      await this.#patiently(() => sink.rewind(view, found?.id ?? null, at, unfinished ? at : undefined));
      return this.#goWhereTheTableIs(new PendingRows(), [failure]);
    }
    if (!anew) return this.#stop(failure);
    await this.#flusher.flushAll();
    throw madeAnew(target, topic);
  }

  /** Stops one partition; the others continue. */
  #stop(failure: PartitionFailure): void {
    const { target, notify, client } = this.#options;
    const message = explain(target, failure, this.#partitions.nextOf(failure) ?? 0n);
    this.#partitions.stop(failure, message);
    client.pause([failure]);
    notify({ kind: 'stopped', target, partition: failure, message });
  }

  /** @throws if every partition has stopped */
  async #endWhereAllStopped(): Promise<void> {
    const { target } = this.#options;
    if (this.#fencing > 0 || !this.#partitions.allStopped) return;
    await this.#flusher.flushAll();
    throw new TsdbtError('runtime', `Loading ${target.name} stopped: ${this.#partitions.stopped.at(-1)}`, {
      path: target.path,
    });
  }

  #finished(): boolean {
    const { once, client } = this.#options;
    const settled = this.#fencing === 0 && this.#away.size === 0;
    return once && this.#assignedOnce && settled && this.#partitions.atEnds && client.caughtUp?.() !== false;
  }

  /** Retries while database or broker are unavailable; permanent errors are thrown. */
  #patiently<T>(work: () => Promise<T>, meanwhile?: () => Promise<void>): Promise<T> {
    return this.#patience.wait(work, () => this.#flusher.throwFailure(), meanwhile);
  }

  /** The same for a statement, which is not cancelled while the database responds. */
  #patientStatement<T>(work: () => Promise<T>): Promise<T> {
    return this.#patience.wait(work, () => this.#flusher.throwFailure(), undefined, true);
  }
}
