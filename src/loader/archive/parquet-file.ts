// Writes archived messages as a Parquet file, and reads them: one column each for position, time, key, headers and
// value. A value is one text or bytes, since a topic's messages need not be alike; the same lines give the same file.
import type { AsyncBuffer } from 'hyparquet';
import { openParquetFile, type ParquetColumn, type ParquetValue } from '../../object-store/write-parquet.ts';
import { MAX_GROUP_ROWS, ParquetPages, unpacked } from './parquet-pages.ts';
import { checkFooter, footerBytes } from './parquet-limits.ts';
import { storableTime } from '../brokers/message-records.ts';
import {
  type ArchivedMessage,
  areHeaders,
  headersOf,
  headersText,
  linesOf,
  messageOf,
} from '../formats/rows/archive-lines.ts';

const COLUMNS: readonly ParquetColumn[] = [
  { name: '_topic', type: 'string', nullable: false },
  { name: '_partition', type: 'int', nullable: false },
  { name: '_offset', type: 'long', nullable: false },
  { name: '_kafka_ts', type: 'timestamptz', nullable: true },
  { name: '_key', type: 'binary', nullable: true },
  { name: '_headers', type: 'string', nullable: false },
  { name: '_value', type: 'binary', nullable: true },
];
/** Rows per row group: few enough to hold as objects. */
const GROUP_ROWS = 20_000;
const GROUP_BYTES = 32 * 1024 ** 2;
const MICROS = 1000n;
/** Bytes that are read to find the footer. */
const FIRST_BYTES = 512 * 1024;
/** `ConvertedType` of decimals in Parquet's format. */
const DECIMAL = 5;

/** @param chunks of whole lines, as in an archive of ndjson.gz @throws `internal` error for any other line */
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

/** A file in memory, with the messages of the current row group. */
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

/** @returns the messages of a file in its order; null: it is not a file of an archive */
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
 * The messages of a file, one row group at a time; null for a row that is not a message.
 * @throws the library's errors for other contents, and read errors
 */
export async function* parquetGroups(file: AsyncBuffer): AsyncGenerator<(ArchivedMessage | null)[]> {
  const { parquetMetadata, parquetReadObjects } = await import('hyparquet');
  const metadata = parquetMetadata(await footerOf(file), { geoparquet: false });
  const names = COLUMNS.map(({ name }) => name);
  const pages = await ParquetPages.open(metadata, names);
  const columns = names.filter((name) => pages.columns.has(name));
  for (const group of metadata.row_groups) {
    if (group.num_rows > MAX_GROUP_ROWS) throw new RangeError('a row group that is too large');
    const rows = await parquetReadObjects({
      file: await pages.read(file, group),
      // Each group alone: the library looks through all that it gets.
      metadata: { ...metadata, row_groups: [group] },
      columns,
      utf8: false,
      compressors: { GZIP: unpacked },
    });
    yield rows.map(messageOfRow);
  }
}

/** The end of a file with its footer, checked. @throws RangeError or TypeError for another file, and read errors */
async function footerOf(file: AsyncBuffer): Promise<ArrayBuffer> {
  const first = Math.max(0, file.byteLength - FIRST_BYTES);
  let end = await file.slice(first, file.byteLength);
  const length = footerBytes(end);
  if (length > end.byteLength) end = await file.slice(Math.max(0, file.byteLength - length), file.byteLength);
  checkFooter(end);
  const { deserializeTCompactProtocol } = await import('hyparquet/src/thrift.js');
  const { field_2: schema } = deserializeTCompactProtocol({
    view: new DataView(end, 0, end.byteLength - 8),
    offset: end.byteLength - length,
  });
  // Statistics of decimals are read digit by digit, however many there are.
  if (!Array.isArray(schema) || schema.some((element) => element?.field_6 === DECIMAL))
    throw new TypeError('a file with decimals');
  return end;
}

function messageOfRow(row: Readonly<Record<string, unknown>>): ArchivedMessage | null {
  const { _topic: topic, _partition: partition, _offset: offset, _kafka_ts: time, _headers: headers } = row;
  if (typeof topic !== 'string' || typeof partition !== 'number' || typeof offset !== 'bigint') return null;
  const written: unknown = typeof headers === 'string' ? JSON.parse(headers) : [];
  if (!areHeaders(written)) return null;
  const { _key: key = null, _value: value = null } = row;
  // A column of another type is not what was archived.
  if (!isBytes(key) || !isBytes(value)) return null;
  return {
    topic,
    partition,
    offset,
    timestamp: time instanceof Date ? storableTime(time.getTime()) : null,
    key: bufferOf(key),
    value: bufferOf(value),
    headers: headersOf(written),
  };
}

function isBytes(value: unknown): value is Uint8Array | null {
  return value === null || value instanceof Uint8Array;
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
