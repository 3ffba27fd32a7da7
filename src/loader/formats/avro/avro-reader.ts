// Builds readers of Avro values from a schema's types. A value becomes what a JSON message would contain: numbers
// beyond a double keep their digits, bytes are base64, timestamps, NaN and infinities are texts.
import { isUtf8 } from 'node:buffer';
import { PoisonMessage } from '../message-decoder.ts';
import { ExactNumber } from '../values/lossless-json.ts';
import type { Cursor } from './byte-cursor.ts';
import {
  dateText,
  decimalText,
  durationText,
  MAX_DECIMAL_BYTES,
  momentText,
  timeText,
  uuidText,
} from '../values/logical-types.ts';
import type { AvroType, Logical, RecordType } from './avro-schema.ts';

/** Reads one value and advances. @throws PoisonMessage */
export type Reader = (cursor: Cursor) => unknown;

/** Number of characters of a name that cost as much as a value. */
const NAME_CHARACTERS = 16;

/** Builds readers of a schema's types; a recursive record has one reader. */
export class Readers {
  readonly #records = new Map<RecordType, Reader>();

  of(type: AvroType): Reader {
    switch (type.kind) {
      case 'null':
        return () => null;
      case 'boolean':
        return readBoolean;
      case 'int':
        return numberReader((cursor) => cursor.int(), type.logical);
      case 'long':
        return numberReader((cursor) => cursor.long(), type.logical);
      case 'float':
        return (cursor) => {
          const start = cursor.fixed(4);
          return double(cursor.bytes.readFloatLE(start));
        };
      case 'double':
        return (cursor) => {
          const start = cursor.fixed(8);
          return double(cursor.bytes.readDoubleLE(start));
        };
      case 'string':
        return readString;
      case 'bytes':
        return bytesReader((cursor) => cursor.span(), type.logical);
      case 'fixed':
        return bytesReader((cursor) => cursor.fixed(type.size), type.logical);
      case 'enum':
        return enumReader(type.symbols);
      case 'array':
        return this.#array(type.items);
      case 'map':
        return this.#map(type.items);
      case 'union':
        return this.#union(type.branches);
      case 'record':
        return this.#record(type);
    }
  }

  #union(branches: readonly AvroType[]): Reader {
    const readers = branches.map((branch) => this.of(branch));
    return (cursor) => (readers[cursor.int()] ?? refuse('a union has no such branch'))(cursor);
  }

  #array(items: AvroType): Reader {
    const read = this.of(items);
    return (cursor) => {
      const values: unknown[] = [];
      eachItem(cursor, () => values.push(read(cursor)));
      return values;
    };
  }

  #map(items: AvroType): Reader {
    const read = this.of(items);
    return (cursor) => {
      const values: Record<string, unknown> = Object.create(null);
      eachItem(cursor, () => {
        const key = readString(cursor);
        values[key] = read(cursor);
      });
      return values;
    };
  }

  #record(type: RecordType): Reader {
    const known = this.#records.get(type);
    if (known !== undefined) return known;
    let fields: readonly { readonly name: string; readonly read: Reader }[] = [];
    const cost = type.fields.reduce((sum, { name }) => sum + costOf(name), 1);
    const reader: Reader = (cursor) => {
      cursor.spend(cost);
      const record: Record<string, unknown> = Object.create(null);
      for (const { name, read } of fields) record[name] = read(cursor);
      return record;
    };
    this.#records.set(type, reader);
    fields = type.fields.map((field) => ({ name: field.name, read: this.of(field.type) }));
    return reader;
  }
}

function refuse(reason: string): never {
  throw new PoisonMessage(reason);
}

/** The items of an array or a map, which are stored in blocks. */
function eachItem(cursor: Cursor, item: () => void): void {
  for (;;) {
    const count = cursor.long();
    if (count === 0) return;
    if (typeof count !== 'number') refuse('a number of items that is none');
    // After a negative number follows the block's length in bytes.
    if (count < 0) cursor.long();
    for (let left = Math.abs(count); left > 0; left--) {
      const { at } = cursor;
      item();
      if (cursor.at === at) cursor.spend(1);
    }
  }
}

/** The cost that a field's name, or a symbol, adds to a value. */
function costOf(name: string): number {
  return 1 + Math.floor(name.length / NAME_CHARACTERS);
}

function enumReader(symbols: readonly string[]): Reader {
  const costs = symbols.map(costOf);
  return (cursor) => {
    const at = cursor.int();
    cursor.spend(costs[at] ?? 0);
    return symbols[at] ?? refuse('an enum has no such symbol');
  };
}

function readBoolean(cursor: Cursor): boolean {
  const byte = cursor.byte();
  return byte <= 1 ? byte === 1 : refuse('a boolean that is neither true nor false');
}

/** A length and that many bytes of UTF-8. @throws PoisonMessage for other bytes */
export function readString(cursor: Cursor): string {
  const start = cursor.span();
  const { bytes, at } = cursor;
  const text = bytes.toString('utf8', start, at);
  // Invalid UTF-8 was replaced by this character.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, at))) refuse('not UTF-8');
  return text;
}

/** A double as in JSON: NaN and the infinities are texts, and -0 keeps its sign. */
export function double(value: number): number | string | ExactNumber {
  if (!Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? new ExactNumber('-0', null) : value;
}

function numberReader(read: (cursor: Cursor) => number | bigint, logical: Logical | null): Reader {
  switch (logical?.name) {
    case 'date':
      return (cursor) => dateText(cursor.int());
    case 'time': {
      const { perSecond } = logical;
      return (cursor) => timeText(read(cursor), perSecond) ?? refuse('a time that is none of a day');
    }
    case 'timestamp':
    case 'local-timestamp': {
      const { perSecond } = logical;
      const zone = logical.name === 'timestamp' ? 'Z' : '';
      return (cursor) => momentText(read(cursor), perSecond, zone);
    }
    default:
      return (cursor) => {
        const value = read(cursor);
        return typeof value === 'number' ? value : new ExactNumber(String(value), null);
      };
  }
}

/** @param start skips the bytes and returns their start */
function bytesReader(start: (cursor: Cursor) => number, logical: Logical | null): Reader {
  switch (logical?.name) {
    case 'decimal': {
      const { scale } = logical;
      return (cursor) => {
        const from = start(cursor);
        if (cursor.at - from > MAX_DECIMAL_BYTES) refuse(`a decimal of more than ${MAX_DECIMAL_BYTES} bytes`);
        return new ExactNumber(decimalText(cursor.bytes, from, cursor.at, scale), null);
      };
    }
    case 'uuid':
      return (cursor) => uuidText(cursor.bytes, start(cursor));
    case 'duration':
      return (cursor) => durationText(cursor.bytes, start(cursor));
    default:
      return (cursor) => {
        const from = start(cursor);
        return cursor.bytes.toString('base64', from, cursor.at);
      };
  }
}
