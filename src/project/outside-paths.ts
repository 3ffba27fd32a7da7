// Decides whether the paths that a project or a package names lie within its folder, after links are resolved.
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Project } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';

/** Whether `path` is `folder` or below it; both absolute. Links are not resolved. */
export function liesWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Linux follows at most this many links in one path. */
const MAX_LINKS = 40;

/** False also below a file: what uses the path reports that. */
function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

/** An absolute path with links resolved, also those whose target does not exist yet. */
export function realPath(path: string, links = 0): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  if (parent === path) return path;
  const link = links < MAX_LINKS && isLink(path);
  return link
    ? realPath(resolve(realPath(parent, links + 1), readlinkSync(path)), links + 1)
    : join(realPath(parent, links), basename(path));
}

/**
 * Checks one path.
 * @param setting what names the path, for the error
 * @throws TsdbtError `project` when the path, with links resolved, is outside of the folder
 */
export function checkWithin(path: string, folder: string, setting: string): void {
  const real = realPath(resolve(folder, path));
  if (!liesWithin(real, realPath(folder))) throw errorOf('outsidePath', { setting, path, real, folder });
}

/** Options of the caller's that replace settings of the file. */
interface CallersPaths {
  readonly targetPath?: string | null | undefined;
  readonly logPath?: string | null | undefined;
}

/**
 * Checks the paths of a dbt_project.yml. A path that the caller names as an option may lie anywhere; one within the
 * project may not be a link that leaves it.
 * @throws TsdbtError `project` for the first path outside of the project's folder
 */
export function checkProjectPaths(project: Project, callers: CallersPaths, dependency: boolean): void {
  const { project_root: root } = project;
  const read = {
    'model-paths': project.model_paths,
    'macro-paths': project.macro_paths,
    'seed-paths': project.seed_paths,
    'test-paths': project.test_paths,
    'analysis-paths': project.analysis_paths,
    'snapshot-paths': project.snapshot_paths,
    'function-paths': project.function_paths,
    'osi-paths': project.osi_paths,
    'docs-paths': project.docs_paths,
  };
  const seen = new Set<string>();
  for (const [setting, paths] of Object.entries(read)) {
    for (const path of paths) {
      if (!seen.has(path)) checkWithin(path, root, setting);
      seen.add(path);
    }
  }
  if (dependency) return;
  checkWritten(project.target_path, root, 'target-path', callers.targetPath);
  checkWritten(project.log_path, root, 'log-path', callers.logPath);
  checkWithin(project.packages_install_path, root, 'packages-install-path');
}

/** Checks a folder that is written to. @param option the same path as an option of the caller's */
export function checkWritten(path: string, root: string, setting: string, option?: string | null): void {
  if (typeof option === 'string' && !liesWithin(resolve(root, path), root)) return;
  checkWithin(path, root, setting);
}
