// Converts an error of the server or driver to dbt's form: psycopg2's text with LINE, caret, DETAIL and HINT; SQLSTATE;
// position in the SQL. The runner maps the position to a model's line.
import { LOST_LEASE } from '../fence.ts';
import { TsdbtError } from '../../errors.ts';
import { postgresHint } from './query-hint.ts';

/** Fields of the protocol's error message, as `pg` returns them. */
interface ServerError {
  readonly message: string;
  readonly severity?: string | undefined;
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly position?: string | undefined;
  readonly internalPosition?: string | undefined;
  readonly internalQuery?: string | undefined;
  readonly where?: string | undefined;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && typeof error.severity === 'string';
}

/** The text that libpq builds from a server's error, without its severity. */
function messageOf(error: ServerError, sql: string): string {
  let text = error.message;
  if (error.position !== undefined) text += `\n${excerpt(sql, Number(error.position))}`;
  else if (error.internalPosition !== undefined && error.internalQuery !== undefined)
    text += `\n${excerpt(error.internalQuery, Number(error.internalPosition))}`;
  if (error.detail !== undefined) text += `\nDETAIL:  ${error.detail}`;
  if (error.hint !== undefined) text += `\nHINT:  ${error.hint}`;
  if (error.internalQuery !== undefined) text += `\nQUERY:  ${error.internalQuery}`;
  if (error.where !== undefined) text += `\nCONTEXT:  ${error.where}`;
  return text.trim();
}

const DISPLAY_SIZE = 60;
const MIN_RIGHT_CUT = 10;

const WIDE = new RegExp(
  String.raw`^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]` +
    String.raw`|[\u{20000}-\u{3fffd}]$`,
  'u',
);

function width(character: string): number {
  return WIDE.test(character) ? 2 : 1;
}

function widthOf(characters: readonly string[]): number {
  return characters.reduce((sum, character) => sum + width(character), 0);
}

/**
 * `LINE 3: select x` with a caret below the position; long lines are cut on both sides.
 * @param position 1-based, in characters
 */
function excerpt(sql: string, position: number): string {
  const characters = [...sql];
  const place = position - 1;
  if (place < 0 || place > characters.length) return '';
  let line = 1;
  let begin = 0;
  let end = characters.length;
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (character !== '\r' && character !== '\n') continue;
    if (i >= place) {
      end = i;
      break;
    }
    if (character === '\r' || i === 0 || characters[i - 1] !== '\r') line++;
    begin = i + 1;
  }
  const shown = characters.map((character) => (character === '\t' ? ' ' : character));
  const [before, after] = [shown.slice(begin, place), shown.slice(place, end)];
  let [left, right] = [widthOf(before), widthOf(after)];
  let cutLeft = false;
  let cutRight = false;
  if (left + right > DISPLAY_SIZE) {
    const room = Math.max(DISPLAY_SIZE - left, MIN_RIGHT_CUT);
    for (const character of after.reverse()) {
      if (right <= room) break;
      right -= width(character);
      end--;
      cutRight = true;
    }
    for (const character of before) {
      if (left + right <= DISPLAY_SIZE) break;
      left -= width(character);
      begin++;
      cutLeft = true;
    }
  }
  const prefix = `LINE ${line}: ${cutLeft ? '...' : ''}`;
  const caret = ' '.repeat(prefix.length + left);
  return `${prefix}${shown.slice(begin, end).join('')}${cutRight ? '...' : ''}\n${caret}^`;
}

/**
 * The error of a failed statement.
 * @param sent the text that was sent
 * @param start where the statement begins in it, after a query comment, in characters
 */
export function databaseError(error: unknown, sent: string, sql: string, start: number): TsdbtError {
  if (error instanceof TsdbtError) return error;
  if (!isServerError(error)) {
    const text = error instanceof Error ? error.message : String(error);
    const lost = /Connection terminated|ECONNRESET|EPIPE|Client was closed|not queryable/.test(text);
    return new TsdbtError(
      'database',
      lost
        ? 'server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n' +
            '\tbefore or while processing the request.'
        : text,
      { cause: error, sql },
    );
  }
  const position = error.position === undefined ? undefined : Number(error.position) - start;
  const place = position !== undefined && position > 0 ? position : undefined;
  return new TsdbtError('database', messageOf(error, sent), {
    code: error.code,
    cause: error,
    sql,
    position: place,
    hint: postgresHint(error.message, error.code, { sql, position: place, isSyntax: false }),
    excerpt: error.position === undefined ? undefined : excerpt(sent, Number(error.position)),
  });
}

/** The address that was tried. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** The error of a failed connection, with libpq's message: host and port, never the password. */
export function connectionError(error: unknown, place: Place): TsdbtError {
  const socket = place.host.startsWith('/');
  const where = socket
    ? `connection to server on socket "${place.host}/.s.PGSQL.${place.port}" failed`
    : `connection to server at "${place.host}", port ${place.port} failed`;
  const code = error !== null && typeof error === 'object' && 'code' in error ? String(error.code) : undefined;
  if (isServerError(error))
    return new TsdbtError('connection', `${where}: ${error.severity}:  ${messageOf(error, '')}`, { code: error.code });
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const text = first instanceof Error ? first.message : String(first);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new TsdbtError(
      'connection',
      `could not translate host name "${place.host}" to address: ` +
        `${code === 'ENOTFOUND' ? 'Name or service not known' : 'Temporary failure in name resolution'} (port ` +
        `${place.port})`,
      { code },
    );
  if (code === 'ECONNREFUSED') {
    return new TsdbtError(
      'connection',
      `${where}: Connection refused\n\tIs the server running ` +
        (socket
          ? 'locally and accepting connections on that socket?'
          : 'on that host and accepting TCP/IP connections?'),
      { code },
    );
  }
  if (code === 'ENOENT')
    return new TsdbtError(
      'connection',
      `${where}: No such file or directory\n\tIs the server running locally and accepting connections on that socket?`,
      { code },
    );
  if (/does not support SSL/.test(text))
    return new TsdbtError('connection', `${where}: server does not support SSL, but SSL was required`, { code });
  const timeout = /timeout expired/.test(text) || code === 'ETIMEDOUT';
  const reason = timeout
    ? 'timeout expired'
    : /password must be a string/.test(text)
      ? 'fe_sendauth: no password supplied'
      : /terminated unexpectedly/.test(text)
        ? 'server closed the connection unexpectedly'
        : text;
  return new TsdbtError('connection', `${where}: ${reason}`, { code });
}

/** SQLSTATEs of transient errors, by class or whole: connection, rollback by the server, resources, locks, shutdown. */
const TRANSIENT = /^(?:08|40|53|55P03|57P0[1-5]|58030)/;

/** Whether the same statement may succeed later. */
export function isTransient({ kind, message, details: { code } }: TsdbtError): boolean {
  if (kind === 'connection') return code === undefined || !/^(?:28|3D)/.test(code);
  if (kind !== 'database') return false;
  if (message.includes(LOST_LEASE)) return true;
  return code === undefined ? message.startsWith('server closed the connection') : TRANSIENT.test(code);
}
