// Checks the pages of a Parquet file before the library decodes them: a page of few bytes may claim gigabytes, and a
// run of repeated values any number of them, which the library writes one by one.
import { gunzipSync } from 'node:zlib';
import type { AsyncBuffer, ColumnMetaData, FileMetaData, RowGroup, SchemaElement } from 'hyparquet';
import { checkDifferences, checkThrift } from './parquet-limits.ts';

/** Limits when reading files of any writer: rows per row group, and bytes of an unpacked page. */
export const MAX_GROUP_ROWS = 1_000_000;
const MAX_PAGE_BYTES = 384 * 1024 ** 2;
const LENGTH_BYTES = 4;
const MAX_HEADER_BYTES = 16 * 1024 ** 2;
const TYPES: ReadonlySet<string | undefined> = new Set(['BYTE_ARRAY', 'INT32', 'INT64', 'INT96']);
const MEANINGS: ReadonlySet<string | undefined> = new Set([
  ...[undefined, 'UTF8', 'ENUM', 'TIMESTAMP_MILLIS', 'TIMESTAMP_MICROS', 'INT_32', 'INT_64', 'UINT_32', 'UINT_64'],
  ...['STRING', 'TIMESTAMP', 'INTEGER'],
]);
const ENCODINGS: ReadonlySet<string> = new Set([
  ...['PLAIN', 'PLAIN_DICTIONARY', 'RLE_DICTIONARY', 'DELTA_BINARY_PACKED', 'DELTA_LENGTH_BYTE_ARRAY'],
]);

/** Unpacks a page of gzip. @param size bytes of the result @throws zlib's error for more */
export function unpacked(page: Uint8Array, size: number): Uint8Array {
  // A page of only nulls has no bytes, and zlib accepts no limit below 1.
  return new Uint8Array(gunzipSync(page, { maxOutputLength: Math.max(size, 1) }));
}

type Library = typeof import('hyparquet') &
  typeof import('hyparquet/src/column.js') &
  Pick<typeof import('hyparquet/src/encoding.js'), 'readRleBitPackedHybrid'>;

/** The columns of a file, and the check of its pages. */
export class ParquetPages {
  /** Names, and whether values may be null. */
  readonly columns: ReadonlyMap<string, boolean>;
  readonly #names: readonly string[];
  readonly #library: Library;

  private constructor(metadata: FileMetaData, names: readonly string[], library: Library) {
    const [root, ...columns] = metadata.schema;
    this.columns = new Map(columns.map((column) => [column.name, column.repetition_type === 'OPTIONAL']));
    const isFlat = root?.num_children === columns.length && this.columns.size === columns.length;
    if (!isFlat || columns.some((column) => column.repetition_type === 'REPEATED'))
      throw new TypeError('a file with nested columns');
    if (!columns.every((column) => !names.includes(column.name) || isPlain(column)))
      throw new TypeError('a column of another type');
    this.#names = names;
    this.#library = library;
  }

  /** @param names of the columns that are read */
  static async open(metadata: FileMetaData, names: readonly string[]): Promise<ParquetPages> {
    return new ParquetPages(metadata, names, {
      ...(await import('hyparquet')),
      ...(await import('hyparquet/src/column.js')),
      ...(await import('hyparquet/src/encoding.js')),
    });
  }

  /**
   * The bytes of a row group's columns, checked: the library may leave errors of a file that it reads unhandled.
   * @throws RangeError for a page or run that is too large, the library's errors, and read errors
   */
  async read(file: AsyncBuffer, { columns }: RowGroup): Promise<AsyncBuffer> {
    const chunks = columns.flatMap(({ meta_data: chunk }) =>
      chunk && this.#names.includes(chunk.path_in_schema[0] ?? '') ? chunk : [],
    );
    if (chunks.length === 0 || !chunks.every((chunk) => startOf(chunk) > 0 && endOf(chunk) > startOf(chunk)))
      throw new TypeError('a damaged row group');
    const [start, end] = [Math.min(...chunks.map(startOf)), Math.max(...chunks.map(endOf))];
    const part = await file.slice(start, end);
    for (const chunk of chunks)
      this.#checkColumn(new DataView(part, startOf(chunk) - start, Number(chunk.total_compressed_size)), chunk);
    const place = (at: number): number => Math.max(0, at - start);
    return { byteLength: file.byteLength, slice: (from, to = end) => part.slice(place(from), place(to)) };
  }

