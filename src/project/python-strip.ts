// Strips white space as Python defines it, for texts whose checksum or meaning must equal dbt's.
import { trimLeft, trimRight } from '../values/index.ts';

// str.isspace(): JavaScript's \s has U+FEFF and lacks U+001C..U+001F and U+0085.
const RUNS = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** `str.strip()`. */
export function pythonStrip(text: string): string {
  // Not a pattern anchored at the end: its time is quadratic in the length of a run of spaces.
  return trimRight(trimLeft(text));
}

/** `" ".join(text.split())`. */
export function compactWhitespace(text: string): string {
  const stripped = pythonStrip(text);
  let out = '';
  let kept = 0;
  for (let i = 0; i < stripped.length; i += 1) {
    const code = stripped.charCodeAt(i);
    if (code > 127) return stripped.replace(RUNS, ' ');
    if (code > 32 || code < 9 || (code > 13 && code < 28)) continue;
    let end = i + 1;
    for (
      let next = stripped.charCodeAt(end);
      (next >= 9 && next <= 13) || (next >= 28 && next <= 32);
      next = stripped.charCodeAt(end)
    )
      end += 1;
    if (code !== 32 || end !== i + 1) {
      out += `${stripped.slice(kept, i)} `;
      kept = end;
    }
    i = end - 1;
  }
  return kept === 0 ? stripped : out + stripped.slice(kept);
}
