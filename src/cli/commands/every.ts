// `--every 5m`: repeats the command in one process, with one line per tick. Ticks never overlap, not even with those of
// another host on the same project and target. A failed tick is reported and the next one runs. SIGTERM and Ctrl-C end
// the loop, between or within ticks, with exit code 0. With `--if-changed`, a tick after a successful one does nothing
// while the project and its external input tables are unchanged.
import { forDebugging, runCounts } from '../calm-log.ts';
import { dateTime } from '../../values/utc-text.ts';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { note } from '../../events/index.ts';
import { type CommandSession, now } from '../command-session.ts';
import { wallClock } from '../wall-clock.ts';
import { isPrintEvent, type Logger } from '../../log.ts';
import { isSameProject, type LoadedProject, outsideInputs, type ParsedProject, select } from '../../index.ts';
import { durationMs } from '../../values/duration.ts';
import { LONGEST_TIMER, unlessAborted } from '../../within.ts';
import { pause } from '../pause.ts';
import { loadProject, parseLoaded, runParsed } from './run.ts';

/** Milliseconds that a tick has after a signal. */
const STOP_MS = 7500;

/** Parses `30s`, `5m`, `1h30m` to milliseconds. @throws {TsdbtError} usage */
function parseDuration(text: string): number {
  const total = durationMs(text);
  if (total === null || total <= 0) {
    throw errorOf('badOptionValue', { option: '--every', why: `'${text}' is not a duration like 30s, 5m or 1h.` });
  }
  if (total > LONGEST_TIMER)
    throw errorOf('badOptionValue', { option: '--every', why: `'${text}' is longer than 24 days.` });
  return total;
}

/** The inputs of the last successful tick. */
export interface Done {
  readonly parsed: ParsedProject;
  readonly inputs: ReturnType<typeof outsideInputs>;
  /** Marks of the inputs, taken before the tick read them. */
  readonly marks: readonly (string | null)[];
}

interface Ticked {
  readonly outcome: string;
  readonly done: Done | null;
  /** Whether the tick succeeded; null: it attempted nothing. */
  readonly good: boolean | null;
  /** `PASS=… WARN=…` of a tick that ran nodes. */
  readonly counts?: string | undefined;
}

/** Runs until a signal; returns true unless the command line is wrong. */
export async function runEvery(session: CommandSession): Promise<boolean> {
  const interval = parseDuration(String(session.flags['every']));
  const say = (msg: string): void => note(session.logger, msg);
  let done: Done | null = null;
  let warned = false;
  let failing = false;
  // Only connections of the running tick, because the number of ticks is unlimited.
  let close: () => Promise<unknown> = () => Promise.resolve();
  session.onEnd(() => close());
  const current: CommandSession = {
    ...session,
    onEnd: (work) => {
      close = work;
    },
  };
  const onParsed = (parsed: ParsedProject): void => {
    const warning = warned ? null : seldomWarning(parsed, interval);
    warned = true;
    if (warning !== null) note(session.logger, warning, { level: 'warn' });
  };
  for (let number = 1, due = now(); !session.signal.aborted; number++) {
    const began = now();
    const last: Done | null = done;
    const work: Promise<Ticked> = tick(current, last, onParsed);
    const ticked = await unlessAborted(session.signal, work, STOP_MS);
    if (ticked === null || session.signal.aborted) break;
    const { outcome, good, counts, ...next } = ticked.value;
    done = next.done;
    const recovered = good === true && failing ? ', recovered' : '';
    if (good !== null) failing = !good;
    // A tick that takes longer than the interval skips the ticks that became due in the meantime.
    do due += interval;
    while (due <= now());
    say(
      `Tick ${number} ${outcome}${recovered} at ${dateTime(began)} in ${((now() - began) / 1000).toFixed(2)}s` +
        `${counts === undefined ? '' : `, ${counts}`}; next at ${dateTime(due)} UTC`,
    );
    const unseen =
      last === null && done !== null
        ? done.inputs.filter((_input, i) => done?.marks[i] === null).map((input) => input.render())
        : [];
    if (unseen.length > 0)
      say(
        '--if-changed runs each time: nothing tells whether ' +
          `${unseen.slice(0, 3).join(', ')}${unseen.length > 3 ? ' …' : ''} changed`,
      );
    await pause(due - now(), session.signal);
  }
  return true;
}

