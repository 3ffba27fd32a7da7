// What an archive needs of the target database: positions that move only with a record of the files that are going to
// be written, and what became of these. Types only; one folder a dialect.
import type { LoadTarget } from '../load-target.ts';
import type { Flush, OffsetRange, OpenFlush, OpenRange } from '../sink.ts';

/** A file that is going to be written. */
export interface PlannedFile {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly rows: number;
  /** Bytes of its lines before they are compressed. */
  readonly bytes: number;
}

/** A file that stands in the store. */
export interface WrittenFile extends PlannedFile {
  /** Bytes of the object. */
  readonly size: number;
}

/** The ledger of the files of all archives: `tsdbt.archive_files`. */
export interface ArchiveLedger {
  /** Makes what is missing of the bookkeeping. */
  prepare(target: LoadTarget): Promise<void>;
  /** Does it hold files of the target? */
  holdsFiles(target: LoadTarget): Promise<boolean>;
  /**
   * Flushes of these partitions that were recorded, and perhaps not written: one for each range.
   * @param target of one topic
   */
  open(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]>;
  /**
   * Moves the positions, and records what is going to be written, in one step.
   * @returns the ranges that another loader has taken over; of these nothing is recorded
   */
  intend(flush: Flush, files: readonly PlannedFile[]): Promise<readonly OffsetRange[]>;
  /** Notes that the files of these ranges stand. @param target of one topic */
  done(
    target: LoadTarget,
    ranges: readonly Omit<OpenRange, 'topicId'>[],
    files: readonly WrittenFile[],
    loadId: string,
  ): Promise<void>;
}
