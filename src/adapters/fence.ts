// What a run proves before anything of it becomes visible: that no other host has taken its work. Sessions ask it
// where they publish, and without a fence nothing is asked.

export interface Fence {
  /** Names the run: its statements in flight can be found by it. */
  readonly runId: string;
  /** A statement of the database that fails when the run is no longer its host's. */
  readonly check: string;
  /**
   * Seconds of silence after which the server gives up what a session has begun. Less than what a `check` that succeeds
   * leaves of the lease.
   */
  readonly holds: number;
}

/** In the words of a check that fails: another claim may publish what this one may not. */
export const LOST_LEASE = 'has lost its lease';
