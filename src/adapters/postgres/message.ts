// The text of a message to the server: one statement with its query comment, or several. Maps results and errors back
// to statements. Pure; wire.ts sends.
import type { RawResult } from './result.ts';

/** A comment sent with a statement, for the server's log. */
export interface QueryComment {
  readonly text: string;
  /** Whether it follows the statement instead of preceding it. */
  readonly append: boolean;
}

/** A statement as sent. */
export interface CommentedStatement {
  readonly text: string;
  /** The part of `text` before the statement. */
  readonly prefix: string;
}

/** Several statements in one text. */
export interface JoinedStatements {
  readonly text: string;
  readonly parts: readonly string[];
  /** How many of the parts are statements of the caller. */
  readonly statements: number;
  readonly commits: boolean;
}

/** Separates the first statement's results from those of the others. */
const MARK = 'tsdbt_first_done';
const SEPARATOR = '\n;\n';

/** @param comment null: none */
export function withComment(sql: string, comment: QueryComment | null): CommentedStatement {
  const words = comment?.text.trim() ?? '';
  if (comment === null || words === '') return { text: sql, prefix: '' };
  if (comment.append) {
    const body = sql.trimEnd();
    return {
      text: body.endsWith(';') ? `${body.slice(0, -1)}\n/* ${words} */;` : `${body}\n/* ${words} */`,
      prefix: '',
    };
  }
  const prefix = `/* ${words} */\n`;
  return { text: prefix + sql, prefix };
}

/**
 * Combines statements into one message. The first two may each consist of several statements: the result of a separator
 * query between them marks where the results of the first end.
 * @param statements at least one @param commits whether a COMMIT follows them
 */
export function joinStatements(statements: readonly string[], commits: boolean): JoinedStatements {
  const [first = '', ...others] = statements;
  const parts = others.length === 0 ? [first] : [first, `select null as ${MARK}`, ...others];
  const text = [...parts, ...(commits ? ['COMMIT'] : [])].join(SEPARATOR);
  return { text, parts, statements: statements.length, commits };
}

/**
 * Finds the result of each statement; if it consisted of several, the last one.
 * @param results all results, in order
 */
export function resultsOf({ statements, commits }: JoinedStatements, results: readonly RawResult[]): RawResult[] {
  const end =
    statements > 1 ? results.findIndex(({ fields }) => fields?.[0]?.name === MARK) : results.length - (commits ? 1 : 0);
  const first = results[end - 1];
  if (first === undefined) throw new Error(`${results.length} results of ${statements} statements`);
  if (statements === 1) return [first];
  const others = results.slice(end + 1, commits ? -1 : undefined);
  return [first, ...others.slice(1 - statements)];
}

/**
 * Finds the statement that an error belongs to by its position, and makes the position relative to it. Without a
 * position, it belongs to the first.
 */
export function failedStatement({ parts, statements }: JoinedStatements, error: unknown): number {
  const failed = placed(error, parts);
  // The result of the separator query belongs to no caller.
  return statements > 1 && failed > 0 ? failed - 1 : failed;
}

function placed(error: unknown, parts: readonly string[]): number {
  if (!hasPosition(error)) return 0;
  let rest = Number(error.position);
  for (const [index, part] of parts.entries()) {
    const length = [...part].length;
    if (rest <= length + SEPARATOR.length) {
      error.position = String(rest);
      return index;
    }
    rest -= length + SEPARATOR.length;
  }
  return 0;
}

/**
 * Shifts an error's position by the message's prefix: makes it relative to the text after it; with sign 1, the reverse.
 */
export function shiftPosition(error: unknown, before: string, sign: 1 | -1 = -1): unknown {
  if (before !== '' && hasPosition(error)) error.position = String(Number(error.position) + sign * [...before].length);
  return error;
}

/**
 * Sends the pieces of a text one after the other.
 * @returns what the whole text would return; an error's position is relative to the start of the text
 */
export async function sendPieces(
  pieces: readonly string[],
  every: boolean,
  send: (piece: string) => Promise<RawResult>,
): Promise<RawResult> {
  const results: RawResult[] = [];
  let sent = '';
  for (const piece of pieces) {
    try {
      const { before = [], ...result } = await send(piece);
      results.push(...before, result);
    } catch (error) {
      throw shiftPosition(error, sent, 1);
    }
    sent += piece;
  }
  const last = results.pop();
  if (last === undefined) throw new Error('no piece was sent');
  return every ? { ...last, before: results } : last;
}

/** The server counts characters from the start of the message, from 1. */
function hasPosition(error: unknown): error is { position: string } {
  return typeof error === 'object' && error !== null && 'position' in error && error.position !== undefined;
}
