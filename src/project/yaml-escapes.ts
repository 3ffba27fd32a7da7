// Decodes escapes in double-quoted YAML for the fast parser, and defines the exception by which that parser gives up.

/** Thrown internally, never shown: the text needs the full parser. */
export class UnsupportedYaml extends Error {
  override readonly name = 'UnsupportedYaml';
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};
/**
 * Decodes the text between double quotes.
 * @throws UnsupportedYaml for an unknown escape
 */
export function unescaped(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g, (_, sequence: string) => {
    if (sequence.length > 1) {
      const code = Number.parseInt(sequence.slice(1), 16);
      if (code > 0x10ffff) throw new UnsupportedYaml();
      return String.fromCodePoint(code);
    }
    const character = ESCAPES[sequence];
    if (character === undefined) throw new UnsupportedYaml();
    return character;
  });
}
