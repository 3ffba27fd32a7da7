// Shared by tests of Avro: compares fastavro's values with ours, and builds rows both ways, with an intermediate record
// and without.
import { Cursor } from '../../../src/loader/formats/avro/byte-cursor.ts';
import { decodeRecord, type WriterSchema, writerSchema } from '../../../src/loader/formats/avro/avro-decoder.ts';
import { AvroCells } from '../../../src/loader/formats/avro/avro-row-path.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import { ExactNumber } from '../../../src/loader/formats/values/lossless-json.ts';
import type { LoadColumn, LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { RowEncoder } from '../../../src/loader/formats/rows/row-encoder.ts';

/** A value with its type, as tests/oracle/fuzz/avro.py writes it. */
export type Tagged =
  | readonly ['n']
  | readonly ['o', boolean]
  | readonly ['i' | 'f' | 't' | 'b' | 'd', string]
  | readonly ['w', string, boolean]
  | readonly ['l', readonly Tagged[]]
  | readonly ['m', readonly (readonly [string, Tagged])[]];

/** Whether our decoded value equals the one that fastavro reads. */
export function isSame(ours: unknown, theirs: Tagged): boolean {
  switch (theirs[0]) {
    case 'n':
      return ours === null;
    case 'o':
      return ours === theirs[1];
    case 'i':
      return (typeof ours === 'number' || ours instanceof ExactNumber) && String(ours) === theirs[1];
    case 'd':
      return ours instanceof ExactNumber && ours.text === theirs[1];
    case 'f': {
      const special = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' }[theirs[1]];
      if (special !== undefined) return ours === special;
      return Object.is(ours instanceof ExactNumber ? Number(ours.text) : ours, Number(theirs[1]));
    }
    case 'w': {
      const text = String(ours).replace(/(\.\d{3})(?!\d)/, '$1000');
      return text === (theirs[2] ? `${theirs[1]}Z` : theirs[1]);
    }
    case 'l':
      return (
        Array.isArray(ours) && ours.length === theirs[1].length && theirs[1].every((each, i) => isSame(ours[i], each))
      );
    case 'm': {
      if (typeof ours !== 'object' || ours === null) return false;
      const record = ours as Record<string, unknown>;
      const last = new Map(theirs[1]);
      return (
        Object.keys(record).length === last.size &&
        [...last].every(([name, each]) => Object.hasOwn(record, name) && isSame(record[name], each))
      );
    }
    default:
      return ours === theirs[1];
  }
}

export const TARGET = { columns: [], drop: [], hash: [] };

export function schemaOf(
  schema: unknown,
  target: Pick<LoadTarget, 'columns' | 'drop' | 'hash'> = TARGET,
  references: ReadonlyMap<string, string> = new Map(),
): WriterSchema {
  return writerSchema({ schema: JSON.stringify(schema), type: 'AVRO', references }, 1, target);
}

/** A message with the magic byte and the id of its schema. */
export function framed(bytes: Uint8Array, id = 1): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, bytes]);
}

export function decoded(schema: WriterSchema, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return decodeRecord(schema, framed(bytes), new Cursor());
}

/** A row with the data that a flush needs. */
interface Made {
  readonly line: string;
  readonly key: string | null;
  readonly days: readonly number[];
}

const DAY = 86_400_000;
const LOADED_AT = '2026-01-02T03:04:05.678Z';

/** Builds a row from a message both ways. @returns `fast`: null when the fast path left the message to the slow one */
export function bothWays(
  schema: WriterSchema,
  target: LoadTarget,
  columns: readonly LoadColumn[],
  bytes: Uint8Array,
): { readonly fast: Made | null; readonly slow: Made | { readonly error: string } } {
  const message = {
    offset: 12_345_678_901n,
    timestamp: 1_767_225_600_123,
    key: null,
    value: framed(bytes),
    headers: [],
  };
  const records = recordsOf([message]);
  const encoder = new RowEncoder(target, { columns, hashKey: 'key', loadId: 'load' });
  const buffer = new RowBuffer(1);
  buffer.from(records, 't', 3);
  const path = new AvroCells(encoder.plan, () => schema);
  const added = path.add(records, 0, buffer, encoder.place('t', 3), Buffer.from(LOADED_AT));
  const fast = added
    ? {
        line: buffer.line(0),
        key: target.mode === 'upsert' ? buffer.keys.toString('utf8', 0, buffer.keyEnd) : null,
        days: [...buffer.times()].map((time) => Math.floor(time / DAY)),
      }
    : null;
  try {
    if (schema.refused !== null) throw new PoisonMessage(schema.refused);
    const record = decoded(schema, bytes);
    const { line, key, partitionTime } = encoder.encode(message, record, 't', 3, LOADED_AT);
    return { fast, slow: { line, key, days: partitionTime === null ? [] : [Math.floor(partitionTime / DAY)] } };
  } catch (error) {
    if (!(error instanceof PoisonMessage)) throw error;
    return { fast, slow: { error: error.message } };
  }
}

/** Bytes of Avro, piece by piece: numbers as longs, texts with their length. */
export function bytes(...parts: readonly (number | bigint | string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part;
      if (typeof part === 'string') return Buffer.concat([bytes(Buffer.byteLength(part)), Buffer.from(part)]);
      let left = BigInt.asUintN(64, (BigInt(part) << 1n) ^ (BigInt(part) >> 63n));
      const out: number[] = [];
      for (; left > 127n; left >>= 7n) out.push(Number(left & 127n) | 128);
      return Buffer.from([...out, Number(left)]);
    }),
  );
}

/** The schema of a record with fields of these names and types. */
export const record = (fields: Readonly<Record<string, unknown>>, name = 'R'): object => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
