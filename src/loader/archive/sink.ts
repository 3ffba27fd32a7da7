// An object store as a sink. A flush is recorded in the target database first, which moves the positions; then its
// files are written, under names with the range of offsets; then they are marked as done. After a kill, the next loader
// reads the same range and writes the same files. The sink for tables stores positions, pauses and members.
import { TsdbtError } from '../../errors.ts';
import { severally } from '../../in-order.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { partitionKey } from '../brokers/broker.ts';
import type { RowBuffer } from '../formats/rows/row-buffer.ts';
import type { LoadColumn, LoadTarget } from '../settings/load-target.ts';
import {
  type FaultPoint,
  Fenced,
  type Flush,
  type Flushed,
  type OffsetRange,
  type OpenFlush,
  type OpenRange,
  type Pace,
  type Sink,
} from '../sink.ts';
import { ofTopic } from '../settings/target-topics.ts';
import { fileName, folderOf, formatOf, isArchive } from '../settings/archive-settings.ts';
import { CONTENT_TYPES, fileOf, holdsAll } from './file-format.ts';
import { liesThere } from './layout.ts';
import type { ArchiveLedger, PlannedFile, WrittenFile } from './ledger.ts';

const HOUR = 3_600_000;
/** Milliseconds after which it checks whether a file must still be written: it may have been joined. */
const STALE_MS = 10 * 60_000;
/** Files that are written concurrently. */
const AT_ONCE = 4;

/** A file with the rows to write into it. */
interface Filling extends PlannedFile {
  readonly numbers: readonly number[];
}

export class ArchiveSink implements Sink {
  readonly pace?: Pace;
  readonly #tables: Sink;
  readonly #ledger: ArchiveLedger;
  readonly #store: ObjectStore;
  readonly #reached: (point: FaultPoint) => void;
  /** Flushes that are recorded and not written yet, by their ranges: a second call continues. */
  readonly #recorded = new WeakMap<
    readonly OffsetRange[],
    { readonly fenced: readonly OffsetRange[]; readonly at: number }
  >();

  /** @param tables stores positions; it is never asked for an archive's table */
  constructor(
    tables: Sink,
    ledger: ArchiveLedger,
    store: ObjectStore,
    reached: (point: FaultPoint) => void = () => undefined,
  ) {
    if (tables.pace !== undefined) this.pace = tables.pace;
    this.#tables = tables;
    this.#ledger = ledger;
    this.#store = store;
    this.#reached = reached;
  }

  async problems(): Promise<string[]> {
    try {
      await this.#store.check();
      return [];
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      return [error.message];
    }
  }

  async prepare(target: LoadTarget): Promise<readonly LoadColumn[]> {
    await this.#store.check();
    await this.#ledger.prepare(target);
    return [];
  }

  prepareState(): Promise<void> {
    return this.#tables.prepareState();
  }

  async unsettled(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]> {
    return this.#ledger.open(target, partitions);
  }

  async settle(open: OpenFlush, flush: Flush): Promise<Flushed> {
    const { target, rows, loadId } = flush;
    const { ranges } = open;
    // It was open in the ledger when this range began to be read.
    const files = await this.#write(target, plan(target, ranges, rows), rows, 0);
    await this.#done(target, ranges, files, loadId);
    return { rows: rows.length, dead: [] };
  }

