// Joins the small files of closed days into larger ones. The ledger records a joined file before it is written; then it
// is written, under a name that shows which files it replaces; then the ledger swaps it for the others in one step;
// these are deleted later. After a kill, the next process finds the same files and writes the same one.
import { TsdbtError } from '../../errors.ts';
import { severally } from '../../in-order.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { FaultPoint } from '../sink.ts';
import { ofTopic } from '../settings/target-topics.ts';
import { BEAT_MS, HeldClaim, Overtaken, Stopped } from './claim.ts';
import {
  type ArchiveConfig,
  COMPACT,
  type CompactConfig,
  formatOf,
  isArchive,
  rangeOf,
} from '../settings/archive-settings.ts';
import { type CompactPlan, type Covered, type Join, overlap, planCompaction } from './compact-plan.ts';
import { CONTENT_TYPES, sameMessage } from './file-format.ts';
import { GzipFile } from './gzip.ts';
import { dayOf, dayPrefix } from './layout.ts';
import type { ArchiveLedger, KeptFile } from './ledger.ts';
import type { ArchivedMessage } from '../formats/rows/archive-lines.ts';
import { openMessagesFile } from './parquet-file.ts';
import { FileGone, ForeignFile, inOffsetOrder, linesOfFile, messagesOfFile } from './read-file.ts';

/** Objects that are deleted concurrently. */
const AT_ONCE = 8;

export interface CompactOptions {
  /** An archive. */
  readonly target: LoadTarget;
  readonly ledger: ArchiveLedger;
  readonly store: ObjectStore;
  /** Unique to this process. */
  readonly owner: string;
  /** Null: what was begun is completed. */
  readonly compact: CompactConfig | null;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** For tests: called at each fault point. */
  readonly reached?: (point: FaultPoint) => void;
}

/** The work that was done. */
export interface Compacted {
  /** Small files, and those that now replace them. */
  readonly joined: number;
  readonly into: number;
  readonly deleted: number;
  /** What could not be joined, and why. */
  readonly problems: readonly string[];
  /** Whether another process is working on it. */
  readonly busy: boolean;
}

/** The planned work. */
export interface CompactionState {
  readonly days: number;
  /** Small files of closed days, and how many will replace them. */
  readonly toJoin: number;
  readonly into: number;
  /** Files that a joined one replaces, and that are not deleted yet. */
  readonly replaced: number;
}

/** Returns what a compaction would do now. Writes nothing. @param target an archive with existing bookkeeping */
export async function compactionState(
  options: Pick<CompactOptions, 'target' | 'ledger' | 'compact' | 'now'>,
): Promise<CompactionState> {
  const state = { days: new Set<string>(), toJoin: 0, into: 0, replaced: 0 };
  for (const { topic, partition } of await options.ledger.partitions(options.target)) {
    const { joins, due, waiting } = await planOf(options, ofTopic(options.target, topic), partition);
    for (const { day, inputs } of joins) {
      state.days.add(day);
      state.toJoin += inputs.length;
      state.into++;
    }
    for (const { files } of [...due, ...waiting]) state.replaced += files.length;
  }
  return { ...state, days: state.days.size };
}

/**
 * Joins the files that can be joined, and deletes the inputs that are no longer kept.
 * @throws `connection` and `database` errors; after them, and after a kill, another call continues
 */
export async function compactArchive(options: CompactOptions): Promise<Compacted> {
  const { target, ledger, owner } = options;
  const problems: string[] = [];
  const done = { joined: 0, into: 0, deleted: 0, problems, busy: false };
  let claim: HeldClaim | null = null;
  try {
    for (const { topic, partition } of await ledger.partitions(target, options.compact === null)) {
      const view = ofTopic(target, topic);
      let plan = await planOf(options, view, partition);
      if (plan.joins.length + plan.due.length === 0) continue;
      if (claim === null) {
        claim = await HeldClaim.take(ledger, target, owner);
        if (claim === null) return { ...done, busy: true };
        // Another process may have worked on it meanwhile.
        plan = await planOf(options, view, partition);
      }
      for (const step of [...plan.joins, ...plan.due]) {
        if (options.signal.aborted) return done;
        if (!(await claim.keep())) return { ...done, busy: true };
        try {
          if ('by' in step) done.deleted += await deleteCovered(options, view, step, claim);
          else {
            await join(options, view, step);
            done.joined += step.inputs.length;
            done.into++;
          }
        } catch (error) {
          if (error instanceof Stopped) return done;
          if (error instanceof Overtaken) return { ...done, busy: true };
          if (!(error instanceof TsdbtError) || error.kind !== 'runtime') throw error;
          problems.push(error.message);
        }
      }
    }
    return done;
  } finally {
    await claim?.release();
  }
}

