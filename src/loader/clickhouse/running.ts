// Waits until everything that other loaders have sent to a table is written. A session's lease bounds when an INSERT
// may begin; only the server knows when it ends. apart.ts, rewinds.ts and replays.ts decide what happens then.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { LeasedSession } from './leased-session.ts';
import { ofPlaces, relationOf, STATE_DATABASE } from './load-flushes.ts';

/** The server's code for a missing privilege. */
const ACCESS_DENIED = '497';
/** How many quiet periods to wait for a loader's INSERT if the server does not show running statements. */
const BLIND = 9;

/**
 * Checks that no data can arrive any more from loaders for open intents of some partitions. Loaders that check after
 * this object is created find the newest intents, and send nothing for earlier ones. The time since then is measured by
 * this process: the server's clock may be set.
 */
export class Quiet {
  readonly #lease: LeasedSession;
  readonly #sql: string;
  readonly #since = performance.now();
  /** When a statement was last seen: its loader may send one more within its lease. */
  #seen = this.#since;

  /** @param places partitions whose newest intents were read before */
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
 * Returns a row if an INSERT of rows or dead letters, a move of rows, or a rewind's DELETE is running for open intents
 * of these partitions: the statements contain their ids as tokens, names or parts of them.
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