  #checkColumn(view: DataView<ArrayBuffer>, { path_in_schema: [name = ''], codec }: ColumnMetaData): void {
    const nullable = this.columns.get(name);
    const reader = { view, offset: 0 };
    while (reader.offset < view.byteLength - 1) {
      const most = Math.min(view.byteLength - reader.offset, MAX_HEADER_BYTES);
      checkThrift(new DataView(view.buffer, view.byteOffset + reader.offset, most), 0);
      const page = this.#library.parquetHeader(reader);
      const { type, compressed_page_size: length, uncompressed_page_size: size } = page;
      const v2 = type === 'DATA_PAGE_V2' ? page.data_page_header_v2 : undefined;
      const header = v2 ?? (type === 'DATA_PAGE' ? page.data_page_header : page.dictionary_page_header);
      const values = header?.num_values;
      const [skipped, levels] =
        v2 === undefined ? [0, 0] : [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
      // A damaged header lacks fields, or has them of another type.
      const counts = [values, length, size, skipped, levels, ...(v2 === undefined ? [] : [v2.num_nulls, v2.num_rows])];
      if (header === undefined || !counts.every((count) => Number.isInteger(count) && Number(count) >= 0))
        throw new TypeError('a damaged page');
      // Each value of this encoding may be as long as all before it together.
      if (header.num_values > MAX_GROUP_ROWS || size > MAX_PAGE_BYTES || header.encoding === 'DELTA_BYTE_ARRAY')
        throw new RangeError('a page that is too large');
      const body = new Uint8Array(view.buffer, view.byteOffset + reader.offset, length);
      reader.offset += length;
      if (type === 'DICTIONARY_PAGE') continue;
      if (nullable === undefined || !ENCODINGS.has(header.encoding)) throw new TypeError('an unknown page');
      const differs = header.encoding.startsWith('DELTA_');
      const indexed = header.encoding === 'PLAIN_DICTIONARY' || header.encoding === 'RLE_DICTIONARY';
      if (v2 !== undefined) {
        if (nullable) checkRuns(body.subarray(skipped), 1, header.num_values);
        const packed = v2.is_compressed === false ? 'UNCOMPRESSED' : codec;
        const rest = indexed || differs ? body.subarray(skipped + levels) : null;
        const all = rest === null ? null : this.#unpack(rest, packed, size - skipped - levels);
        if (all !== null && indexed) checkIndexes(all, header.num_values);
        else if (all !== null) checkDifferences(all, header.num_values - v2.num_nulls);
      } else if (nullable || indexed || differs) {
        const all = this.#unpack(body, codec, size);
        const first = nullable ? LENGTH_BYTES + new DataView(all.buffer, all.byteOffset).getUint32(0, true) : 0;
        if (nullable) checkRuns(all.subarray(LENGTH_BYTES), 1, header.num_values);
        if (indexed) checkIndexes(all.subarray(first), header.num_values);
        else if (differs)
          checkDifferences(all.subarray(first), nullable ? this.#present(all, header.num_values) : header.num_values);
      }
    }
  }

  /** How many values are not null. @param page that begins with its checked levels */
  #present(page: Uint8Array, values: number): number {
    const levels = new Uint8Array(values);
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    this.#library.readRleBitPackedHybrid({ view, offset: 0 }, 1, levels);
    return levels.reduce((sum, level) => sum + level, 0);
  }

  #unpack(page: Uint8Array, codec: ColumnMetaData['codec'], size: number): Uint8Array {
    if (codec === 'UNCOMPRESSED') return page;
    if (codec === 'GZIP') return unpacked(page, size);
    if (codec !== 'SNAPPY') throw new TypeError(`the compression ${codec}`);
    const result = new Uint8Array(size);
    this.#library.snappyUncompress(page, result);
    return result;
  }
}

/** Whether values are read as they are, without costly conversions. */
function isPlain({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return TYPES.has(type) && MEANINGS.has(converted) && MEANINGS.has(logical?.type);
}

function startOf(chunk: ColumnMetaData): number {
  return Number(chunk.dictionary_page_offset || chunk.data_page_offset);
}

function endOf(chunk: ColumnMetaData): number {
  return startOf(chunk) + Number(chunk.total_compressed_size);
}

/** Indexes into a dictionary: their width in bits, then runs. */
function checkIndexes(bytes: Uint8Array, values: number): void {
  checkRuns(bytes.subarray(1), bytes[0] ?? 0, values);
}

/**
 * Follows runs of repeated values and packed groups of eight like the library, until there are enough values or no more
 * bytes.
 * @param width bits per value @throws RangeError for a run with more values than are left
 */
function checkRuns(bytes: Uint8Array, width: number, values: number): void {
  let at = 0;
  for (let left = values; left > 0 && at < bytes.length; ) {
    let [header, shift] = [0, 0];
    for (let byte = 128; byte >= 128; shift += 7) {
      byte = bytes[at++] ?? 0;
      header |= (byte & 127) << shift;
    }
    const count = (header & 1) === 1 ? (header >>> 1) * 8 : header >>> 1;
    at += (header & 1) === 1 ? (header >>> 1) * width : (width + 7) >> 3;
    // The last group is filled up to eight values.
    if (count > left + 7) throw new RangeError('a run that is too long');
    left -= count;
  }
}
