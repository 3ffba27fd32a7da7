// What serve keeps in the target database: who runs which due time, what became of it, what is broken and who was told.
// The interface alone; postgres/ and clickhouse/ keep it in schema tsdbt, memory.ts for tests of the scheduler.
import type { Fence } from '../../adapters/fence.ts';
import type { FreshnessStatus, NodeStatus } from '../../contracts/results.ts';

/** Milliseconds since 1970, by the database's clock where two hosts compare them. */
export type Moment = number;

export type RunState = 'running' | 'success' | 'failed' | 'timeout' | 'lost' | 'skipped' | 'cancelled';

/** The right to run one due time of a job. */
export interface Claim {
  readonly runId: string;
  readonly job: string;
  readonly dueAt: Moment;
  /** From 1; a retry is another attempt at the same due time. */
  readonly attempt: number;
  readonly host: string;
  /** Rises with each claim of the job: who publishes proves that no later one was given. */
  readonly token: bigint;
}

/** How a run ended. */
export interface RunEnd {
  readonly state: Exclude<RunState, 'running'>;
  /** Why, in one line; null: nothing to say. */
  readonly reason: string | null;
  /** Hash or commit of the project that ran; absent: unknown. */
  readonly project?: string | null;
  /** Another try is promised for then, by whatever host; absent: none. */
  readonly againAt?: Moment | null;
}

/** One run, as history shows it. */
export interface JobRun extends Claim {
  readonly state: RunState;
  readonly startedAt: Moment;
  readonly finishedAt: Moment | null;
  readonly reason: string | null;
  /** Hash or commit of the project that ran; null: unknown. */
  readonly project: string | null;
}

/**
 * Why a due time was not run: the run before went on, the job was paused, its window was over, nobody was there
 * (`missed`, and `catch_up` does not make up for it).
 */
export type LeftOut = 'still_running' | 'paused' | 'window_over' | 'missed';

/** Due times of a job, one after another, that were not run for one reason. */
export interface LeftOutTimes {
  readonly job: string;
  readonly why: LeftOut;
  readonly first: Moment;
  readonly last: Moment;
  /** How many; of a pattern that was missed for very long, the newest 1,000. */
  readonly count: number;
}

export interface LeftOutFilter {
  readonly job?: string;
  /** Whose last due time is earlier, and not earlier. */
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
  /** Rows that the database says it changed, and what it read; null: it does not say. */
  readonly rows: number | null;
  readonly readRows: number | null;
  readonly readBytes: number | null;
  /** Failing rows of a test; null for others. */
  readonly failures: number | null;
  /** The first line of the error; null: none. */
  readonly message: string | null;
  /** Checksum of the node as it ran; null: it has none. */
  readonly checksum: string | null;
}

/** Freshness of a source, as last measured. */
export interface FreshnessRun {
  readonly runId: string;
  readonly uniqueId: string;
  readonly status: FreshnessStatus;
  readonly maxLoadedAt: Moment | null;
  readonly seconds: number | null;
  readonly at: Moment;
}

/** A promise that is broken, or was: one row for each time. */
export interface Incident {
  readonly id: string;
  /** What it is about: `sla:model.x.y:freshness`, `job:fast:failed`. */
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
  /** `opened`, `repeated 3`, `recovered`: with incident and channel it is unique. */
  readonly occasion: string;
  readonly at: Moment;
}

export interface RunFilter {
  /** How the run's id begins. */
  readonly runId?: string;
  readonly job?: string;
  readonly states?: readonly RunState[];
  readonly before?: Moment;
  /** Newest first. */
  readonly limit: number;
}

/** A run that was asked for. The moment is its due time, so that one host claims it. */
export interface JobRequest {
  readonly job: string;
  readonly at: Moment;
}

export interface Store {
  /** Whether its tables are there; creates none. @throws when the database is away */
  exists(): Promise<boolean>;
  /** Creates what is missing. Called once, again after a failure. @throws when the database is away */
  open(): Promise<void>;
  /** The database's clock. */
  now(): Promise<Moment>;
  /**
   * Takes a due time. Of several hosts one gets it, once for each attempt.
   * @returns null: somebody has it, or had it
   */
  claim(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | null>;
  /** The same, unless a run of the job goes on: no two hosts get one at once. @returns `busy`: one goes on */
  claimAlone(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | 'busy' | null>;
  /** Renews leases that are not over. @returns the claims that are lost: their runs must end */
  heartbeat(claims: readonly Claim[]): Promise<readonly Claim[]>;
  /**
   * Ends a run. A second call changes nothing. One without success whose lease is over is lost: its due time is for
   * whoever is there.
   * @returns false: the lease was lost
   */
  finish(claim: Claim, end: RunEnd): Promise<boolean>;
  /** Calls runs whose host is silent for longer than a lease `lost`. @returns them */
  reap(): Promise<readonly JobRun[]>;
  /**
   * Runs whose due time nobody has tried again: lost ones, and those whose promised try is late by more than a lease.
   * Newest due time first; the newest thousand.
   */
  abandoned(): Promise<readonly JobRun[]>;
  /** What a session asks before it publishes something of the run. @returns null: nothing is fenced */
  fence(claim: Claim): Fence | null;
  /** The last due time of each job that anybody has claimed. */
  lastDue(): Promise<ReadonlyMap<string, Moment>>;
  /**
   * Notes due times that are not run. Between two runs of a job there is one row for each reason, which is extended:
   * what is kept does not grow with the number of due times. What another host has noted, or runs, is not noted again.
   */
  leaveOut(times: readonly LeftOutTimes[]): Promise<void>;
  /** What was left out. None where an earlier version has made the tables. */
  leftOut(filter: LeftOutFilter): Promise<readonly LeftOutTimes[]>;
  /** The last due time of each job that was left out. */
  lastLeftOut(): Promise<ReadonlyMap<string, Moment>>;
  /** Notes what a run is made of, before its nodes are recorded: two of the same make the same of the same inputs. */
  begun(runId: string, madeOf: string): Promise<void>;
  /** What runs are made of, as far as it is known. */
  madeOf(runIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Writes history in one statement a table, off the critical path. A second row of a node in a run replaces it. */
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
  /** Asks for a run of a job at no time of its own. Asked twice before it starts, it runs once. */
  request(job: string): Promise<void>;
  /** Requests that are open. One stays open until its run is claimed: the host that reads it may stop before. */
  requests(): Promise<readonly JobRequest[]>;
  /** The request's run was claimed. */
  endRequest(request: JobRequest): Promise<void>;
  openIncidents(): Promise<readonly Incident[]>;
  /** Opens one, unless one of this key is open. @returns the open one, and whether this call has opened it */
  openIncident(key: string, reason: string): Promise<{ readonly incident: Incident; readonly opened: boolean }>;
  closeIncident(id: string): Promise<boolean>;
  /** Notes a message before it is sent. @returns false: it was noted before, by this host or another */
  noteAlarm(alarm: Omit<SentAlarm, 'at'>): Promise<boolean>;
  alarms(incident: string): Promise<readonly SentAlarm[]>;
  /** Deletes history before a moment; runs and incidents that are not over stay, and the newest claim of each job. */
  prune(before: Moment): Promise<void>;
  close(): Promise<void>;
}
