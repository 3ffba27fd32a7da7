// What a job is, after jobs.yml was read and checked. Types only: read-jobs.ts makes them, schedule.ts says when they
// are due, the scheduler runs them.
import type { Json } from '../../contracts/node.ts';
import type { Channel } from '../alarms/channel.ts';

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

/** What a job does: a command over a selection, or resident loaders. */
export type JobWork =
  | {
      readonly kind: 'command';
      readonly command: JobCommand;
      /** As `--select`; null: everything. */
      readonly select: readonly string[] | null;
      readonly exclude: readonly string[];
      /** Name of a selector of selectors.yml, instead of `select`. */
      readonly selector: string | null;
      readonly vars: Readonly<Record<string, Json>>;
      readonly fullRefresh: boolean;
      /** Nothing is run while project and inputs are unchanged. */
      readonly ifChanged: boolean;
    }
  | { readonly kind: 'load'; readonly select: readonly string[]; readonly exclude: readonly string[] };

/** When a job is due. Times are milliseconds. */
export type JobTiming =
  | { readonly kind: 'every'; readonly ms: number }
  | { readonly kind: 'cron'; readonly pattern: string; readonly timeZone: string }
  /** `sources` as a selection writes them: `source:raw.events`. */
  | { readonly kind: 'after'; readonly sources: readonly string[]; readonly debounceMs: number }
  /** Runs all the time: loaders. */
  | { readonly kind: 'resident' }
  /** Only when somebody asks for it. */
  | { readonly kind: 'manual' };

/** One job of jobs.yml. */
export interface Job {
  readonly name: string;
  /** The file, and the line of the job's name, from 1. */
  readonly path: string;
  readonly line: number;
  readonly work: JobWork;
  readonly timing: JobTiming;
  /** A start later than this after the due time is left out; null: no limit. */
  readonly windowMs: number | null;
  /** null: no limit. */
  readonly timeoutMs: number | null;
  /** Further tries after the first, and the first pause between them, which doubles. */
  readonly retries: { readonly times: number; readonly backoffMs: number };
  /** What becomes of a due time while the job still runs. */
  readonly overlap: 'skip' | 'wait';
  /** Which due times that passed while no host was there are run. */
  readonly catchUp: 'none' | 'latest' | 'all';
  readonly owner: string | null;
  readonly description: string | null;
  /** The `sla:` of the job as it was written; src/serve/promises/ reads it. */
  readonly sla: Json | null;
}

/** jobs.yml whole. */
export interface JobFile {
  readonly path: string;
  readonly jobs: readonly Job[];
  readonly channels: readonly Channel[];
  /** Milliseconds that history is kept. */
  readonly historyMs: number;
}
