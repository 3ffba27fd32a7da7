// Decodes the escapes of a string literal in a template as Python's `unicode-escape` does.
import { codeOf } from '../values/sequence.ts';

const SIMPLE: { readonly [char: string]: string } = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const WIDTH: { readonly [char: string]: number } = { x: 2, u: 4, U: 8 };

/**
 * @param body the text between the quotes
 * @returns the text, or the reason why the literal is invalid
 */
export function unescapeString(body: string): { text: string; error?: string } {
  // jinja2 first escapes everything outside ASCII. A backslash before such a character shows that.
  const source = /[^\x00-\x7f]/.test(body) ? body.replace(/[^\x00-\x7f]/gu, escapeCharacter) : body;
  let text = '';
  for (let i = 0; i < source.length; i++) {
    const char = source.charAt(i);
    if (char !== '\\') {
      text += char;
      continue;
    }
    i++;
    const kind = source[i] as string | undefined;
    if (kind === undefined) return { text, error: '\\ at end of string' };
    const simple = SIMPLE[kind];
    if (simple !== undefined) {
      text += simple;
      continue;
    }
    const octal = /[0-7]{1,3}/y;
    octal.lastIndex = i;
    const digits = octal.exec(source)?.[0];
    if (digits !== undefined) {
      text += String.fromCharCode(Number.parseInt(digits, 8));
      i += digits.length - 1;
      continue;
    }
    const width = WIDTH[kind];
    if (width !== undefined) {
      const hex = source.slice(i + 1, i + 1 + width);
      if (hex.length < width || !/^[0-9a-fA-F]+$/.test(hex))
        return { text, error: `truncated \\${kind}${'X'.repeat(width)} escape` };
      const code = Number.parseInt(hex, 16);
      if (code > 0x10ffff) return { text, error: 'illegal Unicode character' };
      text += String.fromCodePoint(code);
      i += width;
      continue;
    }
    if (kind === 'N') {
      return {
        text,
        error: /^N\{[^}]+\}/.test(source.slice(i))
          ? 'unknown Unicode character name'
          : 'malformed \\N character escape',
      };
    }
    text += `\\${kind}`;
  }
  return { text };
}

function escapeCharacter(char: string): string {
  const code = codeOf(char);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}
