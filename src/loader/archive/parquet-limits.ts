// Checks structures of a Parquet file before the library reads them: it believes each length, and a few bytes may claim
// gigabytes, or a number of so many bytes that reading it takes hours.

/** Values of a footer, or of a page header. */
const MOST_VALUES = 2_000_000;
const MOST_NESTED = 32;
const MAX_FOOTER_BYTES = 64 * 1024 ** 2;
const MAX_VARINT_BYTES = 10;
/** The length of the footer, and `PAR1`. */
const END_BYTES = 8;
/** Types of Thrift's compact protocol. */
const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12];

/** Follows a structure of Thrift's compact protocol. @throws RangeError for claims that are too large */
class ThriftCheck {
  readonly #view: DataView;
  #at: number;
  #left = MOST_VALUES;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  structure(depth: number): void {
    if (depth > MOST_NESTED) throw new RangeError('a structure that is nested too deeply');
    for (let head = this.#byte(); (head & 15) !== STOP; head = this.#byte()) {
      if (head >> 4 === 0) this.#varint();
      this.#value(head & 15, depth, false);
    }
  }

  #value(type: number, depth: number, listed: boolean): void {
    if (--this.#left < 0) throw new RangeError('a structure with too many values');
    if (type === TRUE || type === FALSE) this.#at += listed ? 1 : 0;
    else if (type === BYTE) this.#at++;
    else if (type === I16 || type === I32 || type === I64) this.#varint();
    else if (type === DOUBLE) this.#at += 8;
    else if (type === BINARY) this.#skip(this.#varint());
    else if (type === LIST) this.#list(depth + 1);
    else if (type === STRUCT) this.structure(depth + 1);
    else throw new TypeError('a damaged structure');
  }

  #skip(bytes: number): void {
    this.#at += bytes;
  }

  #list(depth: number): void {
    if (depth > MOST_NESTED) throw new RangeError('a structure that is nested too deeply');
    const head = this.#byte();
    const size = head >> 4 === 15 ? this.#varint() : head >> 4;
    // Lists within lists claim together no more than there can be.
    if (size > this.#left) throw new RangeError('a structure with too many values');
    this.#left -= size;
    for (let i = 0; i < size; i++) this.#value(head & 15, depth, true);
  }

  #byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  #varint(): number {
    const { length, end } = varint(this.#view, this.#at);
    this.#at = end;
    return length;
  }
}

/**
 * The length that a varint states, in 32 bits as the library reads it; 0 if it is negative.
 * @throws RangeError for a number of too many bytes
 */
function varint(view: DataView, at: number): { readonly length: number; readonly end: number } {
  let length = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = view.getUint8(at + i);
    length |= (byte & 127) << (i * 7);
    if (byte < 128) return { length: Math.max(length, 0), end: at + i + 1 };
  }
  throw new RangeError('a number of too many bytes');
}

/** Checks a structure of Thrift. @throws RangeError or TypeError */
export function checkThrift(view: DataView, at: number): void {
  new ThriftCheck(view, at).structure(0);
}

/** The length of a footer. @param end the last bytes of the file @throws RangeError if it is too large */
export function footerBytes(end: ArrayBuffer): number {
  const length = new DataView(end).getUint32(end.byteLength - END_BYTES, true) + END_BYTES;
  if (length > MAX_FOOTER_BYTES) throw new RangeError('a footer that is too large');
  return length;
}

/** Checks the footer at the end of a file. @throws RangeError or TypeError */
export function checkFooter(end: ArrayBuffer): void {
  checkThrift(new DataView(end, 0, end.byteLength - END_BYTES), end.byteLength - footerBytes(end));
}

/**
 * Checks numbers stored as differences: the library can follow a negative length backwards, forever.
 * @throws RangeError for a length that no writer uses, or a number of too many bytes
 */
export function checkDifferences(bytes: Uint8Array, values: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const block = varint(view, 0);
  const parts = varint(view, block.end);
  const perPart = block.length / parts.length;
  if (!(perPart > 0) || perPart % 32 !== 0) throw new RangeError('a block of a size that no writer uses');
  const total = varint(view, parts.end);
  let at = varint(view, total.end).end;
  for (let left = values - 1; left > 0; ) {
    const widths = varint(view, at).end;
    at = widths + parts.length;
    for (let i = 0; i < parts.length && left > 0; i++, left -= perPart) {
      const width = view.getUint8(widths + i);
      if (width > 64) throw new RangeError('a block of a size that no writer uses');
      at += (perPart * width) / 8;
    }
  }
}
