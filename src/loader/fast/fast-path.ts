// The fast path makes a row of COPY's text format from the bytes of an ordinary message, without an object in between.
// kafka/record-batches.ts reads the records out of Kafka's batches.
//
// The invariant: a row, its key and its partition day equal, byte for byte, what decode.ts and row-encoder.ts make of
// the message. A JSON column, and a moment or a decimal of ClickHouse,
// hold the same value, perhaps spelt differently. When that is not sure, `add` adds nothing
// and returns false, and the message goes the slow way. Only the slow way refuses messages and makes dead letters. So
// the slow way is never wrong, and `add` never throws for a message.
//
// It relies on this:
// - Records: messages lie one after the other in one immutable buffer; keys, values and headers are places.
// - JsonScanner: one pass finds where each column's value lies. It accepts only UTF-8 that is one JSON object to its
//   last byte. Of two fields of one name the last one counts, as in JSON.parse.
// - RowBuffer: room for the longest possible row is made before anything is written: a cell has at most twice the bytes
//   of its value, plus CELL_BYTES. The row counts only when `added` is called, at the end.
//
// The slow way takes:
// - messages: tombstones, objects nested deeper than 64, new fields where drift matters; all, when the decoder may wait
//   or check (`plain` is false);
// - names with escapes, and escapes that JSON and COPY read differently;
// - numbers that JavaScript would write differently, lists and bytes, nulls where none may be;
// - values that the column's type may refuse (`surelyFits`).
//
// tests/engine/loader/fast-path.test.ts proves that both ways are equal: it sends cases of each kind and thousands of
// random messages both ways, and compares them cell by cell.
import { overlap } from '../path-tree.ts';
import type { ColumnPlan, RowPlan } from '../row-encoder.ts';
import { TAB } from './ascii.ts';
import { CopyWriter } from './copy-writer.ts';
import { JsonScanner, NULL, PART } from './json-scanner.ts';
import { PartCells } from './part-cells.ts';
import type { Records } from './records.ts';
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
  /** How many bytes of a row one of a message becomes at most: two in each column that may hold it. */
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
   * Makes a row of a message that is no tombstone.
   * @param place ASCII: topic and partition as cells, with tabs before and behind
   * @param loadedAt ASCII: for `processing_ts`
   * @returns false: nothing was added; the slow way must decide
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
