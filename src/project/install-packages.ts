// `deps`: finds the packages that a project and its packages ask for, writes package-lock.yml and puts the packages into
// packages-install-path. Local packages only: git, tarballs and the hub are refused by name.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { Project } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { dumpJson, fromJson } from '../values/json.ts';
import { checkedPackages, DEPENDENCIES_FILE, LOCK_FILE, PACKAGES_FILE, readPackageList, readPackageLock } from './packages.ts';
import { readRawProject } from './project.ts';
import { renderTree, type RenderYamlText, type YamlScope } from './renderer.ts';
import { asDictionary, loadYaml } from './yaml.ts';

type Entry = { readonly [key: string]: Json };

export interface InstallOptions {
  readonly project: Project;
  readonly render: RenderYamlText;
  /** Scope of packages.yml: secrets allowed, no target. */
  readonly scope: YamlScope;
  readonly logger: Logger;
  /** `--lock`: write the lock file only. */
  readonly lockOnly: boolean;
  /** `--upgrade`: resolve anew. */
  readonly upgrade: boolean;
  /** `--add-package` with `--source`. */
  readonly add?: { readonly name: string; readonly version: string | null; readonly source: string } | null;
}

interface Resolved { readonly local: string; readonly folder: string; readonly name: string }

/**
 * Installs the packages of a project.
 * @throws TsdbtError `dependency` for a package of a kind that is not supported, or whose name is taken
 */
export function installPackages(options: InstallOptions): void {
  const { project, logger } = options;
  if (options.add) addPackage(project, options.add, logger);
  const packages = options.add ? renderPackages(project.project_root, options) : (project.packages as Entry[]);
  const unrendered = readPackageList(project.project_root).packages;
  const hash = packagesHash(packages, unrendered);
  const lock = readPackageLock(project.project_root);
  if (lock === undefined || options.upgrade || lock.hash !== hash) writeLock(packages, hash, options);
  if (options.lockOnly) return;
  const target = emptyInstallFolder(project);
  const locked = readPackageLock(project.project_root)?.packages ?? [];
  if (locked.length === 0) {
    event(logger, 'DepsNoPackagesFound', 'M013', 'Warning: No packages were found in packages.yml', {});
    return;
  }
  for (const entry of locked) {
    const found = resolvePackage(entry, project);
    event(logger, 'DepsStartPackageInstall', 'M014', `Installing ${found.local}`, { package_name: found.local });
    link(found, target, project, logger);
    event(logger, 'DepsInstallInfo', 'M015', `Installed from <local @ ${found.local}>`, { version_name: `<local @ ${found.local}>` });
  }
}

/** The checksum by which a lock file is known to fit: sha1 over the sorted JSON of the entries, as dbt's. */
export function packagesHash(packages: readonly Entry[], unrendered: readonly Entry[]): string {
  const texts = packages.map((entry, i) => dumpJson(fromJson(hashedEntry(entry, unrendered[i] ?? entry)), { sortKeys: true }));
  return createHash('sha1').update(texts.sort().join('\n'), 'utf8').digest('hex');
}

/** An entry with the defaults that dbt fills in. */
function hashedEntry(entry: Entry, unrendered: Entry): Entry {
  const defaults: Entry = 'git' in entry || 'private' in entry
    ? { ...('private' in entry ? { provider: null } : {}), revision: null, 'warn-unpinned': null, subdirectory: null }
    : 'package' in entry ? { install_prerelease: false } : {};
  const { name, ...rest } = { ...defaults, ...entry };
  return { ...rest, unrendered: { ...unrendered }, ...(name === undefined || name === null ? {} : { name }) };
}

function renderPackages(root: string, options: InstallOptions): Entry[] {
  const list = readPackageList(root);
  return list.fromDependenciesFile ? [...list.packages] : (renderTree(list.packages as Json, options.scope, options.render) as Entry[]);
}

function writeLock(packages: readonly Entry[], hash: string, options: InstallOptions): void {
  const { project, logger } = options;
  if (packages.length === 0) {
    event(logger, 'DepsNoPackagesFound', 'M013', 'Warning: No packages were found in packages.yml', {});
    return;
  }
  const resolved = resolveAll(packages, options);
  const path = `${project.project_root}/${LOCK_FILE}`;
  writeFileSync(path, dumpYaml({ packages: resolved.map(({ local, name }) => ({ local, name })), sha1_hash: hash }));
  event(logger, 'DepsLockUpdating', 'M031', `Updating lock file in file path: ${path}`, { lock_filepath: path });
}

/** What is asked for, and what that asks for, each once, in order of discovery. */
function resolveAll(packages: readonly Entry[], options: InstallOptions): Resolved[] {
  const { project } = options;
  const found = new Map<string, Resolved>();
  let pending = [...packages];
  while (pending.length > 0) {
    const next: Entry[] = [];
    for (const entry of pending) {
      const resolved = resolvePackage(entry, project);
      if (found.has(resolved.local)) continue;
      found.set(resolved.local, resolved);
      next.push(...renderPackages(resolved.folder, options));
    }
    pending = next;
  }
  const names = new Set<string>();
  for (const { name } of found.values()) {
    if (names.has(name)) {
      throw new TsdbtError('dependency', `Found duplicate project "${name}". This occurs when a dependency has the same project name as some other dependency.`);
    }
    if (name === project.project_name) {
      throw new TsdbtError('dependency', `Found a dependency with the same name as the root project "${name}". Package names must be unique in a project. Please rename one of these packages.`);
    }
    names.add(name);
  }
  return [...found.values()];
}

