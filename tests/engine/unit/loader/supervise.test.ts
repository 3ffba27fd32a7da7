// Tests the notes of failures of a supervised table: each is written once and in order, however slow the database is.
import { describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../../src/errors.ts';
import type { LoadEvent } from '../../../../src/loader/events.ts';
import { superviseTable } from '../../../../src/loader/supervise.ts';
import { loadTargetOf } from '../../support/load-target.ts';
import { sleep } from '../../../../src/within.ts';

const target = loadTargetOf('t', { columns: [] });
const POLLED: LoadEvent = { kind: 'polled', target, lag: new Map() };

describe('the notes of a supervised table', () => {
  it('are read once while the database is slow, and written in order', async () => {
    const asked: (string | null)[] = [];
    const written: (string | null)[] = [];
    const waiting: (() => void)[] = [];
    const stop = new AbortController();
    let runs = 0;
    const load = superviseTable({
      target,
      sink: {
        kept: async () => ({ positions: new Map(), failure: null, paused: null }),
        note: async (_, message) => {
          asked.push(message);
          await new Promise<void>((resolve) => waiting.push(resolve));
          written.push(message);
        },
      },
      once: false,
      signal: stop.signal,
      notify: () => undefined,
      pause: async () => undefined,
      make: async (told) => ({
        run: async () => {
          for (let polls = 0; polls < 5; polls++) told(POLLED);
          if (++runs === 1) throw new TsdbtError('runtime', 'no more');
          return { rows: 0, dead: 0, stopped: [] };
        },
      }),
    });
    await load;
    expect(asked).toEqual([null]);
    // The last note is written last, and those in between are omitted.
    while (written.length < asked.length) {
      waiting.pop()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written.at(-1)).toBeNull();
    expect(written.length).toBeLessThan(3);
  });

  it('are tried again after a failure', async () => {
    const asked: (string | null)[] = [];
    await superviseTable({
      target,
      sink: {
        kept: async () => ({ positions: new Map(), failure: null, paused: null }),
        note: async (_, message) => {
          asked.push(message);
          if (asked.length === 1) throw new TsdbtError('connection', 'away');
        },
      },
      once: true,
      signal: new AbortController().signal,
      notify: () => undefined,
      pause: async () => undefined,
      make: async (told) => ({
        run: async () => {
          for (let polls = 0; polls < 3; polls++) {
            told(POLLED);
            await new Promise((resolve) => setImmediate(resolve));
          }
          return { rows: 0, dead: 0, stopped: [] };
        },
      }),
    });
    expect(asked).toEqual([null, null]);
  });

  it('leave no timer that keeps the process alive after the load', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await superviseTable({
      target,
      sink: {
        kept: async () => ({ positions: new Map(), failure: null, paused: null }),
        note: async () => undefined,
      },
      once: true,
      signal: new AbortController().signal,
      notify: () => undefined,
      pause: sleep,
      make: async (told) => ({
        run: async () => {
          told(POLLED);
          return { rows: 0, dead: 0, stopped: [] };
        },
      }),
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers()).toBe(before);
  });
});

it('a supervised table is tried again after an error that no code foresees', async () => {
  const events: LoadEvent[] = [];
  let runs = 0;
  const { rows } = await superviseTable({
    target,
    sink: {
      kept: async () => ({ positions: new Map(), failure: null, paused: null }),
      note: async () => undefined,
    },
    once: false,
    signal: new AbortController().signal,
    notify: (event) => events.push(event),
    pause: async () => undefined,
    make: async () => ({
      run: async () => {
        if (++runs === 1) throw new RangeError('Invalid time value');
        return { rows: 0, dead: 0, stopped: [] };
      },
    }),
  });
  expect(rows).toBe(0);
  expect(events).toEqual([{ kind: 'failed', target, message: 'Internal error: Invalid time value', seconds: 1 }]);
});
