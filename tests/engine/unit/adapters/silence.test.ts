// Tests when a silent server is queried about a statement, and the effect of its answer, with a clock that the test
// advances.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Look, silenceTimes, watchSilence } from '../../../../src/adapters/silence.ts';

const RUNS: Look = { state: 'runs', why: '' };
const GONE: Look = { state: 'gone', why: 'no process' };
const AWAY: Look = { state: 'unreachable', why: 'no answer' };
const DOUBT =
  'The server has said nothing for 20 s and cannot be asked whether it still works on the statement: too many ' +
  'clients. Waiting for it.';
const UNKNOWN: Look = { state: 'unknown', why: 'too many clients' };

describe('a statement that sends no byte', () => {
  let bytes = 0;
  const told: string[] = [];
  /** Follows a statement. Each check takes the next answer, and repeats the last one. */
  const follow = (answers: readonly Look[], seconds?: string): (() => void) => {
    const start = performance.now();
    const left = [...answers];
    const at = (): number => Math.round((performance.now() - start) / 1000);
    return watchSilence(
      {
        received: () => bytes,
        now: () => performance.now(),
        look: async (_limit, final) => {
          told.push(`asked at ${at()}${final ? ' at last' : ''}`);
          return left.length > 1 ? left.shift()! : left[0]!;
        },
        doubt: (message) => told.push(message),
        lost: (message) => told.push(message),
      },
      silenceTimes(seconds),
    );
  };

  beforeEach(() => {
    vi.useFakeTimers();
    bytes = 0;
    told.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is waited for without a limit while the server works on it', async () => {
    const answered = follow([RUNS]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([told.length, told[0], told.at(-1)]).toEqual([180, 'asked at 20', 'asked at 3600']);
    answered();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(told.length).toBe(180);
  });

  it('is given up within a minute when two checks do not find it', async () => {
    follow([GONE]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual([
      'asked at 20',
      'asked at 24 at last',
      'the server has said nothing for 24 s, and by a second connection the statement is not found at work: no process',
    ]);
  });

  it('is given up when no second connection can be made twice, but not after one failed attempt', async () => {
    follow([AWAY, RUNS, AWAY, AWAY]);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(told).toEqual([
      'asked at 20',
      'asked at 24 at last',
      'asked at 44',
      'asked at 48 at last',
      'the server has said nothing for 48 s, and a second connection cannot be made: no answer',
    ]);
  });

  it('is waited for when the server cannot tell, which is reported once', async () => {
    follow([UNKNOWN]);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(told).toEqual(['asked at 20', DOUBT, 'asked at 40', 'asked at 60', 'asked at 80', 'asked at 100']);
  });

  it('is timed from the last byte, even if that arrives during a check', async () => {
    follow([GONE]);
    await vi.advanceTimersByTimeAsync(19_000);
    bytes = 1;
    await vi.advanceTimersByTimeAsync(3000);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(18_500);
    expect(told).toEqual(['asked at 40']);
    bytes = 2;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(told).toEqual(['asked at 40']);
  });

  it('is given up within a minute even when each check takes as long as it may', () => {
    const { askAfter, limit, again } = silenceTimes(undefined);
    expect(askAfter + limit + again + limit).toBeLessThan(60_000);
    expect(silenceTimes(undefined, 5000).askAfter).toBe(5000);
  });
});
