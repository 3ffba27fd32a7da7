// A change of a row in another database, as decoded from a message: the row, the operation, and its position in the
// source's order. row-encoder.ts builds a row from it.
import type { TsdbtError } from '../../errors.ts';
import type { DecodedRecord } from './message-decoder.ts';

/** Create, read (by a snapshot), update, delete, truncate. */
export type Operation = 'c' | 'r' | 'u' | 'd' | 't';

export class Change {
  readonly op: Operation;
  /**
   * The key's columns come from the message's key, the others from the row after the change; a delete has only the key.
   */
  readonly record: DecodedRecord;
  /** Unchanged fields whose value the source did not send. */
  readonly unavailable: readonly string[];
  /** Increases from change to change of one row. */
  readonly position: bigint;
  /** The source's name; null: the change is a tombstone, which has neither source nor position. */
  readonly source: string | null;
  /** The time of its commit in ISO form; null: unknown. */
  readonly at: string | null;
  /** The same time as microseconds since 1970; up to where transactions were committed before; null: unknown. */
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

/** A message that is not a change of a row, such as the tombstone after a delete event. */
export class Skipped {
  readonly skipped = true;
}
export const SKIPPED = new Skipped();

/** A message after which nothing may be loaded: earlier messages are written, and loading ends. */
export class Halt extends Error {
  readonly error: TsdbtError;

  constructor(error: TsdbtError) {
    super(error.message);
    this.error = error;
  }
}
