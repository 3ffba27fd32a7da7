// The interface through which the scheduler runs jobs: an attempt at a job, a resident loader, whether rows have
// arrived. Types only: the command line implements it with the engine.
import type { Job } from './jobs/job.ts';
import type { Claim, FreshnessRun, Moment, NodeRun } from './store/serve-store.ts';

/** Why an attempt must end early: the reason of its signal. */
export type TryStop = 'timeout' | 'lost' | 'stopped';

/** One attempt at a job. */
export interface JobTry {
  readonly job: Job;
  readonly claim: Claim;
  /** Aborted with a `TryStop`: statements are cancelled on the server, and the attempt ends after them. */
  readonly signal: AbortSignal;
  /** Median seconds of nodes by unique_id: those on the longest path start first. */
  readonly durations: ReadonlyMap<string, number>;
  readonly progress: RunProgress;
  /**
   * Nodes completed by earlier attempts on lost hosts, with the same project, variables, target and selection. Empty
   * for a due time without earlier attempts, and if nothing is known.
   * @param madeOf identity of this attempt's inputs
   */
  readonly made: (madeOf: string) => Promise<ReadonlySet<string>>;
}

/** Receives the progress of an attempt. Its methods never throw. */
export interface RunProgress {
  /** Reports the identity of the run's inputs, before its first node. */
  begun(madeOf: string): void;
  /** A node has started. */
  started(node: { readonly uniqueId: string; readonly thread: string; readonly at: Moment }): void;
  ended(node: NodeRun): void;
  measured(freshness: FreshnessRun): void;
}

/** The outcome of an attempt. */
export interface TryEnd {
  readonly state: 'success' | 'failed';
  /** Why it failed, or that there was nothing to do, in one line; null: no message. */
  readonly reason: string | null;
  /** Hash or commit of the project that ran; null: unknown. */
  readonly project: string | null;
  /** `PASS=3 WARN=0 …`; null: no node ran. */
  readonly counts: string | null;
  /** Runs the rest, if it may succeed now. null: nothing is left, or it would fail again. */
  readonly again: ((next: JobTry) => Promise<TryEnd>) | null;
}

/** A text that changes when rows arrive in a job's sources, or why it is unknown, in one line. */
export type Mark = { readonly mark: string } | { readonly unread: string };

export interface JobRunner {
  /** Runs a job's command. The result contains errors of the project or the database; a thrown error is a bug. */
  run(first: JobTry): Promise<TryEnd>;
  /** Loads until the signal is aborted. @throws the error that ended it earlier */
  load(work: Pick<JobTry, 'job' | 'claim' | 'signal'>): Promise<void>;
  /**
   * Whether rows have arrived in the sources of jobs, by name. A job whose sources return nothing, such as missing
   * tables, is omitted. A job whose sources cannot be queried does not affect the others.
   */
  marks(jobs: readonly Job[]): Promise<ReadonlyMap<string, Mark>>;
}
