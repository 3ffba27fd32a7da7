// What an archive needs from the target database: positions that move only with a record of the files to be written,
// and the state of these files. Types only; one folder per dialect.
import type { TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
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

/** A file in the store. */
export interface WrittenFile extends PlannedFile {
  /** Bytes of the object. */
  readonly size: number;
}

/** A file in the ledger. */
export interface KeptFile extends PlannedFile {
  /** Null: not known yet. */
  readonly size: number | null;
  /**
   * `done`: it is written, and counts. `joining`: it is going to replace the files of its day and range. `replaced`: it
   * counted for its messages, and now a joined file does.
   */
  readonly status: 'done' | 'joining' | 'replaced';
  /** Milliseconds since it was written, by the database's clock. */
  readonly ageMs: number;
}

/** The files of a partition. */
export interface KeptFiles {
  readonly files: readonly KeptFile[];
  /** The offset from which files may still arrive; null: after all of these. */
  readonly openFrom: bigint | null;
  /** A cut was begun and is not done: files from here on may already be deleted. */
  readonly cutFrom?: bigint;
}

/** How a partition continues from another position. */
export interface Cut {
  readonly partition: number;
  /** Its current position; null: none is stored. */
  readonly from: bigint | null;
  /** Files from here on are deleted. */
  readonly upTo: bigint;
  /** The next offset to read. */
  readonly next: bigint;
  readonly topicId: string | null;
}

/** The result for the files. */
export interface CutFiles {
  /** Keys that no longer exist. */
  readonly gone: readonly string[];
  /** The files written from those that were partly deleted. */
  readonly kept: readonly WrittenFile[];
}

/** Milliseconds after which a claim that was not renewed expires: its process was killed. */
export const CLAIM_MS = 60_000;

/** The ledger of the files of all archives: `tsdbt.archive_files`. */
export interface ArchiveLedger {
  /** Creates what is missing from the bookkeeping. */
  prepare(target: LoadTarget): Promise<void>;
  /** Whether it has files of the target. */
  holdsFiles(target: LoadTarget): Promise<boolean>;
  /**
   * Flushes of these partitions that were recorded, and perhaps not written: one per range.
   * @param target of one topic
   */
  open(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]>;
  /**
   * Moves the positions, and records what is going to be written, in one step.
   * @returns the ranges that another loader has taken over; they are not recorded
   */
  intend(flush: Flush, files: readonly PlannedFile[]): Promise<readonly OffsetRange[]>;
  /** Records that the files of these ranges are written. @param target of one topic */
  done(
    target: LoadTarget,
    ranges: readonly Omit<OpenRange, 'topicId'>[],
    files: readonly WrittenFile[],
    loadId: string,
  ): Promise<void>;
  /**
   * The partitions with files, of all topics of the target.
   * @param begun only those with an unfinished join
   */
  partitions(target: LoadTarget, begun?: boolean): Promise<readonly TopicPartition[]>;
  /** The written files of a partition, by their offsets. @param target of one topic */
  files(target: LoadTarget, partition: number): Promise<KeptFiles>;
  /**
   * Claims the right to join and cut files of the target.
   * @param owner unique to this process
   * @returns false: another one has it
   */
  claim(target: LoadTarget, owner: string): Promise<boolean>;
  /** Renews it. @returns false: another process has it, or has had it since */
  keepClaim(target: LoadTarget, owner: string): Promise<boolean>;
  /** Releases it. */
  release(target: LoadTarget, owner: string): Promise<void>;
  /**
   * Records a joined file that is going to be written, unless it is known.
   * @param target of one topic
   * @param owner of the claim on the target
   * @returns false: another process now has the claim, or has joined files of the same folder and offsets
   */
  join(target: LoadTarget, file: PlannedFile, owner: string): Promise<boolean>;
  /** Records in one step that it is written and counts instead of others. @param target of one topic */
  joined(target: LoadTarget, file: WrittenFile, replaced: readonly KeptFile[], loadId: string): Promise<void>;
  /**
   * Sets the position of a partition, and removes its files from an offset on. Until it is done, no loader records
   * anything for the partition.
   * @param target of one topic
   * @param work deletes the files; called again after a kill
   * @returns false: the partition now has another position, and nothing was done
   */
  cut(target: LoadTarget, cut: Cut, loadId: string, work: () => Promise<CutFiles>): Promise<boolean>;
  /** Removes deleted files. @param target of one topic */
  forget(target: LoadTarget, files: readonly KeptFile[], loadId: string): Promise<void>;
}
