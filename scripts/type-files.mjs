// Removes declaration files that no entry of the package reaches, because tsc writes one for every file that it reads.
// tsc writes the declarations.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const IMPORTED = /(?:\bfrom|\bimport) ?\(?['"](\.[^'"]+)\.ts['"]/g;

/** @param {string} folder of declarations @param {string[]} entries files in it that package.json names */
export function keepReached(folder, entries) {
  const reached = new Set(entries.map((entry) => join(folder, entry)));
  for (const file of reached) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(IMPORTED)) {
      const declared = join(dirname(file), `${path}.d.ts`);
      if (!existsSync(declared)) throw new Error(`${file} imports ${path}.ts, which has no declarations`);
      reached.add(declared);
    }
  }
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
  }
}
