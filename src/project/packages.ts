// Reads packages.yml, dependencies.yml and package-lock.yml, and finds the folders of installed packages. deps/
// installs packages.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { Project } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { pythonStrip } from './python-strip.ts';
import {
  anyOf,
  checkOf,
  checkShape,
  closed,
  dict,
  list,
  listOf,
  number,
  oneOf,
  optional,
  optionalBool,
  optionalText,
  type Shape,
  text,
} from './schema-check.ts';
import { asDictionary, loadYaml } from './yaml.ts';
import { readFileText } from './read-file.ts';

export const PACKAGES_FILE = 'packages.yml';
export const DEPENDENCIES_FILE = 'dependencies.yml';
export const LOCK_FILE = 'package-lock.yml';
const LOCK_HASH_KEY = 'sha1_hash';

export interface PackageList {
  /** As written. */
  readonly packages: readonly { readonly [key: string]: Json }[];
  /** dependencies.yml is not rendered. */
  readonly fromDependenciesFile: boolean;
  /** File that lists them. */
  readonly file: string;
}

export interface PackageLock extends PackageList {
  readonly hash: string | null;
}

/** The packages that a project requests. */
export function readPackageList(root: string): PackageList {
  const packages = readDictionary(join(root, PACKAGES_FILE));
  const dependencies = readDictionary(join(root, DEPENDENCIES_FILE));
  if ('packages' in packages && 'packages' in dependencies) {
    throw errorOf('packagesTwice', {});
  }
  if ('projects' in packages) throw errorOf('projectsInPackages', {});
  const fromDependenciesFile = 'packages' in dependencies;
  const file = fromDependenciesFile ? DEPENDENCIES_FILE : PACKAGES_FILE;
  return {
    packages: checkedPackages(fromDependenciesFile ? { packages: dependencies['packages'] ?? null } : packages),
    fromDependenciesFile,
    file,
  };
}

/** The lock file that `deps` wrote; undefined when there is none. */
export function readPackageLock(root: string): PackageLock | undefined {
  const path = join(root, LOCK_FILE);
  if (!existsSync(path)) return undefined;
  const { [LOCK_HASH_KEY]: hash, ...data } = readDictionary(path);
  return {
    packages: checkedPackages(data),
    fromDependenciesFile: false,
    file: LOCK_FILE,
    hash: typeof hash === 'string' ? hash : null,
  };
}

/**
 * Returns the folders of installed packages, sorted.
 * @throws TsdbtError `compilation`, with dbt's message, if their number differs from the project's requests
 */
export function installedPackageFolders(project: Project): string[] {
  const lock = readPackageLock(project.project_root);
  const locked = lock?.packages ?? [];
  const specified = locked.length > 0 ? locked : project.packages;
  const root = join(project.project_root, project.packages_install_path);
  const base = isAbsolute(project.packages_install_path) ? project.packages_install_path : root;
  const folders = existsSync(base)
    ? readdirSync(base)
        .sort()
        .filter(
          (name) =>
            !name.startsWith('__') && statSync(join(base, name), { throwIfNoEntry: false })?.isDirectory() === true,
        )
    : [];
  if (folders.length !== specified.length) {
    const missing = locked
      .map((entry) => entry['name'])
      .filter((name): name is string => typeof name === 'string' && !folders.includes(name));
    const { file } = readPackageList(project.project_root);
    throw errorOf('packagesNotInstalled', {
      expected: specified.length,
      file,
      found: folders.length,
      folder: project.packages_install_path,
      missing: missing.length > 0 ? `Following packages were not found: ${missing.join(', ')}. ` : '',
    });
  }
  return folders.map((name) => join(base, name));
}

const revision = optional(oneOf(text, number));
const PACKAGE_SHAPES: readonly Shape[] = [
  closed(['local'], { local: text, unrendered: dict, name: optionalText }),
  closed(['tarball', 'name'], { tarball: text, name: text, unrendered: dict }),
  closed(['git'], {
    git: text,
    revision,
    'warn-unpinned': optionalBool,
    subdirectory: optionalText,
    unrendered: dict,
    name: optionalText,
  }),
  closed(['package', 'version'], {
    package: text,
    version: oneOf(text, number, list),
    install_prerelease: optionalBool,
    unrendered: dict,
    name: optionalText,
  }),
  closed(['private'], {
    private: text,
    provider: optionalText,
    revision,
    'warn-unpinned': optionalBool,
    subdirectory: optionalText,
    unrendered: dict,
    name: optionalText,
  }),
];
const LIST_SHAPE = closed(['packages'], {
  packages: listOf(anyOf(...PACKAGE_SHAPES.map((shape) => checkOf(shape)))),
});

/**
 * Checks the entries of a package file.
 * @throws TsdbtError `project` when the file is malformed
 */
export function checkedPackages(data: { readonly [key: string]: Json }): { readonly [key: string]: Json }[] {
  const filled = { ...data, packages: data['packages'] ?? [] };
  const problem = checkShape(filled, LIST_SHAPE);
  const message = packageProblem(filled.packages) ?? problem?.message;
  if (message !== undefined) {
    throw errorOf('badPackagesFile', { why: message }, { hint: problem?.hint });
  }
  return filled.packages as { readonly [key: string]: Json }[];
}

function packageProblem(packages: Json): string | undefined {
  for (const item of Array.isArray(packages) ? packages : []) {
    const entry = asDictionary(item);
    if (entry === undefined) continue;
    const empty = (['package', 'local', 'git'] as const).find((key) => entry[key] === '');
    if (empty !== undefined)
      return `A ${empty === 'package' ? 'hub' : empty} package is missing the value. It is a required property.`;
    const name = entry['package'];
    if (typeof name !== 'string') continue;
    if (!entry['version'])
      return (
        `${name} is missing the version. When installing from the Hub package index, version is a required ` +
        'property'
      );
    if (!name.includes('/'))
      return (
        `${name} was not found in the package index. Packages on the index require a namespace, e.g ` +
        'dbt-labs/dbt_utils'
      );
  }
  return undefined;
}

function readDictionary(path: string): { readonly [key: string]: Json } {
  if (!existsSync(path)) return {};
  const data = loadYaml(pythonStrip(readFileText(path)), path) ?? {};
  const found = asDictionary(data);
  if (found === undefined) throw errorOf('packagesNoDictionary', { file: basename(path) });
  return found;
}
