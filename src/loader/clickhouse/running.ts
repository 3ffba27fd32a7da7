// Waits until what other loaders have sent to a table is written. A session's lease bounds when an INSERT may begin,
// and nothing but the server knows when it ends. apart.ts, rewinds.ts and replays.ts say what is done then.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { TopicPartition } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import type { LeasedSession } from './leased-session.ts';
import { ofPlaces, relationOf, STATE_DATABASE } from './load-flushes.ts';

/** The server's code for a right that is missing. */
const ACCESS_DENIED = '497';
/** Quiet times to wait for a loader's INSERT where the server does not show what runs. */
const BLIND = 9;

/**
 * Can nothing come any more that a loader has sent for what was recorded in some partitions and is not done? Loaders
 * that look from the moment on when this is made find the newest intents, and send nothing for those before. The time
 * since then is this process's own: the server's clock may be set.
 */
export class Quiet {
  readonly #lease: LeasedSession;
  readonly #sql: string;
  readonly #since = performance.now();
  /** When a statement was seen last: its loader may send one more within its lease. */
  #seen = this.#since;

  /** @param places their newest intents were seen before */
  constructor(lease: LeasedSession, target: LoadTarget, places: readonly TopicPartition[]) {
    this.#lease = lease;
    this.#sql = running(target, places);
  }

  async isOver(): Promise<boolean> {
    const now = performance.now();
    if (now - this.#seen <= this.#lease.quietMs) return false;
    try {
      if ((await this.#lease.ask(this.#sql)).length === 0) return true;
      this.#seen = performance.now();
      return false;
    } catch (error) {
      if (!(error instanceof TsdbtError) || error.details.code !== ACCESS_DENIED) throw error;
      // Most of them have ended by then.
      return now - this.#since > this.#lease.quietMs * BLIND;
    }
  }
}

/**
 * A row when an INSERT of rows or dead letters, a move of rows, or a rewind's DELETE, runs for intents of these
 * partitions that are not done: their ids are in the statements, as tokens, names or parts of them.
 */
function running(target: LoadTarget, places: readonly TopicPartition[]): string {
  const names = (text: string): string => `position(query, ${quoteText(text)}) > 0`;
  const tables = [relationOf(target), `${STATE_DATABASE}.dead_letters`];
  const statements = [
    ...tables.flatMap((table) => [names(`INSERT INTO ${table} (`), names(`ALTER TABLE ${table} DELETE`)]),
    names(`TO TABLE ${relationOf(target)}`),
  ];
  const open =
    `SELECT groupArray(id) FROM (SELECT id FROM ${STATE_DATABASE}.load_flushes WHERE ${ofPlaces(target, places)} ` +
    "GROUP BY topic, partition, id HAVING countIf(kind = 'done') = 0)";
  return (
    `SELECT 1 FROM system.processes WHERE (${statements.join(' OR ')}) AND NOT ${names('FROM system.processes')} AND ` +
    `arrayExists(id -> position(query, id) > 0, (${open})) LIMIT 1`
  );
}
