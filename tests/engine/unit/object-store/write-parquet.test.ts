// Parquet files read back by another reader: every type at its limits, nulls, row groups, ids of fields.
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  decimalBytes,
  openParquetFile,
  type ParquetColumn,
  type ParquetValue,
} from '../../../../src/object-store/write-parquet.ts';

const column = (name: string, type: ParquetColumn['type'], nullable = true): ParquetColumn => ({
  name,
  type,
  nullable,
});

async function written(columns: readonly ParquetColumn[], ...groups: ParquetValue[][][]): Promise<ArrayBuffer> {
  const file = await openParquetFile(columns);
  for (const group of groups) file.add(group);
  return Uint8Array.from(Buffer.concat(file.finish())).buffer;
}

const compressors = {
  GZIP: (bytes: Uint8Array) => new Uint8Array(gunzipSync(bytes)),
};

/** The values of a column as they stand in the file: times are counts of microseconds. */
async function read(file: ArrayBuffer, metadata = parquetMetadata(file)): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file,
    metadata,
    utf8: false,
    compressors,
    parsers: {
      timestampFromMicroseconds: (micros: bigint) => micros,
      timestampFromMilliseconds: (millis: bigint) => millis,
      timestampFromNanoseconds: (nanos: bigint) => nanos,
      dateFromDays: (days: number) => days,
      stringFromBytes: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
      uuidFromBytes: (bytes: Uint8Array) => Buffer.from(bytes).toString('hex'),
    } as never,
  });
}

function unscaled(value: unknown): bigint | null {
  if (!(value instanceof Uint8Array)) return value === null ? null : BigInt(String(value));
  return BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString('hex')}`));
}

describe('a Parquet file', () => {
  it.each<[string, ParquetColumn['type'], ParquetValue[], unknown[]?]>([
    ['booleans', 'boolean', [true, null, false]],
    ['whole numbers', 'int', [-2147483648, null, 2147483647]],
    ['long whole numbers', 'long', [-(2n ** 63n), null, 2n ** 63n - 1n]],
    ['fractions', 'double', [-0.1, null, 1e308]],
    ['repeated fractions', 'double', [0, -0, Number.NaN, 0, -0, null, Number.NaN]],
    ['repeated short fractions', 'float', [0, -0, Number.NaN, 0, -0, Number.NEGATIVE_INFINITY]],
    ['days', 'date', [-719_162, null, 2_932_896]],
    ['times', 'timestamp', [-62_135_596_800_000_000n, null, 253_402_300_799_999_999n]],
    ['times with a zone', 'timestamptz', [-1n, null, 1_700_000_000_000_001n]],
    ['texts', 'string', ['', null, 'Zoë 🦊', '\0']],
    ['bytes', 'binary', [Uint8Array.of(0, 255), null, Uint8Array.of()]],
    ['uuids', 'uuid', ['00112233-4455-6677-8899-aabbccddeeff', null], ['00112233445566778899aabbccddeeff', null]],
  ])('stores %s and nulls exactly', async (_, type, values, expected = values) => {
    const rows = await read(await written([column('c', type)], [values]));
    expect(rows.map(({ c }) => c ?? null)).toEqual(expected);
  });

  it.each([
    [9, 2, 999_999_999n],
    [18, 4, 10n ** 18n - 1n],
    [19, 0, -(10n ** 19n) + 1n],
    [38, 10, 10n ** 38n - 1n],
  ])('stores numeric(%i, %i) as a decimal with the same digits', async (precision, scale, value) => {
    const file = await written([column('c', { precision, scale })], [[value, -value, null]]);
    const metadata = parquetMetadata(file);
    expect(metadata.schema[1]).toMatchObject({ converted_type: 'DECIMAL', precision, scale });
    // Of decimals the reader makes numbers, which are not exact: it is shown none.
    const schema = metadata.schema.map(({ converted_type: _, logical_type: __, ...physical }) => physical);
    const rows = await read(file, { ...metadata, schema });
    expect(rows.map(({ c }) => unscaled(c))).toEqual([value, -value, null]);
    const length = metadata.schema[1]?.type_length;
    expect(length ?? null).toBe(precision > 18 ? decimalBytes(precision) : null);
  });

  it('has one row group per addition, and the ids of its fields', async () => {
    const file = await openParquetFile([
      { name: 'a', type: 'int', nullable: false, fieldId: 7 },
      { name: 'b', type: 'string', nullable: true, fieldId: 3 },
    ]);
    file.add([[], []]);
    file.add([
      [1, 2],
      ['x', null],
    ]);
    file.add([[3], ['y']]);
    expect(file.rows).toBe(3);
    const bytes = Uint8Array.from(Buffer.concat(file.finish())).buffer;
    const { schema, row_groups: groups } = parquetMetadata(bytes);
    expect(schema.map(({ name, field_id: id, repetition_type: repeats }) => [name, id, repeats])).toEqual([
      ['root', undefined, undefined],
      ['a', 7, 'REQUIRED'],
      ['b', 3, 'OPTIONAL'],
    ]);
    expect(groups.map(({ num_rows: rows }) => rows)).toEqual([2n, 1n]);
    expect(await read(bytes)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 3, b: 'y' },
    ]);
  });

  it('is valid without rows', async () => {
    expect(await read(await written([column('c', 'int')]))).toEqual([]);
  });

  it.each<[string, ParquetColumn, ParquetValue]>([
    ['a null where none may be', column('c', 'int', false), null],
    ['a number beyond 32 bits', column('c', 'int'), 2 ** 31],
    ['a number beyond 64 bits', column('c', 'long'), 2n ** 63n],
    ['a text for a number', column('c', 'long'), '1'],
  ])('rejects %s', async (_, wanted, value) => {
    const file = await openParquetFile([wanted]);
    expect(() => file.add([[value]])).toThrow();
  });
});
