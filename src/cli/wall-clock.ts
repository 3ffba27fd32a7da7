// The time of day with fractions of a millisecond, also in a process that lives for months. Durations and pauses are
// left to the steady clock of command-session.ts.

/** A difference beyond this is a step of the system's clock, not the error of reading two clocks. */
const STEP_MS = 1000;

let origin = performance.timeOrigin;

/**
 * Milliseconds since 1970, with a fraction. Follows a clock that is set, and a machine that slept: the steady clock
 * stands still meanwhile, and what is counted from the start of the process stays behind.
 */
export function wallClock(): number {
  const elapsed = performance.now();
  const today = Date.now();
  if (Math.abs(today - (origin + elapsed)) > STEP_MS) origin = today - elapsed;
  return origin + elapsed;
}
