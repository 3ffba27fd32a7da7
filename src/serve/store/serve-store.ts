// The state of serve in the target database: claims of due times, results of runs, incidents and sent alerts. Interface
// only: postgres/ and clickhouse/ store it in schema tsdbt.
import type { Fence } from '../../adapters/fence.ts';
import type { FreshnessStatus, NodeStatus } from '../../contracts/results.ts';

/** Milliseconds since 1970, by the database's clock if two hosts compare them. */
export type Moment = number;

export type RunState = 'running' | 'success' | 'failed' | 'timeout' | 'lost' | 'skipped' | 'cancelled';

/** The right to run one due time of a job. */
export interface Claim {
  readonly runId: string;
  readonly job: string;
  readonly dueAt: Moment;
  /** 1-based. A retry is another attempt at the same due time. */
  readonly attempt: number;
  readonly host: string;
  /** Increases with each claim of the job: a publishing run proves that no later one was given. */
  readonly token: bigint;
}

/** How a run ended. */
export interface RunEnd {
  readonly state: Exclude<RunState, 'running'>;
  /** Why, in one line; null: no message. */
  readonly reason: string | null;
  /** Hash or commit of the project that ran; absent: unknown. */
  readonly project?: string | null;
  /** Time of the announced next attempt, by any host; absent: none. */
  readonly againAt?: Moment | null;
}

/** One run in the history. */
export interface JobRun extends Claim {
  readonly state: RunState;
  readonly startedAt: Moment;
  readonly finishedAt: Moment | null;
  readonly reason: string | null;
  /** Hash or commit of the project that ran; null: unknown. */
  readonly project: string | null;
}

/**
 * Why a due time was skipped: the previous run had not ended, the job was paused, its window was over, or no host was
 * available (`missed`, and `catch_up` does not catch up on it).
 */
export type LeftOut = 'still_running' | 'paused' | 'window_over' | 'missed';

/** Consecutive due times of a job that were skipped for one reason. */
export interface LeftOutTimes {
  readonly job: string;
  readonly why: LeftOut;
  readonly first: Moment;
  readonly last: Moment;
  /** Their number. For a pattern that was missed for very long, only the newest 1,000 count. */
  readonly count: number;
}

export interface LeftOutFilter {
  readonly job?: string;
  /** Bounds of the last due time: earlier than `before`, not earlier than `since`. */
  readonly before?: Moment;
  readonly since?: Moment;
  /** Newest first. */
  readonly limit: number;
}

/** A node of a run. */
export interface NodeRun {
  readonly runId: string;
  readonly uniqueId: string;
  readonly status: NodeStatus;
  readonly thread: string;
  readonly startedAt: Moment;
  readonly seconds: number;
  /** Rows that the database reports as changed, and what it read; null: not reported. */
  readonly rows: number | null;
  readonly readRows: number | null;
  readonly readBytes: number | null;
  /** Failing rows of a test; null for other nodes. */
  readonly failures: number | null;
  /** The first line of the error; null: none. */
  readonly message: string | null;
  /** Checksum of the executed node; null: it has none. */
  readonly checksum: string | null;
}

/** Freshness of a source at the last measurement. */
export interface FreshnessRun {
  readonly runId: string;
  readonly uniqueId: string;
  readonly status: FreshnessStatus;
  readonly maxLoadedAt: Moment | null;
  readonly seconds: number | null;
  readonly at: Moment;
}

/** An SLA that is or was missed: one row per occurrence. */
export interface Incident {
  readonly id: string;
  /** Its subject: `sla:model.x.y:freshness`, `job:fast:failed`. */
  readonly key: string;
  readonly openedAt: Moment;
  readonly closedAt: Moment | null;
  /** In words, with the values. */
  readonly reason: string;
}

/** A message that was sent about an incident. */
export interface SentAlarm {
  readonly incident: string;
  readonly channel: string;
  /** `opened`, `repeated 3`, `recovered`: unique together with incident and channel. */
  readonly occasion: string;
  readonly at: Moment;
}

export interface RunFilter {
  /** A prefix of the run's id. */
  readonly runId?: string;
  readonly job?: string;
  readonly states?: readonly RunState[];
  readonly before?: Moment;
  /** Newest first. */
  readonly limit: number;
}

/** A requested run. The time of the request is its due time, so that one host claims it. */
export interface JobRequest {
  readonly job: string;
  readonly at: Moment;
}

