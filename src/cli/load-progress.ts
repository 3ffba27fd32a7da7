// Reports progress of loading: notices as they happen, and the position of each table, as an updated line on a
// terminal, otherwise as a line every five seconds. src/loader/metrics.ts computes the numbers.
import { type EventData, note as sayNote, print } from '../events/index.ts';
import type { LogLevel, Logger } from '../log.ts';
import type { LoadTarget } from '../loader/settings/load-target.ts';
import type { LoadEvent } from '../loader/events.ts';
import type { LoadMetrics } from '../loader/metrics.ts';
import { keptText } from '../loader/slot-watch.ts';
import { now } from './command-session.ts';
import { StatusLines, type Terminal } from './status-lines.ts';

const EVERY_MS = 5000;
const EVERY_MS_ON_TERMINAL = 1000;
const TICKS_A_LINE = EVERY_MS / EVERY_MS_ON_TERMINAL;

export class LoadProgress {
  readonly #logger: Logger;
  readonly #metrics: LoadMetrics;
  readonly #rows = new Map<LoadTarget, number>();
  readonly #told = new Map<LoadTarget, string>();
  #since = now();
  #ticks = 0;
  readonly #timer: NodeJS.Timeout;

  /** Null: not on a terminal. */
  readonly #status: StatusLines | null;

  readonly #several: boolean;

  /**
   * @param terminal null: plain lines @param several whether there are several tables: then the end of one does not end
   *   the command
   */
  constructor(logger: Logger, metrics: LoadMetrics, terminal: Terminal | null, several = true) {
    this.#several = several;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#status = terminal === null ? null : new StatusLines(terminal);
    this.#timer = setInterval(() => this.tell(), terminal === null ? EVERY_MS : EVERY_MS_ON_TERMINAL);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#status?.clear();
  }

  observe(event: LoadEvent): void {
    this.#metrics.observe(event);
    const { name } = event.target;
    const note = (level: LogLevel, text: string): void => {
      const msg = `${name}: ${text}`;
      if (level !== 'debug') this.#status?.clear();
      sayNote(this.#logger, msg, { level });
      if (level !== 'debug') this.#status?.show();
    };
    const places =
      'partitions' in event ? event.partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ') : '';
    switch (event.kind) {
      case 'assigned':
        if (places !== '') note('debug', `reads ${places}`);
        break;
      case 'revoked':
        note('debug', `gives ${places} away`);
        break;
      case 'fenced':
        note('info', `another loader has moved on in ${places}; reading on from where the table is`);
        break;
      case 'waiting':
        note('warn', `${event.message}; trying again in ${event.seconds}s`);
        break;
      case 'table_paused':
        note('info', `paused since ${event.since}; \`tsdbt load resume\` lets it go on`);
        break;
      case 'table_resumed':
      case 'resumed':
        note('info', 'goes on');
        break;
      case 'dropped':
        note('info', `dropped past its retention: ${event.names.join(', ')}`);
        break;
      case 'slot':
        if (event.news === 'over') note('warn', `${keptText(event.lag)} (max_slot_lag)`);
        else if (event.news === 'back') note('info', keptText(event.lag));
        else if (event.news === 'dropped')
          note(
            'warn',
            `slot '${event.lag.slot}' was dropped (on_slot_lag: drop); \`tsdbt load rewind --to earliest\` takes ` +
              'a new snapshot',
          );
        break;
      case 'moved':
        note('info', `its position in ${places} was moved; reading on from there`);
        break;
      case 'failed':
        if (this.#several || event.seconds !== null)
          note('warn', `${event.message}${event.seconds === null ? '' : `; trying again in ${event.seconds}s`}`);
        break;
      case 'stopped':
        note('warn', `stopped: ${event.message}`);
        break;
      case 'column':
        note(
          'info',
          `new column${event.columns.length > 1 ? 's' : ''} ` +
            `${event.columns.map((column) => `${column.name} ${column.type}`).join(', ')}`,
        );
        break;
      case 'flushed':
        this.#rows.set(event.target, (this.#rows.get(event.target) ?? 0) + event.rows);
        if (event.dead.length > 0)
          note(
            'warn',
            `${event.dead.length} dead letter${event.dead.length > 1 ? 's' : ''}, the first at ` +
              `${event.dead[0]!.topic}/${event.dead[0]!.partition} offset ${event.dead[0]!.message.offset}`,
          );
        break;
      default:
        break;
    }
  }

  /** One line for each table that is active or lags behind. */
  tell(): void {
    const seconds = (now() - this.#since) / 1000;
    this.#since = now();
    const lines: string[] = [];
    const logs = this.#status === null || ++this.#ticks % TICKS_A_LINE === 0;
    for (const [target, rows] of this.#rows) {
      const lag = this.#metrics.lag(target);
      const dead = this.#metrics.dead(target);
      this.#rows.set(target, 0);
      const state = `${lag.rows} ${dead}`;
      if (rows === 0 && this.#told.get(target) === state && this.#status === null) continue;
      this.#told.set(target, state);
      const behind =
        lag.rows === 0n
          ? 'nothing behind'
          : `${lag.rows} behind${lag.seconds === null ? '' : ` (${Math.round(lag.seconds)}s)`}`;
      const msg =
        `${target.name}: ${Math.round(rows / seconds)} rows/s, ` +
        `${behind}${dead === 0 ? '' : `, ${dead} dead letter${dead > 1 ? 's' : ''}`}`;
      lines.push(msg);
      if (!logs) continue;
      // The log file gets the line in either case, equally often.
      const data = (): EventData => ({
        msg,
        table: target.name,
        topic: target.topic,
        rows_per_second: Math.round(rows / seconds),
        lag_rows: Number(lag.rows),
        lag_seconds: lag.seconds,
        dead_letters: dead,
      });
      print(this.#logger, msg, { level: this.#status === null ? 'info' : 'debug', data });
    }
    this.#status?.show(lines);
  }
}
