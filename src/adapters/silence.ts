// Notices that a server has fallen silent while a statement runs. After some seconds without a byte, a second
// connection asks about the statement; the dialect knows how. A statement that is still running is never cut off.

/** The answer about a statement. */
export interface Look {
  /** Running; server reachable, but status unknown; not running; server gone. */
  readonly state: 'runs' | 'unknown' | 'gone' | 'unreachable';
  /** The finding, as the end of a sentence. */
  readonly why: string;
  /** Ask again soon: it waits for what the next question may end. */
  readonly soon?: boolean;
  /** Outcome of a transaction with a COMMIT in flight: not committed. */
  readonly undone?: boolean;
}

/** Milliseconds. A dead server is noticed after 20 + 15 + 4 + 15 seconds. */
export interface SilenceTimes {
  /** Silence before the first question, and between two questions about a running statement. */
  readonly askAfter: number;
  /** Time limit for an answer. */
  readonly limit: number;
  /** A statement that was not found twice, with this pause between, is abandoned. */
  readonly again: number;
}

const NOT_FOUND = 'by a second connection the statement is not found at work';
const TIMES: SilenceTimes = { askAfter: 20_000, limit: 15_000, again: 4000 };

/** A statement in flight. */
export interface Watched {
  /** Changes with each byte sent or received. */
  received(): number;
  /** A monotonic clock in milliseconds. */
  now(): number;
  /** @param final whether this answer may end the statement */
  look(limit: number, final: boolean): Promise<Look>;
  /** Called once per period of silence in which the status is unknown. */
  doubt(message: string): void;
  /** Abandons the statement. @param message the finding, without a full stop */
  lost(message: string, found: Look): void;
}

/** @param seconds of silence before the first question: `TSDBT_ASK_AFTER`, for tests */
export function silenceTimes(seconds: string | undefined, most = TIMES.askAfter): SilenceTimes {
  const askAfter = Number(seconds) > 0 ? Number(seconds) * 1000 : Math.min(TIMES.askAfter, most);
  const limit = Math.min(TIMES.limit, Math.max(3000, askAfter));
  return { askAfter, limit, again: Math.min(TIMES.again, askAfter / 2) };
}

/** Watches a statement in flight. @returns a function that ends the watch */
export function watchSilence(statement: Watched, { askAfter, limit, again }: SilenceTimes): () => void {
  let timer: NodeJS.Timeout;
  let over = false;
  let seen = statement.received();
  let since = statement.now();
  let misses = 0;
  let doubted = false;
  const quiet = (): number => Math.round((statement.now() - since) / 1000);
  const wait = (ms: number): void => {
    // The statement keeps the process alive; its watch must not.
    timer = setTimeout(() => void ask(), ms).unref();
  };
  const heard = (): boolean => {
    const now = statement.received();
    if (now === seen) return false;
    seen = now;
    since = statement.now();
    misses = 0;
    doubted = false;
    wait(askAfter);
    return true;
  };
  const ask = async (): Promise<void> => {
    if (heard()) return;
    const found = await statement.look(limit, misses > 0);
    if (over || heard()) return;
    if (found.state === 'runs' || found.state === 'unknown') {
      misses = 0;
      if (found.state === 'unknown' && !doubted) {
        doubted = true;
        const what = `said nothing for ${quiet()} s and cannot be asked whether it still works on the statement`;
        statement.doubt(`The server has ${what}: ${found.why}. Waiting for it.`);
      }
      wait(found.soon === true ? again : askAfter);
    } else if (misses++ === 0) wait(again);
    else {
      over = true;
      const what = found.state === 'gone' ? NOT_FOUND : 'a second connection cannot be made';
      statement.lost(`the server has said nothing for ${quiet()} s, and ${what}: ${found.why}`, found);
    }
  };
  wait(askAfter);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
