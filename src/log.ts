// The event type that everything reports through, and the sinks that show events as text, JSON lines or to a file. Leaves the
// wording of each event to whoever fires it; fires nothing by itself.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'none';

/** One thing that happened, under dbt's event name, so that tools which read dbt's JSON log read ours. */
export interface LogEvent {
  /** dbt's event class: `LogStartLine`, `MainReportVersion` … */
  readonly name: string;
  /** dbt's code: `Q011`, `A001` …; empty when dbt has none. */
  readonly code: string;
  readonly level: LogLevel;
  /** The line people read, dbt's words, without timestamp; may hold ANSI colours that a sink strips. */
  readonly msg: string;
  /** The event's own fields, as dbt's `data`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** Where events go. A sink never throws. */
export interface Logger {
  fire(event: LogEvent): void;
}
