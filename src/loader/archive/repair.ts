// Repairs the stopped partitions of an archive: reads the state of ledger, store and topic, and runs the plan of
// repair-plan.ts. What the topic has lost is removed from the files, so that they have each of the topic's messages
// once. After a kill, the next process finds the same state and continues.
import { TsdbtError } from '../../errors.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { type BrokerClient, type MessageBatch, type PartitionFailure, partitionKey } from '../brokers/broker.ts';
import { DeadLimit } from '../dead-limit.ts';
import { SnapshotFloors } from '../formats/debezium/snapshot-floors.ts';
import { jsonDecoder } from '../formats/message-decoder.ts';
import { GO_ON, Intake } from '../intake.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { PendingRows } from '../pending-rows.ts';
import { rowMaker } from '../formats/rows/row-writer.ts';
import { type FaultPoint, Fenced, type OpenRange, type Sink } from '../sink.ts';
import { isAnother, madeAnew } from '../starts.ts';
import { ofTopic, topicNames } from '../settings/target-topics.ts';
import { HeldClaim, Overtaken, Stopped } from './claim.ts';
import { bodyOf } from './compact.ts';
import { isArchive, rangeOf } from '../settings/archive-settings.ts';
import { liesThere } from './layout.ts';
import { type ArchiveLedger, CLAIM_MS, type PlannedFile, type WrittenFile } from './ledger.ts';
import { FileGone, ForeignFile, messagesOfFile } from './read-file.ts';
import { isSound, type PartitionPlan, planRepair, type Span, type Standing } from './repair-plan.ts';
import { putOnce } from './sink.ts';
import { sleep } from '../../within.ts';

/** How long to wait for an unavailable leader. */
const WAIT_MS = 10_000;
/** How many messages are searched for an unreadable batch, and how many offsets are read at once. */
const HELD_MESSAGES = 100_000;
const AT_ONCE = 5000n;
/** Running loaders may move a position meanwhile. */
const TRIES = 5;
/** The interval between checks of another process's claim; that of a killed one expires meanwhile. */
const LOOK_MS = 1000;
const LOOKS = (1.25 * CLAIM_MS) / LOOK_MS;

export interface RepairOptions {
  /** An archive. */
  readonly target: LoadTarget;
  readonly ledger: ArchiveLedger;
  /** Of the archive. */
  readonly sink: Sink;
  readonly store: ObjectStore;
  readonly client: BrokerClient;
  /** Unique to this process. */
  readonly owner: string;
  /** Where to continue after what cannot be read, by `topic/partition`. */
  readonly behind: ReadonlyMap<string, bigint>;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Called once when it waits for another process's claim. */
  readonly waits?: () => void;
  /** For tests: the renewal interval of the claim. */
  readonly beatMs?: number;
  /** For tests: called at each fault point. */
  readonly reached?: (point: FaultPoint) => void;
}

/** A recorded range that cannot be read again as a whole. */
export interface HalfRange {
  readonly range: OpenRange;
  /** The parts that cannot be read. */
  readonly lost: readonly Span[];
  /** The reason. */
  readonly failure: PartitionFailure;
  /** Messages of these parts that are in files nevertheless. */
  readonly standing: number;
}

/**
 * `busy`: another process is repairing. `moved`: loaders have moved the partition repeatedly meanwhile. `stopped`: the
 * signal was aborted; another call continues.
 */
export type RepairOutcome = 'done' | 'busy' | 'moved' | 'stopped';

/** The planned repair of a partition, and what it costs. */
export interface Repair extends PartitionPlan {
  readonly halves: readonly HalfRange[];
  /** The number of messages deleted with each file, by its key; unreadable files are omitted. */
  readonly gone: ReadonlyMap<string, number>;
}

/**
 * Checks the partitions of an archive. Writes nothing.
 * @returns those with something to report
 * @throws `connection`, `database` and `runtime` errors: broker, database or store do not answer, or reject a request
 */
