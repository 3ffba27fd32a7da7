// `clean`: deletes the folders in clean-targets, but never source folders or anything outside of the project.
import { eventOf } from '../events/index.ts';
import { existsSync, rmSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import type { Project } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import type { Logger } from '../log.ts';
import { deprecation } from './deprecations.ts';
import { realPath } from './outside-paths.ts';
import { sourcePaths } from './project.ts';

/**
 * Deletes the folders in clean-targets.
 * @param projectFilesOnly false: also folders outside of the project (`--no-clean-project-files-only`)
 * @throws TsdbtError `runtime`, with dbt's message, before anything is deleted
 */
export function cleanProject(project: Project, projectFilesOnly: boolean, logger: Logger): void {
  const root = realPath(project.project_root);
  const inProject = (path: string): string => realPath(resolve(root, path));
  const targets = [...new Set(project.clean_targets.map(inProject))];
  const sources = new Set(sourcePaths(project).map(inProject));
  const refuse = (what: string, paths: readonly string[]): void => {
    if (paths.length > 0) throw errorOf('cleanRefused', { what, paths: paths.map((path) => `'${path}'`).join(', ') });
  };
  refuse(
    'source paths',
    targets.filter((path) => sources.has(path)),
  );
  if (projectFilesOnly)
    refuse(
      'directories outside the project',
      targets.filter((path) => !path.startsWith(root + sep)),
    );
  // Deleting a folder above a source path would delete the sources.
  refuse(
    'source paths',
    targets.filter((path) => [...sources].some((source) => source.startsWith(path + sep) && existsSync(source))),
  );
  if (project.clean_targets.includes('dbt_modules') && !project.clean_targets.includes(project.packages_install_path))
    deprecation(logger, 'PackageInstallPathDeprecation', {});
  for (const path of targets) {
    logger.fire(eventOf('CheckCleanPath', `Checking ${path}/*`, { path }));
    rmSync(path, { recursive: true, force: true });
    logger.fire(eventOf('ConfirmCleanPath', `Cleaned ${path}/*`, { path }));
  }
  logger.fire(eventOf('FinishedCleanPaths', 'Finished cleaning all paths.', {}));
}
