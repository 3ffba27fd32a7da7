// Cells of columns that are not filled from the message's value, for rows built without decoding: key, headers,
// position and time of a message. message-parts.ts reads the values, row-encoder.ts defines the cells.
import { PoisonMessage } from '../message-decoder.ts';
import type { Message } from '../../brokers/broker.ts';
import type { MessageParts, PartOrigin } from '../values/message-parts.ts';
import { type ColumnPlan, cellOf, PartReader, partitionTime, type RowPlan } from './row-encoder.ts';
import type { Records } from '../../brokers/message-records.ts';

/** One message of records; its key and headers are read when they are needed. */
class RecordParts implements MessageParts {
  readonly topic: string;
  readonly partition: number;
  readonly #records: Records;
  readonly #i: number;

  constructor(records: Records, i: number, topic: string, partition: number) {
    this.#records = records;
    this.#i = i;
    this.topic = topic;
    this.partition = partition;
  }

  get offset(): bigint {
    return this.#records.offset(this.#i);
  }

  get timestamp(): number | null {
    const time = this.#records.timestamp(this.#i);
    return Number.isNaN(time) ? null : time;
  }

  get key(): Uint8Array | null {
    return this.#records.key(this.#i);
  }

  get headers(): Message['headers'] {
    return this.#records.headers(this.#i);
  }
}

export class PartCells {
  /** Timestamp of the row's partition, if one of these columns determines it; null: the default partition. */
  time: number | null = null;
  readonly #plan: RowPlan;
  readonly #columns: readonly { readonly at: number; readonly column: ColumnPlan; readonly part: PartOrigin }[];
  readonly #note: (column: number, cell: string | null) => void;
  #place: Buffer | null = null;
  #topic = '';
  #partition = 0;

  /**
   * @param note receives the cell of a column; null: the value is null
   * @returns null if no column is filled in this way
   */
  static of(plan: RowPlan, note: (column: number, cell: string | null) => void): PartCells | null {
    return plan.columns.some(({ part }) => part !== null) ? new PartCells(plan, note) : null;
  }

  private constructor(plan: RowPlan, note: (column: number, cell: string | null) => void) {
    this.#plan = plan;
    this.#note = note;
    this.#columns = plan.columns.flatMap((column, at) =>
      column.part === null ? [] : [{ at, column, part: column.part }],
    );
  }

  /** Formats the cells of a message. @returns the space that all of them need; -1: use the slow path */
  read(records: Records, i: number, place: Buffer): number {
    if (place !== this.#place && !this.#enter(place)) return -1;
    const reader = new PartReader(new RecordParts(records, i, this.#topic, this.#partition), this.#plan);
    let bytes = 0;
    try {
      for (const { at, column, part } of this.#columns) {
        const value = reader.of(column, part);
        const cell = value === undefined || value === null ? null : cellOf(value, column, this.#plan);
        this.#note(at, cell);
        if (cell === null) continue;
        bytes += cell.length * 3;
        if (column.name === this.#plan.partitionColumn) this.time = partitionTime(value, column);
      }
    } catch (error) {
      if (error instanceof PoisonMessage) return -1;
      throw error;
    }
    return bytes;
  }

  /** Reads topic and partition. @returns false for a name that COPY escapes */
  #enter(place: Buffer): boolean {
    const text = place.toString('utf8');
    if (text.includes('\\')) return false;
    const [, topic = '', partition] = text.split('\t');
    this.#topic = topic;
    this.#partition = Number(partition);
    this.#place = place;
    return true;
  }
}