  async flush(flush: Flush): Promise<Flushed> {
    const { target, ranges, rows, loadId } = flush;
    const files = plan(target, ranges, rows);
    let recorded = this.#recorded.get(ranges);
    if (recorded === undefined) {
      this.#reached('before_copy');
      const at = Date.now();
      recorded = { fenced: await this.#ledger.intend(flush, files), at };
      this.#recorded.set(ranges, recorded);
    }
    const { fenced } = recorded;
    this.#reached('before_merge');
    const lost = new Set(fenced.map(partitionKey));
    const own = files.filter((file) => !lost.has(partitionKey(file)));
    const written = await this.#write(target, own, rows, recorded.at);
    this.#reached('before_commit');
    const held = ranges.filter((range) => !lost.has(partitionKey(range)));
    await this.#done(target, held, written, loadId);
    this.#recorded.delete(ranges);
    this.#reached('after_commit');
    if (fenced.length > 0) throw new Fenced(fenced);
    return { rows: written.reduce((sum, file) => sum + file.rows, 0), dead: [] };
  }

  async #done(
    target: LoadTarget,
    ranges: readonly Omit<OpenRange, 'topicId'>[],
    files: readonly WrittenFile[],
    loadId: string,
  ): Promise<void> {
    for (const topic of new Set(ranges.map((range) => range.topic)))
      await this.#ledger.done(
        ofTopic(target, topic),
        ranges.filter((range) => range.topic === topic),
        files.filter((file) => file.topic === topic),
        loadId,
      );
  }

  async rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): ReturnType<Sink['rewind']> {
    const kept = await this.#tables.positions(target);
    for (const [partition, offset] of next) {
      const known = kept.get(partition);
      if (known === undefined || offset >= known.next) continue;
      const same = known.topicId === topicId || topicId === null;
      // Another loader was first: its position is kept.
      if (same && from === undefined) continue;
      if (same)
        throw new TsdbtError(
          'runtime',
          `The archive ${target.name} cannot go back from offset ${known.next} to ${offset}.`,
          {
            path: target.path,
            hint: 'Its files would hold messages twice. Another `path` begins a new archive.',
          },
        );
      await this.#refuseMixed(target, partition, offset);
    }
    return this.#tables.rewind(target, topicId, next, from && new Map());
  }

  async ends(): ReturnType<Sink['ends']> {
    return new Map();
  }

  async snapshots(): ReturnType<Sink['snapshots']> {
    return new Map();
  }

  async holdsRows(target: LoadTarget): Promise<boolean> {
    return this.#ledger.holdsFiles(target);
  }

  async recentDead(): ReturnType<Sink['recentDead']> {
    return [];
  }

  async newestLetter(): Promise<string> {
    return '0';
  }

  async letters(): ReturnType<Sink['letters']> {
    return [];
  }

  async addColumns(): Promise<readonly LoadColumn[]> {
    return [];
  }

  kept(target: LoadTarget): ReturnType<Sink['kept']> {
    return this.#tables.kept(target);
  }

  positions(...given: Parameters<Sink['positions']>): ReturnType<Sink['positions']> {
    return this.#tables.positions(...given);
  }

  nameTopic(...given: Parameters<Sink['nameTopic']>): Promise<void> {
    return this.#tables.nameTopic(...given);
  }

  startAt(...given: Parameters<Sink['startAt']>): Promise<void> {
    return this.#tables.startAt(...given);
  }

  note(target: LoadTarget, failure: string | null): Promise<void> {
    return this.#tables.note(target, failure);
  }

  setPaused(target: LoadTarget, paused: boolean): Promise<boolean> {
    return this.#tables.setPaused(target, paused);
  }

  look(...given: Parameters<Sink['look']>): ReturnType<Sink['look']> {
    return this.#tables.look(...given);
  }

  forget(members: Parameters<Sink['forget']>[0]): Promise<void> {
    return this.#tables.forget(members);
  }

  stop(target: LoadTarget): Promise<void> {
    return this.#tables.stop(target);
  }

  maintain(target: LoadTarget): Promise<readonly string[]> {
    return this.#tables.maintain(target);
  }

  /** @throws `runtime` error if files of the previous topic have offsets that will occur again */
  async #refuseMixed(target: LoadTarget, partition: number, from: bigint): Promise<void> {
    if (!isArchive(target)) return;
    const { path } = target.archive;
    const { files } = await this.#ledger.files(target, partition);
    if (!files.some((file) => file.to > from && liesThere(file.key, path, target.topic))) return;
    throw new TsdbtError(
      'runtime',
      `Topic ${target.topic} was deleted and made again, and the archive ${target.name} has files of the one before ` +
        'with the same offsets.',
      { path: target.path, hint: 'Give `archive` another `path`: the new topic begins there.' },
    );
  }

  /** @throws Fenced with the ranges that are no longer open */
  async #refuseWritten(target: LoadTarget, files: readonly PlannedFile[]): Promise<void> {
    const open = new Set<string>();
    for (const topic of new Set(files.map((file) => file.topic))) {
      const partitions = files.flatMap((file) => (file.topic === topic ? [file.partition] : []));
      for (const { ranges } of await this.#ledger.open(ofTopic(target, topic), [...new Set(partitions)]))
        for (const range of ranges) open.add(`${partitionKey(range)} ${range.from}-${range.to}`);
    }
    const lost = files.filter((file) => !open.has(`${partitionKey(file)} ${file.from}-${file.to}`));
    if (lost.length > 0) throw new Fenced(lost);
  }

  /**
   * Writes files, which may already exist if they have the same lines.
   * @param since when they were known to be unwritten, in milliseconds since 1970
   * @throws Fenced if another loader has written them meanwhile
   */
  async #write(target: LoadTarget, files: readonly Filling[], rows: RowBuffer, since: number): Promise<WrittenFile[]> {
    const written: WrittenFile[] = [];
    let known = since;
    await severally(files, AT_ONCE, async ({ numbers, ...planned }) => {
      const body = await fileOf(formatOf(planned.key), rows.chunks(numbers));
      if (Date.now() - known > STALE_MS) {
        const at = Date.now();
        await this.#refuseWritten(target, files);
        known = at;
      }
      const size = await putOnce(this.#store, planned.key, body, known + STALE_MS);
      this.#reached('in_files');
      written.push({ ...planned, size });
    });
    return written;
  }
}

