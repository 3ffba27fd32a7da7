// The formats of an archive's files: how they are written from lines, how a file's messages are read, whether one file
// has all of another's. archive-settings.ts defines names and folders.
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { type ArchiveFormat, formatOf } from '../settings/archive-settings.ts';
import { compressed } from './gzip.ts';
import { type ArchivedMessage, linesOf, messageOf } from '../formats/rows/archive-lines.ts';
import { parquetMessages, parquetOf } from './parquet-file.ts';

const unpack = promisify(gunzip);
/** Maximum unpacked bytes of a file that is read as a whole. */
const MAX_FILE_BYTES = 1024 ** 3;

/** The object's Content-Type. */
export const CONTENT_TYPES: Readonly<Record<ArchiveFormat, string>> = {
  'ndjson.gz': 'application/gzip',
  parquet: 'application/vnd.apache.parquet',
};

/** Builds a file of lines; the same lines give the same bytes. */
export function fileOf(format: ArchiveFormat, chunks: Iterable<Buffer>): Promise<Buffer> {
  return format === 'parquet' ? parquetOf(chunks) : compressed(chunks);
}

/** @param key determines the format @returns null: the object is not a file of an archive */
export async function messagesIn(key: string, body: Buffer): Promise<ArchivedMessage[] | null> {
  if (formatOf(key) === 'parquet') return parquetMessages(body);
  const messages: ArchivedMessage[] = [];
  try {
    for (const line of linesOf(await unpack(body, { maxOutputLength: MAX_FILE_BYTES }))) {
      const message = messageOf(line);
      if (message === null) return null;
      messages.push(message);
    }
  } catch {
    return null;
  }
  return messages;
}

/** Whether a file has every message of another one, byte for byte. Foreign contents do not. */
export async function holdsAll(key: string, found: Buffer, wanted: Buffer): Promise<boolean> {
  const [standing, own] = [await messagesIn(key, found), await messagesIn(key, wanted)];
  if (standing === null || own === null) return false;
  const known = new Map(standing.map((message) => [message.offset, message]));
  return own.every((message) => {
    const other = known.get(message.offset);
    return other !== undefined && sameMessage(other, message);
  });
}

/** Whether they are equal, byte for byte. */
export function sameMessage(one: ArchivedMessage, other: ArchivedMessage): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ topic, partition, offset, timestamp, key, headers, value }: ArchivedMessage): string {
  const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
  const named = headers.map(([name, bytes]) => [name, hex(bytes)]);
  return JSON.stringify([topic, partition, String(offset), timestamp, hex(key), named, hex(value)]);
}
