// A check that a run passes before any of its work becomes visible: no other host has taken over. Sessions perform it
// where they publish.

export interface Fence {
  /** Identifies the run, so that its statements in flight can be found. */
  readonly runId: string;
  /** A statement of the database that fails if the run no longer belongs to its host. */
  readonly check: string;
  /**
   * Seconds of silence after which the server drops what a session has begun. Less than what remains of the lease after
   * a successful `check`.
   */
  readonly holds: number;
}

/** Text in the error of a failed check: another claim may publish what this one may not. */
export const LOST_LEASE = 'has lost its lease';