/**
 * Writes an object, unless it exists with the same messages. It may have more: Kafka's compaction removes messages
 * between a kill and the next read of the range.
 * @param until milliseconds since 1970 after which it is no longer sent
 * @returns bytes of the stored object
 * @throws `runtime` error if it lacks one of the messages
 */
export async function putOnce(
  store: ObjectStore,
  key: string,
  body: Buffer,
  until = Number.POSITIVE_INFINITY,
): Promise<number> {
  const options = { type: CONTENT_TYPES[formatOf(key)], until };
  try {
    if ((await store.put(key, body, { ...options, whenAbsent: true })).created) return body.length;
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.code !== 'NotImplemented') throw error;
    // The store does not support conditions; names differ by range, so an object with this name is this file.
    await store.put(key, body, options);
    return body.length;
  }
  const found = await store.get(key);
  if (found === null)
    throw new TsdbtError('runtime', `The object ${key} of '${store.settings.name}' was deleted while it was written.`, {
      path: store.settings.path,
      hint: 'Who deletes below this path? The next load writes it.',
    });
  if (found.equals(body) || (await holdsAll(key, found, body))) return found.length;
  throw new TsdbtError('runtime', `The object ${key} of '${store.settings.name}' stands there with other contents.`, {
    path: store.settings.path,
    hint: 'Somebody else writes below this path, or the topic was made again: give the archive a `path` of its own.',
  });
}

/** The files of a flush: one for each folder that rows of a range belong to. */
function plan(target: LoadTarget, ranges: readonly Omit<OpenRange, 'topicId'>[], rows: RowBuffer): Filling[] {
  if (!isArchive(target)) throw new TsdbtError('internal', `${target.name} is no archive`);
  const places = new Map(ranges.map((range) => [partitionKey(range), range]));
  const found = new Map<string, PlannedFile & { numbers: number[] }>();
  let [lastHour, lastSource] = [Number.NaN, ''];
  let last: (PlannedFile & { numbers: number[] }) | undefined;
  for (let row = 0; row < rows.length; row++) {
    const time = rows.timestamp(row);
    const hour = Math.floor(time / HOUR);
    const source = `${rows.topic(row)}/${rows.partition(row)}`;
    if (last === undefined || source !== lastSource || !Object.is(hour, lastHour)) {
      const range = places.get(source);
      if (range === undefined) throw new TsdbtError('internal', `a row of ${source} is in no range`);
      const { topic, partition, from, to } = range;
      const key =
        folderOf(target, topic, Number.isNaN(time) ? null : time) +
        fileName(partition, from, to, target.archive.format);
      last = found.get(key) ?? { key, topic, partition, from, to, rows: 0, bytes: 0, numbers: [] };
      found.set(key, last);
      [lastHour, lastSource] = [hour, source];
    }
    last.numbers.push(row);
  }
  return [...found.values()].map((file) => ({
    ...file,
    rows: file.numbers.length,
    bytes: rows.size(file.numbers),
  }));
}
