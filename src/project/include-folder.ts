// Locates the files that are shipped with the program.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorOf } from '../error-table.ts';

/** Path of `src/include`, from the sources and from the built program. */
export function includeFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, '../include'), join(here, '../src/include'), join(here, '../../src/include')].find(
    (folder) => existsSync(folder),
  );
  if (found === undefined) throw errorOf('builtInMacrosMissing', { folder: here });
  return found;
}
