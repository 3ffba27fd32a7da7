// The fast path builds a row of COPY's text format from the bytes of an ordinary message, without intermediate objects.
// brokers/kafka/record-batches.ts reads the records from Kafka's batches.
//
// The invariant: a row, its key and its partition day equal, byte for byte, what message-decoder.ts and row-encoder.ts
// build from the message. A JSON column, and a timestamp or decimal of ClickHouse, contain the same value, possibly
// written differently. If that is not certain, `add` adds nothing and returns false, and the message takes the slow
// path. Only the slow path rejects messages and creates dead letters. So the slow path is never wrong, and `add` never
// throws for a message.
//
// It relies on this:
// - Records: messages are contiguous in one immutable buffer; keys, values and headers are offsets.
// - JsonScanner: one pass finds the position of each column's value. It accepts only UTF-8 that is one JSON object to
//   its
//   last byte. Of two fields with one name the last one counts, as in JSON.parse.
// - RowBuffer: space for the longest possible row is reserved before anything is written: a cell has at most twice the
//   bytes of its value, plus CELL_BYTES. The row counts only when `added` is called, at the end.
//
// These messages take the slow path:
// - tombstones, objects nested deeper than 64, new fields if drift matters; all, if the decoder may wait or check
//   (`plain` is false);
// - names with escapes, and escapes that JSON and COPY interpret differently;
// - numbers that JavaScript would format differently, lists and bytes, nulls where they are not allowed;
// - values that the column's type may reject (`surelyFits`).
//
// tests/engine/loader/fast-path.test.ts proves that both paths are equal: it sends cases of each kind and thousands of
// random messages through both, and compares them cell by cell.
import { overlap } from '../values/path-tree.ts';
import type { ColumnPlan, RowPlan } from './row-encoder.ts';
import { TAB } from '../values/ascii.ts';
import { CopyWriter } from './copy-writer.ts';
import { JsonScanner, NULL, PART } from './json-scanner.ts';
import { PartCells } from './part-cells.ts';
import type { Records } from '../../brokers/message-records.ts';
import type { RowBuffer } from './row-buffer.ts';

/** A cell is at most twice as long as its value, plus this. */
const CELL_BYTES = 80;

export class FastPath {
  readonly #plan: RowPlan;
  readonly #columns: readonly ColumnPlan[];
  readonly #partitionColumn: number;
  readonly #scanner: JsonScanner;
  readonly #writer: CopyWriter;
  readonly #parts: PartCells | null;
  /** Maximum number of row bytes per message byte: two in each column that may contain it. */
  readonly #most: number;

  constructor(plan: RowPlan) {
    this.#plan = plan;
    this.#columns = plan.columns;
    this.#partitionColumn = plan.columns.findIndex(({ name }) => name === plan.partitionColumn);
    this.#scanner = new JsonScanner(plan);
    this.#writer = new CopyWriter(plan);
    this.#parts = PartCells.of(plan, (column, cell) => {
      const { found, spans } = this.#scanner;
      found[column] = cell === null ? NULL : PART;
      spans[column * 2] = column;
      this.#writer.parts[column] = cell ?? '';
    });
    this.#most = 2 * Math.max(1, overlap(plan.taken));
  }

  /**
   * Builds a row from a message that is not a tombstone.
   * @param place ASCII: topic and partition as cells, with tabs before and after
   * @param loadedAt ASCII: for `processing_ts`
   * @returns false: nothing was added; use the slow path
   */
  add(records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean {
    const { bytes } = records;
    const start = records.valueStart(i);
    const end = records.valueEnd(i);
    const scanner = this.#scanner;
    if (!scanner.scan(bytes, start, end)) return false;
    const columns = this.#columns;
    const { found, spans } = scanner;
    const { rest, tail } = this.#plan;
    const more = this.#parts === null ? 0 : this.#parts.read(records, i, place);
    if (more < 0) return false;
    rows.room(
      (end - start) * this.#most + columns.length * CELL_BYTES + place.length + tail.length + CELL_BYTES + more,
    );
    const out = rows.bytes;
    const writer = this.#writer;
    writer.begin(bytes, out);
    let to = rows.end;
    let { keyEnd } = rows;
    for (let column = 0; column < columns.length; column++) {
      const plan = columns[column]!;
      const cell = to;
      if (found[column]! <= NULL) {
        to = writer.absent(to, plan, loadedAt);
      } else {
        to = writer.cell(to, plan, found[column]!, spans[column * 2]!, spans[column * 2 + 1]!);
      }
      if (to < 0) return false;
      if (plan.key) keyEnd = rows.keyCell(cell, to, keyEnd);
      out[to++] = TAB;
    }
    if (rest) to = writer.restCell(to, scanner.rest);
    else to--;
    let time: number | null = null;
    const partition = this.#partitionColumn;
    if (partition >= 0) {
      const at = partition * 2;
      time =
        found[partition] === PART
          ? (this.#parts?.time ?? null)
          : writer.partitionTime(columns[partition]!, found[partition]!, spans[at]!, spans[at + 1]!);
      if (Number.isNaN(time)) return false;
    }
    to = writer.end(to, place, records, i);
    rows.added(i, to, keyEnd);
    if (time !== null) rows.addTime(time);
    return true;
  }
}
