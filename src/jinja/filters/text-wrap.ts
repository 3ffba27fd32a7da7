// Python's `textwrap.wrap` with white space preserved.
import { codePoints, textLength } from '../../values/sequence.ts';

export interface WrapOptions {
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
}

const WORDS = new RegExp(
  String.raw`[\t\n\v\f\r ]+|(?<=[\p{L}\p{N}_!"'&.,?])-{2,}(?=[\p{L}\p{N}_])` +
    String.raw`|[^\t\n\v\f\r ]*?(?:-(?:(?<=[^\d\W_]{2}-)|(?<=[^\d\W_]-[^\d\W_]-))(?=[^\d\W_]-?[^\d\W_])` +
    String.raw`|(?=[\t\n\v\f\r ]|$)|(?<=[\p{L}\p{N}_!"'&.,?])(?=-{2,}[\p{L}\p{N}_]))`,
  'u',
);
const SIMPLE = /([\t\n\v\f\r ]+)/;

/** Returns lines of at most `width` characters. */
export function wrapText(text: string, options: WrapOptions): string[] {
  const chunks = split(text, options.breakOnHyphens).reverse();
  const lines: string[] = [];
  const { width } = options;
  while (chunks.length > 0) {
    const line: string[] = [];
    let length = 0;
    if ((chunks.at(-1) as string).trim() === '' && lines.length > 0) chunks.pop();
    while (chunks.length > 0) {
      const chunk = chunks.at(-1) as string;
      const size = textLength(chunk);
      if (length + size > width) break;
      line.push(chunks.pop() as string);
      length += size;
    }
    const next = codePoints(chunks.at(-1) ?? '');
    if (next.length > width && next.length > 0) {
      const room = width < 1 ? 1 : width - length;
      if (options.breakLongWords) {
        let end = room;
        if (options.breakOnHyphens && next.length > room) {
          const hyphen = next.lastIndexOf('-', room - 1);
          if (hyphen > 0 && /[^-]/.test(part(next, 0, hyphen))) end = hyphen + 1;
        }
        line.push(part(next, 0, end));
        chunks[chunks.length - 1] = part(next, end);
      } else if (line.length === 0) {
        line.push(chunks.pop() as string);
      }
    }
    if (line.length > 0 && (line.at(-1) as string).trim() === '') line.pop();
    if (line.length > 0) lines.push(line.join(''));
  }
  return lines;
}

/** Slices text by code points. */
function part(text: string | readonly string[], from: number, to?: number): string {
  return typeof text === 'string' ? text.slice(from, to) : text.slice(from, to).join('');
}

function split(text: string, hyphens: boolean): string[] {
  if (!hyphens) return text.split(SIMPLE).filter((chunk) => chunk !== '');
  const out: string[] = [];
  let rest = text;
  while (rest !== '') {
    const match = WORDS.exec(rest);
    const end = match === null || match[0] === '' ? rest.length : match.index + match[0].length;
    if (match !== null && match.index > 0) out.push(rest.slice(0, match.index));
    out.push(rest.slice(match === null || match[0] === '' ? 0 : match.index, end));
    rest = rest.slice(end);
  }
  return out;
}
