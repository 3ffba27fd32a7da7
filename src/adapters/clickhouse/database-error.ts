// Converts an error of the server or driver to dbt's form: ClickHouse's text with its code and name, and its position
// in the SQL. The runner maps the position to a model's line.
import { LOST_LEASE } from '../fence.ts';
import { ClickHouseError } from '@clickhouse/client';
import { TsdbtError } from '../../errors.ts';
import { requestReason } from '../../http/request-reason.ts';
import { queryHint, type Refused, withoutComments } from '../query-hint.ts';

/** Errors about unknown names: the position is the name's first use in the statement. */
const UNKNOWN: readonly RegExp[] = [
  /[Ii]dentifier [`'](?:[^`']*\.)?([^`'.]+)[`']/,
  /[Uu]nknown (?:aggregate )?function ([A-Za-z_]\w*)/i,
  /Function with name `([^`]+)`/,
  /Missing columns: '([^']+)'/,
  /Unknown (?:data type family|table function):? '?([A-Za-z_]\w*)/i,
];

/** Errors that name a function, a column or a text; when the statement has it once, that is the place. */
const NAMED: readonly RegExp[] = [
  /[Cc]olumn [`'"]?(?:[\w.]*\.)?(\w+)[`'"]? is not under aggregate function/,
  /[Aa]ggregate function (\w+)\(/,
  /(?:for|of) (?:aggregate )?function [`'"]?([A-Za-z_]\w*)/,
  /Cannot parse (?:string )?['"]([^'"]+)['"]/,
  /Cannot parse \w+ from (?:string|String):? ['"]?([^'",:\s]+)/,
  /While executing (?:function )?FUNCTION (\w+)\(/,
  /[Cc]olumn [`'"](?:[^`'"]*\.)?([^`'".]+)[`'"]/,
];

/** A statement as sent. */
export interface Sent {
  /** The statement without its query comment. */
  readonly sql: string;
  readonly text: string;
  /** Start of the statement in the text, in code points. */
  readonly start: number;
}

/** The error of a failed statement. @param embedded folder of the embedded server; null for any other server */
export function databaseError(error: unknown, sent: Sent, embedded: string | null): TsdbtError {
  if (error instanceof TsdbtError) return error;
  if (error instanceof ClickHouseError) {
    const message =
      `Code: ${error.code}. DB::Exception: ` +
      `${error.message.trim()}${error.type === undefined ? '' : ` (${error.type})`}`;
    const position = positionOf(error.message, sent);
    return new TsdbtError('database', message, {
      code: error.code,
      cause: error,
      sql: sent.sql,
      position,
      hint: /RENAME EXCHANGE is not supported/i.test(error.message)
        ? 'The disk of the database cannot exchange tables. Nothing was changed: move the relation to another ' +
          'disk, or drop it and run again.'
        : clickHouseHint(error.message, error.code, { sql: sent.sql, position, isSyntax: error.code === '62' }),
    });
  }
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const lost =
    code === 'ECONNRESET' ||
    code === 'ECONNREFUSED' ||
    code === 'EPIPE' ||
    /socket hang up|aborted by the server|Premature close/i.test(text);
  if (lost && embedded !== null) {
    return new TsdbtError(
      'database',
      'the embedded ClickHouse ended while it ran the statement: its native library crashed, or it was killed',
      {
        cause: error,
        sql: sent.sql,
        hint: `The next command starts it again. What it said last is in ${embedded}/keeper.log.`,
      },
    );
  }
  return new TsdbtError(
    'database',
    lost ? `the server closed the connection while it ran the statement (${text})` : text,
    { cause: error, sql: sent.sql },
  );
}

/** Syntax errors, and unknown identifiers and functions. */
const OF_THE_QUERY = new Set(['46', '47', '62']);

function clickHouseHint(message: string, code: string, refused: Refused): string | undefined {
  if (!OF_THE_QUERY.has(code)) return undefined;
  const [, unit] = /identifier [`'](second|minute|hour|day|week|month|quarter|year)[`']/i.exec(message) ?? [];
  if (unit !== undefined && /\bdate_?(?:diff|add|sub)\s*\(/i.test(refused.sql))
    return `ClickHouse takes the unit as a text, '${unit}': {{ dbt.datediff(…) }} and {{ dbt.dateadd(…) }} do so.`;
  return queryHint(refused);
}

/** 1-based, in code points of the statement; undefined if the server does not report it. */
function positionOf(message: string, { sql, text, start }: Sent): number | undefined {
  const at = /failed at position (\d+)/.exec(message);
  if (at) {
    // The server counts bytes.
    const place =
      [
        ...Buffer.from(text)
          .subarray(0, Number(at[1]) - 1)
          .toString('utf8'),
      ].length +
      1 -
      start;
    return place > 0 && place <= [...sql].length + 1 ? place : undefined;
  }
  const searched = withoutComments(sql);
  for (const pattern of [...UNKNOWN, ...NAMED]) {
    const name = pattern.exec(message)?.[1];
    if (name === undefined) continue;
    const flags = pattern.flags.includes('i') || !UNKNOWN.includes(pattern) ? 'gi' : 'g';
    const word = `(?<![\\w])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w])`;
    const places = [...searched.matchAll(new RegExp(word, flags))];
    const [place] = places;
    if (place !== undefined && (places.length === 1 || UNKNOWN.includes(pattern)))
      return [...sql.slice(0, place.index)].length + 1;
  }
  return undefined;
}

/** The error of a failed connection: host and port, never the password. */
export function connectionError(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): TsdbtError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const reason =
    code === 'ECONNREFUSED'
      ? 'Connection refused'
      : code === 'ENOTFOUND'
        ? 'Name or service not known'
        : requestReason(error);
  return new TsdbtError('connection', `connection to ClickHouse at "${host}", port ${port} failed: ${reason}`, {
    code,
    cause: error,
    hint:
      code === 'ECONNREFUSED'
        ? 'Is the server running there, and is it the port of its HTTP interface (8123, with TLS 8443)?'
        : undefined,
  });
}

/**
 * Codes of transient errors: timeouts and lost connections, an overloaded server, unavailable replicas and Keeper,
 * memory used by other queries, deadlocks.
 */
const TRANSIENT = new Set([
  '159',
  '164',
  '202',
  '203',
  '209',
  '210',
  '225',
  '241',
  '242',
  '243',
  '252',
  '279',
  '285',
  '319',
  '425',
  '439',
  '473',
  '499',
  '519',
  '594',
  '598',
  '999',
]);

/** Whether the same statement may succeed later. */
export function isTransient({ kind, message, details: { code } }: TsdbtError): boolean {
  if (kind === 'connection') return code !== '516' && code !== '193';
  if (kind !== 'database') return false;
  if (message.includes(LOST_LEASE)) return true;
  return code === undefined
    ? /closed the connection|embedded ClickHouse ended|[Tt]imeout/.test(message)
    : TRANSIENT.has(code);
}
