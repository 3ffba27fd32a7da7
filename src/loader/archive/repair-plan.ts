// Plans the repair of an archive's partition: what prevents it from continuing, what is lost if it does, and which
// files must be deleted. A function of ledger, store and topic; repair.ts runs it.
import type { PartitionFailure, TopicPartition } from '../brokers/broker.ts';
import type { OpenRange } from '../sink.ts';
import { REPAIRED } from '../starts.ts';
import { type FileRange, fileName, formatOf, joinedName } from '../settings/archive-settings.ts';
import type { KeptFile, KeptFiles } from './ledger.ts';

/** An object in the store with the name of an archive file. */
export interface Standing extends FileRange {
  readonly key: string;
  readonly size: number;
}

/** Offsets from `from` up to before `to`. */
export interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** What is known about a partition. */
export interface PartitionFacts extends TopicPartition {
  /** The next offset; null: none is stored. */
  readonly position: bigint | null;
  /** The offsets in the topic. */
  readonly earliest: bigint;
  readonly end: bigint;
  /** Why it cannot be read from the position on; null: it can. */
  readonly failure: PartitionFailure | null;
  /** Where to continue after what cannot be read, as given by the user; null: not given. */
  readonly behind: bigint | null;
  readonly kept: KeptFiles;
  /** Ranges that were recorded, and perhaps not written. */
  readonly open: readonly OpenRange[];
  readonly objects: readonly Standing[];
}

/** A file whose messages from an offset on are deleted. */
export interface Trim {
  readonly source: KeptFile;
  /** Null: it no longer exists, but `key` does. */
  readonly from: string | null;
  readonly key: string;
}

/** An object to delete. */
export interface Removal {
  readonly key: string;
  readonly from: bigint;
  readonly to: bigint;
  /** As in the ledger; null: it lacks the object. */
  readonly rows: number | null;
}

/** The planned repair of a partition. */
export interface PartitionPlan extends TopicPartition {
  readonly position: bigint | null;
  readonly failure: PartitionFailure | null;
  /** Files from here on are deleted. */
  readonly upTo: bigint;
  /** Where it continues. */
  readonly next: bigint;
  /** Offsets that will be missing from the archive. */
  readonly lost: Span | null;
  readonly trims: readonly Trim[];
  readonly removals: readonly Removal[];
  /** Keys that are in the ledger but not in the store, from `upTo` on. */
  readonly forgotten: readonly string[];
  /** Whether a repair was interrupted. */
  readonly begun: boolean;
  /** Files before `upTo` that are in the ledger and not in the store: their messages are lost. */
  readonly missing: readonly KeptFile[];
  /** Objects before `upTo` that are in the store and not in the ledger: they are kept. */
  readonly unknown: readonly Standing[];
  /** Why it cannot be repaired; null: it can. */
  readonly problem: string | null;
}

/** @returns null: nothing of the partition exists */
export function planRepair(facts: PartitionFacts): PartitionPlan | null {
  const { topic, partition, earliest, failure, kept, objects } = facts;
  const position = facts.position ?? endOf(kept.files);
  if (position === null) return null;
  const upTo = cutOf(facts, position);
  const known = new Map(kept.files.map((file) => [file.key, file]));
  const standing = new Set(objects.map(({ key }) => key));
  const ofOpen = ({ from, to }: Span): boolean => facts.open.some((range) => range.from === from && range.to === to);
  const trims: Trim[] = [];
  const removals: Removal[] = [];
  const foreign: Standing[] = [];
  const made = new Set<string>();
  const trim = (source: KeptFile, from: string | null): void => {
    const key = trimmedKey(source.key, { partition, from: source.from, to: upTo });
    made.add(key);
    trims.push({ source, from, key });
  };
  for (const object of objects) {
    if (object.to <= upTo) continue;
    const file = known.get(object.key);
    const { key, from, to } = object;
    if (file === undefined && !ofOpen(object) && from < earliest && from >= upTo) foreign.push(object);
    removals.push({ key, from, to, rows: file?.rows ?? null });
    if (from >= upTo || (file !== undefined && file.status !== 'done')) continue;
    if (file !== undefined) trim(file, key);
    else if (!coveredBy(kept.files, object, upTo, standing))
      trim({ ...{ key, topic, partition, from, to, rows: 0, bytes: object.size }, ...UNKNOWN }, key);
  }
  const forgotten: string[] = [];
  for (const file of kept.files) {
    if (file.to <= upTo || standing.has(file.key)) continue;
    forgotten.push(file.key);
    const key = trimmedKey(file.key, { partition, from: file.from, to: upTo });
    // An interrupted repair has written it.
    if (file.status === 'done' && file.from < upTo && standing.has(key)) trim(file, null);
  }
  const { next, problem } = nextOf(facts, upTo, foreign);
  return {
    ...{ topic, partition, position: facts.position, failure, upTo, next, trims, removals, forgotten, problem },
    lost: next > upTo ? { from: upTo, to: next } : null,
    begun: kept.cutFrom !== undefined,
    missing: kept.files.filter((file) => file.to <= upTo && file.status === 'done' && !standing.has(file.key)),
    unknown: objects.filter(
      (object) => object.to <= upTo && !known.has(object.key) && !ofOpen(object) && !made.has(object.key),
    ),
  };
}

