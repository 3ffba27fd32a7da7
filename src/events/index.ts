// The table of events: every code stands once, with the name and the level under which dbt 1.12 logs it. Where events
// go is the logger's business.
import type { LogEvent, Logger, LogLevel } from '../log.ts';
import { COMMAND_EVENTS } from './command.ts';
import { DATABASE_EVENTS } from './database.ts';
import { DEPS_EVENTS } from './deps.ts';
import { type EventData, type EventExtras, type EventRow, fireRow, type MessageRow } from './event.ts';
import { PROJECT_EVENTS } from './project.ts';
import { RUN_EVENTS } from './run.ts';

export { interruption } from './interruption.ts';
export type { EventData, EventExtras } from './event.ts';

/** By dbt's name of the event. */
export const EVENTS = {
  ...COMMAND_EVENTS,
  ...PROJECT_EVENTS,
  ...DEPS_EVENTS,
  ...DATABASE_EVENTS,
  ...RUN_EVENTS,
};

export type EventName = keyof typeof EVENTS;

/** What the text of an event is made of. */
export type FactsOf<N extends EventName> = (typeof EVENTS)[N] extends EventRow<infer F> ? F : never;

/** Events whose text is put together where they are fired. */
export type MessageName = { [N in EventName]: (typeof EVENTS)[N] extends MessageRow ? N : never }[EventName];

/**
 * An event as a value, for who collects events or hands them on.
 * @param data its fields in the JSON log
 * @param level in the place of the row's
 */
export function eventOf(name: MessageName, msg: string, data?: EventData, level?: LogLevel): LogEvent {
  const row: MessageRow = EVENTS[name];
  return { name, code: row.code, level: level ?? row.level, msg, data };
}

/** Fires an event. @param facts also its fields in the JSON log, unless `extras.data` gives others */
export function fire<N extends EventName>(logger: Logger, name: N, facts: FactsOf<N>, extras: EventExtras = {}): void {
  // One row of a union: TypeScript does not see that it is the row of these facts.
  fireRow(logger, name, EVENTS[name] as unknown as EventRow<FactsOf<N>>, facts, extras);
}

/** A line in no event of dbt's. */
export function note(logger: Logger, msg: string, extras?: EventExtras): void {
  fire(logger, 'Note', { msg }, extras);
}

/** A line that was asked for: it has no time in front, and `--quiet` shows it. */
export function print(logger: Logger, msg: string, extras?: EventExtras): void {
  fire(logger, 'PrintEvent', { msg }, extras);
}
