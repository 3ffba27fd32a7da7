// The type of a row in the table of events, and how a row is fired. The other files of this folder hold the rows.
import { LazyEvent, type Logger, type LogLevel } from '../log.ts';

/** The fields of an event in the JSON log, in dbt's order. */
export type EventData = Readonly<Record<string, unknown>>;

/** One dbt event: its code, its level, and a function that builds the message from its facts. */
export interface EventRow<F extends object> {
  readonly code: string;
  readonly level: LogLevel | ((facts: F) => LogLevel);
  /** @param width columns to which a progress line is padded */
  readonly text: (facts: F, width: number) => string;
}

/** A row whose facts are its data in the JSON log. */
export function event<F extends object>(
  code: string,
  level: EventRow<F>['level'],
  text: EventRow<F>['text'],
): EventRow<F> {
  return { code, level, text };
}

/** A row whose caller builds the text. */
export interface MessageRow extends EventRow<{ readonly msg: string }> {
  readonly level: LogLevel;
}

/** The row of an event whose text is its `msg`. */
export function message(code: string, level: LogLevel): MessageRow {
  return { code, level, text: ({ msg }) => msg };
}

/** Optional properties of a fired event in addition to its facts. */
export interface EventExtras {
  /** Worker that reports the event; absent means the main thread. */
  readonly thread?: string | undefined;
  /** Overrides the row's level. */
  readonly level?: LogLevel | undefined;
  readonly width?: number | undefined;
  /** Overrides the facts as fields of the JSON log; called only if a sink shows them. */
  readonly data?: (() => EventData) | undefined;
  /** Overrides the row's text. */
  readonly msg?: string | undefined;
  /** True for a secret that the user requested: only the console shows it. */
  readonly revealed?: boolean | undefined;
}

const WIDTH = 80;

/** Fires one event by its row. Text and data are built only if a sink shows them. */
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
