// Warnings of a parse, reported as they are found and kept for the caller. Leaves what `--warn-error(-options)` makes
// of them, and saying a deprecation only once, to the logger.
import type { LogEvent, Logger } from '../../log.ts';

export class ParseWarnings {
  readonly all: LogEvent[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param name dbt's event class */
  warn(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.report({ name, code, level: 'warn', msg: `[WARNING]: ${message}`, data });
  }

  /** A deprecation: dbt's own prefix. */
  deprecated(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.report({ name, code, level: 'warn', msg: `[WARNING][${name}]: Deprecated functionality\n${message}`, data });
  }

  debug(name: string, code: string, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.fire({ name, code, level: 'debug', msg: message, data });
  }

  report(event: LogEvent): void {
    this.all.push(event);
    this.#logger.fire(event);
  }
}
