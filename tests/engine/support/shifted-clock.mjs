// Preloaded into a command under test: its clock starts at TSDBT_TEST_CLOCK and goes on from there, so that no minute
// and no day ends in the midst of a test.
const { TSDBT_TEST_CLOCK: start = '' } = process.env;
const real = Date;
const shift = real.parse(start) - real.now();
if (!Number.isFinite(shift)) throw new Error(`TSDBT_TEST_CLOCK is no time: ${start}`);

globalThis.Date = class extends real {
  constructor(...args) {
    if (args.length === 0) super(real.now() + shift);
    else super(...args);
  }
  static now() {
    return real.now() + shift;
  }
};
const { timeOrigin } = performance;
Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + shift, configurable: true });