export async function repairsOf(options: RepairOptions): Promise<readonly Repair[]> {
  const { target, client } = options;
  const found: Repair[] = [];
  const names = await topicNames(client, target);
  for (const { topic, id, partitions } of await client.topics(names)) {
    const view = ofTopic(target, topic);
    // Before the ledger: a running loader records a file first.
    const objects = await objectsOf(options, topic);
    const held = (await options.ledger.partitions(view)).filter((at) => at.topic === topic);
    const kept = await options.sink.positions(view);
    const numbers = new Set([...kept.keys(), ...held.map((at) => at.partition), ...objects.keys()]);
    for (const partition of [...numbers].sort((a, b) => a - b)) {
      if (partition >= partitions) continue;
      const repair = await repairOfPartition(options, view, { partition, topicId: id, objects });
      if (repair !== null) found.push(repair);
    }
  }
  return found.filter((repair) => !isWhole(repair));
}

/**
 * Repairs a partition. Waits for another process's claim until it is released, or expires because its process was
 * killed.
 * @throws `connection`, `database` and `runtime` errors; after them, and after a kill, another call continues
 */
export async function repairPartition(options: RepairOptions, first: Repair): Promise<RepairOutcome> {
  const { client, signal } = options;
  const taken = await takeClaim(options);
  if (taken === null) return signal.aborted ? 'stopped' : 'busy';
  const { claim, waited } = taken;
  try {
    const view = ofTopic(options.target, first.topic);
    const look = async (): Promise<Repair | null> => {
      const [info] = await client.topics([view.topic]);
      const objects = await objectsOf(options, view.topic);
      return repairOfPartition(options, view, { partition: first.partition, topicId: info?.id ?? null, objects });
    };
    // The previous holder of the claim may have changed something.
    let repair = waited ? await look() : first;
    for (let tries = 0; tries < TRIES && repair !== null && isMendable(repair); tries++) {
      for (const { range } of repair.halves) await settleHalf(options, view, range);
      if (await cut(options, view, repair, claim)) return 'done';
      // A running loader has moved it, so the current state is checked again.
      repair = await look();
    }
    return repair === null || !isMendable(repair) ? 'done' : 'moved';
  } catch (error) {
    if (error instanceof Overtaken) return 'busy';
    if (error instanceof Stopped) return 'stopped';
    throw error;
  } finally {
    await claim.release();
  }
}

/** @returns `waited`: another process had it; null: another process still has it */
async function takeClaim({
  target,
  ledger,
  owner,
  signal,
  beatMs,
  waits,
}: RepairOptions): Promise<{ readonly claim: HeldClaim; readonly waited: boolean } | null> {
  for (let looks = 0; looks < LOOKS && !signal.aborted; looks++) {
    const claim = await HeldClaim.take(ledger, target, owner, beatMs);
    if (claim !== null) return { claim, waited: looks > 0 };
    if (looks === 0) waits?.();
    await sleep(LOOK_MS);
  }
  return null;
}

/** Writes the readable messages of a range; its existing files keep theirs. */
async function settleHalf(options: RepairOptions, view: LoadTarget, range: OpenRange): Promise<void> {
  const { client, sink, behind, now, owner: loadId } = options;
  const key = partitionKey(range);
  const flushes = await sink.unsettled(view, [range.partition]);
  const open = flushes.find(({ ranges }) => ranges.some(({ from, to }) => from === range.from && to === range.to));
  if (open === undefined) return;
  const { earliest = 0n } = (await client.ends([view.topic], [range])).get(key) ?? {};
  const { batches } = await readAgain(client, range, { earliest, told: behind.get(key) ?? null });
  const floors = new SnapshotFloors(view);
  const maker = rowMaker(view, jsonDecoder, [], { hashKey: null, loadId, floors });
  const pending = new PendingRows();
  const limit = new DeadLimit(view);
  pending.hold(range, range.from, range.from, now);
  for (const batch of batches) {
    const intake = new Intake({ target: view, decoder: jsonDecoder, limit, now, floors }, batch, batch.from, maker);
    for (let taken = intake.take(pending, maker, GO_ON); taken.kind !== 'taken'; )
      taken = intake.take(pending, maker, GO_ON);
  }
  const flush = { target: view, columns: [], ranges: pending.ranges(), rows: pending.rows, dead: [], loadId };
  try {
    await sink.settle(open, flush);
  } catch (error) {
    // A loader has settled it meanwhile.
    if (!(error instanceof Fenced)) throw error;
  }
}

