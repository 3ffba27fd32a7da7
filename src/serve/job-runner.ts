// What the scheduler asks of whoever runs jobs: a try at a job, a resident loader, whether rows have arrived. Interface
// alone; the command line implements it over the engine.
import type { Job } from './jobs/job.ts';
import type { Claim, FreshnessRun, Moment, NodeRun } from './store/store.ts';

/** Why a try has to end before its time; the reason of its signal. */
export type TryStop = 'timeout' | 'lost' | 'stopped';

/** One try at a job. */
export interface JobTry {
  readonly job: Job;
  readonly claim: Claim;
  /** Aborted with a `TryStop`: statements are cancelled on the server, and the try ends when they are gone. */
  readonly signal: AbortSignal;
  /** Median seconds of nodes by unique_id: those of the longest path start first. */
  readonly durations: ReadonlyMap<string, number>;
  readonly progress: RunProgress;
  /**
   * Nodes that tries before have made, on hosts that are gone: of the same project, variables, target and selection.
   * Empty for a due time that nobody has tried, and where nothing is known.
   * @param madeOf what this try is made of
   */
  readonly made: (madeOf: string) => Promise<ReadonlySet<string>>;
}

/** Sees what a try does. None of its methods throws. */
export interface RunProgress {
  /** What the run is made of; before its first node. */
  begun(madeOf: string): void;
  /** A node has started. */
  started(node: { readonly uniqueId: string; readonly thread: string; readonly at: Moment }): void;
  ended(node: NodeRun): void;
  measured(freshness: FreshnessRun): void;
}

/** How a try ended. */
export interface TryEnd {
  readonly state: 'success' | 'failed';
  /** Why it failed, or that there was nothing to do, in one line; null: nothing to say. */
  readonly reason: string | null;
  /** Hash or commit of the project that ran; null: unknown. */
  readonly project: string | null;
  /** `PASS=3 WARN=0 …`; null: no node ran. */
  readonly counts: string | null;
  /** Runs what is left and may succeed now. null: nothing is left, or it would fail again. */
  readonly again: ((next: JobTry) => Promise<TryEnd>) | null;
}

/** A text that changes when rows arrive in a job's sources, or why nobody can tell, in one line. */
export type Mark = { readonly mark: string } | { readonly unread: string };

export interface JobRunner {
  /** Runs a job's command. An error of the project or the database is in the result; what is thrown is a defect. */
  run(first: JobTry): Promise<TryEnd>;
  /** Loads until the signal is aborted. @throws what ended it before */
  load(work: Pick<JobTry, 'job' | 'claim' | 'signal'>): Promise<void>;
  /**
   * Whether rows have arrived in the sources of jobs, by name. A job whose sources tell nothing, as tables that are not
   * there yet, is not in it. One whose sources cannot be asked keeps none from being told of the others.
   */
  marks(jobs: readonly Job[]): Promise<ReadonlyMap<string, Mark>>;
}
