// A file as a topic with one partition: NDJSON or CSV; a record's number is its offset. A second load continues where
// the first ended, so it follows a growing file.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { systemReason, TsdbtError } from '../../errors.ts';
import { checkMissingCells, csvRecords, unixBreaks } from '../../values/csv.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type Message,
  type PartitionFailure,
  type Polled,
  partitionKey,
  type RangeRead,
  type ReadPosition,
  readToEnd,
  type TopicInfo,
  type TopicPartition,
} from './broker.ts';
import { recordsOf } from './message-records.ts';

const READ_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 10;
const RETURN = 13;
/** Maximum line length in bytes, equal to that of a decompressed Kafka batch. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;
/** Number of records that are counted before it yields to the event loop. */
const COUNTED_AT_ONCE = 20_000;

/** The value of `_topic` in a file's rows. */
export function fileTopic(path: string): string {
  return `file:${basename(path)}`;
}

/** Whether a CSV cell of this column contains JSON. */
export type HoldsJson = (column: string, cell: string) => boolean;

/**
 * @param path `.csv` has a header and text cells, empty ones are null; anything else has one JSON object per line
 * @throws `runtime` error if it cannot be read
 */
export function fileClient(path: string, holdsJson: HoldsJson): BrokerClient {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (error) {
    throw new TsdbtError('runtime', `The file ${path} cannot be read: ${systemReason(error, path)}`);
  }
  // Opening a pipe waits for its writer, and blocks signals in the meantime.
  if (!found.isFile()) {
    const what = found.isDirectory() ? 'it is a folder' : 'it is no ordinary file';
    throw new TsdbtError('runtime', `The file ${path} cannot be read: ${what}`);
  }
  return new FileClient(path, found.mtimeMs, () =>
    /\.csv$/i.test(path) ? csvMessages(path, holdsJson) : jsonLines(path),
  );
}

class FileClient implements BrokerClient {
  readonly #open: () => Iterator<Buffer>;
  readonly #timestamp: number;
  readonly #topic: string;
  #records: Iterator<Buffer>;
  readonly #head: Buffer;
  /** Number of the record that the iterator returns next. */
  #at = 0n;
  #position = 0n;
  #done = false;
  #end: bigint | null = null;

