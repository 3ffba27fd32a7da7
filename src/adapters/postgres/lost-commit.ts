// Determines the outcome of a transaction whose COMMIT got no answer: what the transaction records about itself, and
// what another connection asks later. connection.ts opens that connection.
import { TsdbtError } from '../../errors.ts';
import { quoteText } from './literal.ts';

/** Outcome of a transaction; null: the server does not know it. */
export type Outcome = 'committed' | 'aborted' | null;

export const NOT_COMMITTED = 'The transaction was not committed.';
export const UNKNOWN_END = 'Whether the transaction was committed is not known.';
export const UNKNOWN_HINT = 'Look what the relation holds before it is built again.';

/** A transaction id is valid for one server's lifetime: another server at the address has its own ids. */
const STARTED = "pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text";

/** An expression: transaction id and start time of the server; null on a replica, which has no ids. */
export const TRANSACTION_MARK =
  'case when not pg_catalog.pg_is_in_recovery() ' +
  `then pg_catalog.pg_current_xact_id()::text || ' ' || ${STARTED} end`;

/** One row: `committed`, `aborted`, `in progress`, or null if this server does not know it. */
export function outcomeSql(mark: string): string {
  const [id = '', started = ''] = mark.split(' ');
  return (
    `/*NO LOAD BALANCE*/ select case when ${STARTED} = ${quoteText(started)} and not pg_catalog.pg_is_in_recovery() ` +
    `then pg_catalog.pg_xact_status(${quoteText(id)}::xid8) end as outcome`
  );
}

/** The error of a COMMIT, with the transaction's outcome if known. */
export function withOutcome(error: unknown, outcome: Outcome): unknown {
  if (!(error instanceof TsdbtError)) return error;
  const words = outcome === 'aborted' ? NOT_COMMITTED : UNKNOWN_END;
  if (error.message.includes(words)) return error;
  const message = error.message.includes(UNKNOWN_END)
    ? error.message.replace(UNKNOWN_END, words)
    : `${error.message}\n\t${words}`;
  return new TsdbtError(error.kind, message, {
    ...error.details,
    hint: outcome === 'aborted' ? undefined : UNKNOWN_HINT,
  });
}
