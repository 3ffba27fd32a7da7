// Python's bytes, as returned by `text.encode()`.
import { compareSequences } from './comparison.ts';
import { numericOf } from './equality.ts';
import { type BytesFormat, formatPercent } from './percent-format.ts';
import { JinjaError, typeError, valueError } from './python-error.ts';
import { sequenceIndex } from './sequence.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

export class PyBytes implements HostObject {
  readonly jinjaType = 'bytes';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'decode':
        return () => {
          try {
            return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes);
          } catch {
            throw new JinjaError('UnicodeError', "'utf-8' codec can't decode bytes: invalid data");
          }
        };
      case 'hex':
        return () => Array.from(this.bytes, hex).join('');
      case 'upper':
        return () => new PyBytes(this.bytes.map((byte) => (byte > 0x60 && byte < 0x7b ? byte - 32 : byte)));
      case 'lower':
        return () => new PyBytes(this.bytes.map((byte) => (byte > 0x40 && byte < 0x5b ? byte + 32 : byte)));
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    const index = sequenceIndex(this.bytes.length, key);
    return index === undefined ? undefined : this.bytes[index];
  }

  jinjaText(): string {
    let body = '';
    for (const byte of this.bytes) {
      if (byte === 0x5c) body += '\\\\';
      else if (byte === 0x0a) body += '\\n';
      else if (byte === 0x0d) body += '\\r';
      else if (byte === 0x09) body += '\\t';
      else body += byte < 0x20 || byte > 0x7e ? `\\x${hex(byte)}` : String.fromCharCode(byte);
    }
    if (body.includes("'") && !body.includes('"')) return `b"${body}"`;
    return `b'${body.replaceAll("'", "\\'")}'`;
  }

  jinjaLength(): number {
    return this.bytes.length;
  }

  jinjaIter(): Iterable<Value> {
    return Array.from(this.bytes);
  }

  jinjaContains(item: Value): boolean {
    const n = numericOf(item);
    if (typeof n === 'number' && Number.isInteger(n)) {
      if (n < 0 || n > 255) throw valueError('byte must be in range(0, 256)');
      return this.bytes.includes(n);
    }
    if (!(item instanceof PyBytes)) throw typeError(`a bytes-like object is required, not '${typeName(item)}'`);
    return toCharacters(this.bytes).includes(toCharacters(item.bytes));
  }

  jinjaEquals(other: Value): boolean {
    return other instanceof PyBytes && compareSequences([...this.bytes], [...other.bytes]) === 0;
  }

  jinjaCompare(other: Value): number | undefined {
    return other instanceof PyBytes ? compareSequences([...this.bytes], [...other.bytes]) : undefined;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (op === '*') {
      const times = numericOf(other);
      return typeof times === 'number' && Number.isInteger(times)
        ? fromCharacters(toCharacters(this.bytes).repeat(Math.max(0, times)))
        : undefined;
    }
    if (reflected) return undefined;
    if (op === '%') return fromCharacters(formatPercent(toCharacters(this.bytes), other, FORMAT));
    if (op !== '+') return undefined;
    if (!(other instanceof PyBytes)) throw typeError(`can't concat ${typeName(other)} to bytes`);
    return fromCharacters(toCharacters(this.bytes) + toCharacters(other.bytes));
  }

  jinjaHash(): string {
    return `bytes ${Array.from(this.bytes, hex).join('')}`;
  }
}

const FORMAT: BytesFormat = {
  isBytes: (v) => v instanceof PyBytes,
  read: (v) => (v instanceof PyBytes ? toCharacters(v.bytes) : ''),
};

/** Converts each byte to the character with its code. */
function toCharacters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function fromCharacters(text: string): PyBytes {
  return new PyBytes(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
