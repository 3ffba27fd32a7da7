// Parses multi-line YAML texts for the fast parser: ends of quotes, quoted lines, literal and folded scalars.
// yaml-block.ts parses collections and plain scalars.
import { UnsupportedYaml, unescaped } from './yaml-escapes.ts';

const NEWLINE = 10;
const SPACE = 32;
const HASH = 35;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;

/** Position of the quote that ends a key in quotes; -1 when that quote is not on the key's line. */
export function keyQuoteEnd(text: string, at: number): number {
  const close = text.charCodeAt(at) === SINGLE_QUOTE ? lastQuote(text, at) : lastDoubleQuote(text, at);
  const broken = text.indexOf('\n', at);
  return broken !== -1 && broken < close ? -1 : close;
}

/** Position of the quote that ends a single-quoted scalar, on its line or a later one. */
export function lastQuote(text: string, at: number): number {
  for (let i = at + 1; ; i += 2) {
    i = text.indexOf("'", i);
    if (i === -1) throw new UnsupportedYaml();
    if (text.charCodeAt(i + 1) !== SINGLE_QUOTE) return i;
  }
}

/** The same for a double-quoted scalar. */
export function lastDoubleQuote(text: string, at: number): number {
  const end = text.length;
  for (let i = at + 1; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOUBLE_QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  throw new UnsupportedYaml();
}

/** The text between double quotes: escapes decoded, lines folded unless the break is escaped. */
export function foldedDoubleQuote(text: string, open: number, close: number): string {
  const quoted = text.slice(open + 1, close);
  if (!quoted.includes('\n')) return unescaped(quoted);
  const lines = quoted.split('\n');
  let value = '';
  let blank = 0;
  /** Whether a backslash precedes the line break. */
  let joined = false;
  lines.forEach((line, i) => {
    const last = i === lines.length - 1;
    const content = i === 0 ? line : line.replace(/^ +/, '');
    if (i > 0 && /^(?:---|\.\.\.)/.test(line)) throw new UnsupportedYaml();
    const kept = last ? content : withoutSpacesBehind(content);
    if (i > 0 && kept === '' && !last) {
      blank++;
      return;
    }
    if (i > 0) value += blank > 0 ? '\n'.repeat(blank) : joined ? '' : ' ';
    blank = 0;
    let escapes = 0;
    while (kept.charAt(kept.length - 1 - escapes) === '\\') escapes++;
    joined = !last && escapes % 2 === 1;
    // An escaped space at the end of the line.
    if (joined && kept.length < content.length) throw new UnsupportedYaml();
    value += unescaped(joined ? kept.slice(0, -1) : kept);
  });
  return value;
}

/** The text between quotes, with lines folded as in YAML; PyYAML ignores indentation there. */
export function foldedQuote(text: string, open: number, close: number): string {
  const quoted = text.slice(open + 1, close);
  if (!quoted.includes('\n')) return quoted;
  const [first = '', ...lines] = quoted.split('\n');
  let value = withoutSpacesBehind(first);
  let blank = 0;
  lines.forEach((line, i) => {
    const content = line.replace(/^ +/, '');
    const last = i === lines.length - 1;
    if (content === '' && !last) {
      blank++;
      return;
    }
    if (/^(?:---|\.\.\.)/.test(line)) throw new UnsupportedYaml();
    value += (blank === 0 ? ' ' : '\n'.repeat(blank)) + (last ? content : withoutSpacesBehind(content));
    blank = 0;
  });
  return value;
}

/** A loop, because a pattern for this takes quadratic time. */
function withoutSpacesBehind(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === SPACE) end--;
  return line.slice(0, end);
}

/** Whether only blanks and a comment remain on the line. */
export function atLineEnd(text: string, at: number): boolean {
  const end = text.length;
  const start = at;
  while (at < end && text.charCodeAt(at) === SPACE) at++;
  if (at >= end) return true;
  const code = text.charCodeAt(at);
  return code === NEWLINE || (code === HASH && at > start);
}

/** A literal or folded scalar. */
export interface BlockScalar {
  readonly value: string;
  /** Start of the next line. */
  readonly end: number;
  /** Column of its lines. */
  readonly column: number;
}

/** Reads the scalar that `|` or `>` at `position` starts, in a collection of column `parent`. */
export function blockScalar(text: string, position: number, parent: number, folded: boolean): BlockScalar {
  const end = text.length;
  let at = position + 1;
  let chomp = '';
  let increment = 0;
  for (let i = 0; i < 2; i++) {
    const character = text[at];
    if (chomp === '' && (character === '-' || character === '+')) chomp = character;
    else if (increment === 0 && character !== undefined && character >= '1' && character <= '9')
      increment = Number(character);
    else break;
    at++;
  }
  if (!atLineEnd(text, at)) throw new UnsupportedYaml();
  const header = text.indexOf('\n', at);
  at = header === -1 ? end : header + 1;
  // Skips leading blank lines to find the indentation.
  let blanks = 0;
  let deepest = 0;
  let column = increment === 0 ? -1 : Math.max(parent, 0) + increment;
  for (let line = at; column === -1 && line < end; ) {
    let content = line;
    while (content < end && text.charCodeAt(content) === SPACE) content++;
    deepest = Math.max(deepest, content - line);
    if (content >= end) break;
    if (text.charCodeAt(content) !== NEWLINE) {
      if (content - line < deepest) throw new UnsupportedYaml();
      column = Math.max(deepest, parent + 1, 1);
      break;
    }
    line = content + 1;
  }
  if (column === -1) {
    // The scalar has only blank lines.
    if (chomp === '+') throw new UnsupportedYaml();
    return { value: '', end, column: 0 };
  }
  let value = '';
  let lineBreak = '';
  let last = '';
  while (at < end) {
    let content = at;
    while (content < end && content - at < column && text.charCodeAt(content) === SPACE) content++;
    if (content >= end) {
      at = end;
      break;
    }
    if (text.charCodeAt(content) === NEWLINE) {
      blanks++;
      at = content + 1;
      continue;
    }
    if (content - at < column) break;
    const stop = text.indexOf('\n', content);
    const line = text.slice(content, stop === -1 ? end : stop);
    if (lineBreak === '') value += '\n'.repeat(blanks);
    else if (folded && last.charCodeAt(0) !== SPACE && line.charCodeAt(0) !== SPACE)
      value += blanks === 0 ? ' ' : '\n'.repeat(blanks);
    else value += '\n'.repeat(blanks + 1);
    value += line;
    last = line;
    blanks = 0;
    lineBreak = stop === -1 ? '' : '\n';
    at = stop === -1 ? end : stop + 1;
  }
  if (chomp !== '-') value += lineBreak;
  if (chomp === '+') value += '\n'.repeat(blanks);
  return { value, end: at, column };
}
