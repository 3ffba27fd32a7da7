// Rows of a source as Parquet files, a file for each partition and so many bytes; memory holds one of them. Where files
// are put, and under which names, is told by the caller.
import { StringDecoder } from 'node:string_decoder';
import { setFlagsFromString } from 'node:v8';
import { openParquetFile, type ParquetFile, type ParquetValue } from '../../object-store/write-parquet.ts';
import type { PartitionChoice, PublishSource } from '../receiver.ts';
import { type LakeColumn, valueReader } from './lake-column.ts';

/** As objects: more would outlive the young ones, and memory be freed late. */
const ROWS_A_GROUP = 8000;
/** Of text: rows may be long. */
const LETTERS_A_GROUP = 16 * 1024 ** 2;
const BYTES_A_FILE = 32 * 1024 ** 2;
/** By how many percent the heap may grow, while files are written, before it is collected as a whole. */
const GROWTH = 20;
/** Of this process, at work. */
let writers = 0;

/** A file that is ready to be put. */
export interface RowFile {
  /** Texts of its partition's keys; none: the rows are in no partitions. */
  readonly partition: readonly (string | null)[];
  readonly rows: number;
  readonly bytes: number;
  /** In pieces. */
  readonly body: readonly Uint8Array[];
}

/** How the rows become files. */
export interface RowFilesPlan {
  readonly columns: readonly (LakeColumn & { readonly fieldId?: number })[];
  /** Rows of these partitions, each in files of its own; null: all rows. */
  readonly only: PartitionChoice | null;
}

/** @param put awaited before the next rows are read @returns how many rows there were */
export function writeRowFiles(
  source: PublishSource,
  { columns, only }: RowFilesPlan,
  put: (file: RowFile) => Promise<void>,
): Promise<number> {
  const parquet = columns.map(({ name, parquet: type, nullable, fieldId }) => ({
    name,
    type,
    nullable,
    ...(fieldId === undefined ? {} : { fieldId }),
  }));
  const readers = columns.map((column) => valueReader(column.parquet));
  const grouped = only === null ? null : { ...only, grouped: true };
  const first = only === null ? 0 : 1;
  return collectedOften(() =>
    source.rows(columns, 'text', grouped, async (chunks) => {
      let total = 0;
      let partition = '[]';
      let file: ParquetFile | null = null;
      let values: ParquetValue[][] = columns.map(() => []);
      let held = 0;
      let letters = 0;
      const flush = async (): Promise<void> => {
        if (held === 0) return;
        file ??= await openParquetFile(parquet);
        file.add(values);
        values = columns.map(() => []);
        held = 0;
        letters = 0;
      };
      const close = async (): Promise<void> => {
        await flush();
        if (file === null) return;
        const keys: (string | null)[] = JSON.parse(partition);
        const { rows } = file;
        const body = file.finish();
        file = null;
        await put({ partition: keys, rows, bytes: body.reduce((sum, { length }) => sum + length, 0), body });
      };
      for await (const lines of linesOf(chunks))
        for (const line of lines) {
          const cells = line.split('\t');
          const its = first === 0 ? '[]' : unescaped(cells[0] ?? '[]');
          if (its !== partition) {
            await close();
            partition = its;
          }
          for (let place = 0; place < readers.length; place++) {
            const cell = cells[place + first] ?? '\\N';
            values[place]?.push(cell === '\\N' ? null : readers[place]!(unescaped(cell)));
          }
          total++;
          letters += line.length;
          if (++held < ROWS_A_GROUP && letters < LETTERS_A_GROUP) continue;
          await flush();
          if (sizeOf(file) >= BYTES_A_FILE) await close();
        }
      await close();
      return total;
    }),
  );
}

/**
 * Rows that pass through leave much behind, which V8 would let grow to half of the live heap. Collecting sooner costs a
 * tenth of the CPU.
 */
async function collectedOften<T>(work: () => Promise<T>): Promise<T> {
  if (writers++ === 0) setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
  try {
    return await work();
  } finally {
    // 0: as V8 thinks fit.
    if (--writers === 0) setFlagsFromString('--heap-growing-percent=0');
  }
}

function sizeOf(file: ParquetFile | null): number {
  return file?.size ?? 0;
}

/** Lines of COPY's text, which ClickHouse writes, too; a piece's at once: to wait for each one takes longer than it. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  if (rest !== '') yield [rest];
}

const ESCAPES: Readonly<Record<string, string>> = { 0: '\0', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A cell of COPY's text without its escapes. */
function unescaped(cell: string): string {
  return cell.includes('\\') ? cell.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter) : cell;
}