  constructor(path: string, modified: number, open: () => Iterator<Buffer>) {
    this.#open = open;
    this.#timestamp = Math.floor(modified);
    this.#topic = fileTopic(path);
    this.#records = open();
    const first = open().next();
    this.#head = first.done === true ? Buffer.alloc(0) : first.value;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    // A file whose first record differs is a different file.
    return [
      { topic: this.#topic, id: createHash('sha256').update(this.#head).digest('hex').slice(0, 32), partitions: 1 },
    ];
  }

  async matching(): Promise<readonly string[]> {
    return [this.#topic];
  }

  async ends(): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    this.#end ??= await count(this.#open());
    return new Map([[partitionKey({ topic: this.#topic, partition: 0 }), { earliest: 0n, end: this.#end }]]);
  }

  async offsetsAt(): Promise<ReadonlyMap<string, bigint>> {
    throw new TsdbtError('runtime', 'a file has no times to rewind to', {
      hint: '--to earliest, or the number of a record.',
    });
  }

  async verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]> {
    const end = (this.#end ??= await count(this.#open()));
    return positions
      .filter(({ next }) => next > end)
      .map(({ topic, partition, next }) => ({
        topic,
        partition,
        reason: 'beyond_end',
        message: `position ${next} is beyond the end of the file, ${end}`,
        from: end,
      }));
  }

  async check(): Promise<void> {}

  async join(_topics: readonly string[], listener: AssignmentListener): Promise<void> {
    const at = { topic: this.#topic, partition: 0 };
    this.#position = (await listener.assigned([at])).get(partitionKey(at))?.next ?? 0n;
  }

  async poll(): Promise<Polled> {
    await turn();
    const messages: Message[] = [];
    let bytes = 0;
    while (!this.#done && bytes < READ_BYTES) {
      const record = this.#records.next();
      if (record.done === true) {
        this.#done = true;
        break;
      }
      const offset = this.#at++;
      if (offset < this.#position) {
        if (this.#at % BigInt(COUNTED_AT_ONCE) === 0n) await turn();
        continue;
      }
      messages.push({ offset, timestamp: this.#timestamp, key: null, value: record.value, headers: [] });
      bytes += record.value.length;
    }
    if (messages.length === 0) return readToEnd();
    const from = this.#position;
    this.#position = this.#at;
    return {
      batches: [
        {
          topic: this.#topic,
          partition: 0,
          records: [recordsOf(messages)],
          from,
          next: this.#at,
          end: this.#end ?? this.#at,
          epoch: null,
        },
      ],
      failures: [],
      waiting: null,
    };
  }

  async read(at: TopicPartition, from: bigint, to: bigint): Promise<RangeRead> {
    const messages: Message[] = [];
    const records = this.#open();
    let offset = 0n;
    for (; offset < to; offset++) {
      const record = records.next();
      if (record.done === true) break;
      if (offset < from) continue;
      messages.push({ offset, timestamp: this.#timestamp, key: null, value: record.value, headers: [] });
      if (messages.length % COUNTED_AT_ONCE === 0) await turn();
    }
    const message = `position ${to} is beyond the end of the file, ${offset}`;
    return {
      batches: [{ ...at, records: [recordsOf(messages)], from, next: offset, end: offset, epoch: null }],
      failure: offset < to ? { ...at, reason: 'beyond_end', message, from: offset } : null,
    };
  }

  pause(): void {}
  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next'>>): void {
    this.#position = positions.get(partitionKey({ topic: this.#topic, partition: 0 }))?.next ?? this.#position;
    if (this.#position >= this.#at) return;
    // Records are read only forward.
    this.#records.return?.();
    this.#records = this.#open();
    this.#at = 0n;
    this.#done = false;
  }
  async commit(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Yields to the event loop periodically. */
async function count(records: Iterator<Buffer>): Promise<bigint> {
  let n = 0;
  while (records.next().done !== true) if (++n % COUNTED_AT_ONCE === 0) await turn();
  return BigInt(n);
}

/**
 * The non-empty lines of a file; keeps a few megabytes in memory.
 * @throws `runtime` error that names a line that is too long
 */
function* jsonLines(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    /** The start of a line whose end has not been read. */
    let pieces: Buffer[] = [];
    let held = 0;
    let number = 1;
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const read = readSync(file, chunk, 0, READ_BYTES, null);
      if (read === 0) break;
      const text = chunk.subarray(0, read);
      let start = 0;
      for (let end = text.indexOf(LINE_FEED); end >= 0; end = text.indexOf(LINE_FEED, start)) {
        const line = withoutReturn(joined(pieces, text.subarray(start, end)));
        pieces = [];
        held = 0;
        start = end + 1;
        number++;
        if (line.length > 0) yield line;
      }
      if (start < read) pieces.push(text.subarray(start));
      held += read - start;
      if (held > MAX_LINE_BYTES)
        throw new TsdbtError('runtime', `${path}: line ${number} holds more than ${MAX_LINE_BYTES / 2 ** 20} MB`);
    }
    const last = joined(pieces, Buffer.alloc(0));
    if (last.length > 0) yield last;
  } finally {
    closeSync(file);
  }
}

function joined(pieces: readonly Buffer[], end: Buffer): Buffer {
  return pieces.length === 0 ? end : Buffer.concat([...pieces, end]);
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

function* csvMessages(path: string, holdsJson: HoldsJson): Generator<Buffer> {
  const text = utf8Text(path);
  const [header, ...records] = csvRecords(unixBreaks(text.startsWith('\ufeff') ? text.slice(1) : text), {
    strictIn: path,
  });
  if (header === undefined)
    throw new TsdbtError('runtime', 'the file is empty: its first line must name the columns', { path, line: 1 });
  checkMissingCells(text, records.length, header.cells.length, path);
  const names = new Set<string>();
  const twice = header.cells.find((name) => names.size === names.add(name).size);
  if (twice !== undefined)
    throw new TsdbtError('runtime', `the header names the column "${twice}" twice, so one value would be lost`, {
      path,
      line: header.line,
    });
  for (const { cells, line } of records) {
    if (cells.length > header.cells.length)
      throw new TsdbtError('runtime', `a record has ${cells.length} values, the header names ${header.cells.length}`, {
        path,
        line,
      });
    if (cells.length === 0) continue;
    const fields = header.cells.map((name, i) => `${JSON.stringify(name)}:${jsonOf(name, cells[i] ?? '', holdsJson)}`);
    yield Buffer.from(`{${fields.join(',')}}`);
  }
}

/** @throws `runtime` error for other encodings, whose characters would be replaced without an error */
function utf8Text(path: string): string {
  const bytes = readFileSync(path);
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    line++;
  }
  throw new TsdbtError('runtime', 'the file is not valid UTF-8. Convert it to UTF-8 first', { path, line });
}

function jsonOf(column: string, cell: string, holdsJson: HoldsJson): string {
  if (cell === '') return 'null';
  if (holdsJson(column, cell)) {
    try {
      JSON.parse(cell);
      return cell.replaceAll('\n', ' ');
    } catch {
      // Otherwise the cell is a text.
    }
  }
  return JSON.stringify(cell);
}
