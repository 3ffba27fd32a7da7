// Reads the files of an archive from the store in chunks: neither an object nor its contents are in memory as a whole.
// Messages of several files are merged in the order of their offsets.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TsdbtError } from '../../errors.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { type FileRange, formatOf } from '../settings/archive-settings.ts';
import { type ArchivedMessage, linesOf, messageOf } from '../formats/rows/archive-lines.ts';
import { parquetGroups } from './parquet-file.ts';

/** Bytes per request. */
const PART_BYTES = 4 * 1024 ** 2;
/** Bytes of lines that are unpacked at once. */
const PIECE_BYTES = 256 * 1024;
/** Maximum bytes of a line: the greatest message as base64, and what surrounds it. */
const MAX_LINE_BYTES = 384 * 1024 ** 2;

/** An object that was listed, or is in the ledger, is not in the store. */
export class FileGone extends TsdbtError {}

/** An object contains something other than messages. */
export class ForeignFile extends Error {}

/** A file of an archive under its key. */
export interface NamedFile extends FileRange {
  readonly key: string;
}

/** The messages of a file in its order. @throws FileGone, ForeignFile, and the store's errors */
export async function* messagesOfFile(store: ObjectStore, key: string): AsyncGenerator<ArchivedMessage[]> {
  if (formatOf(key) === 'parquet') return yield* parquetMessagesOf(store, key);
  for await (const lines of linesOfFile(store, key)) yield lines.map((line) => messageOf(line) ?? foreign(key));
}

/** The lines of an NDJSON file, without their ends. @throws FileGone, ForeignFile, and the store's errors */
export async function* linesOfFile(store: ObjectStore, key: string): AsyncGenerator<Buffer[]> {
  const packed = Readable.from(bytesOf(store, key), { objectMode: false });
  const unpacked = createGunzip({ chunkSize: PIECE_BYTES });
  packed.once('error', (error) => unpacked.destroy(error));
  const lines: AsyncIterable<Buffer> = packed.pipe(unpacked);
  /** The beginning of a line. */
  let rest: Buffer[] = [];
  let held = 0;
  try {
    for await (const piece of lines) {
      const end = piece.lastIndexOf(0x0a) + 1;
      held = end === 0 ? held + piece.length : piece.length - end;
      if (held > MAX_LINE_BYTES) return foreign(key);
      if (end === 0) {
        rest.push(piece);
        continue;
      }
      yield [...linesOf(Buffer.concat([...rest, piece.subarray(0, end)]))];
      rest = end === piece.length ? [] : [piece.subarray(end)];
    }
  } catch (error) {
    throw error instanceof Error && 'code' in error && String(error.code).startsWith('Z_') ? foreign(key) : error;
  } finally {
    packed.destroy();
  }
  if (rest.length > 0) yield [Buffer.concat(rest)];
}

async function* parquetMessagesOf(store: ObjectStore, key: string): AsyncGenerator<ArchivedMessage[]> {
  const first = await partOf(store, key, 0, PART_BYTES);
  /** The store's error: the library's own errors mean that the file is not Parquet. */
  let failure: unknown = null;
  const file = {
    byteLength: first.size,
    async slice(start: number, end = first.size): Promise<ArrayBuffer> {
      try {
        const inFirst = end <= first.body.length;
        const body = inFirst ? first.body.subarray(start, end) : (await partOf(store, key, start, end)).body;
        return Uint8Array.from(body).buffer;
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  };
  const groups = parquetGroups(file);
  for (;;) {
    const group = await groups.next().catch((): never => {
      throw failure ?? new ForeignFile(key);
    });
    if (group.done === true) return;
    yield group.value.map((message) => message ?? foreign(key));
  }
}

function foreign(key: string): never {
  throw new ForeignFile(key);
}

async function* bytesOf(store: ObjectStore, key: string): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { body, size } = await partOf(store, key, at, at + PART_BYTES);
    if (body.length > 0) yield body;
    at += body.length;
    if (at >= size || body.length === 0) return;
  }
}

async function partOf(
  store: ObjectStore,
  key: string,
  start: number,
  end: number,
): Promise<{ readonly body: Buffer; readonly size: number }> {
  const part = await store.part(key, start, end);
  if (part !== null) return part;
  throw new FileGone('runtime', `The object ${key} of '${store.settings.name}' is not there any more.`, {
    path: store.settings.path,
  });
}

/** A file while it is read. */
interface Reading<T> {
  readonly pieces: AsyncGenerator<readonly T[]>;
  items: readonly T[];
  at: number;
}

/**
 * The messages of one partition's files from an offset on, in offset order; an offset that two of them have is returned
 * once. A file is opened when its range begins.
 */
export async function* inOffsetOrder<T extends { readonly offset: bigint }, F extends FileRange>(
  files: readonly F[],
  open: (file: F) => AsyncGenerator<readonly T[]>,
  from: bigint,
): AsyncGenerator<readonly T[]> {
  const waiting = files
    .filter(({ to }) => to > from)
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))
    .reverse();
  const active = new Set<Reading<T>>();
  let next = from;
  const fill = async (reading: Reading<T>): Promise<void> => {
    for (;;) {
      while (reading.at < reading.items.length && (reading.items[reading.at]?.offset ?? next) < next) reading.at++;
      if (reading.at < reading.items.length) return;
      const { done, value } = await reading.pieces.next();
      if (done === true) return void active.delete(reading);
      [reading.items, reading.at] = [value, 0];
    }
  };
  const headOf = ({ items, at }: Reading<T>): bigint => items[at]?.offset ?? next;
  try {
    for (;;) {
      for (const reading of active) await fill(reading);
      let first: Reading<T> | null = null;
      for (const reading of active) if (first === null || headOf(reading) < headOf(first)) first = reading;
      const file = waiting.at(-1);
      if (file !== undefined && (first === null || file.from <= headOf(first))) {
        waiting.pop();
        const reading = { pieces: open(file), items: [], at: 0 };
        active.add(reading);
        continue;
      }
      if (first === null) return;
      let limit: bigint | null = file?.from ?? null;
      for (const reading of active)
        if (reading !== first && (limit === null || headOf(reading) < limit)) limit = headOf(reading);
      const start = first.at++;
      while (first.at < first.items.length && (limit === null || headOf(first) < limit)) first.at++;
      next = (first.items[first.at - 1]?.offset ?? next) + 1n;
      yield first.items.slice(start, first.at);
    }
  } finally {
    for (const { pieces } of active) await pieces.return(undefined);
  }
}
