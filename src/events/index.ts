// The table of events: each code once, with the name and level under which dbt 1.12 logs it.
import type { LogEvent, Logger, LogLevel } from '../log.ts';
import { COMMAND_EVENTS } from './command.ts';
import { DATABASE_EVENTS } from './database.ts';
import { DEPS_EVENTS } from './deps.ts';
import { type EventData, type EventExtras, type EventRow, fireRow, type MessageRow } from './event.ts';
import { PROJECT_EVENTS } from './project.ts';
import { RUN_EVENTS } from './run.ts';

export { interruption } from './interruption.ts';
export type { EventData, EventExtras } from './event.ts';

/** Events by dbt's name. */
export const EVENTS = {
  ...COMMAND_EVENTS,
  ...PROJECT_EVENTS,
  ...DEPS_EVENTS,
  ...DATABASE_EVENTS,
  ...RUN_EVENTS,
};

export type EventName = keyof typeof EVENTS;

/** The facts from which the text of an event is built. */
export type FactsOf<N extends EventName> = (typeof EVENTS)[N] extends EventRow<infer F> ? F : never;

/** Events whose caller builds the text. */
export type MessageName = { [N in EventName]: (typeof EVENTS)[N] extends MessageRow ? N : never }[EventName];

/**
 * An event as a value, for callers that collect or forward events.
 * @param data its fields in the JSON log
 * @param level instead of the row's level
 */
export function eventOf(name: MessageName, msg: string, data?: EventData, level?: LogLevel): LogEvent {
  const row: MessageRow = EVENTS[name];
  return { name, code: row.code, level: level ?? row.level, msg, data };
}

/** Fires an event. @param facts also its fields in the JSON log, unless `extras.data` overrides them */
export function fire<N extends EventName>(logger: Logger, name: N, facts: FactsOf<N>, extras: EventExtras = {}): void {
  // TypeScript cannot see that this member of the union takes these facts.
  fireRow(logger, name, EVENTS[name] as unknown as EventRow<FactsOf<N>>, facts, extras);
}

/** Logs a line that is not a dbt event. */
export function note(logger: Logger, msg: string, extras?: EventExtras): void {
  fire(logger, 'Note', { msg }, extras);
}

/** Prints requested output: without a timestamp, and also under `--quiet`. */
export function print(logger: Logger, msg: string, extras?: EventExtras): void {
  fire(logger, 'PrintEvent', { msg }, extras);
}
