// Splits a stream of rows into lines and cells. Lines are kept as bytes: most are compared and never decoded.

const NEWLINE = 10;
const TAB = 9;
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '0': '\0',
};

/** Splits chunks of any size into lines. */
export class LineReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Returns a line without its end; a promise if it has not arrived yet. Null: the stream has ended. */
  next(): Buffer | Promise<Buffer | null> {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    if (end < 0) return this.#more();
    const line = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return line;
  }

  async #more(): Promise<Buffer | null> {
    const parts = [this.#bytes.subarray(this.#at)];
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return null;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      if (!value.includes(NEWLINE)) continue;
      this.#bytes = Buffer.concat(parts);
      this.#at = 0;
      return this.next();
    }
  }
}

/** Returns the first cells of a line as bytes, including the tabs between them. */
export function firstCells(line: Buffer, count: number): Buffer {
  let end = -1;
  for (let cell = 0; cell < count; cell++) {
    end = line.indexOf(TAB, end + 1);
    if (end < 0) return line;
  }
  return line.subarray(0, end);
}

/**
 * Returns the values of a line, one character per byte, so that different bytes stay different. Null represents null.
 */
export function cellsOf(line: Buffer): (string | null)[] {
  return line
    .toString('latin1')
    .split('\t')
    .map((cell) =>
      cell === '\\N'
        ? null
        : cell.includes('\\')
          ? cell.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter)
          : cell,
    );
}

/** Decodes a value of `cellsOf` to text. */
export function textOfCell(cell: string): string {
  return Buffer.from(cell, 'latin1').toString('utf8');
}
