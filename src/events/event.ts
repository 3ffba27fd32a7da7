// A row of the table of events, and how one is fired. What the rows say is in the files beside this one.
import { LazyEvent, type Logger, type LogLevel } from '../log.ts';

/** The fields of an event in the JSON log, in dbt's order. */
export type EventData = Readonly<Record<string, unknown>>;

/** One event of dbt's: its code, its level and, from its facts, the text that people read. */
export interface EventRow<F extends object> {
  readonly code: string;
  readonly level: LogLevel | ((facts: F) => LogLevel);
  /** @param width columns that a progress line is filled up to */
  readonly text: (facts: F, width: number) => string;
}

/** A row whose facts are its data. */
export function event<F extends object>(
  code: string,
  level: EventRow<F>['level'],
  text: EventRow<F>['text'],
): EventRow<F> {
  return { code, level, text };
}

/** A row whose text is put together where it is fired. */
export interface MessageRow extends EventRow<{ readonly msg: string }> {
  readonly level: LogLevel;
}

export function message(code: string, level: LogLevel): MessageRow {
  return { code, level, text: ({ msg }) => msg };
}

/** What an event may have beside its facts. */
export interface EventExtras {
  /** Which worker says it; absent: the main one. */
  readonly thread?: string | undefined;
  /** In the place of the row's. */
  readonly level?: LogLevel | undefined;
  readonly width?: number | undefined;
  /** The fields of the JSON log, where they are not the facts; asked for only when a sink shows them. */
  readonly data?: (() => EventData) | undefined;
  /** The text, where it is not the row's. */
  readonly msg?: string | undefined;
  /** A secret that the user has asked for: the console shows it. */
  readonly revealed?: boolean | undefined;
}

const WIDTH = 80;

/** Fires one event by its row; text and data are made when a sink shows them. */
export function fireRow<F extends object>(
  logger: Logger,
  name: string,
  row: EventRow<F>,
  facts: F,
  { thread, level, width = WIDTH, data, msg, revealed }: EventExtras,
): void {
  logger.fire(
    new LazyEvent(
      name,
      row.code,
      level ?? (typeof row.level === 'function' ? row.level(facts) : row.level),
      () => msg ?? row.text(facts, width),
      data ?? (() => facts as EventData),
      thread,
      revealed,
    ),
  );
}
