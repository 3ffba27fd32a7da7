// Decides whether the paths named by a project or a package are inside its folder, after links are resolved.
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Project, RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';

/** Whether `path` is `folder` or inside it; both absolute. Links are not resolved. */
export function liesWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Linux follows at most this many links in one path. */
const MAX_LINKS = 40;

/** Returns false also inside a file: the code that uses the path reports that. */
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
 * @param setting name of the setting, for the error
 * @throws TsdbtError `project` if the path, with links resolved, is outside of the folder
 */
export function checkWithin(path: string, folder: string, setting: string): void {
  const real = realPath(resolve(folder, path));
  if (!liesWithin(real, realPath(folder))) throw errorOf('outsidePath', { setting, path, real, folder });
}

/**
 * Returns the folder that must contain the files named in a settings file: the project or the repository that contains
 * the settings file, because its author can also name the server that receives their contents.
 * @returns null: any file may be named, because the user wrote the settings file or allows paths outside
 */
export function folderOfNamedFiles(
  path: string,
  { project, flags }: Pick<RuntimeConfig, 'project' | 'flags'>,
): string | null {
  if (flags['allow_outside_paths'] === true) return null;
  const root = realPath(project.project_root);
  const real = realPath(dirname(path));
  if (liesWithin(path, project.project_root) || liesWithin(real, root)) return project.project_root;
  const home = realPath(homedir());
  for (let folder = root; folder !== home && dirname(folder) !== folder; folder = dirname(folder))
    if (existsSync(join(folder, '.git'))) return liesWithin(real, folder) ? folder : null;
  return null;
}

/** Settings files in a project's folder whose YAML errors show a line. */
const SETTINGS = [
  'dbt_project.yml',
  'vars.yml',
  'selectors.yml',
  'dependencies.yml',
  'packages.yml',
  'package-lock.yml',
  'catalogs.yml',
];

/**
 * Checks the settings files of a project or package before any of them is read.
 * @throws TsdbtError `project` for the first that links to a file outside of its folder
 */
export function checkSettingsFiles(root: string): void {
  for (const name of SETTINGS) {
    const path = join(root, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && existsSync(path))
      checkWithin(name, root, 'Link');
  }
}

/** Options of the caller that override settings of the file. */
interface CallersPaths {
  readonly targetPath?: string | null | undefined;
  readonly logPath?: string | null | undefined;
}

/**
 * Checks the paths in a dbt_project.yml. A path that the caller gives as an option may be anywhere. One inside the
 * project must not be a link that leaves it.
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

/** Checks an output folder. @param option the same path as an option of the caller */
export function checkWritten(path: string, root: string, setting: string, option?: string | null): void {
  if (typeof option === 'string' && !liesWithin(resolve(root, path), root)) return;
  checkWithin(path, root, setting);
}
