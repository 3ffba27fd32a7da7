// Events of serve, for log lines, the page and alerts. Types only.
import type { TryStop } from './job-runner.ts';
import type {
  Claim,
  FreshnessRun,
  JobRun,
  LeftOut,
  LeftOutTimes,
  Moment,
  NodeRun,
  RunEnd,
} from './store/serve-store.ts';

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
      /** Time of the next attempt; null: there is none. */
      readonly againAt: Moment | null;
      /** Next due time of the job; null: unknown. */
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
  /** Skipped due times. */
  | ({ readonly kind: 'left_out' } & Omit<LeftOutTimes, 'why'> & { readonly why: LeftOut | 'draining' })
  /** Two checks could not find out whether rows have arrived for a job; and a later check could. */
  | { readonly kind: 'rows_unread'; readonly job: string; readonly reason: string }
  | { readonly kind: 'rows_read'; readonly job: string }
  /** An attempt was told to stop. It ends when nothing of it is left on the server. */
  | { readonly kind: 'stopping'; readonly claim: Claim; readonly why: TryStop }
  /** Another host stopped responding during a run. */
  | { readonly kind: 'run_lost'; readonly run: JobRun }
  /** Resident loaders of a job ended, and are restarted. */
  | { readonly kind: 'loader_ended'; readonly job: string; readonly reason: string; readonly againMs: number }
  | { readonly kind: 'loader_taken'; readonly job: string; readonly by: string }
  | { readonly kind: 'database_away'; readonly reason: string }
  | { readonly kind: 'database_back'; readonly awayMs: number }
  | { readonly kind: 'clock_moved'; readonly byMs: number }
  /** History rows that could not be kept while the database was unavailable. */
  | { readonly kind: 'history_dropped'; readonly rows: number }
  /** No further run starts. Current runs continue to their end. */
  | { readonly kind: 'draining'; readonly running: number };

export type Emit = (event: ServeEvent) => void;
