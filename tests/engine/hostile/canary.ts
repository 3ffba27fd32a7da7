// Texts that stand for secrets in tests, and the search for them in what a command says and writes.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Stands in every secret; also a part of one must not be found. */
export const NEEDLE = 'c4n4ry';

/** With what is written otherwise in JSON, SQL, URLs and pages. */
export const canary = (name: string): string => `${name}-"${NEEDLE}'\\<é%> ${name}`;

/** The needle as written in JSON, SQL and URLs, in hexadecimal, and in base64 at each of the three places of a byte. */
const FORMS = new RegExp(
  `.{0,60}(?:${[NEEDLE, Buffer.from(NEEDLE).toString('hex'), ...[0, 1, 2].map(inBase64)].join('|')}).{0,30}`,
  'g',
);

/** The characters of base64 that depend on the needle alone. @param before bytes before it, modulo 3 */
function inBase64(before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(NEEDLE)]);
  return whole.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
}

/** What stands around a part of a canary in a text. */
export const places = (text: string): string[] => [...text.matchAll(FORMS)].map(([place]) => place);

/** Places below a folder where a part of a canary stands, with what stands around it. */
export function found(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    if (places(path).length > 0) return [`the name of ${path}`];
    return places(textOf(join(dir, path))).map((place) => `${path}: ${place}`);
  });
}

/** The text of a file, unpacked; empty for what is no file, or was removed meanwhile. */
function textOf(path: string): string {
  try {
    if (!lstatSync(path).isFile()) return '';
    const bytes = readFileSync(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
