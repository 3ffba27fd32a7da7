// Finds the positions of some members of a JSON object in its bytes, without parsing their values: an envelope contains
// the row twice, and numbers beyond a double. Values are assumed to be JSON; their readers reject invalid ones.
import {
  BACKSLASH,
  CLOSE,
  CLOSE_LIST,
  COLON,
  COMMA,
  LINE_FEED,
  OPEN,
  OPEN_LIST,
  QUOTE,
  RETURN,
  SPACE,
  TAB,
} from '../values/ascii.ts';

const ABSENT = -1;

export class Members {
  /** Start and end of each wanted member's value, in the order of the names; -1: it is absent. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #wanted = new Map<string, number>();
  /** Names by their position in the last object, with their numbers: objects of one topic have the same names. */
  readonly #names: Buffer[] = [];
  readonly #numbers: number[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #stop = 0;

  /** @param names ASCII */
  constructor(names: readonly string[]) {
    for (const [i, name] of names.entries()) this.#wanted.set(name, i);
    this.starts = new Int32Array(names.length);
    this.ends = new Int32Array(names.length);
  }

  /** @returns the position after the object; -1: no object begins at `start`, or it does not end */
  scan(bytes: Buffer, start: number, stop: number): number {
    this.#bytes = bytes;
    this.#at = start;
    this.#stop = stop;
    this.starts.fill(ABSENT);
    this.ends.fill(ABSENT);
    this.#blanks();
    if (!this.#takes(OPEN)) return -1;
    this.#blanks();
    if (this.#takes(CLOSE)) return this.#at;
    for (let member = 0; ; member++) {
      const number = this.#name(member);
      if (number === null) return -1;
      this.#blanks();
      if (!this.#takes(COLON)) return -1;
      this.#blanks();
      const valueStart = this.#at;
      if (!this.#value()) return -1;
      if (number >= 0) {
        this.starts[number] = valueStart;
        this.ends[number] = this.#at;
      }
      this.#blanks();
      if (this.#takes(CLOSE)) return this.#at;
      if (!this.#takes(COMMA)) return -1;
      this.#blanks();
    }
  }

  has(member: number): boolean {
    return (this.starts[member] ?? ABSENT) !== ABSENT;
  }

  /** The text of a member's value as written; null: it is absent. */
  text(member: number): string | null {
    const start = this.starts[member] ?? ABSENT;
    return start === ABSENT ? null : this.#bytes.toString('utf8', start, this.ends[member]);
  }

  /** Skips a name with its quotes. @returns its number, -1 if it is not wanted; null: there is no name */
  #name(member: number): number | null {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== QUOTE) return null;
    const start = this.#at + 1;
    const guess = this.#names[member];
    if (guess !== undefined) {
      let i = 0;
      while (i < guess.length && bytes[start + i] === guess[i]) i++;
      if (i === guess.length && bytes[start + i] === QUOTE && start + i < this.#stop) {
        this.#at = start + i + 1;
        return this.#numbers[member] ?? ABSENT;
      }
    }
    if (!this.#string()) return null;
    const end = this.#at - 1;
    const number = this.#wanted.get(bytes.toString('latin1', start, end)) ?? ABSENT;
    this.#names[member] = Buffer.from(bytes.subarray(start, end));
    this.#numbers[member] = number;
    return number;
  }

  #takes(byte: number): boolean {
    if (this.#at >= this.#stop || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #blanks(): void {
    const bytes = this.#bytes;
    let byte = bytes[this.#at];
    while (byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN) byte = bytes[++this.#at];
  }

  /** Skips a value. @returns false: it does not end */
  #value(): boolean {
    const bytes = this.#bytes;
    const stop = this.#stop;
    const first = bytes[this.#at];
    if (first === QUOTE) return this.#string();
    if (first !== OPEN && first !== OPEN_LIST) {
      const start = this.#at;
      for (; this.#at < stop; this.#at++) {
        const byte = bytes[this.#at];
        if (byte === COMMA || byte === CLOSE || byte === CLOSE_LIST || byte === undefined || byte <= SPACE) break;
      }
      return this.#at > start;
    }
    let depth = 0;
    while (this.#at < stop) {
      const byte = bytes[this.#at];
      if (byte === QUOTE) {
        if (!this.#string()) return false;
        continue;
      }
      this.#at++;
      if (byte === OPEN || byte === OPEN_LIST) depth++;
      else if ((byte === CLOSE || byte === CLOSE_LIST) && --depth === 0) return true;
    }
    return false;
  }

  /** Skips a text. @returns false: it does not end */
  #string(): boolean {
    const bytes = this.#bytes;
    const stop = this.#stop;
    for (let at = this.#at + 1; ; at++) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0 || at >= stop) return false;
      let slashes = at - 1;
      while (bytes[slashes] === BACKSLASH) slashes--;
      if (((at - slashes) & 1) === 1) {
        this.#at = at + 1;
        return true;
      }
    }
  }
}
