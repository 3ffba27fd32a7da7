// `--every 5m`: the command again and again in one process. Ticks never overlap; a failed one is said and the next one runs; SIGTERM and
// Ctrl-C end it between or within ticks with exit code 0.
import { TsdbtError } from '../../errors.ts';
import { type CommandSession, now } from '../command-session.ts';
import { runCommand } from './run.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `5m`, `1h30m`. @throws {TsdbtError} usage */
export function parseDuration(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)/g)];
  const total = parts.reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit!]!, 0);
  if (parts.length === 0 || parts.map((p) => p[0]).join('').replaceAll(' ', '') !== text.trim().replaceAll(' ', '') || total <= 0) {
    throw new TsdbtError('usage', `Error: Invalid value for '--every': '${text}' is not a duration like 30s, 5m or 1h.`);
  }
  return total;
}

/** Runs until a signal; true unless the command line is wrong. */
export async function runEvery(session: CommandSession): Promise<boolean> {
  const interval = parseDuration(String(session.flags['every']));
  const say = (msg: string): void => session.logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg } });
  for (let tick = 1, due = now(); !session.signal.aborted; tick++) {
    const began = now();
    let outcome = 'ok';
    try {
      if (!(await runCommand(session))) outcome = 'failed';
    } catch (error) {
      outcome = `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    }
    if (session.signal.aborted) break;
    // A tick that took longer than the interval drops the ones that it covered.
    do due += interval; while (due <= now());
    say(`Tick ${tick} ${outcome} in ${((now() - began) / 1000).toFixed(2)}s; next at ${new Date(due).toISOString().slice(11, 19)}`);
    await pause(due - now(), session.signal);
  }
  return true;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal.addEventListener('abort', done);
  });
}