async function planOf(
  { target, ledger, compact, now }: Pick<CompactOptions, 'target' | 'ledger' | 'compact' | 'now'>,
  view: LoadTarget,
  partition: number,
): Promise<CompactPlan> {
  const { keepMs } = compact ?? COMPACT;
  return planCompaction(await ledger.files(view, partition), archiveOf(target), compact, { keepMs, now: now() });
}

function archiveOf(target: LoadTarget): ArchiveConfig {
  if (!isArchive(target)) throw new TsdbtError('internal', `${target.name} has no files`);
  return target.archive;
}

async function join(options: CompactOptions, view: LoadTarget, step: Join): Promise<void> {
  const { ledger, store, owner, reached = () => undefined } = options;
  const { file, inputs } = step;
  if (!step.begun) {
    await refuseOthers(store, view, step);
    reached('before_join');
    if (!(await ledger.join(view, file, owner))) throw new Overtaken();
  }
  reached('joining');
  const { body, rows } = await bodyOf(store, step, options.signal);
  if (rows < file.rows)
    throw new TsdbtError(
      'runtime',
      `The files that ${file.key} is to stand for hold ${rows} messages, and tsdbt.archive_files says ${file.rows}.`,
    );
  const size = await putJoined(store, step, body);
  reached('joined');
  await ledger.joined(view, { ...file, rows, size }, inputs, owner);
  reached('after_join');
}

/**
 * A file in the range that the ledger does not know would be taken for one of the joined ones; and the contents of an
 * already joined one would be duplicated.
 */
async function refuseOthers(store: ObjectStore, view: LoadTarget, { file, day, inputs }: Join): Promise<void> {
  const { path } = archiveOf(view);
  const known = new Set(inputs.map(({ key }) => key));
  for await (const { key } of store.list(dayPrefix(day, path, view.topic))) {
    const range = rangeOf(key);
    if (range === null || range.partition !== file.partition || known.delete(key) || key === file.key) continue;
    if (!overlap(range, file) || dayOf(key, path, view.topic) !== day) continue;
    const why = range.joined ? 'holds messages of the same offsets' : 'is not in tsdbt.archive_files';
    throw new TsdbtError('runtime', `The object ${key} ${why}: its day is not compacted.`);
  }
  const [missing] = known;
  if (missing !== undefined)
    throw new TsdbtError('runtime', `The object ${missing} is missing: its day is not compacted.`);
}

/**
 * The messages of files in the range of one that replaces them. Only chunks of them are in memory, and the compressed
 * file.
 * @param signal aborts it, with a separate error
 */
export async function bodyOf(
  store: ObjectStore,
  { file, inputs }: Pick<Join, 'file' | 'inputs'>,
  signal: AbortSignal,
): Promise<{ readonly body: Buffer; readonly rows: number }> {
  let rows = 0;
  try {
    if (formatOf(file.key) === 'parquet') {
      const written = await openMessagesFile();
      for await (const messages of messagesOf(store, inputs)) {
        if (signal.aborted) throw new Stopped();
        for (const message of messages) {
          if (message.offset >= file.to) break;
          written.add(message);
          rows++;
        }
      }
      return { body: written.finish(), rows };
    }
    const written = new GzipFile();
    const open = ({ key }: KeptFile): AsyncGenerator<readonly PlacedLine[]> => placedLines(store, key, file);
    for await (const lines of inOffsetOrder(ranged(inputs), open, file.from)) {
      if (signal.aborted) throw new Stopped();
      for (const { line, offset } of lines) {
        if (offset >= file.to) break;
        const room = written.add(line);
        if (room !== null) await room;
        const more = written.add(LINE_END);
        if (more !== null) await more;
        rows++;
      }
    }
    return { body: await written.finish(), rows };
  } catch (error) {
    if (!(error instanceof ForeignFile)) throw error;
    throw new TsdbtError('runtime', `The object ${error.message} is no file of topic ${file.topic}.`);
  }
}

function messagesOf(store: ObjectStore, files: readonly KeptFile[]): AsyncGenerator<readonly ArchivedMessage[]> {
  const open = async function* ({ key, topic, partition }: KeptFile): AsyncGenerator<ArchivedMessage[]> {
    for await (const messages of messagesOfFile(store, key)) {
      if (messages.some((message) => message.topic !== topic || message.partition !== partition))
        throw new ForeignFile(key);
      yield messages;
    }
  };
  return inOffsetOrder(ranged(files), open, files[0]?.from ?? 0n);
}

function ranged(files: readonly KeptFile[]): (KeptFile & { readonly joined: boolean })[] {
  return files.map((file) => ({ ...file, joined: false }));
}

