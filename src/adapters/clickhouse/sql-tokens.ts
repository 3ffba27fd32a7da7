// Splits ClickHouse SQL into the engine's tokens: words, quoted names, strings and signs, without comments. Reports
// where the engine's reading is uncertain, and writes tokens in a form that has one reading. statement-guard.ts decides
// what a statement may do.

export interface SqlToken {
  /** `name`: a quoted identifier. */
  readonly kind: 'word' | 'name' | 'text' | 'sign';
  /** Without quotes and escapes. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** Whether the engine may read the rest of the statement differently. */
export class UncertainSql extends Error {}

/** Exactly what the engine skips. */
const SPACE = /[\t-\r \u0085\u00a0\u180e\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\ufeff]+/y;
const LINE_COMMENT = /(?:--|\/\/|#[ !])[^\n]*/y;
/** A number may end in a point. A word that begins with a digit contains no `$`. */
const WORD = /\d\w*(?:\.(?![\w$"`]))?|[A-Za-z_][\w$]*/y;
/** A number takes the sign of its exponent: `1e--2` contains no comment. */
const EXPONENT = /(?:^|[^\w$])\.?\d[\w.]*[ep]$/i;
const LONGEST_NUMBER = 400;
const HEREDOC = /\$\w*\$/y;
/**
 * Starts a heredoc or an escape, or is not a sign of SQL: typographic quotes, which the engine also treats as quotes.
 */
const UNCERTAIN = /[^\x20-\x7e]|[$\\#]/;
/** Escapes of control characters. */
const CONTROLS = 'abefnrtv0';
const QUOTES: Readonly<Record<string, SqlToken['kind']>> = { "'": 'text', '"': 'name', '`': 'name' };

/** @throws UncertainSql when it comes to a place that the engine may read in another way */
export function* tokensOf(sql: string): Generator<SqlToken> {
  let at = 0;
  const taken = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const [found = null] = pattern.exec(sql) ?? [];
    return found;
  };
  while (at < sql.length) {
    const start = at;
    const char = sql.charAt(at);
    const skipped = taken(SPACE) ?? taken(LINE_COMMENT);
    const quote = QUOTES[char];
    if (skipped !== null) {
      if (char === '-' && EXPONENT.test(sql.slice(Math.max(0, at - LONGEST_NUMBER), at))) throw new UncertainSql();
      at += skipped.length;
    } else if (sql.startsWith('/*', at)) {
      at = commentEnd(sql, at);
    } else if (quote !== undefined) {
      at = quotedEnd(sql, at, char);
      yield { kind: quote, value: unescaped(sql.slice(start + 1, at - 1), char), start, end: at };
    } else {
      const word = taken(WORD);
      const tag = word === null ? taken(HEREDOC) : null;
      if (tag !== null) {
        const end = sql.indexOf(tag, at + tag.length);
        if (end === -1) throw new UncertainSql();
        at = end + tag.length;
        yield { kind: 'text', value: sql.slice(start + tag.length, end), start, end: at };
        continue;
      }
      if (word === null && UNCERTAIN.test(char)) throw new UncertainSql();
      at += word?.length ?? 1;
      yield { kind: word === null ? 'sign' : 'word', value: word ?? char, start, end: at };
    }
  }
}

/** Comments nest. */
function commentEnd(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  for (let depth = 0; ; ) {
    const found = edge.exec(sql);
    if (found === null) throw new UncertainSql();
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
}

function quotedEnd(sql: string, start: number, quote: string): number {
  for (let at = start + 1; at < sql.length; at++) {
    const char = sql.charAt(at);
    if (char === '\\') at++;
    else if (char === quote && sql.charAt(at + 1) === quote) at++;
    else if (char === quote) return at + 1;
  }
  throw new UncertainSql();
}

/** Only the escapes that can hide a printable character. `\N` is no character at all. */
function unescaped(text: string, quote: string): string {
  if (!text.includes('\\') && !text.includes(quote)) return text;
  return text.replace(/\\x([0-9a-fA-F]{2})?|\\([\s\S])|(['"`])\3/g, (all: string, hex, char, doubled) => {
    if (all === '\\x') throw new UncertainSql();
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(String(hex), 16));
    if (char === 'N') return '';
    if (char !== undefined) return /['"`\\/=]/.test(String(char)) ? String(char) : all;
    return doubled === quote ? quote : all;
  });
}

/**
 * Writes tokens so that the engine reads them as this file did: blanks instead of comments, which may contain hints of
 * ClickHouse's own tests that its client obeys; texts instead of heredocs; only escapes without alternatives. Lines
 * keep their numbers, and columns change only after heredocs and rare escapes.
 * @param until where unchanged rows begin
 */
export function respelled(sql: string, tokens: readonly SqlToken[], until = sql.length): string {
  let [written, at] = ['', 0];
  for (const token of tokens) {
    if (token.start >= until) break;
    const gap = sql.slice(at, token.start);
    written += (at === 0 ? before(gap) : blank(gap)) + spelled(token, sql.slice(token.start, token.end));
    at = token.end;
  }
  return written + blank(sql.slice(at, until)) + sql.slice(until);
}

/** Of the same length in bytes, which the engine's positions count. */
const blank = (gap: string): string => gap.replace(/[^\t\n\r ]/gu, (char) => ' '.repeat(Buffer.byteLength(char)));

/** A gap at the start. The engine's positions do not count blanks there, so an empty comment stands for comments. */
function before(gap: string): string {
  const start = gap.search(/[^\t\n\r ]/);
  const comments = start === -1 ? '' : blank(gap.slice(start));
  return /^ {4}/.test(comments) ? `${gap.slice(0, start)}/**/${comments.slice(4)}` : blank(gap);
}

function spelled({ kind, value }: SqlToken, written: string): string {
  if (written.startsWith('$')) {
    // Blanks separate it from another text, and keep its length.
    const fill = ' '.repeat((written.length - value.length) / 2 - 1);
    return `${fill}'${value.replace(/['\\]/g, '\\$&')}'${fill}`;
  }
  if (!written.includes('\\') || kind === 'word' || kind === 'sign') return written;
  const quote = written.charAt(0);
  const literal = (char: string): string => (char === '\\' || char === quote ? `\\${char}` : char);
  const inside = written.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (all: string, hex, char) => {
    if (hex === undefined) {
      if (char === 'N') return '';
      if (CONTROLS.includes(String(char))) return all;
      return unescaped(all, quote) === all ? `\\\\${char}` : literal(String(char));
    }
    const decoded = String.fromCharCode(Number.parseInt(String(hex), 16));
    return /[ -~]/.test(decoded) ? literal(decoded) : all;
  });
  return `${quote}${inside}${quote}`;
}

/** The FORMAT at the end of a statement, and where it begins. */
export function formatClause(tokens: readonly SqlToken[]): { readonly format: string; readonly start: number } | null {
  const end = tokens.findLastIndex((token) => !isSign(token, ';')) + 1;
  for (const [at, token] of tokens.entries()) {
    const name = tokens[at + 1];
    if (!isWord(token, 'format') || !isName(name, /^[A-Za-z]\w*$/)) continue;
    if (at + 2 === end || isWord(tokens[at + 2], 'settings')) return { format: name?.value ?? '', start: token.start };
  }
  return null;
}

export const isWord = (token: SqlToken | undefined, word: string): boolean =>
  token?.kind === 'word' && token.value.toLowerCase() === word;
export const isSign = (token: SqlToken | undefined, sign: string): boolean =>
  token?.kind === 'sign' && token.value === sign;
export const isName = (token: SqlToken | undefined, name: RegExp): boolean =>
  (token?.kind === 'word' || token?.kind === 'name') && name.test(token.value);

/** @returns null if the engine may read the SQL differently */
export function certainTokens(sql: string): readonly SqlToken[] | null {
  try {
    return [...tokensOf(sql)];
  } catch (error) {
    if (error instanceof UncertainSql) return null;
    throw error;
  }
}
