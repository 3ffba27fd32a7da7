// Builds a clock that starts at a given time and runs on; shifted-clock.mjs installs it.

/** @param start ISO 8601 @returns replacements of `Date` and `performance` */
export function shiftedTime(start) {
  const shift = Date.parse(start) - Date.now();
  if (!Number.isFinite(shift)) throw new Error(`TSDBT_TEST_CLOCK is no time: ${start}`);
  const real = Date;
  return {
    Date: class extends real {
      constructor(...args) {
        if (args.length === 0) super(real.now() + shift);
        else super(...args);
      }
      static now() {
        return real.now() + shift;
      }
    },
    performance: { timeOrigin: performance.timeOrigin + shift, now: performance.now.bind(performance) },
  };
}