/** Whether the partition needs no repair. */
export function isSound({ position, upTo, next, removals, forgotten, begun, problem }: PartitionPlan): boolean {
  return problem === null && !begun && removals.length + forgotten.length === 0 && position === next && upTo === next;
}

/** Whether the topic no longer has what was archived last. */
export function hasParted(failure: PartitionFailure | null): boolean {
  return failure?.reason === 'truncated' || failure?.reason === 'beyond_end';
}

const UNKNOWN = { size: null, status: 'done', ageMs: 0 } as const;

/** The offset from which files are deleted: where the topic diverged from the archive, else the position. */
function cutOf({ failure, end, earliest, open, kept }: PartitionFacts, position: bigint): bigint {
  const cut = least(hasParted(failure) ? (failure?.from ?? end) : position, position, kept.cutFrom ?? position);
  // An incompletely written range is read again from its beginning, as far as the topic has it.
  const first = open.filter(({ to }) => to > cut).reduce((from, range) => least(from, range.from), cut);
  return first >= earliest || first === cut ? first : least(earliest, cut);
}

function nextOf(
  { failure, behind, earliest, end, position, kept }: PartitionFacts,
  upTo: bigint,
  foreign: readonly Standing[],
): { readonly next: bigint; readonly problem: string | null } {
  const unread = failure?.reason === 'corrupt' || failure?.reason === 'too_large';
  const told = unread ? (behind ?? failure.behind ?? null) : upTo;
  const begun = kept.cutFrom !== undefined && position !== null && position > upTo ? position : upTo;
  const next = [told ?? upTo, earliest, begun].reduce((one, other) => (one > other ? one : other));
  const [first] = foreign;
  if (unread && failure.from !== undefined && failure.from > upTo)
    return {
      next: upTo,
      problem: `${failure.message}; \`load --once\` writes offsets ${upTo} to ${failure.from - 1n} before it first`,
    };
  if (failure !== null && !REPAIRED.has(failure.reason)) return { next: upTo, problem: failure.message };
  if (told === null)
    return { next: upTo, problem: `${failure?.message}; where the next one begins, its header does not tell` };
  if (behind !== null && unread && (behind <= upTo || behind > end))
    return { next: upTo, problem: `offset ${behind} is not behind ${upTo}, or the topic has not come so far: ${end}` };
  if (first !== undefined)
    return {
      next: upTo,
      problem:
        `${first.key} is not in tsdbt.archive_files, and the topic has its messages no more: they would be lost. Put ` +
        'it elsewhere, or restore the database to a later state',
    };
  return { next, problem: null };
}

function endOf(files: readonly KeptFile[]): bigint | null {
  return files.reduce<bigint | null>((end, { to }) => (end === null || to > end ? to : end), null);
}

function least(...offsets: readonly bigint[]): bigint {
  return offsets.reduce((one, other) => (one < other ? one : other));
}

/** Whether the archive has messages of the same folder and offsets in another file. */
function coveredBy(files: readonly KeptFile[], object: Standing, upTo: bigint, standing: ReadonlySet<string>): boolean {
  const folder = folderOfKey(object.key);
  return files.some(
    ({ key, from, to, status }) =>
      status === 'done' && standing.has(key) && folderOfKey(key) === folder && from < upTo && object.from < to,
  );
}

function folderOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

function trimmedKey(key: string, { partition, from, to }: Span & { readonly partition: number }): string {
  const joined = /-day\.[^/]+$/.test(key);
  return folderOfKey(key) + (joined ? joinedName : fileName)(partition, from, to, formatOf(key));
}
