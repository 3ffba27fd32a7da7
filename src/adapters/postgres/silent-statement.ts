// What a second connection asks about a silent statement, and how the answer is interpreted. connection.ts opens that
// connection; silence.ts decides when to ask.
import type { Look } from '../silence.ts';
import { quoteText } from './literal.ts';

/** Length of the text that identifies a statement; the server keeps at least 100 bytes. */
const SHOWN = 1000;
const NOT_SAID = 'the server does not say what its processes do';
/** A pooler's message if it finds no server. */
const NO_SERVER =
  /login has been failing|cannot connect to server|server_login_retry|connect(?:ion)? (?:failed|timeout)/i;

/** A statement in flight, according to its own connection. */
export interface SilentStatement {
  /** The pid that the server reported at connect; a pooler reports one of its own. */
  readonly processId: number;
  readonly sql: string;
  /** Seconds since the connection was opened. */
  readonly age: number;
}

/** One row for each server process that may run the statement; a row of nulls if there is none. */
export function questionSql({ processId, sql }: SilentStatement): string {
  const text = quoteText([...sql.slice(0, 2 * SHOWN)].slice(0, SHOWN).join(''));
  const shown = `pg_catalog.left(a.query, ${SHOWN})`;
  return `/*NO LOAD BALANCE*/ select pg_catalog.pg_backend_pid() as asker, pg_catalog.pg_is_in_recovery() as replica,
  pg_catalog.current_setting('track_activities') = 'on' as tells,
  a.pid, a.usename = session_user as own, a.state, a.wait_event,
  pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.backend_start) as age
from (select 1) as once left join pg_catalog.pg_stat_activity as a on a.pid = ${processId} or (
  a.usename = session_user and a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
  and a.query <> '' and ${shown} = pg_catalog.left(${text}, pg_catalog.length(${shown})))`;
}

export interface AnswerRow {
  readonly asker: number;
  readonly replica: boolean;
  readonly tells: boolean;
  readonly pid: number | null;
  readonly own: boolean | null;
  readonly state: string | null;
  readonly wait_event: string | null;
  readonly age: number | null;
}

/** `end`: pid of the server process to terminate, if it certainly belongs to the statement and is idle. */
export interface Verdict extends Look {
  readonly end?: number;
}

/** @param asker the pid that the second connection reported when it was opened */
export function verdictOf(rows: readonly AnswerRow[], asker: number, { processId, age }: SilentStatement): Verdict {
  const [first] = rows;
  if (first === undefined) return { state: 'unknown', why: 'the server does not list its processes' };
  // A pooler reports a different pid at connect, and gives each transaction any server.
  if (first.asker !== asker) return pooledVerdict(rows, first);
  const row = rows.find(({ pid }) => pid === processId);
  // A younger process merely has the same pid: the server was restarted.
  if (row === undefined || row.own === false || (row.age !== null && row.age < age - 5)) {
    return { state: 'gone', why: `the server has no process ${processId} of this connection any more` };
  }
  if (row.state === null || row.state === 'disabled') return { state: 'unknown', why: NOT_SAID };
  if (row.state === 'active' && !isWaitingForUs(row)) return { state: 'runs', why: '' };
  const what = row.state === 'active' ? 'waits for this client' : `is ${row.state}`;
  const undone = row.state.startsWith('idle in transaction');
  return { state: 'gone', why: `the server's process ${processId} ${what}`, end: processId, undone };
}

function pooledVerdict(rows: readonly AnswerRow[], { replica, tells }: AnswerRow): Verdict {
  const found = rows.filter(({ pid }) => pid !== null);
  if (found.some((row) => row.state === 'active' && !isWaitingForUs(row))) return { state: 'runs', why: '' };
  if (replica || !tells) return { state: 'unknown', why: replica ? 'a replica answers in its place' : NOT_SAID };
  return { state: 'gone', why: 'no process of the server behind the pooler is at work on it' };
}

/** The process is idle: it waits for bytes that were lost on the way. */
function isWaitingForUs({ wait_event: event }: AnswerRow): boolean {
  return event === 'ClientRead' || event === 'ClientWrite';
}

/** Interprets a refused or failed second connection. */
export function verdictOfFailure(error: unknown): Verdict {
  const why = error instanceof Error ? error.message : String(error);
  const code = error !== null && typeof error === 'object' && 'code' in error ? String(error.code) : '';
  const refused = error instanceof Error && 'severity' in error;
  // Too many clients, a changed password, a start, a certificate: the server is reachable.
  const there = refused ? !NO_SERVER.test(why) : /^(?:ERR_(?:TLS|SSL)|CERT_|DEPTH_|SELF_SIGNED|UNABLE_)/.test(code);
  return { state: there ? 'unknown' : 'unreachable', why };
}
