// Notices that a server has fallen silent while a statement runs: after some seconds without a byte it is asked about
// the statement by a second connection. How is the dialect's; what the server works on is waited for without end.

/** What a second connection has found out about a statement. */
export interface Look {
  /** At work; the server is there and does not tell; not at work; nobody is there. */
  readonly state: 'runs' | 'unknown' | 'gone' | 'unreachable';
  /** What was found, as the end of a sentence. */
  readonly why: string;
  /** Of a transaction that was sent to be committed: it was not. */
  readonly undone?: boolean;
}

/** Milliseconds. With these a dead server is noticed after 20 + 15 + 4 + 15 seconds. */
export interface SilenceTimes {
  /** Without a byte, until the server is asked, and between two questions about a statement that runs. */
  readonly askAfter: number;
  /** How long an answer to the question may take. */
  readonly limit: number;
  /** A statement is given up when it was not found twice, with this pause between. */
  readonly again: number;
}

const NOT_FOUND = 'by a second connection the statement is not found at work';
const TIMES: SilenceTimes = { askAfter: 20_000, limit: 15_000, again: 4000 };

/** A statement that is in flight. */
export interface Watched {
  /** Changes with each byte that comes or goes. */
  received(): number;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** @param final when this answer may end it */
  look(limit: number, final: boolean): Promise<Look>;
  /** Told once for each spell of silence in which the server is there and does not tell. */
  doubt(message: string): void;
  /** It is given up. @param message what was found, without a full stop */
  lost(message: string, found: Look): void;
}

/** @param seconds of silence before the first question: `TSDBT_ASK_AFTER`, for tests */
export function silenceTimes(seconds: string | undefined, most = TIMES.askAfter): SilenceTimes {
  const askAfter = Number(seconds) > 0 ? Number(seconds) * 1000 : Math.min(TIMES.askAfter, most);
  const limit = Math.min(TIMES.limit, Math.max(3000, askAfter));
  return { askAfter, limit, again: Math.min(TIMES.again, askAfter / 2) };
}

/** Follows a statement from when it is sent. @returns to be called with its answer */
export function watchSilence(statement: Watched, { askAfter, limit, again }: SilenceTimes): () => void {
  let timer: NodeJS.Timeout;
  let over = false;
  let seen = statement.received();
  let since = statement.now();
  let misses = 0;
  let doubted = false;
  const quiet = (): number => Math.round((statement.now() - since) / 1000);
  const wait = (ms: number): void => {
    // What is in flight keeps the process; its watch does not.
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
      wait(askAfter);
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
