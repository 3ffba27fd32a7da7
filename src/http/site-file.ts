// Reads the files of web pages that are shipped with the program.
import { existsSync, readFileSync } from 'node:fs';

/** @param folder in src/: next to this folder when run from source, and next to `dist` when bundled */
export function readSiteFile(folder: string, name: string): string {
  const found = [
    new URL(`../${folder}/${name}`, import.meta.url),
    new URL(`../src/${folder}/${name}`, import.meta.url),
  ].find((url) => existsSync(url));
  if (found === undefined) throw new Error(`the file ${folder}/${name} is missing from the installation`);
  return readFileSync(found, 'utf8');
}
