// Adds the position of a source table's load config to its errors: a manifest contains the file of a source, but no
// line.
import type { SourceDefinition } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { placeInProject } from '../project/setting-place.ts';

/** Returns the result of `read`. @throws its error, with the line of the setting if it can be found */
export function placed<T>({ packages }: RuntimeConfig, source: SourceDefinition, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.path !== source.original_file_path) throw error;
    throw error.with(placeInProject(packages, source, error.details.setting ?? { keys: ['load'] }) ?? {});
  }
}
