// Python's definition of white space and line ends. JavaScript's `\s` and `trim` differ in a few characters.

/** For use inside a character class of a regular expression. */
export const SPACE_CLASS = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const LEFT = new RegExp(`^[${SPACE_CLASS}]+`);
const SPACE = new RegExp(`[${SPACE_CLASS}]`);

/** `text.lstrip()`. */
export function trimLeft(text: string): string {
  return text.replace(LEFT, '');
}

/** `text.rstrip()`. */
export function trimRight(text: string): string {
  let end = text.length;
  while (end > 0 && isSpaceCharacter(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `text.strip(character)`. @param character one UTF-16 unit */
export function stripCharacter(text: string, character: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === character) start++;
  while (end > start && text[end - 1] === character) end--;
  return text.slice(start, end);
}

/** Whether `str.isspace` accepts the UTF-16 unit. */
export function isSpaceCharacter(char: string): boolean {
  const code = char.charCodeAt(0);
  if (code < 128) return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
  return SPACE.test(char);
}

const LINE_END = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/g;

/** `text.splitlines(keepends)`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const match of text.matchAll(LINE_END)) {
    const end = match.index + match[0].length;
    lines.push(text.slice(start, keepEnds ? end : match.index));
    start = end;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}
