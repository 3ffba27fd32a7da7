// Preloaded into a command under test: starts its clock at TSDBT_TEST_CLOCK, so that no minute and no day ends during a
// test. shifted-time.mjs builds the clock.
import { shiftedTime } from './shifted-time.mjs';

const { Date: shifted, performance: seen } = shiftedTime(process.env.TSDBT_TEST_CLOCK ?? '');
globalThis.Date = shifted;
Object.defineProperty(performance, 'timeOrigin', { value: seen.timeOrigin, configurable: true });
