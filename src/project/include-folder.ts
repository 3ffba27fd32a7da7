// Where the files that come with the program are.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsdbtError } from '../errors.ts';

/** `src/include`, seen from the sources and from the built program alike. */
export function includeFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, '../include'), join(here, '../src/include'), join(here, '../../src/include')].find(
    (folder) => existsSync(folder),
  );
  if (found === undefined) throw new TsdbtError('internal', `The built-in macros are missing next to ${here}`);
  return found;
}
