// Compresses an archive's lines in chunks of one size, so that the result depends only on the lines.
import { createGzip } from 'node:zlib';

const PIECE_BYTES = 1 << 20;
const LEVEL = 1;

/** Compresses lines. The result depends only on the lines. */
export async function compressed(chunks: Iterable<Buffer>): Promise<Buffer> {
  const file = new GzipFile();
  for (const chunk of chunks) {
    const room = file.add(chunk);
    if (room !== null) await room;
  }
  return file.finish();
}

/** A compressed file in memory, without its lines. */
export class GzipFile {
  readonly #gzip = createGzip({ level: LEVEL, chunkSize: PIECE_BYTES / 4 });
  readonly #parts: Buffer[] = [];
  readonly #ended: Promise<void>;
  #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #filled = 0;

  constructor() {
    this.#gzip.on('data', (part: Buffer) => this.#parts.push(part));
    this.#ended = new Promise((resolve, reject) => {
      this.#gzip.once('end', resolve).once('error', reject);
    });
    this.#ended.catch(() => undefined);
  }

  /** @returns null, or what to wait for before more is added */
  add(chunk: Buffer): Promise<void> | null {
    let room = true;
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#piece, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < PIECE_BYTES) continue;
      room = this.#gzip.write(this.#piece);
      this.#piece = Buffer.allocUnsafe(PIECE_BYTES);
      this.#filled = 0;
    }
    if (room) return null;
    const drained = new Promise<void>((resolve) => {
      this.#gzip.once('drain', resolve);
    });
    return Promise.race([drained, this.#ended]);
  }

  /** Returns the whole file; nothing can be added to it afterwards. */
  async finish(): Promise<Buffer> {
    this.#gzip.end(this.#piece.subarray(0, this.#filled));
    await this.#ended;
    return Buffer.concat(this.#parts);
  }
}
