// What a run within another command, a tick or a job, still shows of its log. Who shows which line is theirs.
import { LazyEvent, type LogEvent } from '../log.ts';

/** The event for the log file only. */
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

/** The counts in a run's last line: `PASS=3 WARN=0 …`; null: the event is another line. */
export function runCounts(event: LogEvent): string | null {
  return event.name === 'StatsLine' ? event.msg.replace(/^Done\. | (?:NO-OP|REUSED)=0/g, '') : null;
}
