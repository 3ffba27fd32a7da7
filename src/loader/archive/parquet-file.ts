// Archived messages as a Parquet file, and back: a column each for place, time, key, headers and value. A value stays
// one text or bytes, since a topic's messages need not be alike; the same lines give the same file.
import { gunzipSync } from 'node:zlib';
import type { AsyncBuffer } from 'hyparquet';
import { openParquetFile, type ParquetColumn, type ParquetValue } from '../../object-store/write-parquet.ts';
import { type ArchivedMessage, headersOf, headersText, linesOf, messageOf } from './lines.ts';

const COLUMNS: readonly ParquetColumn[] = [
  { name: '_topic', type: 'string', nullable: false },
  { name: '_partition', type: 'int', nullable: false },
  { name: '_offset', type: 'long', nullable: false },
  { name: '_kafka_ts', type: 'timestamptz', nullable: true },
  { name: '_key', type: 'binary', nullable: true },
  { name: '_headers', type: 'string', nullable: false },
  { name: '_value', type: 'binary', nullable: true },
];
/** Rows of a row group: few enough to be held as objects. */
const GROUP_ROWS = 20_000;
const GROUP_BYTES = 32 * 1024 ** 2;
const MICROS = 1000n;

/** @param chunks of whole lines, as an archive of ndjson.gz has them @throws `internal` error for any other line */
export async function parquetOf(chunks: Iterable<Buffer>): Promise<Buffer> {
  const file = await openMessagesFile();
  for (const chunk of chunks)
    for (const line of linesOf(chunk)) {
      const message = messageOf(line);
      if (message === null) throw new TypeError(`no line of an archive: ${line.toString()}`);
      file.add(message);
    }
  return file.finish();
}

/** A file that is held in memory; its messages are, as far as their row group is not full. */
export async function openMessagesFile(): Promise<{ add(message: ArchivedMessage): void; finish(): Buffer }> {
  const file = await openParquetFile(COLUMNS);
  let group: ParquetValue[][] = COLUMNS.map(() => []);
  let [rows, bytes] = [0, 0];
  const close = (): void => {
    if (rows > 0) file.add(group);
    group = COLUMNS.map(() => []);
    [rows, bytes] = [0, 0];
  };
  return {
    add(message) {
      for (const [i, value] of valuesOf(message).entries()) group[i]?.push(value);
      bytes += (message.key?.length ?? 0) + (message.value?.length ?? 0);
      if (++rows === GROUP_ROWS || bytes > GROUP_BYTES) close();
    },
    finish() {
      close();
      return Buffer.concat(file.finish());
    },
  };
}

function valuesOf({ topic, partition, offset, timestamp, key, headers, value }: ArchivedMessage): ParquetValue[] {
  const time = timestamp === null ? null : BigInt(timestamp) * MICROS;
  return [topic, partition, offset, time, key, headersText(headers), value];
}

/** @returns the messages of a file in its order; null: it is no file of an archive */
export async function parquetMessages(bytes: Buffer): Promise<ArchivedMessage[] | null> {
  const messages: ArchivedMessage[] = [];
  try {
    const whole = Uint8Array.from(bytes).buffer;
    for await (const group of parquetGroups(whole))
      for (const message of group) {
        if (message === null) return null;
        messages.push(message);
      }
    return messages;
  } catch {
    return null;
  }
}

/**
 * The messages of a file, a row group at a time; null where a row is none.
 * @throws the library's errors for what is no such file, and those of reading it
 */
export async function* parquetGroups(file: AsyncBuffer): AsyncGenerator<(ArchivedMessage | null)[]> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows);
    const rows = await parquetReadObjects({
      file,
      metadata,
      utf8: false,
      rowStart,
      rowEnd,
      compressors: { GZIP: (page) => new Uint8Array(gunzipSync(page)) },
    });
    yield rows.map(messageOfRow);
    rowStart = rowEnd;
  }
}

function messageOfRow(row: Readonly<Record<string, unknown>>): ArchivedMessage | null {
  const { _topic: topic, _partition: partition, _offset: offset, _kafka_ts: time, _headers: headers } = row;
  if (typeof topic !== 'string' || typeof partition !== 'number' || typeof offset !== 'bigint') return null;
  return {
    topic,
    partition,
    offset,
    timestamp: time instanceof Date ? time.getTime() : null,
    key: bytesOf(row['_key']),
    value: bytesOf(row['_value']),
    headers: headersOf(typeof headers === 'string' ? JSON.parse(headers) : null),
  };
}

function bytesOf(value: unknown): Buffer | null {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : null;
}
