// Writes the rows of a source as Parquet files, one or more per partition, limited in size. One file at a time is in
// memory. The caller decides where files are stored, and under which names.
import { StringDecoder } from 'node:string_decoder';
import { setFlagsFromString } from 'node:v8';
import { openParquetFile, type ParquetFile, type ParquetValue } from '../../object-store/write-parquet.ts';
import type { PartitionChoice, PublishSource } from '../publication-target.ts';
import { type LakeColumn, valueReader } from './lake-column.ts';

/** As objects. More of them would be promoted from the young generation, and their memory freed late. */
const ROWS_A_GROUP = 8000;
/** Characters of text, because rows may be long. */
const LETTERS_A_GROUP = 16 * 1024 ** 2;
const BYTES_A_FILE = 32 * 1024 ** 2;
/** By how many percent the heap may grow before a full garbage collection, while files are written. */
const GROWTH = 20;
/** Active writers of this process. */
let writers = 0;

/** A file that is ready to be stored. */
export interface RowFile {
  /** Texts of its partition keys; empty: the rows are not partitioned. */
  readonly partition: readonly (string | null)[];
  readonly rows: number;
  readonly bytes: number;
  /** In chunks. */
  readonly body: readonly Uint8Array[];
}

/** How rows are written to files. */
export interface RowFilesPlan {
  readonly columns: readonly (LakeColumn & { readonly fieldId?: number })[];
  /** Rows of these partitions, each in separate files; null: all rows. */
  readonly only: PartitionChoice | null;
}

/** @param put awaited before more rows are read @returns the number of rows */
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
 * A stream of rows leaves much garbage, which V8 would let grow to half of the live heap. Collecting it sooner costs a
 * tenth of the CPU time.
 */
async function collectedOften<T>(work: () => Promise<T>): Promise<T> {
  if (writers++ === 0) setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
  try {
    return await work();
  } finally {
    // 0: V8's default.
    if (--writers === 0) setFlagsFromString('--heap-growing-percent=0');
  }
}

function sizeOf(file: ParquetFile | null): number {
  return file?.size ?? 0;
}

/**
 * Lines of COPY's text format, which ClickHouse writes too. Yields all lines of a chunk at once, because awaiting each
 * line takes longer than processing it.
 */
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

/** A cell of COPY's text format, unescaped. */
function unescaped(cell: string): string {
  return cell.includes('\\') ? cell.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter) : cell;
}
