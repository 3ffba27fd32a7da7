// A change of another database's row, as a decoder makes it of a message: the row, the operation, and its place in the
// order of the source. row-encoder.ts makes a row of it.
import type { TsdbtError } from '../errors.ts';
import type { DecodedRecord } from './decode.ts';

/** Create, read (by a snapshot), update, delete, truncate. */
export type Operation = 'c' | 'r' | 'u' | 'd' | 't';

export class Change {
  readonly op: Operation;
  /** The key's columns of the message's key, the others of the row after the change; of a delete the key alone. */
  readonly record: DecodedRecord;
  /** Fields of the row that did not change and whose value the source did not say. */
  readonly unavailable: readonly string[];
  /** Grows from change to change of one row. */
  readonly position: bigint;
  /** The source's name; null: the change is a tombstone, which has neither source nor position. */
  readonly source: string | null;
  /** The time of its commit in ISO form; null: it does not say. */
  readonly at: string | null;
  /** The same time as microseconds since 1970; up to where transactions were committed before; null: not known. */
  readonly micros: number | null;
  readonly committed: bigint | null;

  constructor(
    op: Operation,
    record: DecodedRecord,
    unavailable: readonly string[],
    { position, source, at, micros, committed }: Pick<Change, 'position' | 'source' | 'at' | 'micros' | 'committed'>,
  ) {
    this.op = op;
    this.record = record;
    this.unavailable = unavailable;
    this.position = position;
    this.source = source;
    this.at = at;
    this.micros = micros;
    this.committed = committed;
  }
}

/** A message that says nothing of a row, such as the tombstone after a delete event. */
export class Skipped {
  readonly skipped = true;
}
export const SKIPPED = new Skipped();

/** A message behind which nothing may be loaded: what was read before it is written, and loading ends. */
export class Halt extends Error {
  readonly error: TsdbtError;

  constructor(error: TsdbtError) {
    super(error.message);
    this.error = error;
  }
}