function resolvePackage(entry: Entry, project: Project): Resolved {
  const local = entry['local'];
  if (typeof local !== 'string') {
    const kind = (['git', 'package', 'tarball', 'private'] as const).find((key) => key in entry) ?? 'package';
    throw new TsdbtError('dependency', `Packages from ${kind === 'package' ? 'the hub' : kind} are not supported in this version: ${String(entry[kind])}`, {
      hint: 'Put the package into a folder and name it with `local:`, or install it with dbt: packages that are installed already are used.',
    });
  }
  // Every path counts from the root project, also one that a package names.
  const folder = resolve(project.project_root, local);
  const { data } = readRawProject(folder);
  const name = data['name'];
  if (typeof name !== 'string') throw new TsdbtError('project', 'Package defined in dbt_project.yml must have a name!');
  return { local, folder, name };
}

function emptyInstallFolder(project: Project): string {
  const target = resolve(project.project_root, project.packages_install_path);
  const up = relative(target, project.project_root);
  if (up === '' || !up.startsWith('..')) {
    throw new TsdbtError('dependency', `packages-install-path '${project.packages_install_path}' holds the project itself: it would be deleted`);
  }
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  return target;
}

function link({ folder, name }: Resolved, target: string, project: Project, logger: Logger): void {
  const path = join(target, name);
  if (relative(target, path).startsWith('..')) {
    throw new TsdbtError('dependency', `Invalid package name '${name}': resolves outside of the packages-install-path ('${project.packages_install_path}')`);
  }
  rmSync(path, { recursive: true, force: true });
  try {
    event(logger, 'DepsCreatingLocalSymlink', 'Z037', 'Creating symlink to local dependency.', {}, 'debug');
    symlinkSync(folder, path, 'dir');
  } catch {
    event(logger, 'DepsSymlinkNotAvailable', 'Z038', 'Symlinks are not available on this OS, copying dependency.', {}, 'debug');
    cpSync(folder, path, { recursive: true });
  }
}

/** Puts an entry into packages.yml (or dependencies.yml), in the place of one for the same package. */
function addPackage(project: Project, add: NonNullable<InstallOptions['add']>, logger: Logger): void {
  const list = readPackageList(project.project_root);
  const path = `${project.project_root}/${list.fromDependenciesFile ? DEPENDENCIES_FILE : PACKAGES_FILE}`;
  if (!existsSync(path)) {
    writeFileSync(path, 'packages: []\n');
    event(logger, 'Formatting', 'Z017', 'Created packages.yml', {});
  }
  const data = asDictionary(loadYaml(readFileSync(path, 'utf8'), path)) ?? {};
  const kept = (Array.isArray(data['packages']) ? data['packages'] : []).filter((item) => {
    const entry = asDictionary(item) ?? {};
    const same = isSamePackage(entry, add.name);
    if (same) event(logger, 'DepsFoundDuplicatePackage', 'M033', `Found duplicate package in packages.yml, removing: ${JSON.stringify(entry)}`, { removed_package: entry });
    return !same;
  });
  const key = add.source === 'hub' ? 'package' : add.source;
  const version: Json | null = add.version?.includes(',') === true ? add.version.split(',') : add.version;
  const entry: { [key: string]: Json } = { [key]: add.name, ...(version === null ? {} : { [add.source === 'git' ? 'revision' : 'version']: version }) };
  checkedPackages({ packages: [...kept, entry] });
  writeFileSync(path, dumpYaml({ ...data, packages: [...kept, entry] }));
  event(logger, 'DepsAddPackage', 'M032', `Added new package ${add.name}@${add.version ?? 'None'} to ${path}`, { package_name: add.name, version: add.version, packages_filepath: path });
}

/** Whether an entry means the package, `_` and `-` alike, with or without its owner. */
function isSamePackage(entry: Entry, name: string): boolean {
  const identifier = entry['package'] ?? entry['git'] ?? entry['local'] ?? entry['tarball'] ?? entry['private'];
  if (typeof identifier !== 'string') return false;
  const short = name.slice(name.lastIndexOf('/') + 1);
  return [name, short].flatMap((text) => [text, text.replaceAll('_', '-'), text.replaceAll('-', '_')]).some((variant) => {
    const at = identifier.indexOf(variant);
    if (at === -1) return false;
    const before = identifier[at - 1];
    const after = identifier[at + variant.length];
    return (before === undefined || '/.'.includes(before)) && (after === undefined || '/.'.includes(after));
  });
}

function dumpYaml(value: Json): string {
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  return yaml.stringify(value, { version: '1.1', sortMapEntries: true, indentSeq: true, lineWidth: 0 });
}

function event(logger: Logger, name: string, code: string, msg: string, data: Readonly<Record<string, unknown>>, level: 'info' | 'debug' = 'info'): void {
  logger.fire({ name, code, level, msg, data });
}