async function cut(options: RepairOptions, view: LoadTarget, plan: Repair, claim: HeldClaim): Promise<boolean> {
  const { ledger, store, client, owner, signal, reached = () => undefined } = options;
  const [info] = await client.topics([view.topic]);
  const { partition, position, upTo, next, trims, removals, forgotten } = plan;
  return ledger.cut(view, { partition, from: position, upTo, next, topicId: info?.id ?? null }, owner, async () => {
    const kept: WrittenFile[] = [];
    const hold = async (): Promise<void> => {
      if (signal.aborted) throw new Stopped();
      if (!(await claim.keep())) throw new Overtaken();
    };
    for (const { source, from, key } of trims) {
      await hold();
      const file = { ...source, key, to: upTo };
      if (from !== null) {
        const { body, rows } = await bodyOf(store, { file, inputs: [source] }, signal);
        if (rows > 0) kept.push({ ...writtenOf(file, source, rows), size: await putOnce(store, key, body) });
      } else {
        const rows = (await messagesFrom(store, key, source.from)) ?? 0;
        kept.push({ ...writtenOf(file, source, rows), size: (await store.head(key))?.size ?? 0 });
      }
      reached('trimmed');
    }
    for (const { key } of removals) {
      // After another process's repair, a loader may have written the object again.
      await hold();
      await store.delete(key);
      reached('in_deletion');
    }
    return { gone: [...new Set([...removals.map(({ key }) => key), ...forgotten])], kept };
  });
}

/** @param rows that are left */
function writtenOf(file: PlannedFile, { rows: before, bytes }: PlannedFile, rows: number): PlannedFile {
  const { key, topic, partition, from, to } = file;
  return { key, topic, partition, from, to, rows, bytes: before > 0 ? Math.round((bytes * rows) / before) : bytes };
}

/** Whether there is nothing to report about it. */
function isWhole(repair: Repair): boolean {
  return isSound(repair) && repair.halves.length + repair.missing.length + repair.unknown.length === 0;
}

/** Whether `repair` can do something. */
export function isMendable(repair: Repair): boolean {
  return repair.problem === null && (repair.halves.length > 0 || !isSound(repair));
}

/** What is known about a partition beforehand. */
interface Place {
  readonly partition: number;
  readonly topicId: string | null;
  readonly objects: ReadonlyMap<number, readonly Standing[]>;
}

async function repairOfPartition(
  options: RepairOptions,
  view: LoadTarget,
  { partition, topicId, objects }: Place,
): Promise<Repair | null> {
  const { client, ledger, sink, store, behind } = options;
  const at = { topic: view.topic, partition };
  const kept = await ledger.files(view, partition);
  const flushes = kept.cutFrom === undefined ? await ledger.open(view, [partition]) : [];
  const open = flushes.flatMap(({ ranges }) => ranges);
  const place = (await sink.positions(view)).get(partition);
  const { earliest = 0n, end = 0n } = (await client.ends([view.topic], [at])).get(partitionKey(at)) ?? {};
  const told = behind.get(partitionKey(at)) ?? null;
  const anew = isAnother(place?.topicId ?? null, topicId);
  const failure: PartitionFailure | null = anew
    ? { ...at, reason: 'made_anew', message: textOf(madeAnew(view, view.topic)) }
    : place === undefined
      ? null
      : await failureOf(client, { ...at, ...place }, { earliest, end });
  const facts = { ...at, position: place?.next ?? null, earliest, end, failure, behind: told };
  const plan = planRepair({ ...facts, kept, open, objects: objects.get(partition) ?? [] });
  if (plan === null) return null;
  const halves: HalfRange[] = [];
  for (const range of anew ? [] : open.filter(({ to }) => to <= plan.upTo)) {
    const { lost, failure: why } = await readAgain(client, range, { earliest, told });
    if (why === null) continue;
    const standing = await standingIn(store, objects.get(partition) ?? [], range, lost);
    halves.push({ range, lost, failure: why, standing });
  }
  const gone = new Map<string, number>();
  for (const removal of plan.removals) {
    const whole = removal.from >= plan.upTo ? removal.rows : null;
    const rows = whole ?? (await messagesFrom(store, removal.key, plan.upTo));
    if (rows !== null) gone.set(removal.key, rows);
  }
  const unread = halves.find(({ lost }) => lost.length === 0);
  return { ...plan, halves, gone, problem: plan.problem ?? unread?.failure.message ?? null };
}

