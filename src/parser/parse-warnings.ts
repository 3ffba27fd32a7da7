// Warnings of a parse: collected, reported, or turned into errors as `--warn-error(-options)` asks. Leaves how they look to the
// sinks of the logger.
import type { Flags } from '../contracts/project.ts';
import { type ErrorDetails, TsdbtError } from '../errors.ts';
import type { LogEvent, Logger, LogLevel } from '../log.ts';

export interface ParseWarning extends LogEvent {
  readonly count?: number;
}

/** Reports each warning once it is known, unless silenced; keeps all of them for the caller. */
export class ParseWarnings {
  readonly all: LogEvent[] = [];
  readonly #flags: Flags;
  readonly #logger: Logger;

  constructor(flags: Flags, logger: Logger) {
    this.#flags = flags;
    this.#logger = logger;
  }

  /**
   * @param name dbt's event class
   * @throws TsdbtError `compilation` when this warning counts as an error
   */
  warn(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}, details: ErrorDetails = {}): void {
    const verdict = warningVerdict(this.#flags, name);
    if (verdict === 'silence') return;
    if (verdict === 'error') throw new TsdbtError('compilation', message, details);
    this.#fire('warn', name, code, `[WARNING]: ${message}`, data);
  }

  /** A deprecation: same rules, dbt's own prefix. */
  deprecated(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    const verdict = warningVerdict(this.#flags, name, 'Deprecations');
    if (verdict === 'silence') return;
    const text = `Deprecated functionality\n${message}`;
    if (verdict === 'error') throw new TsdbtError('compilation', text);
    this.#fire('warn', name, code, `[WARNING][${name}]: ${text}`, data);
  }

  debug(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.fire({ name, code, level: 'debug', msg: message, data });
  }

  #fire(level: LogLevel, name: string, code: string, msg: string, data: Readonly<Record<string, unknown>>): void {
    const event: LogEvent = { name, code, level, msg, data };
    this.all.push(event);
    this.#logger.fire(event);
  }
}

/** What the flags make of a warning. */
export function warningVerdict(flags: Flags, name: string, group?: string): 'warn' | 'error' | 'silence' {
  const options = flags.warn_error_options;
  const named = (list: readonly string[]): boolean => list.includes(name) || (group !== undefined && list.includes(group));
  if (options.silence.includes(name)) return 'silence';
  if (options.warn.includes(name)) return 'warn';
  if (options.error !== 'all' && options.error.includes(name)) return 'error';
  if (named(options.silence)) return 'silence';
  if (named(options.warn)) return 'warn';
  if (options.error !== 'all' && named(options.error)) return 'error';
  return flags.warn_error || options.error === 'all' ? 'error' : 'warn';
}
