// The type of events, and their formatting: colors and dbt's line formats. The code that fires an event builds its
// text; the sinks of the command line write it.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'none';

/** One event under dbt's name, so that tools that read dbt's JSON log can read this one. */
export interface LogEvent {
  /** dbt's event class: `LogStartLine`, `MainReportVersion` … */
  readonly name: string;
  /** dbt's code: `Q011`, `A001` …; empty if dbt has none. */
  readonly code: string;
  readonly level: LogLevel;
  /** The line for users, in dbt's wording, without a timestamp. Sinks strip ANSI colors from it. */
  readonly msg: string;
  /** Fields of the event, as in dbt's `data`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** Name of the worker thread, as dbt names it; absent: the main thread. */
  readonly thread?: string | undefined;
  /** True if the user requested a secret: the console shows it, the log file does not. */
  readonly revealed?: boolean | undefined;
}

/** Receives events. A sink never throws. */
export interface Logger {
  fire(event: LogEvent): void;
}

/** Ignores all events. */
export const SILENT: Logger = { fire: () => undefined };

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40, none: 100 };

/** Whether an event of `level` passes a sink with this `threshold`. */
export function passes(level: LogLevel, threshold: LogLevel): boolean {
  return LEVELS[level] >= LEVELS[threshold];
}

/** An event whose text and data are computed lazily: a debug event that no sink shows costs nothing. */
export class LazyEvent implements LogEvent {
  readonly name: string;
  readonly code: string;
  readonly level: LogLevel;
  readonly thread: string | undefined;
  readonly revealed: boolean | undefined;
  readonly #msg: () => string;
  readonly #data: (() => Readonly<Record<string, unknown>>) | undefined;

  constructor(
    name: string,
    code: string,
    level: LogLevel,
    msg: () => string,
    data?: () => Readonly<Record<string, unknown>>,
    thread?: string,
    revealed?: boolean,
  ) {
    this.name = name;
    this.code = code;
    this.level = level;
    this.thread = thread;
    this.revealed = revealed;
    this.#msg = msg;
    this.#data = data;
  }

  get msg(): string {
    return this.#msg();
  }

  get data(): Readonly<Record<string, unknown>> | undefined {
    return this.#data?.();
  }
}

const RESET = '\u001b[0m';
export const green = (text: string): string => `\u001b[32m${text}${RESET}`;
export const yellow = (text: string): string => `\u001b[33m${text}${RESET}`;
export const red = (text: string): string => `\u001b[31m${text}${RESET}`;
export const warningTag = (text: string): string => `[${yellow('WARNING')}]: ${text}`;
export const errorTag = (text: string): string => `[${red('ERROR')}]: ${text}`;

const ANSI = /\u001b\[[0-9;]*m/g;

/** Strips color codes from a text. */
export function stripColors(text: string): string {
  return text.includes('\u001b') ? text.replace(ANSI, '') : text;
}

/** Control characters except line feed, tab, colors, and the carriage return at the end of a line. */
const CONTROLS = /\u001b(?!\[[0-9;]*m)|\r(?!\n)|[\0-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f]/g;
/** A continuation line that looks like the start of a log line: a time, or the rule before a command. */
const FORGED = /([\n\u2028\u2029])(?=(?:\u001b\[[0-9;]*m|[ \t])*(?:\d\d:\d\d:\d\d|={5}))/g;

/**
 * Escapes a message so that no part of it can be mistaken for another log line: SQL, errors and `log()` contain text
 * from others. Control characters become `\x1b`, and a continuation line that looks like a log line gets a bar.
 */
export function unforged(text: string): string {
  return withoutControls(text).replace(FORGED, '$1| ');
}

/** Escapes control characters, so that the terminal does not interpret them. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** `1 view`, `2 views`. */
export function pluralize(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** dbt's progress line: `1 of 3 START sql view model public.a ........ [RUN]`. `executionTime` is in seconds. */
export function progressLine(line: {
  width: number;
  msg: string;
  status: string;
  index?: number | undefined;
  total?: number | undefined;
  executionTime?: number | undefined;
  truncate?: boolean;
}): string {
  const progress = line.index === undefined || line.total === undefined ? '' : `${line.index} of ${line.total} `;
  let justified = `${progress}${line.msg} `.padEnd(line.width, '.');
  if (line.truncate && justified.length > line.width - 3) justified = `${justified.slice(0, line.width - 3)}...`;
  const time = line.executionTime === undefined ? '' : ` in ${line.executionTime.toFixed(2)}s`;
  return `${justified} [${line.status}${time}]`;
}

/** Events that are output of a command: printed without a timestamp, and also under `--quiet`. */
export function isPrintEvent(event: LogEvent): boolean {
  return event.name === 'PrintEvent' || event.name === 'ShowNode' || event.name === 'CompiledNode';
}

/** Properties of the invocation that a log line contains. */
export interface LineContext {
  readonly invocationId: string;
  readonly pid: number;
  readonly extra: Readonly<Record<string, string>>;
}

const RULE = '='.repeat(30);
const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

/** `10:15:37  Running with …`, as dbt prints to a terminal (UTC). */
export function textLine(event: LogEvent, at: Date, colors: boolean, terminal = false): string {
  const msg = colors ? event.msg : stripColors(event.msg);
  // Requested output stays unchanged: other programs read it.
  if (isPrintEvent(event)) return terminal ? withoutControls(msg) : msg;
  const safe = unforged(msg);
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  return `${colors ? RESET : ''}${time}  ${safe}`;
}

/** Cache of the last formatted second: many lines share it. */
const last = { second: Number.NaN, time: '' };

/** `10:15:37`, local time. */
function localTime(at: Date): string {
  const second = Math.floor(at.getTime() / 1000);
  if (second !== last.second) {
    last.second = second;
    last.time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
  return last.time;
}

/**
 * `10:15:37.123456 [info ] [MainThread]: …`, as dbt writes to its log file (local time). `micros` are those of the
 * second.
 */
export function debugLine(event: LogEvent, at: Date, micros: number, colors: boolean, context: LineContext): string {
  const time = `${localTime(at)}.${String(micros).padStart(6, '0')}`;
  const head = event.name === 'MainReportVersion' ? `\n\n${RULE} ${time} | ${context.invocationId} ${RULE}\n` : '';
  const thread = event.thread === undefined ? 'MainThread' : event.thread.slice(0, 10).padEnd(10);
  return (
    `${head}${colors ? RESET : ''}${time} [${event.level.padEnd(5)}] [${thread}]: ` +
    unforged(colors ? event.msg : stripColors(event.msg))
  );
}

/** One JSON object in dbt's shape: `{"data": …, "info": …}`. */
export function jsonLine(event: LogEvent, at: Date, micros: number, colors: boolean, context: LineContext): string {
  return JSON.stringify({
    data: event.data ?? {},
    info: {
      category: '',
      code: event.code,
      extra: context.extra,
      invocation_id: context.invocationId,
      level: event.level,
      msg: colors ? event.msg : stripColors(event.msg),
      name: event.name,
      pid: context.pid,
      thread: event.thread ?? 'MainThread',
      ts: `${at.toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`,
    },
  });
}
