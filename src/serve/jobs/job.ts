// A job of jobs.yml after reading and checking. Types only: read-jobs.ts creates jobs, schedule.ts computes due times,
// the scheduler runs them.
import type { Json } from '../../contracts/node.ts';
import type { Channel } from '../alerts/channel.ts';

/** Commands that a job may run. */
export const JOB_COMMANDS = [
  'build',
  'run',
  'test',
  'seed',
  'snapshot',
  'publish',
  'source freshness',
  'docs generate',
] as const;
export type JobCommand = (typeof JOB_COMMANDS)[number];

/** The work of a job: a command over a selection, or resident loaders. */
export type JobWork =
  | {
      readonly kind: 'command';
      readonly command: JobCommand;
      /** In the form of `--select`; null: everything. */
      readonly select: readonly string[] | null;
      readonly exclude: readonly string[];
      /** Name of a selector of selectors.yml, instead of `select`. */
      readonly selector: string | null;
      readonly vars: Readonly<Record<string, Json>>;
      readonly fullRefresh: boolean;
      /** Runs nothing while project and inputs are unchanged. */
      readonly ifChanged: boolean;
      /** Reuses unchanged nodes. */
      readonly reuse: boolean;
    }
  | { readonly kind: 'load'; readonly select: readonly string[]; readonly exclude: readonly string[] };

/** When a job is due. Times are milliseconds. */
export type JobTiming =
  | { readonly kind: 'every'; readonly ms: number }
  | { readonly kind: 'cron'; readonly pattern: string; readonly timeZone: string }
  /** `sources` in the form of a selection: `source:raw.events`. */
  | { readonly kind: 'after'; readonly sources: readonly string[]; readonly debounceMs: number }
  /** Runs continuously: loaders. */
  | { readonly kind: 'resident' }
  /** Runs only on request. */
  | { readonly kind: 'manual' };

/** One job of jobs.yml. */
export interface Job {
  readonly name: string;
  /** The file, and the 1-based line of the job's name. */
  readonly path: string;
  readonly line: number;
  readonly work: JobWork;
  readonly timing: JobTiming;
  /** A due time that cannot start within this time is skipped; null: no limit. */
  readonly windowMs: number | null;
  /** null: no limit. */
  readonly timeoutMs: number | null;
  /** Retries after the first attempt, and the first pause between them, which doubles. */
  readonly retries: { readonly times: number; readonly backoffMs: number };
  /** What happens to a due time while the job is still running. */
  readonly overlap: 'skip' | 'wait';
  /** Which due times are run that passed while no host was available. */
  readonly catchUp: 'none' | 'latest' | 'all';
  readonly owner: string | null;
  readonly description: string | null;
  /** The `sla:` of the job as written. src/serve/sla/ reads it. */
  readonly sla: Json | null;
}

/** The complete jobs.yml. */
export interface JobFile {
  readonly path: string;
  readonly jobs: readonly Job[];
  readonly channels: readonly Channel[];
  /** Milliseconds for which history is kept. */
  readonly historyMs: number;
}