/** Why a partition cannot be read on from its position; null: it can. */
async function failureOf(
  client: BrokerClient,
  at: { readonly topic: string; readonly partition: number; readonly next: bigint; readonly epoch: number | null },
  { earliest, end }: { readonly earliest: bigint; readonly end: bigint },
): Promise<PartitionFailure | null> {
  const { topic, partition, next } = at;
  const [failure] = await client.verify([at]);
  if (failure !== undefined) return failure;
  if (next < earliest) {
    const message = `the messages from offset ${next} on are gone from the topic, which begins at ${earliest}`;
    return { topic, partition, reason: 'offset_out_of_range', message };
  }
  // A running loader may hold messages before the batch that has stopped it.
  let messages = 0;
  for (let from = next; from < end && messages < HELD_MESSAGES; from += AT_ONCE) {
    const read = await client.read(at, from, from + AT_ONCE < end ? from + AT_ONCE : end, WAIT_MS);
    if (read.failure !== null) {
      const first = read.batches.at(-1)?.next ?? from;
      return first > next ? { ...read.failure, from: first } : read.failure;
    }
    for (const { records } of read.batches) messages += records.reduce((sum, { length }) => sum + length, 0);
  }
  return null;
}

/**
 * Reads the messages of a range, as far as the topic has them.
 * @returns `failure`: the first one found; if `lost` is empty, reading ended there
 */
async function readAgain(
  client: BrokerClient,
  range: OpenRange,
  { earliest, told }: { readonly earliest: bigint; readonly told: bigint | null },
): Promise<{
  readonly batches: readonly MessageBatch[];
  readonly lost: readonly Span[];
  readonly failure: PartitionFailure | null;
}> {
  const batches: MessageBatch[] = [];
  const lost: Span[] = [];
  let first: PartitionFailure | null = null;
  for (let next = range.from; next < range.to; ) {
    const read = await client.read(range, next, range.to, WAIT_MS);
    const { failure } = read;
    first ??= failure;
    const gone = failure?.reason === 'offset_out_of_range';
    if (!gone) batches.push(...read.batches);
    if (failure === null) break;
    const from = gone ? next : (read.batches.at(-1)?.next ?? next);
    const behind = gone ? earliest : (failure.behind ?? told);
    if (behind === null || behind <= from) return { batches, lost: [], failure };
    const to = behind < range.to ? behind : range.to;
    lost.push({ from, to });
    next = to;
  }
  return { batches, lost, failure: first };
}

/** Counts messages at unreadable offsets in files of the range that were written nevertheless. */
async function standingIn(
  store: ObjectStore,
  objects: readonly Standing[],
  range: OpenRange,
  lost: readonly Span[],
): Promise<number> {
  let count = 0;
  for (const { key, from, to } of objects)
    if (from === range.from && to === range.to)
      for (const part of lost)
        count += ((await messagesFrom(store, key, part.from)) ?? 0) - ((await messagesFrom(store, key, part.to)) ?? 0);
  return count;
}

/** The objects of a topic's archive, by partition. */
async function objectsOf(
  { target, store }: Pick<RepairOptions, 'target' | 'store'>,
  topic: string,
): Promise<ReadonlyMap<number, readonly Standing[]>> {
  if (!isArchive(target)) throw new TsdbtError('internal', `${target.name} is no archive`);
  const { path } = target.archive;
  const [prefix = ''] = path.replaceAll('{topic}', topic).split('{');
  const found = new Map<number, Standing[]>();
  for await (const { key, size } of store.list(prefix)) {
    const range = rangeOf(key);
    if (range === null || !liesThere(key, path, topic)) continue;
    const its = found.get(range.partition) ?? [];
    its.push({ key, size, ...range });
    found.set(range.partition, its);
  }
  return found;
}

/** How many messages a file has from an offset on; null: it cannot be read. */
async function messagesFrom(store: ObjectStore, key: string, from: bigint): Promise<number | null> {
  let count = 0;
  try {
    for await (const messages of messagesOfFile(store, key))
      count += messages.filter(({ offset }) => offset >= from).length;
    return count;
  } catch (error) {
    if (error instanceof ForeignFile || error instanceof FileGone) return null;
    throw error;
  }
}

function textOf({ message, details: { hint } }: TsdbtError): string {
  return hint === undefined ? message : `${message} ${hint}`;
}
