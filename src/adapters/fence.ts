// What a run proves before anything of it becomes visible: that no other host has taken its work. Types only; sessions
// ask it where they publish, and without a fence nothing is asked.

export interface Fence {
  /** Names the run: statements in flight can be found by it. */
  readonly runId: string;
  /** A statement of the database that fails when the run is no longer its host's. */
  readonly check: string;
  /** Seconds that the answer of `check` holds; less than what it leaves of the lease. */
  readonly holds: number;
}
