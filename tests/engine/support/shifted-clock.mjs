// Preloaded into a command under test: its clock starts at TSDBT_TEST_CLOCK and goes on from there, so that no minute
// and no day ends in the midst of a test.
import { shiftedTime } from './shifted-time.mjs';

const { Date: shifted, performance: seen } = shiftedTime(process.env.TSDBT_TEST_CLOCK ?? '');
globalThis.Date = shifted;
Object.defineProperty(performance, 'timeOrigin', { value: seen.timeOrigin, configurable: true });
