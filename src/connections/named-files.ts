// Reads the files that settings name, relative to the file with the settings. They are read again whenever they are
// needed, so that secrets and certificates can rotate.
import { dirname, resolve } from 'node:path';
import { TsdbtError } from '../errors.ts';
import { checkWithin } from '../project/outside-paths.ts';
import { readFileText } from '../project/read-file.ts';
import type { SectionContext } from '../settings/setting.ts';

/**
 * @param path of the file with the settings
 * @param folder that the named files must lie in, with links resolved; null: they may lie anywhere
 */
export function namedFiles(path: string, folder: string | null): NonNullable<SectionContext['file']> {
  return (setting, file) => {
    const full = resolve(dirname(path), file);
    return () => {
      // A link can change between two reads.
      if (folder !== null) checkWithin(full, folder, setting);
      try {
        return readFileText(full);
      } catch (error) {
        if (!(error instanceof TsdbtError)) throw error;
        throw new TsdbtError('connection', `${setting}: ${error.message}`, { path });
      }
    };
  };
}
