// The time of day with fractions of a millisecond, also in a process that runs for months. Durations use the monotonic
// clock of command-session.ts.

/** A larger difference is a change of the system's clock, not an error of reading two clocks. */
const STEP_MS = 1000;

let origin = performance.timeOrigin;

/**
 * Milliseconds since 1970, with a fraction. Follows changes of the system clock and sleep of the machine, during which
 * the monotonic clock stops.
 */
export function wallClock(): number {
  const elapsed = performance.now();
  const today = Date.now();
  if (Math.abs(today - (origin + elapsed)) > STEP_MS) origin = today - elapsed;
  return origin + elapsed;
}