/** One run, like a separate command: with its own invocation id and start time. */
async function tick(
  session: CommandSession,
  last: Done | null,
  onParsed: (parsed: ParsedProject) => void,
): Promise<Ticked> {
  const invocation = { ...session.invocation, invocation_id: randomUUID(), started_at: new Date(wallClock()) };
  let counts: string | undefined;
  const onStats = (text: string): void => {
    counts = text;
  };
  const quiet: CommandSession = { ...session, invocation, logger: calm(session.logger, onStats) };
  try {
    const loaded = await loadProject(quiet);
    const { adapter, config } = loaded;
    const lease = adapter.session({ name: 'every' });
    try {
      if (last !== null && (await isStill(last, loaded))) return { outcome: 'unchanged', done: last, good: null };
      const parsed = parseLoaded(loaded);
      onParsed(parsed);
      const { project_name } = config.project;
      const { target_name, credentials } = config.profile;
      const held = await adapter.claim(
        lease,
        JSON.stringify(['every', project_name, target_name, credentials.schema]),
        `tsdbt ${session.which} --every, ${hostname()} pid ${process.pid}`,
      );
      if (held !== null)
        return {
          outcome: `skipped: ${project_name} on target ${target_name} is being run by ${held}`,
          done: null,
          good: null,
        };
      const inputs =
        session.flags['if_changed'] === true ? outsideInputs(parsed.manifest, select(parsed).selected, adapter) : null;
      const marks = inputs === null ? [] : await marksOf(loaded, inputs);
      const good = await runParsed(quiet, parsed);
      const next = good && inputs !== null ? { parsed, inputs, marks } : null;
      return { outcome: good ? 'ok' : 'failed', done: next, good, counts };
    } finally {
      await lease.release();
      await adapter.close();
    }
  } catch (error) {
    return { outcome: `failed (${oneLine(error)})`, done: null, good: false };
  }
}

/** The error that ended a tick, with file and line first. */
export function oneLine(error: unknown): string {
  const [words = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  if (!(error instanceof TsdbtError)) return words;
  const { path, node, line, column } = error.details;
  const file = path ?? node?.original_file_path;
  if (file === undefined) return words;
  const place = `${line === undefined ? '' : ` line ${line}`}${column === undefined ? '' : `, column ${column}`}`;
  return `${file}${place}: ${words}`;
}

/**
 * Returns a warning about nodes that do not suit a short interval: readers can see them incomplete, or a run is
 * expensive.
 * @param interval milliseconds
 * @returns null if there are no such nodes
 */
export function seldomWarning(parsed: ParsedProject, interval: number): string | null {
  const {
    adapter: { seldom },
    manifest,
  } = parsed;
  if (seldom === undefined || interval >= seldom.every) return null;
  const views = Object.values(manifest.nodes).filter((node) => node.config.materialized === 'materialized_view');
  const read = new Set(views.flatMap((node) => node.depends_on.nodes));
  const found = new Map<string, string[]>();
  for (const id of select(parsed).selected) {
    const node = manifest.nodes[id];
    const use = node === undefined ? null : seldom.of(node.config, read.has(id));
    if (use === null) continue;
    const about = `the ${use.name}: ${use.why}`;
    found.set(about, [...(found.get(about) ?? []), node!.name]);
  }
  if (found.size === 0) return null;
  const parts = [...found].map(
    ([about, names]) =>
      `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''} ` +
      `${names.length === 1 ? 'has' : 'have'} ${about}`,
  );
  return `--every: ${parts.join('. ')}; ${seldom.instead}.`;
}

/** Whether a tick would repeat the last one on unchanged inputs. */
export async function isStill({ parsed, inputs, marks }: Done, loaded: LoadedProject): Promise<boolean> {
  if (marks.includes(null) || !isSameProject(parsed, loaded)) return false;
  const current = await marksOf(loaded, inputs);
  return current.every((mark, i) => mark !== null && mark === marks[i]);
}

export async function marksOf({ adapter }: LoadedProject, inputs: Done['inputs']): Promise<readonly (string | null)[]> {
  const session = adapter.session({ name: 'every' });
  try {
    return await adapter.fetchChangeMarks(session, inputs);
  } finally {
    await session.release();
  }
}

/**
 * Sends progress of a run to the log file only; warnings, errors and output of templates are still shown.
 * @param onStats receives the counts of the run's last line
 */
function calm(logger: Logger, onStats: (text: string) => void): Logger {
  return {
    fire(event) {
      const counts = runCounts(event);
      if (counts !== null) onStats(counts);
      if (event.level !== 'info' || isPrintEvent(event)) logger.fire(event);
      else logger.fire(forDebugging(event));
    },
  };
}
