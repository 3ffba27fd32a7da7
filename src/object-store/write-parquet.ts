// Writes a Parquet file in memory, one row group at a time, with hyparquet-writer. Column types are defined here, so
// that the library is loaded only when a file is written.
import { gzipSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet-writer';

/** The type of a column, which determines the form of its values. */
export type ParquetType =
  /** Values are booleans. */
  | 'boolean'
  /** Values are numbers: 32-bit integers, days since 1970, or floats. */
  | 'int'
  | 'date'
  | 'float'
  | 'double'
  /** Values are bigints: 64-bit integers, or microseconds since 1970, with or without a zone. */
  | 'long'
  | 'timestamp'
  | 'timestamptz'
  /** Values are texts; JSON is stored as text. */
  | 'string'
  | 'uuid'
  /** Values are bytes. */
  | 'binary'
  /** Values are unscaled bigints: 12.34 with scale 2 is 1234n. At most 38 digits. */
  | { readonly precision: number; readonly scale: number };

export interface ParquetColumn {
  readonly name: string;
  readonly type: ParquetType;
  readonly nullable: boolean;
  /** The field id by which Iceberg finds the column; absent: by name. */
  readonly fieldId?: number;
}

/** A value in the form of its column's type; null only in a nullable column. */
export type ParquetValue = boolean | number | bigint | string | Uint8Array | null;

export interface ParquetFile {
  readonly rows: number;
  /** Size in bytes so far. */
  readonly size: number;
  /** Adds a row group. @param values of each column in order, all of the same length */
  add(values: readonly ParquetValue[][]): void;
  /** Returns the whole file in chunks; nothing can be added afterwards. */
  finish(): readonly Uint8Array[];
}

/** gzip level: half of the achievable compression in a quarter of the time. */
const LEVEL = 3;
const MOST_DIGITS = 38;

/** @throws TypeError or RangeError in `add` for a value that does not have its column's form */
export async function openParquetFile(columns: readonly ParquetColumn[]): Promise<ParquetFile> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const bytes = new ByteWriter();
  /** Finished chunks: a single buffer would be reallocated repeatedly. */
  const done: Uint8Array[] = [];
  const take = (): void => {
    done.push(Buffer.from(bytes.getBytes()));
    bytes.index = 0;
  };
  const root: SchemaElement = { name: 'root', num_children: columns.length };
  const file = new ParquetWriter({
    writer: bytes,
    schema: [root, ...columns.map(elementOf)],
    codec: 'GZIP',
    compressors: { GZIP: (page) => gzipSync(page, { level: LEVEL }) },
    createdBy: 'tsdbt',
  });
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    get size() {
      return bytes.offset;
    },
    add(values) {
      const [first = []] = values;
      if (values.length !== columns.length) throw new RangeError(`${columns.length} columns, ${values.length} values`);
      if (first.length === 0) return;
      void file.write({
        columnData: columns.map(({ name, type }, index) => ({
          ...{ name, data: values[index] ?? [] },
          // A dictionary would treat 0 and -0 as one value.
          ...(type === 'float' || type === 'double' ? { encoding: 'PLAIN' } : {}),
        })),
        rowGroupSize: first.length,
      });
      take();
      rows += first.length;
    },
    finish() {
      void file.finish();
      take();
      return done;
    },
  };
}

/** The column in Parquet's schema. */
function elementOf({ name, type, nullable, fieldId }: ParquetColumn): SchemaElement {
  const field = fieldId === undefined ? {} : { field_id: fieldId };
  return { name, repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED', ...field, ...physicalOf(type) };
}

type Physical = Omit<SchemaElement, 'name' | 'repetition_type' | 'field_id'>;

const PHYSICAL: Readonly<Record<Exclude<ParquetType, object>, Physical>> = {
  boolean: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  long: { type: 'INT64' },
  float: { type: 'FLOAT' },
  double: { type: 'DOUBLE' },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  timestamp: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } },
  timestamptz: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  uuid: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
  binary: { type: 'BYTE_ARRAY' },
};

/**
 * Decimals are stored as integers if they fit, otherwise in the minimum number of bytes for their precision: Iceberg's
 * rule.
 */
function physicalOf(type: ParquetType): Physical {
  if (typeof type === 'string') return PHYSICAL[type];
  const { precision, scale } = type;
  if (precision < 1 || precision > MOST_DIGITS || scale < 0 || scale > precision)
    throw new RangeError(`decimal(${precision}, ${scale}) is no decimal of at most ${MOST_DIGITS} digits`);
  const decimal = { converted_type: 'DECIMAL', logical_type: { type: 'DECIMAL', precision, scale } } as const;
  const digits = { ...decimal, precision, scale };
  if (precision <= 9) return { type: 'INT32', ...digits };
  if (precision <= 18) return { type: 'INT64', ...digits };
  return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: decimalBytes(precision), ...digits };
}

/** Number of bytes that can hold every signed integer of that many digits. */
export function decimalBytes(precision: number): number {
  const bits = (10n ** BigInt(precision) - 1n).toString(2).length + 1;
  return Math.ceil(bits / 8);
}
