// Ends loaders that stopped in the middle of a COPY (SIGSTOP, a paused machine): the server counts them as active, so
// no timeout of its own ends their transaction, and the next loader would wait for their locks without end.
import type { Session } from '../../adapters/adapter.ts';
import { STATE_SCHEMA } from './load-offsets.ts';
import { read } from './statements.ts';

/** A flush sends rows from memory: a COPY that has run this long and waits for its client is suspect. */
const SUSPECT = '15 seconds';
const EVERY_MS = 5000;

/**
 * Loaders in COPY that wait for their client while another session waits for them. `bytes` increases while rows arrive;
 * it is null before Postgres 14.
 */
const STALLED = (progress: boolean): string =>
  `select a.pid, ${progress ? '(select p.bytes_processed from pg_stat_progress_copy p where p.pid = a.pid)' : 'null'}
from pg_stat_activity a where a.state = 'active' and a.wait_event = 'ClientRead' and a.query ~* '^\\s*copy\\M'
  and a.usename = current_user and a.datname = current_database() and clock_timestamp() - a.query_start > '${SUSPECT}'
  and exists (select from pg_locks l where l.pid = a.pid and l.relation = to_regclass('${STATE_SCHEMA}.load_offsets'))
  and exists (select from pg_stat_activity w where w.wait_event_type = 'Lock'
    and a.pid = any (pg_blocking_pids(w.pid)))`;

/**
 * Runs work in a transaction, which may wait for the one of a loader that stopped.
 * @param ask runs queries in another session
 */
export async function loadTransaction<T>(
  transaction: Session,
  ask: (look: (session: Session) => Promise<void>) => Promise<void>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  let seen = new Map<string, string>();
  const look = async (session: Session): Promise<void> => {
    const [version] = await read(session, "select to_regclass('pg_catalog.pg_stat_progress_copy') is not null");
    const found = await read(session, STALLED(version?.[0] === true));
    const now = new Map(found.map(([pid, bytes]) => [String(pid), String(bytes)]));
    // The same number twice: nothing has arrived since.
    for (const [pid, bytes] of now)
      if (seen.get(pid) === bytes) await session.execute(`select pg_terminate_backend(${pid})`);
    seen = now;
  };
  // A check that fails, or is still running, is repeated at the next turn.
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void ask(look)
      .catch(() => undefined)
      .finally(() => {
        looking = false;
      });
  }, EVERY_MS);
  timer.unref();
  try {
    await transaction.begin();
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } finally {
    clearInterval(timer);
  }
}
