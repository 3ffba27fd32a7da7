// The text of a message to the server: one statement with its query comment, or several. Also tells which statement a
// result or an error belongs to. Pure; wire.ts sends.
import type { RawResult } from './result.ts';

/** Words that go to the server with a statement, for its log. */
export interface QueryComment {
  readonly text: string;
  /** Behind the statement instead of before it. */
  readonly append: boolean;
}

/** A statement as it is sent. */
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
 * Puts statements into one message. The first may be several statements, as may the second: what the first gave ends at
 * the answer of a query of ours between them.
 * @param statements at least one @param commits whether a COMMIT follows them
 */
export function joinStatements(statements: readonly string[], commits: boolean): JoinedStatements {
  const [first = '', ...others] = statements;
  const parts = others.length === 0 ? [first] : [first, `select null as ${MARK}`, ...others];
  const text = [...parts, ...(commits ? ['COMMIT'] : [])].join(SEPARATOR);
  return { text, parts, statements: statements.length, commits };
}

/**
 * Finds each statement's own result, the last one where it was several statements.
 * @param results all that came, in order
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
 * Which statement an error is about, by its position; that becomes the position within the statement. Without one it
 * is the first.
 */
export function failedStatement({ parts, statements }: JoinedStatements, error: unknown): number {
  const failed = placed(error, parts);
  // The result of our query between the first two belongs to no caller.
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

/** Counts an error's position from behind the message's prefix; with the sign 1, from before it. */
export function shiftPosition(error: unknown, before: string, sign: 1 | -1 = -1): unknown {
  if (before !== '' && hasPosition(error)) error.position = String(Number(error.position) + sign * [...before].length);
  return error;
}

/**
 * Sends the pieces of a text one after the other.
 * @returns what the whole text would give; an error's position counts from the start of the text
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

/** The server counts characters from the start of the message, from 1 on. */
function hasPosition(error: unknown): error is { position: string } {
  return typeof error === 'object' && error !== null && 'position' in error && error.position !== undefined;
}
