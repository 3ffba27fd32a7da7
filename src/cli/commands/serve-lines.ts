// Lines that `serve` prints for users: one when a run ends, one per problem. The output of runs goes to the log file.
import { dateTime } from '../../values/utc-text.ts';
import type { LogLevel } from '../../log.ts';
import { LEFT_OUT_WORDS } from '../../serve/jobs/job-overview.ts';
import type { ServeEvent } from '../../serve/serve-events.ts';

export interface ServeLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** @returns null: nothing to print */
export function serveLine(event: ServeEvent): ServeLine | null {
  switch (event.kind) {
    case 'run_ended': {
      const { claim, end, seconds, counts, againAt, nextDue } = event;
      const good = end.state === 'success';
      const tries = claim.attempt === 1 ? '' : ` (try ${claim.attempt})`;
      const why = end.reason === null ? '' : `: ${end.reason}`;
      const next =
        againAt !== null ? `; again at ${dateTime(againAt)}` : nextDue === null ? '' : `; next at ${dateTime(nextDue)}`;
      const text = `${claim.job}${tries} ${end.state}${why} in ${seconds.toFixed(2)}s`;
      const told = counts === null ? '' : `, ${counts}`;
      return { level: good || end.state === 'cancelled' ? 'info' : 'error', text: `${text}${told}${next}` };
    }
    case 'left_out':
      return { level: 'info', text: `${event.job} ${leftOutLine(event)}` };
    case 'rows_unread':
      return {
        level: 'warn',
        text: `${event.job} waits: nobody can tell whether rows have arrived: ${event.reason}; it is asked again`,
      };
    case 'rows_read':
      return { level: 'info', text: `${event.job}: its sources tell again whether rows have arrived` };
    case 'stopping':
      return event.why === 'timeout'
        ? { level: 'warn', text: `${event.claim.job}: its time is over, its statements are being cancelled` }
        : event.why === 'lost'
          ? { level: 'warn', text: `${event.claim.job}: another host has taken the run, it ends here` }
          : null;
    case 'run_lost':
      return {
        level: 'warn',
        text: `${event.run.job} of ${dateTime(event.run.dueAt)} was lost with ${event.run.host}`,
      };
    case 'loader_ended':
      return {
        level: 'warn',
        text: `${event.job} ended: ${event.reason}; it starts again in ${event.againMs / 1000} s`,
      };
    case 'loader_taken':
      return { level: 'info', text: `${event.job} runs on ${event.by}` };
    case 'database_away':
      return { level: 'warn', text: `The database is away: ${event.reason}; it is asked again until it is back` };
    case 'database_back':
      return { level: 'info', text: `The database is back after ${(event.awayMs / 1000).toFixed(0)} s` };
    case 'clock_moved':
      return { level: 'warn', text: `The database's clock was moved by ${(event.byMs / 1000).toFixed(0)} s` };
    case 'history_dropped':
      return { level: 'warn', text: `${event.rows} rows of history were dropped: the database was away for too long` };
    case 'draining':
      return {
        level: 'info',
        text: `Stopping: ${event.running} at work come to their end; a second signal cancels them`,
      };
    default:
      return null;
  }
}

function leftOutLine({ first, last, count, why }: Extract<ServeEvent, { kind: 'left_out' }>): string {
  const reason = why === 'draining' ? 'serve stops' : LEFT_OUT_WORDS[why];
  const which =
    count === 1 ? `of ${dateTime(last)}` : `of ${dateTime(first)} to ${dateTime(last)}, ${count} due times,`;
  return `${which} left out: ${reason}`;
}
