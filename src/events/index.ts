// The table of events: every code stands once, with the name and the level under which dbt 1.12 logs it. Where events
// go is the logger's business.
import type { Logger } from '../log.ts';
import { COMMAND_EVENTS } from './command.ts';
import { DATABASE_EVENTS } from './database.ts';
import { DEPS_EVENTS } from './deps.ts';
import { type EventExtras, type EventRow, fireRow } from './event.ts';
import { PROJECT_EVENTS } from './project.ts';
import { RUN_EVENTS } from './run.ts';

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
