// Builds record batches for tests as producers write them, and malformed ones that no producer writes.
import type { KafkaLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { crc32cOf } from '../../../src/loader/brokers/kafka/crc32c.ts';

type Library = KafkaLibrary;

export interface BatchForm {
  /** Offset of the first message. */
  readonly first: bigint;
  readonly compression?: 'none' | 'gzip' | 'lz4' | 'snappy' | 'zstd';
  /** Attribute bits beside those of the compression. */
  readonly attributes?: number;
  readonly producer?: bigint;
  readonly epoch?: number;
  /** Replaces the packed records. */
  readonly packed?: Buffer;
}

/** One batch as the client library writes it, with a valid checksum. */
export function packedBatch(
  library: Library,
  topic: string,
  messages: readonly object[],
  { first, compression = 'none', attributes = 0, producer = -1n, epoch = 0, packed }: BatchForm,
): Buffer {
  const written = packed === undefined ? compression : 'none';
  let bytes = Buffer.from(
    library.createRecordsBatch(
      messages.map((message) => ({ topic, ...message })) as Parameters<Library['createRecordsBatch']>[0],
      { compression: written, producerId: producer },
    ).buffer,
  );
  if (packed !== undefined) bytes = Buffer.concat([bytes.subarray(0, 61), packed]);
  const algorithm = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(compression);
  bytes.writeBigInt64BE(first, 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(epoch, 12);
  bytes.writeInt16BE((bytes.readInt16BE(21) & ~7) | algorithm | attributes, 21);
  bytes.writeUInt32BE(crc32cOf(library)(bytes.subarray(21)), 17);
  return bytes;
}

/** `length` zero bytes, compressed by zstd: blocks that repeat one byte. */
export function zstdZeros(length: number): Buffer {
  const most = 128 * 1024;
  const blocks: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58])];
  for (let left = length; left > 0; left -= most) {
    const block = Buffer.alloc(4);
    block.writeUIntLE((Math.min(left, most) << 3) | 2 | (left <= most ? 1 : 0), 0, 3);
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}
