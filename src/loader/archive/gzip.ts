// Compresses an archive's lines in pieces of one size, so that the result depends on the lines alone.
import { createGzip } from 'node:zlib';

const PIECE_BYTES = 1 << 20;
const LEVEL = 1;

/** Compresses lines. The result depends on the lines alone. */
export function compressed(chunks: Iterable<Buffer>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const gzip = createGzip({ level: LEVEL, chunkSize: PIECE_BYTES / 4 });
    const parts: Buffer[] = [];
    gzip.on('data', (part: Buffer) => parts.push(part));
    gzip.on('error', reject);
    gzip.on('end', () => resolve(Buffer.concat(parts)));
    const pieces = piecesOf(chunks);
    const next = (): void => {
      for (let piece = pieces.next(); ; piece = pieces.next()) {
        if (piece.done === true) return void gzip.end();
        if (!gzip.write(piece.value)) return void gzip.once('drain', next);
      }
    };
    next();
  });
}

/** The same bytes in pieces of one size. */
function* piecesOf(chunks: Iterable<Buffer>): Generator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let filled = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(piece, filled, at);
      at += copied;
      filled += copied;
      if (filled < PIECE_BYTES) continue;
      yield piece;
      piece = Buffer.allocUnsafe(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
