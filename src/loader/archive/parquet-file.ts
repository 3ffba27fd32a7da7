// Archived messages as a Parquet file, and back: a column each for place, time, key, headers and value. A value stays
// one text or bytes, since a topic's messages need not be alike; the same lines give the same file.
import { gunzipSync } from 'node:zlib';
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
const MICROS = 1000n;

/** @param chunks of whole lines, as an archive of ndjson.gz has them @throws `internal` error for any other line */
export async function parquetOf(chunks: Iterable<Buffer>): Promise<Buffer> {
  const file = await openParquetFile(COLUMNS);
  let group: ParquetValue[][] = COLUMNS.map(() => []);
  let rows = 0;
  const close = (): void => {
    file.add(group);
    group = COLUMNS.map(() => []);
    rows = 0;
  };
  for (const chunk of chunks)
    for (const line of linesOf(chunk)) {
      const message = messageOf(line);
      if (message === null) throw new TypeError(`no line of an archive: ${line.toString()}`);
      for (const [i, value] of valuesOf(message).entries()) group[i]?.push(value);
      if (++rows === GROUP_ROWS) close();
    }
  if (rows > 0) close();
  const bytes = file.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function valuesOf({ topic, partition, offset, timestamp, key, headers, value }: ArchivedMessage): ParquetValue[] {
  const time = timestamp === null ? null : BigInt(timestamp) * MICROS;
  return [topic, partition, offset, time, key, headersText(headers), value];
}

/** @returns the messages of a file in its order; null: it is no file of an archive */
export async function parquetMessages(bytes: Buffer): Promise<ArchivedMessage[] | null> {
  const { parquetMetadata, parquetReadObjects } = await import('hyparquet');
  const file = Uint8Array.from(bytes).buffer;
  try {
    const metadata = parquetMetadata(file);
    const rows = await parquetReadObjects({
      file,
      metadata,
      utf8: false,
      compressors: { GZIP: (page) => new Uint8Array(gunzipSync(page)) },
    });
    const messages = rows.map(messageOfRow);
    return messages.every((message) => message !== null) ? messages : null;
  } catch {
    return null;
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
