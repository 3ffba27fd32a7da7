// Waits until what other loaders have sent to a table is written. A session's lease bounds when an INSERT may begin,
// and nothing but the server knows when it ends. apart.ts, rewinds.ts and replays.ts say what is done then.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { LoadTarget } from '../load-target.ts';
import type { LeasedSession } from './leased-session.ts';
import { relationOf, STATE_DATABASE } from './load-flushes.ts';

/** The server's code for a right that is missing. */
const ACCESS_DENIED = '497';
/** Quiet times to wait for a loader's INSERT where the server does not show what runs. */
const BLIND = 9;

/**
 * Can nothing come any more that a loader has sent because of what it read before a moment? INSERTs that began later
 * are not waited for: their loaders have read behind it.
 */
export class Quiet {
  readonly #lease: LeasedSession;
  readonly #target: LoadTarget;
  /** When an INSERT was seen last, in milliseconds since the moment: its loader may send one more within its lease. */
  #seenMs = 0;

  constructor(lease: LeasedSession, target: LoadTarget) {
    this.#lease = lease;
    this.#target = target;
  }

  /** @param ageMs milliseconds since the moment, by the server's clock */
  async isOver(ageMs: number): Promise<boolean> {
    const late = ageMs - this.#seenMs - this.#lease.quietMs;
    if (late <= 0) return false;
    try {
      if ((await this.#lease.ask(running(this.#target, late - this.#lease.freshMs))).length === 0) return true;
      this.#seenMs = ageMs;
      return false;
    } catch (error) {
      if (!(error instanceof TsdbtError) || error.details.code !== ACCESS_DENIED) throw error;
      // Most of them have ended by then.
      return ageMs > this.#lease.quietMs * BLIND;
    }
  }
}

/** A row when an INSERT of a loader into the table, or of dead letters, has run for so long. */
function running(target: LoadTarget, ms: number): string {
  const names = (text: string): string => `position(query, ${quoteText(text)}) > 0`;
  const tables = [relationOf(target), `${STATE_DATABASE}.dead_letters`];
  const inserts = tables.map((table) => names(`INSERT INTO ${table} (`));
  return (
    `SELECT 1 FROM system.processes WHERE (${inserts.join(' OR ')}) AND elapsed * 1000 >= ${ms} AND ` +
    `${names('insert_deduplication_token')} AND NOT ${names('FROM system.processes')} LIMIT 1`
  );
}
