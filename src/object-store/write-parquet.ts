// Writes a Parquet file in memory, a row group at a time, by hyparquet-writer. Columns and values are this file's own
// words, so that the library is loaded for the first file only. Storing it is left to the caller.
import { gzipSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet-writer';

/** What a column holds, and so the form of its values. */
export type ParquetType =
  /** Booleans. */
  | 'boolean'
  /** Numbers: whole ones of 32 bits, or days since 1970, or fractions. */
  | 'int'
  | 'date'
  | 'float'
  | 'double'
  /** Bigints: whole ones of 64 bits, or microseconds since 1970, with and without a zone. */
  | 'long'
  | 'timestamp'
  | 'timestamptz'
  /** Texts; JSON goes as text. */
  | 'string'
  | 'uuid'
  /** Bytes. */
  | 'binary'
  /** Bigints without the point: 12.34 of scale 2 is 1234n. At most 38 digits. */
  | { readonly precision: number; readonly scale: number };

export interface ParquetColumn {
  readonly name: string;
  readonly type: ParquetType;
  readonly nullable: boolean;
  /** By which Iceberg finds the column; absent: by its name. */
  readonly fieldId?: number;
}

/** A value in the form of its column's type; null only where the column is nullable. */
export type ParquetValue = boolean | number | bigint | string | Uint8Array | null;

export interface ParquetFile {
  readonly rows: number;
  /** Bytes so far. */
  readonly size: number;
  /** One row group. @param values of each column in order, all of one length */
  add(values: readonly ParquetValue[][]): void;
  /** The whole file in pieces; nothing can be added to it afterwards. */
  finish(): readonly Uint8Array[];
}

/** Level of gzip: half of the bytes that are to be had for a quarter of the time. */
const LEVEL = 3;
const MOST_DIGITS = 38;

/** @throws TypeError or RangeError of `add` for a value that is not of its column's form */
export async function openParquetFile(columns: readonly ParquetColumn[]): Promise<ParquetFile> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const bytes = new ByteWriter();
  /** What is done: one buffer of all would be doubled again and again. */
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
        columnData: columns.map(({ name }, index) => ({ name, data: values[index] ?? [] })),
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

/** The column in the words of Parquet's schema. */
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

/** Decimals are whole numbers where they fit, else as few bytes as hold every one of their digits: Iceberg's rule. */
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

/** How many bytes hold every whole number of so many digits, with its sign. */
export function decimalBytes(precision: number): number {
  const bits = (10n ** BigInt(precision) - 1n).toString(2).length + 1;
  return Math.ceil(bits / 8);
}
