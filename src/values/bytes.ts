// Python's bytes: what `text.encode()` gives.
import { compareSequences } from './comparison.ts';
import { JinjaError } from './python-error.ts';
import { sequenceIndex } from './sequence.ts';
import type { HostObject, Value } from './value.ts';

/** An immutable sequence of bytes. */
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

  jinjaEquals(other: Value): boolean {
    return other instanceof PyBytes && compareSequences([...this.bytes], [...other.bytes]) === 0;
  }

  jinjaCompare(other: Value): number | undefined {
    return other instanceof PyBytes ? compareSequences([...this.bytes], [...other.bytes]) : undefined;
  }

  jinjaHash(): string {
    return `bytes ${Array.from(this.bytes, hex).join('')}`;
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
