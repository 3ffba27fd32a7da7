// `--every 5m`: the command again and again in one process, one line a tick. Ticks never overlap, neither here nor with those of another host
// on the same project and target; a failed one is said and the next one runs; SIGTERM and Ctrl-C end it between or within ticks with exit code 0.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { TsdbtError } from '../../errors.ts';
import { type CommandSession, now } from '../command-session.ts';
import { isPrintEvent, LazyEvent, type Logger } from '../../log.ts';
import { loadAndParse, runParsed } from './run.ts';

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
  for (let number = 1, due = now(); !session.signal.aborted; number++) {
    const began = now();
    const outcome = await tick(session);
    if (session.signal.aborted) break;
    // A tick that took longer than the interval drops the ones that it covered.
    do due += interval; while (due <= now());
    say(`Tick ${number} ${outcome} in ${((now() - began) / 1000).toFixed(2)}s; next at ${new Date(due).toISOString().slice(11, 19)}`);
    await pause(due - now(), session.signal);
  }
  return true;
}

/** One run, as if the command had been given again: with an id and a time of its own. @returns what became of it */
async function tick(session: CommandSession): Promise<string> {
  const invocation = { ...session.invocation, invocation_id: randomUUID(), started_at: new Date(now()) };
  const quiet: CommandSession = { ...session, invocation, logger: calm(session.logger) };
  try {
    const parsed = await loadAndParse(quiet);
    const { adapter, config } = parsed;
    const lease = adapter.session({ name: 'every' });
    try {
      const { project_name } = config.project;
      const { target_name, credentials } = config.profile;
      const held = await adapter.claim(lease, JSON.stringify(['every', project_name, target_name, credentials.schema]), `tsdbt ${session.which} --every, ${hostname()} pid ${process.pid}`);
      if (held !== null) return `skipped: ${project_name} on target ${target_name} is being run by ${held}`;
      return (await runParsed(quiet, parsed)) ? 'ok' : 'failed';
    } finally {
      await lease.release();
      await adapter.close();
    }
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
}

/** What a run says of its progress goes to the log file only; warnings, errors and what templates print are shown. */
function calm(logger: Logger): Logger {
  return {
    fire(event) {
      if (event.level !== 'info' || isPrintEvent(event)) logger.fire(event);
      else logger.fire(new LazyEvent(event.name, event.code, 'debug', () => event.msg, () => event.data ?? {}, event.thread));
    },
  };
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
