// Reads Avro's primitive encodings: varints, lengths, floats. Independent of schemas.
import { PoisonMessage } from '../message-decoder.ts';

const [SEVEN, TWENTY_ONE] = [7, 21];
/** 2^27, 2^55: weights of the middle and the high bits after the sign bit is removed. */
const [MIDDLE, HIGH] = [2 ** 27, 2 ** 55];
/** Cost budget of any message, and additional budget per byte. */
const [FREE, PER_BYTE] = [100_000, 8];

/** A position in the bytes of one message. Nothing is read beyond `end`. */
export class Cursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  /** Cost of the values so far; most take at least one byte. */
  #spent = 0;

  set(bytes: Buffer, at: number, end: number): this {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.#spent = 0;
    return this;
  }

  /**
   * Charges what values cost in memory beyond their bytes: a null takes no byte, and a schema can produce a thousand
   * values from it.
   * @throws PoisonMessage if the message exceeds the budget for its length
   */
  spend(cost: number): void {
    this.#spent += cost;
    if (this.#spent > FREE + PER_BYTE * this.end) throw new PoisonMessage('more values than the message has bytes for');
  }

  /** @throws PoisonMessage always: the bytes end too early */
  truncated(): never {
    throw new PoisonMessage('the message ends too early');
  }

  byte(): number {
    if (this.at >= this.end) this.truncated();
    return this.bytes[this.at++] ?? 0;
  }

  /** A number of up to 64 bits; a bigint if a double cannot represent it. */
  long(): number | bigint {
    const { bytes, end } = this;
    let { at } = this;
    let low = 0;
    for (let shift = 0; shift <= TWENTY_ONE; shift += SEVEN) {
      if (at >= end) this.truncated();
      const byte = bytes[at++] ?? 0;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return (low >>> 1) ^ -(low & 1);
      }
    }
    this.at = at;
    return this.#wide(low);
  }

  /** The rest of a number with more than four bytes. */
  #wide(low: number): number | bigint {
    let middle = 0;
    let high = 0;
    for (let read = 0; ; read++) {
      const byte = this.byte();
      if (read < 4) middle |= (byte & 0x7f) << (read * SEVEN);
      else if (read === 4) high = byte & 0x7f;
      else if (byte > 1) throw new PoisonMessage('a number of more than 64 bits');
      else high |= byte << SEVEN;
      if (byte < 0x80) break;
    }
    const negative = (low & 1) === 1;
    const half = high * HIGH + middle * MIDDLE + (low >>> 1);
    if (half <= Number.MAX_SAFE_INTEGER) return negative ? -half - 1 : half;
    const exact = (BigInt(high) << 55n) + (BigInt(middle) << 27n) + BigInt(low >>> 1);
    return negative ? -exact - 1n : exact;
  }

  /** A 32-bit number. @throws PoisonMessage for a larger one */
  int(): number {
    const value = this.long();
    if (typeof value !== 'number' || (value | 0) !== value) throw new PoisonMessage('an int of more than 32 bits');
    return value;
  }

  /** Reads a length and skips that many bytes. @returns their start */
  span(): number {
    const length = this.long();
    const start = this.at;
    if (typeof length !== 'number' || length < 0) throw new PoisonMessage('a length that is none');
    if (length > this.end - start) this.truncated();
    this.at = start + length;
    return start;
  }

  /** Skips bytes. @returns their start */
  fixed(size: number): number {
    const start = this.at;
    if (size > this.end - start) this.truncated();
    this.at = start + size;
    return start;
  }
}
