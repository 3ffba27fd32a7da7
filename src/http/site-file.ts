// Reads files of pages that the program brings along. What is made of them is left to who shows a page.
import { existsSync, readFileSync } from 'node:fs';

/** @param folder below src/: it lies beside this folder in the sources, and beside `dist` when bundled */
export function readSiteFile(folder: string, name: string): string {
  const found = [
    new URL(`../${folder}/${name}`, import.meta.url),
    new URL(`../src/${folder}/${name}`, import.meta.url),
  ].find((url) => existsSync(url));
  if (found === undefined) throw new Error(`the file ${folder}/${name} is missing from the installation`);
  return readFileSync(found, 'utf8');
}
