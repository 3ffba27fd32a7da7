// What an archive needs of the target database: positions that move only with a record of the files that are going to
// be written, and what became of these. Types; one folder a dialect.
import type { TopicPartition } from '../broker.ts';
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

/** A file as the ledger has it. */
export interface KeptFile extends PlannedFile {
  /** Null: not known yet. */
  readonly size: number | null;
  /**
   * `done`: it stands, and counts. `joining`: it is going to stand for the files of its day and range. `replaced`: it
   * stood for its messages, and a joined file does now.
   */
  readonly status: 'done' | 'joining' | 'replaced';
  /** Milliseconds since it was written, by the database's clock. */
  readonly ageMs: number;
}

/** The files of a partition. */
export interface KeptFiles {
  readonly files: readonly KeptFile[];
  /** The offset from which on files may still come; null: behind all of these. */
  readonly openFrom: bigint | null;
  /** A cut was begun and is not done: files from here on may be gone already. */
  readonly cutFrom?: bigint;
}

/** How a partition goes on from another place. */
export interface Cut {
  readonly partition: number;
  /** Where it stands; null: nothing says so. */
  readonly from: bigint | null;
  /** Files from here on are gone then. */
  readonly upTo: bigint;
  /** The next offset to read. */
  readonly next: bigint;
  readonly topicId: string | null;
}

/** What has become of the files. */
export interface CutFiles {
  /** Keys that are not there any more. */
  readonly gone: readonly string[];
  /** What was made of files of which a part is gone. */
  readonly kept: readonly WrittenFile[];
}

/** Milliseconds after which a claim that was not renewed has ended: its process was killed. */
export const CLAIM_MS = 60_000;

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
  /**
   * The partitions of which it holds files, of all topics of the target.
   * @param begun only those where something was joined and is not finished
   */
  partitions(target: LoadTarget, begun?: boolean): Promise<readonly TopicPartition[]>;
  /** The files of a partition that were written, by their offsets. @param target of one topic */
  files(target: LoadTarget, partition: number): Promise<KeptFiles>;
  /**
   * Takes the right to join and cut files of the target.
   * @param owner of no other process
   * @returns false: another one has it
   */
  claim(target: LoadTarget, owner: string): Promise<boolean>;
  /** Renews it. @returns false: another process has it, or has had it since */
  keepClaim(target: LoadTarget, owner: string): Promise<boolean>;
  /** Gives it back. */
  release(target: LoadTarget, owner: string): Promise<void>;
  /**
   * Records a joined file that is going to be written, unless it is known.
   * @param target of one topic
   * @param owner who has claimed the target
   * @returns false: another process has the claim by now, or has joined files of the same folder and offsets
   */
  join(target: LoadTarget, file: PlannedFile, owner: string): Promise<boolean>;
  /** Notes in one step that it stands, and counts in the place of others. @param target of one topic */
  joined(target: LoadTarget, file: WrittenFile, replaced: readonly KeptFile[], loadId: string): Promise<void>;
  /**
   * Sets the position of a partition, and forgets its files from an offset on. Until it is done no loader records
   * anything of the partition.
   * @param target of one topic
   * @param work deletes the files; called again after a kill
   * @returns false: the partition stands elsewhere by now, and nothing was done
   */
  cut(target: LoadTarget, cut: Cut, loadId: string, work: () => Promise<CutFiles>): Promise<boolean>;
  /** Forgets files that are deleted. @param target of one topic */
  forget(target: LoadTarget, files: readonly KeptFile[], loadId: string): Promise<void>;
}
