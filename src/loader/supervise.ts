// Supervises one table of several. A failure of its loader is reported at once and stored for `load status`; the table
// is retried with growing back-off, while the others continue. A paused table waits until it is resumed.
import { inOneLine, TsdbtError } from '../errors.ts';
import { InOrder } from '../in-order.ts';
import { TooManyDead } from './dead-limit.ts';
import type { LoadEvent } from './events.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Loader, LoadSummary } from './loader.ts';
import type { Sink } from './sink.ts';
import { within } from '../within.ts';

export interface SuperviseOptions {
  readonly target: LoadTarget;
  readonly sink: Pick<Sink, 'note' | 'kept'>;
  /** Creates a loader that reports to `notify`, ends with `signal`, and calls `paused` if it finds its table paused. */
  readonly make: (
    notify: (event: LoadEvent) => void,
    signal: AbortSignal,
    paused: () => void,
  ) => Promise<Pick<Loader, 'run'>>;
  /** With `once`, a failure is reported and ends the load. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly notify: (event: LoadEvent) => void;
  readonly pause: (ms: number) => Promise<void>;
}

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1000, 60_000];
/** Interval of checks whether the position was moved, which may be the repair. */
const LOOK_MS = 2000;
/** Interval of checks whether a paused table was resumed. */
const PAUSED_MS = 500;
/** Errors that last as long as this process: its own options and files. */
const FINAL = new Set(['usage', 'profile', 'project', 'parsing']);

/** Loads until the signal is aborted or, with `once`, to the end. @throws the failure that ended it */
export async function superviseTable(options: SuperviseOptions): Promise<LoadSummary> {
  const { target, sink, make, once, signal, notify, pause } = options;
  let [rows, dead, failures] = [0, 0, 0];
  let wanted: string | null | undefined;
  const notes = new InOrder();
  const note = async (message: string | null): Promise<void> => {
    if (wanted === message) return;
    wanted = message;
    const written = notes
      .run(async () => {
        // Only the latest message is stored.
        if (wanted === message) await sink.note(target, message);
      })
      .catch(() => {
        if (wanted === message) wanted = undefined;
      });
    // The database may be what failed; nothing waits for storing the reason.
    await within(written, LOOK_MS);
  };
  const told = (event: LoadEvent): void => {
    if (event.kind === 'polled') {
      if (failures > 0) notify({ kind: 'resumed', target });
      failures = 0;
      void note(null);
    }
    if (event.kind === 'flushed') {
      rows += event.rows;
      dead += event.dead.length;
    }
    notify(event);
  };
  for (;;) {
    // While the database is unavailable the loader waits for it, and finds the pause then.
    const since = await pausedSince(options).catch(() => null);
    if (since !== null) {
      notify({ kind: 'table_paused', target, since });
      if (once) return { rows, dead, stopped: [], paused: since };
      while (!signal.aborted && (await pausedSince(options).catch(() => since)) !== null) await pause(PAUSED_MS);
      if (signal.aborted) return { rows, dead, stopped: [] };
      notify({ kind: 'table_resumed', target });
    }
    const pausing = new AbortController();
    try {
      const loader = await make(told, AbortSignal.any([signal, pausing.signal]), () => pausing.abort());
      const { stopped, unfinished } = await loader.run();
      if (pausing.signal.aborted && !signal.aborted) continue;
      return { rows, dead, stopped, ...(unfinished ? { unfinished } : {}) };
    } catch (error) {
      // A fault of this program, or of a library, must not end the other tables.
      const known = error instanceof TsdbtError;
      const final = once || signal.aborted || error instanceof TooManyDead || (known && FINAL.has(error.kind));
      const message = known ? inOneLine(error) : `Internal error: ${inOneLine(error)}`;
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures++, 10));
      notify({ kind: 'failed', target, message, seconds: final ? null : wait / 1000 });
      await note(message);
      if (final) throw error;
      await waitOrMove(options, wait);
      if (signal.aborted) throw error;
    }
  }
}

async function pausedSince({ target, sink }: SuperviseOptions): Promise<string | null> {
  return (await sink.kept(target)).paused;
}

/** Waits, at most until the table's position has changed. */
async function waitOrMove({ target, sink, signal, pause }: SuperviseOptions, ms: number): Promise<void> {
  const where = async (): Promise<string | null> =>
    sink.kept(target).then(
      ({ positions }) =>
        [...positions]
          .map(([partition, { next, epoch, resets }]) => `${partition}:${next}/${epoch}/${resets}`)
          .sort()
          .join(' '),
      () => null,
    );
  const before = ms > LOOK_MS ? await where() : null;
  for (let left = ms; left > 0 && !signal.aborted; left -= LOOK_MS) {
    await pause(Math.min(left, LOOK_MS));
    if (before === null || left <= LOOK_MS) continue;
    const now = await where();
    if (now !== null && now !== before) return;
  }
}
