// What keeps a partition of an archive from going on, what is lost when it does, and which files have to go. A function
// of what ledger, store and topic hold; repair.ts does it.
import type { PartitionFailure, TopicPartition } from '../broker.ts';
import type { OpenRange } from '../sink.ts';
import { REPAIRED } from '../starts.ts';
import { type FileRange, fileName, formatOf, joinedName } from './config.ts';
import type { KeptFile, KeptFiles } from './ledger.ts';

/** An object of the store that has the name of an archive's file. */
export interface Standing extends FileRange {
  readonly key: string;
  readonly size: number;
}

/** Offsets from `from` on, up to before `to`. */
export interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** What is known of a partition. */
export interface PartitionFacts extends TopicPartition {
  /** The next offset; null: nothing says so. */
  readonly position: bigint | null;
  /** What the topic has. */
  readonly earliest: bigint;
  readonly end: bigint;
  /** Why it cannot be read on from there; null: it can. */
  readonly failure: PartitionFailure | null;
  /** Where to go on behind what cannot be read, as somebody says; null: nobody does. */
  readonly behind: bigint | null;
  readonly kept: KeptFiles;
  /** Ranges that were recorded, and perhaps not written. */
  readonly open: readonly OpenRange[];
  readonly objects: readonly Standing[];
}

/** A file of which the messages from an offset on go. */
export interface Trim {
  readonly source: KeptFile;
  /** Null: it is not there any more, and `key` is. */
  readonly from: string | null;
  readonly key: string;
}

/** An object that goes. */
export interface Removal {
  readonly key: string;
  readonly from: bigint;
  readonly to: bigint;
  /** As the ledger has it; null: it lacks the object. */
  readonly rows: number | null;
}

/** What is to be done with a partition. */
export interface PartitionPlan extends TopicPartition {
  readonly position: bigint | null;
  readonly failure: PartitionFailure | null;
  /** Files from here on go. */
  readonly upTo: bigint;
  /** Where it goes on. */
  readonly next: bigint;
  /** Offsets that do not come into the archive. */
  readonly lost: Span | null;
  readonly trims: readonly Trim[];
  readonly removals: readonly Removal[];
  /** Keys that the ledger has and the store lacks, from `upTo` on. */
  readonly forgotten: readonly string[];
  /** A repair was cut off. */
  readonly begun: boolean;
  /** Files before `upTo` that are in the ledger and not in the store: their messages are lost. */
  readonly missing: readonly KeptFile[];
  /** Objects before `upTo` that are in the store and not in the ledger: they stay. */
  readonly unknown: readonly Standing[];
  /** Why it cannot be repaired; null: it can. */
  readonly problem: string | null;
}

/** @returns null: there is nothing of the partition */
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
    // A repair that was cut off has made it.
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

/** Is there anything to do? */
export function isSound({ position, upTo, next, removals, forgotten, begun, problem }: PartitionPlan): boolean {
  return problem === null && !begun && removals.length + forgotten.length === 0 && position === next && upTo === next;
}

/** Does the topic no longer have what was archived last? */
export function hasParted(failure: PartitionFailure | null): boolean {
  return failure?.reason === 'truncated' || failure?.reason === 'beyond_end';
}

const UNKNOWN = { size: null, status: 'done', ageMs: 0 } as const;

/** The offset from which on files go: where the topic has parted from what was archived, else the position. */
function cutOf({ failure, end, earliest, open, kept }: PartitionFacts, position: bigint): bigint {
  const cut = least(hasParted(failure) ? (failure?.from ?? end) : position, position, kept.cutFrom ?? position);
  // A range that was not written to its end is read again from its beginning, as far as the topic has it.
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

/** Does the archive hold messages of the same folder and offsets in another file? */
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
