// Waits for a time, or for work with a timeout or an abort signal. Callers cancel the work.

/** Milliseconds. A Node timer with a longer delay fires immediately. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Waits for `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Whether the work settled within `ms`, successfully or not. The work itself is not cancelled. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([
      work.then(
        () => true,
        () => true,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for the work or the signal. After an abort the work continues, and its result or error is ignored.
 * @param grace milliseconds that the work still has after the signal
 * @returns null if the signal ended the wait
 */
export async function unlessAborted<T>(
  signal: AbortSignal | null,
  work: Promise<T>,
  grace = 0,
): Promise<{ readonly value: T } | null> {
  if (signal === null) return { value: await work };
  let timer: NodeJS.Timeout | undefined;
  let aborted: () => void = () => undefined;
  const late = new Promise<null>((resolve) => {
    aborted = () => {
      timer ??= setTimeout(resolve, grace, null);
    };
    signal.addEventListener('abort', aborted);
    if (signal.aborted) aborted();
  });
  try {
    return await Promise.race([work.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
  }
}

/**
 * Why a command was stopped, for use after `because of`: dbt's wording for Ctrl-C, otherwise the signal's name, or
 * `timeout`.
 */
export function stopReason(signal: AbortSignal | null): string {
  const reason: unknown = signal?.reason;
  return typeof reason === 'string' && reason !== 'SIGINT' ? reason : 'keyboard interrupt';
}
