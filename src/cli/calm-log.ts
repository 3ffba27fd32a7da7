// Filters the log of a run inside another command, such as a tick or a job.
import { LazyEvent, type LogEvent } from '../log.ts';

/** Limits an event to the log file. */
export function forDebugging(event: LogEvent): LogEvent {
  return new LazyEvent(
    event.name,
    event.code,
    'debug',
    () => event.msg,
    () => event.data ?? {},
    event.thread,
  );
}

/** The counts in a run's last line: `PASS=3 WARN=0 …`; null if the event is another line. */
export function runCounts(event: LogEvent): string | null {
  return event.name === 'StatsLine' ? event.msg.replace(/^Done\. | (?:NO-OP|REUSED)=0/g, '') : null;
}