interface PlacedLine {
  readonly offset: bigint;
  readonly line: Buffer;
}

/** The lines of a file unchanged: only their offset is parsed. */
async function* placedLines(
  store: ObjectStore,
  key: string,
  { topic, partition }: Pick<KeptFile, 'topic' | 'partition'>,
): AsyncGenerator<PlacedLine[]> {
  const head = Buffer.from(`{"_topic":${JSON.stringify(topic)},"_partition":${partition},"_offset":`);
  for await (const lines of linesOfFile(store, key))
    yield lines.map((line) => {
      const end = line.indexOf(',', head.length);
      const offset = line.toString('latin1', head.length, end);
      if (line.compare(head, 0, head.length, 0, head.length) !== 0 || !/^\d+$/.test(offset)) throw new ForeignFile(key);
      return { offset: BigInt(offset), line };
    });
}

const LINE_END = Buffer.from('\n');

/** @returns bytes of the stored object @throws if it is a different one */
async function putJoined(store: ObjectStore, { file, inputs }: Join, body: Buffer): Promise<number> {
  const type = CONTENT_TYPES[formatOf(file.key)];
  try {
    if ((await store.put(file.key, body, { whenAbsent: true, type })).created) return body.length;
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.code !== 'NotImplemented') throw error;
    // The store does not support conditions; an object with this name is this file.
    await store.put(file.key, body, { type });
    return body.length;
  }
  // A process that was killed after this step wrote it, perhaps with another zlib.
  const found = await store.head(file.key);
  if (found !== null && (await holdsTheSame(store, file.key, inputs))) return found.size;
  throw new TsdbtError(
    'runtime',
    `The object ${file.key} of '${store.settings.name}' stands there with other contents: its day is not compacted.`,
    { path: store.settings.path, hint: 'Somebody else writes below this path.' },
  );
}

async function holdsTheSame(store: ObjectStore, key: string, inputs: readonly KeptFile[]): Promise<boolean> {
  const wanted = singly(messagesOf(store, inputs));
  try {
    for await (const messages of messagesOfFile(store, key))
      for (const message of messages) {
        const { done, value } = await wanted.next();
        if (done === true || !sameMessage(value, message)) return false;
      }
    return (await wanted.next()).done === true;
  } catch (error) {
    if (error instanceof ForeignFile) return false;
    throw error;
  } finally {
    await wanted.return(undefined);
  }
}

/** Whether a joined file has every message of another one. */
async function holdsThose(store: ObjectStore, by: KeptFile, file: KeptFile): Promise<boolean> {
  const standing = singly(messagesOfFile(store, by.key));
  try {
    let next = await standing.next();
    for await (const message of singly(messagesOf(store, [file]))) {
      while (next.done !== true && next.value.offset < message.offset) next = await standing.next();
      if (next.done === true || !sameMessage(next.value, message)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof ForeignFile) return false;
    throw error;
  } finally {
    await standing.return(undefined);
  }
}

async function* singly<T>(pieces: AsyncGenerator<readonly T[]>): AsyncGenerator<T, undefined> {
  for await (const piece of pieces) yield* piece;
}

/** @returns how many files were deleted */
async function deleteCovered(
  { ledger, store, owner, now, reached = () => undefined }: CompactOptions,
  view: LoadTarget,
  { by, files }: Covered,
  claim: HeldClaim,
): Promise<number> {
  let asked = now();
  const found = await store.head(by.key);
  if (found === null)
    throw new FileGone('runtime', `The object ${by.key} is missing: the files that it stood for are kept.`);
  if (by.size !== null && found.size !== by.size)
    throw new TsdbtError(
      'runtime',
      `The object ${by.key} has ${found.size} bytes, and tsdbt.archive_files says ${by.size}: the files that ` +
        'it stood for are kept.',
    );
  // A file that was not joined has a name in the joined range: it may be the only one with its messages.
  for (const file of files)
    if (file.status !== 'replaced' && (await store.head(file.key)) !== null && !(await holdsThose(store, by, file)))
      throw new TsdbtError(
        'runtime',
        `The object ${file.key} holds messages that ${by.key} does not, which stands for it by its name: it is kept.`,
        { path: store.settings.path, hint: 'Was the topic made again? Give the archive a `path` of its own.' },
      );
  await severally(files, AT_ONCE, async ({ key }) => {
    // If this process slept, a repair may have deleted the file, and a loader written another one.
    if (now() - asked > BEAT_MS) {
      if (!(await claim.keep())) throw new Overtaken();
      asked = now();
    }
    await store.delete(key);
    reached('in_deletion');
  });
  await ledger.forget(view, files, owner);
  return files.length;
}
