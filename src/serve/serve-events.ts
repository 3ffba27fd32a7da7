// What happens while serve is at work, for whoever shows it: lines of the log, the page, alarms. Types only.
import type { TryStop } from './job-runner.ts';
import type { Claim, FreshnessRun, JobRun, LeftOut, LeftOutTimes, Moment, NodeRun, RunEnd } from './store/store.ts';

export type ServeEvent =
  /** This host takes part, and knows when its jobs are due. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'run_started'; readonly claim: Claim; readonly at: Moment }
  | {
      readonly kind: 'run_ended';
      readonly claim: Claim;
      readonly at: Moment;
      readonly seconds: number;
      readonly end: RunEnd;
      readonly counts: string | null;
      /** When it is tried again; null: it is not. */
      readonly againAt: Moment | null;
      /** When the job is due next; null: no time is known. */
      readonly nextDue: Moment | null;
    }
  | {
      readonly kind: 'node_started';
      readonly claim: Claim;
      readonly uniqueId: string;
      readonly thread: string;
      readonly at: Moment;
    }
  | { readonly kind: 'node_ended'; readonly claim: Claim; readonly node: NodeRun }
  /** Freshness of a source. */
  | { readonly kind: 'measured'; readonly freshness: FreshnessRun }
  /** The leases of these runs were renewed. */
  | { readonly kind: 'heartbeat'; readonly claims: readonly Claim[]; readonly at: Moment }
  /** Due times that are not run. */
  | ({ readonly kind: 'left_out' } & Omit<LeftOutTimes, 'why'> & { readonly why: LeftOut | 'draining' })
  /** Nobody can tell whether rows have arrived for a job, at two looks; and it can be told again. */
  | { readonly kind: 'rows_unread'; readonly job: string; readonly reason: string }
  | { readonly kind: 'rows_read'; readonly job: string }
  /** A try was told to end; it ends when nothing of it is left on the server. */
  | { readonly kind: 'stopping'; readonly claim: Claim; readonly why: TryStop }
  /** Another host went silent in the midst of a run. */
  | { readonly kind: 'run_lost'; readonly run: JobRun }
  /** Resident loaders of a job ended, and start again. */
  | { readonly kind: 'loader_ended'; readonly job: string; readonly reason: string; readonly againMs: number }
  | { readonly kind: 'loader_taken'; readonly job: string; readonly by: string }
  | { readonly kind: 'database_away'; readonly reason: string }
  | { readonly kind: 'database_back'; readonly awayMs: number }
  | { readonly kind: 'clock_moved'; readonly byMs: number }
  /** Rows of history that could not be kept while the database was away. */
  | { readonly kind: 'history_dropped'; readonly rows: number }
  /** No further run starts; those at work go on to their end. */
  | { readonly kind: 'draining'; readonly running: number };

export type Emit = (event: ServeEvent) => void;
