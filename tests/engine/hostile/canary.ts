// Texts that stand for secrets in tests, and the search for them in what a command says and writes.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Stands in every secret; also a part of one must not be found. */
export const NEEDLE = 'c4n4ry';

/** With what is written otherwise in JSON, SQL, URLs and pages. */
export const canary = (name: string): string => `${name}-"${NEEDLE}'\\<é%> ${name}`;

/** What stands around a part of a canary in a text. */
export const places = (text: string): string[] =>
  [...text.matchAll(new RegExp(`.{0,60}${NEEDLE}.{0,30}`, 'g'))].map(([place]) => place);

/** Places below a folder where a part of a canary stands, with what stands around it. */
export function found(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    if (path.includes(NEEDLE)) return [`the name of ${path}`];
    if (!statSync(join(dir, path)).isFile()) return [];
    return places(readFileSync(join(dir, path), 'utf8')).map((place) => `${path}: ${place}`);
  });
}
