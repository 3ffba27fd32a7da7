// Keeps tables equal to those of another database: runs syncs one after the other on schedule, and waits for
// unavailable servers. The dialect performs a sync.
import { inOneLine, TsdbtError } from '../../errors.ts';
import type { SyncTarget } from './config.ts';

/** The result of one sync. */
export interface Synced {
  /** Rows that were read. */
  readonly read: number;
  /** Number of inserted, changed and deleted rows. */
  readonly changed: number;
}

/** Stored state of a table's last sync. */
export interface SyncState {
  /** ISO time of its start. */
  readonly syncedAt: string;
  /** Up to where changes were read; null: every row was read. */
  readonly border: string | null;
  /** Milliseconds since it began. */
  readonly ageMs: number;
}

/** The result of `load check`. */
export interface SyncCheck {
  readonly problems: readonly string[];
  /** What the sync cannot see. */
  readonly notes: readonly string[];
}

/** Both databases of a table. Methods fail with a `database`, `connection` or `validation` error. */
export interface TableSync {
  /**
   * Makes the table equal to the source's; readers see the change in one step. Concurrent syncs wait for each other.
   */
  run(): Promise<Synced>;
  check(): Promise<SyncCheck>;
  /** Null: it was never synced. */
  state(): Promise<SyncState | null>;
  /** Cancels running statements. Never throws. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Points at which tests kill a sync. */
export type SyncPoint = 'before_stage' | 'before_merge' | 'before_commit' | 'after_commit';

export interface SyncLoopOptions {
  readonly target: SyncTarget;
  readonly sync: TableSync;
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly pause: (ms: number) => Promise<void>;
  readonly say: (message: string) => void;
}

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1000, 60_000];
/** How often a transient failure is retried with `once`. */
const TRIES = 5;

/** Syncs until the signal is aborted or, with `once`, one time. @throws with `once`, the error of the sync */
export async function keepSynced({ target, sync, once, signal, pause, say }: SyncLoopOptions): Promise<void> {
  const stop = (): void => void sync.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    let failures = 0;
    let wait = once ? 0 : await firstWait(target, sync);
    while (!signal.aborted) {
      if (wait > 0) await pause(wait);
      if (signal.aborted) return;
      const began = performance.now();
      try {
        const { read, changed } = await sync.run();
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        say(`${target.name}: ${read} row${read === 1 ? '' : 's'} read, ${changed} changed in ${seconds}s`);
        if (once) return;
        failures = 0;
        wait = Math.max(0, target.everyMs - (performance.now() - began));
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        if (!(error instanceof TsdbtError)) throw error;
        if (once && (failures === TRIES || error.kind !== 'connection')) throw error;
        const passes = error.kind === 'connection' || error.kind === 'database';
        const soon = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
        // What a user must fix, such as a missing table, is checked again when the next sync is due.
        wait = Math.max(FIRST_WAIT_MS, passes ? Math.min(soon, target.everyMs) : target.everyMs);
        say(`${target.name}: ${inOneLine(error)}; tried again in ${wait / 1000} s`);
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await sync.close();
  }
}

/** A sync that is not due yet waits for its time, also after a restart. */
async function firstWait({ everyMs }: SyncTarget, sync: TableSync): Promise<number> {
  const state = await sync.state().catch(() => null);
  return state === null ? 0 : Math.max(0, everyMs - state.ageMs);
}
