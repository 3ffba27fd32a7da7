// What escapes in double quotes mean in YAML, for the fast reader; and how it says that a text is not for it.

/** Thrown, never shown: "read this with the full parser". */
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
 * The text between double quotes.
 * @throws UnsupportedYaml for an escape that YAML does not know
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