export interface Store {
  /** Whether its tables exist. Creates none. @throws if the database is unavailable */
  exists(): Promise<boolean>;
  /** Creates missing tables. Called once, and again after a failure. @throws if the database is unavailable */
  open(): Promise<void>;
  /** The database's clock. */
  now(): Promise<Moment>;
  /**
   * Claims a due time. One of several hosts gets it, once per attempt.
   * @returns null: a host has or had it
   */
  claim(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | null>;
  /** The same, unless the job is running: two hosts never get one at once. @returns `busy`: it is running */
  claimAlone(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | 'busy' | null>;
  /** Renews leases that have not expired. @returns the lost claims, whose runs must end */
  heartbeat(claims: readonly Claim[]): Promise<readonly Claim[]>;
  /**
   * Ends a run. A second call has no effect. A run without success whose lease has expired is lost: any host may claim
   * its due time.
   * @returns false: the lease was lost
   */
  finish(claim: Claim, end: RunEnd): Promise<boolean>;
  /** Marks runs as `lost` whose host is silent for longer than a lease. @returns those runs */
  reap(): Promise<readonly JobRun[]>;
  /**
   * Runs whose due time was not tried again: lost ones, and those whose announced retry is late by more than a lease.
   * Newest due time first; the newest thousand.
   */
  abandoned(): Promise<readonly JobRun[]>;
  /** The check of a session before it publishes something of the run. @returns null: nothing is fenced */
  fence(claim: Claim): Fence | null;
  /** The last claimed due time of each job. */
  lastDue(): Promise<ReadonlyMap<string, Moment>>;
  /**
   * Records skipped due times. Between two runs of a job there is one row per reason, which is extended, so the stored
   * rows do not grow with the number of due times. What another host has recorded, or runs, is not recorded again.
   */
  leaveOut(times: readonly LeftOutTimes[]): Promise<void>;
  /** Skipped due times; none if the tables are those of an earlier version. */
  leftOut(filter: LeftOutFilter): Promise<readonly LeftOutTimes[]>;
  /** The last skipped due time of each job. */
  lastLeftOut(): Promise<ReadonlyMap<string, Moment>>;
  /** Records the identity of a run's inputs, before its nodes: runs with the same identity build the same results. */
  begun(runId: string, madeOf: string): Promise<void>;
  /** The identities of runs' inputs, as far as they are known. */
  madeOf(runIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Writes history with one statement per table, asynchronously. A second row of a node in a run replaces the first.
   */
  record(nodes: readonly NodeRun[], freshness: readonly FreshnessRun[]): Promise<void>;
  runs(filter: RunFilter): Promise<readonly JobRun[]>;
  nodes(runId: string): Promise<readonly NodeRun[]>;
  /** The newest runs of one node, newest first. */
  nodeHistory(uniqueId: string, limit: number): Promise<readonly NodeRun[]>;
  freshness(): Promise<readonly FreshnessRun[]>;
  /** Median seconds of the last successful runs, by unique_id. */
  durations(): Promise<ReadonlyMap<string, number>>;
  paused(): Promise<ReadonlySet<string>>;
  setPaused(job: string, paused: boolean): Promise<void>;
  /** Requests a run of a job at any time. Two requests before it starts result in one run. */
  request(job: string): Promise<void>;
  /** Open requests. A request stays open until its run is claimed, because the host that reads it may stop before. */
  requests(): Promise<readonly JobRequest[]>;
  /** Ends a request whose run was claimed. */
  endRequest(request: JobRequest): Promise<void>;
  openIncidents(): Promise<readonly Incident[]>;
  /** Opens an incident, unless one with this key is open. @returns the open one, and whether this call opened it */
  openIncident(key: string, reason: string): Promise<{ readonly incident: Incident; readonly opened: boolean }>;
  closeIncident(id: string): Promise<boolean>;
  /** Records a message before it is sent. @returns false: it was already recorded, by this host or another */
  noteAlarm(alarm: Omit<SentAlarm, 'at'>): Promise<boolean>;
  alarms(incident: string): Promise<readonly SentAlarm[]>;
  /** Deletes history before a moment, except unfinished runs, open incidents, and the newest claim of each job. */
  prune(before: Moment): Promise<void>;
  close(): Promise<void>;
}
