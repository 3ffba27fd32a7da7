// Hashes of rows that ClickHouse sends: computed per row in the query and added up here, to compare the rows that
// arrive with the rows of the source.
import type { Partition, ReadColumn } from '../publication-target.ts';

/** Number of hexadecimal digits of a hash, without and with the tab after them. */
const [DIGITS, PREFIX] = [16, 17];
const NEWLINE = 10;
const HALF = 2 ** 32;
const EMPTY = Buffer.alloc(0);

/** The hash of a row as SQL. It uses the binary format, which does not depend on session settings. */
export function rowHash(columns: readonly ReadColumn[]): string {
  return `sipHash64(formatRowNoNewline('RowBinary', ${columns.map(({ expression }) => expression).join(', ')}))`;
}

/** The same as a cell of fixed width, which `RowHashes` removes. */
export function hashCell(columns: readonly ReadColumn[]): string {
  return `leftPad(hex(${rowHash(columns)}), ${DIGITS}, '0')`;
}

/** The mark of all rows of the given partitions. */
export function sumOfMarks(partitions: readonly Pick<Partition, 'mark'>[]): string {
  let [rows, sum] = [0, 0n];
  for (const { mark } of partitions) {
    const [count = '0', hash = '0'] = mark.split(':');
    rows += Number(count);
    sum += BigInt(hash);
  }
  return `${rows}:${BigInt.asUintN(64, sum)}`;
}

/** Adds up the hashes of rows in a stream. */
export class RowHashes {
  #rows = 0;
  /** The sum is split into halves, so that the numbers stay exact. */
  #high = 0;
  #low = 0;

  /** Number of rows and the sum of their hashes, in the form of a source's mark. */
  get mark(): string {
    return `${this.#rows}:${BigInt(this.#high) * BigInt(HALF) + BigInt(this.#low)}`;
  }

  /** @param chunks lines that begin with `hashCell` @returns the lines without it */
  async *takeOff(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let cell: Buffer = EMPTY;
    let within = false;
    for await (const chunk of chunks) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      const kept = Buffer.allocUnsafe(bytes.length);
      let [at, length] = [0, 0];
      while (at < bytes.length) {
        if (!within) {
          const rest = bytes.subarray(at, at + PREFIX - cell.length);
          at += rest.length;
          cell = cell.length === 0 ? rest : Buffer.concat([cell, rest]);
          if (cell.length < PREFIX) break;
          this.#add(cell);
          cell = EMPTY;
          within = true;
        }
        const end = bytes.indexOf(NEWLINE, at);
        const next = end < 0 ? bytes.length : end + 1;
        length += bytes.copy(kept, length, at, next);
        at = next;
        within = end < 0;
      }
      if (length > 0) yield kept.subarray(0, length);
    }
  }

  #add(cell: Buffer): void {
    this.#rows++;
    const low = this.#low + Number.parseInt(cell.toString('latin1', DIGITS / 2, DIGITS), 16);
    const high = this.#high + Number.parseInt(cell.toString('latin1', 0, DIGITS / 2), 16) + (low >= HALF ? 1 : 0);
    this.#low = low % HALF;
    this.#high = high % HALF;
  }
}
