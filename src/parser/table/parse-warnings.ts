// Reports warnings of a parse as they occur and stores them for the caller. The logger applies `--warn-error(-options)`
// and reports each deprecation once.
import { eventOf, type MessageName } from '../../events/index.ts';
import type { LogEvent, Logger } from '../../log.ts';

export class ParseWarnings {
  readonly all: LogEvent[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param name dbt's event class */
  warn(name: MessageName, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.report(eventOf(name, `[WARNING]: ${message}`, data));
  }

  /** Fires a deprecation, with dbt's prefix. */
  deprecated(name: MessageName, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.report(eventOf(name, `[WARNING][${name}]: Deprecated functionality\n${message}`, data));
  }

  debug(name: MessageName, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.fire(eventOf(name, message, data, 'debug'));
  }

  report(event: LogEvent): void {
    this.all.push(event);
    this.#logger.fire(event);
  }
}
