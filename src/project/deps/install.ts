// `deps`: resolves packages that a project and its packages request, writes package-lock.yml and installs them into
// packages-install-path. It installs all or none, also when it is killed. package-store.ts fetches packages.
import { eventOf, type MessageName } from '../../events/index.ts';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Project } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { type Logger, warningTag } from '../../log.ts';
import { LOCK_FILE, readPackageList, readPackageLock } from '../packages.ts';
import { readFileText } from '../read-file.ts';
import { renderTree } from '../renderer.ts';
import { type AddedPackage, addPackage } from './add-package.ts';
import { readHashes, withHashes } from './content-hash.ts';
import { type Environment, withoutCredentials } from './download.ts';
import { dumpPackageYaml, lockEntry, packagesHash } from './lock-file.ts';
import { type Metadata, PackageStore, type Pinned, requestsIn, type StoreOptions } from './package-store.ts';
import { type Entry, Listing, type Request, wantedOf } from './wanted.ts';
import { makeFolder } from '../../make-folder.ts';

export interface InstallOptions extends StoreOptions {
  /** `--lock`: only writes the lock file. */
  readonly lockOnly: boolean;
  /** `--upgrade`: ignores the lock file and resolves again. */
  readonly upgrade: boolean;
  /** `--add-package` with `--source`. */
  readonly add?: AddedPackage | null;
}

/**
 * Installs the packages of a project.
 * @throws TsdbtError `dependency` when a package cannot be fetched, or no version satisfies all requests
 */
export async function installPackages(options: InstallOptions): Promise<void> {
  const { project, logger } = options;
  if (options.add) addPackage(project, options.add, logger);
  const requests = requestsIn(project.project_root, options);
  const hash = packagesHash(requests);
  const lock = readPackageLock(project.project_root);
  const store = new PackageStore(options);
  try {
    if (lock === undefined || options.upgrade || lock.hash !== hash) await writeLock(store, requests, hash, options);
    if (!options.lockOnly) await installLocked(store, requests, options);
  } finally {
    store.close();
  }
}

async function writeLock(
  store: PackageStore,
  requests: readonly Request[],
  hash: string,
  { project, logger, env, scope, upgrade }: InstallOptions,
): Promise<void> {
  if (requests.length === 0) return noPackages(logger);
  const packages: Entry[] = [];
  for (const { pinned, metadata } of await resolveAll(store, requests, project, env)) {
    packages.push(lockEntry(pinned, metadata, withoutSecrets(pinned.wanted.written, scope.env, logger)));
  }
  const path = `${project.project_root}/${LOCK_FILE}`;
  const known = upgrade || !existsSync(path) ? new Map<string, string>() : readHashes(readFileText(path));
  replaceFile(path, withHashes(dumpPackageYaml({ packages, sha1_hash: hash }), known));
  event(logger, 'DepsLockUpdating', `Updating lock file in file path: ${path}`, { lock_filepath: path });
}

/** Resolves requested packages and their own requests, each once, in order of discovery. */
async function resolveAll(
  store: PackageStore,
  requests: readonly Request[],
  project: Project,
  env: Environment,
): Promise<{ pinned: Pinned; metadata: Metadata }[]> {
  const final = new Listing();
  const expanded = new Set<Metadata>();
  let pending = requests;
  while (pending.length > 0) {
    const round = new Listing();
    for (const request of pending) round.add(wantedOf(request, env));
    const next: Request[] = [];
    for (const wanted of round.all()) {
      const metadata = await store.metadata(await store.pin(final.add(wanted)));
      // Packages that request each other would otherwise be expanded without end.
      if (expanded.has(metadata)) continue;
      expanded.add(metadata);
      next.push(...metadata.packages);
    }
    pending = next;
  }
  const found: { pinned: Pinned; metadata: Metadata }[] = [];
  const names = new Set<string>();
  for (const wanted of final.all()) {
    const pinned = await store.pin(wanted);
    const metadata = await store.metadata(pinned);
    const { name } = metadata;
    if (names.has(name)) {
      throw errorOf('duplicateDependency', { name });
    }
    if (name === project.project_name) {
      throw errorOf('dependencyNamedAsRoot', { name });
    }
    names.add(name);
    found.push({ pinned, metadata });
  }
  return found;
}

/** Replaces a whole file. Links in place of it, or of the temporary file, are not followed. */
function replaceFile(path: string, text: string): void {
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, text, { flag: 'wx' });
  renameSync(`${path}.new`, path);
}

/**
 * Compares the contents of downloaded packages with the hashes of their first installation.
 * @param found content hashes by package
 * @throws TsdbtError `dependency` if a package has changed
 */
function checkHashes(project: Project, found: ReadonlyMap<string, string>): void {
  const path = `${project.project_root}/${LOCK_FILE}`;
  const text = existsSync(path) ? readFileText(path) : '';
  const known = readHashes(text);
  for (const [name, hash] of found) {
    const before = known.get(name);
    if (before !== undefined && before !== hash)
      throw errorOf('packageChanged', { package: withoutCredentials(name), found: hash, expected: before });
  }
  // Packages that are no longer requested are dropped.
  if (text === '' || (known.size === found.size && [...found.keys()].every((name) => known.has(name)))) return;
  try {
    replaceFile(path, withHashes(text, found));
  } catch {
    // If the project is read-only, packages are still installed, but new hashes are not stored.
    rmSync(`${path}.new`, { force: true });
  }
}

async function installLocked(
  store: PackageStore,
  requests: readonly Request[],
  { project, logger, env, scope, render }: InstallOptions,
): Promise<void> {
  const target = installFolder(project);
  const staged = join(dirname(target), `.${basename(target)}.new-${process.pid}`);
  removeLeftovers(target);
  const locked = readPackageLock(project.project_root)?.packages ?? [];
  makeFolder(dirname(staged));
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged);
  try {
    if (locked.length === 0) noPackages(logger);
    const listing = new Listing();
    // The lock file also contains requests of packages. Only the project's own entries may read secrets; those of
    // downloaded packages may not read any variable.
    const own = new Set(requests.map(({ unrendered }) => placeOf(unrendered)));
    const local = placesInLocal(project.project_root, requests);
    for (const entry of locked) {
      const place = placeOf(entry);
      const seen = own.has(place) ? {} : local.has(place) ? { secrets: false } : { secrets: false, env: {} };
      const rendered = renderTree(entry, { ...scope, ...seen }, render) as Entry;
      listing.add(wantedOf({ entry: rendered, unrendered: entry, foreign: false }, env));
    }
    const packages = await Promise.all(listing.all().map((wanted) => store.pin(wanted)));
    // Fetched concurrently, reported in order.
    const work = packages.map(async (pinned) =>
      store.place(pinned, join(staged, checkedName((await store.metadata(pinned)).name, project))),
    );
    await Promise.allSettled(work);
    const updates: string[] = [];
    const hashes = new Map<string, string>();
    for (const [i, pinned] of packages.entries()) {
      const title = withoutCredentials(pinned.wanted.title);
      event(logger, 'DepsStartPackageInstall', `Installing ${title}`, { package_name: title });
      const hash = (await work[i]) ?? null;
      if (hash !== null) hashes.set(`${pinned.wanted.written} ${pinned.version ?? ''}`, hash);
      const version = versionName(pinned);
      event(logger, 'DepsInstallInfo', `Installed from ${version}`, { version_name: version });
      if (pinned.latest !== null && pinned.latest !== pinned.version) {
        updates.push(title);
        event(logger, 'DepsUpdateAvailable', `Updated version available: ${pinned.latest}`, {
          version_latest: pinned.latest,
        });
      } else if (pinned.latest !== null) event(logger, 'DepsUpToDate', 'Up to date!', {});
      const { subdirectory } = pinned.wanted;
      if (subdirectory !== null)
        event(logger, 'DepsListSubdirectory', `and subdirectory ${subdirectory}`, { subdirectory });
    }
    checkHashes(project, hashes);
    swap(staged, target);
    if (updates.length > 0) {
      event(logger, 'Formatting', '', {});
      const listed = updates.map((name) => `'${name}'`).join(', ');
      event(
        logger,
        'DepsNotifyUpdatesAvailable',
        `Updates available for packages: [${listed}]\nUpdate your versions in packages.yml, then run dbt deps`,
        { packages: updates },
      );
    }
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** The source of an entry's package, as written. */
function placeOf({ git, tarball, private: hidden, package: name, local }: Entry): string {
  return String(git ?? tarball ?? hidden ?? name ?? local);
}

/** The folders of local packages that the project requests, as written. */
function placesInLocal(root: string, requests: readonly Request[]): Set<string> {
  const folders = requests.flatMap(({ entry }) => (typeof entry['local'] === 'string' ? [entry['local']] : []));
  const places = new Set<string>();
  for (const folder of folders) {
    for (const entry of readPackageList(resolve(root, folder)).packages) {
      places.add(placeOf(entry));
      const { local } = entry;
      if (typeof local === 'string' && !folders.includes(local)) folders.push(local);
    }
  }
  return places;
}

function versionName({ wanted, version }: Pinned): string {
  switch (wanted.kind) {
    case 'local':
      return `<local @ ${wanted.location}>`;
    case 'tarball':
      return `tarball (url: ${withoutCredentials(wanted.location)})`;
    case 'hub':
      return `version ${version ?? ''}`;
    default:
      return version === 'HEAD' ? 'HEAD (default revision)' : `revision ${version ?? ''}`;
  }
}

/** The folder of all packages, with links resolved, so that it can be replaced. */
function installFolder(project: Project): string {
  const root = realpathSync(project.project_root);
  const path = resolve(root, project.packages_install_path);
  const target = existsSync(path) ? realpathSync(path) : path;
  const up = relative(target, root);
  if (up === '' || !up.startsWith('..')) {
    throw errorOf('installPathHoldsProject', { path: project.packages_install_path });
  }
  // A folder inside the project is replaced as a whole, as in dbt; a folder elsewhere may contain other files.
  const own = target === path && !relative(root, target).startsWith('..');
  const other = own || !existsSync(target) ? [] : readdirSync(target).filter((name) => !isPackage(join(target, name)));
  if (other.length > 0) {
    throw errorOf(
      'installPathHoldsMore',
      { path: project.packages_install_path, target, entries: other.slice(0, 3).join(', ') },
      { hint: 'Everything in that folder would be deleted: name one for packages alone.' },
    );
  }
  return target;
}

function isPackage(path: string): boolean {
  return lstatSync(path).isSymbolicLink() || existsSync(join(path, 'dbt_project.yml'));
}

/** The name of a package is used as a folder name. */
function checkedName(name: string, project: Project): string {
  if (/[\\/\0]/.test(name) || name === '' || name === '.' || name === '..') {
    throw errorOf('badPackageName', { name, path: project.packages_install_path });
  }
  return name;
}

/** Replaces the old folder by two renames, so that readers never see a partial one. */
function swap(staged: string, target: string): void {
  const old = join(dirname(target), `.${basename(target)}.old-${process.pid}`);
  try {
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) renameSync(target, old);
  } catch {
    // A mount point cannot be renamed: its contents are replaced package by package.
    for (const name of readdirSync(target)) rmSync(join(target, name), { recursive: true, force: true });
    for (const name of readdirSync(staged)) renameSync(join(staged, name), join(target, name));
    return;
  }
  renameSync(staged, target);
  rmSync(old, { recursive: true, force: true });
}

/** Removes files that a killed `deps` left next to the folder. */
function removeLeftovers(target: string): void {
  const parent = dirname(target);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(`.${basename(target)}.`) ? /\.(?:new|old)-(\d+)$/.exec(name)?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}

/** A location for the lock file: a secret written literally in packages.yml is not copied. */
function withoutSecrets(text: string, env: Environment, logger: Logger): string {
  const secrets = Object.entries(env).flatMap(([name, value]) =>
    /^DBT_(ENGINE_)?ENV_SECRET/.test(name) && value?.trim() ? [value] : [],
  );
  const scrubbed = secrets.reduce((shown, secret) => shown.replaceAll(secret, '*****'), text);
  if (scrubbed !== text) {
    const msg =
      `Detected secret env var in ${scrubbed}. dbt will write a scrubbed representation to the lock file. This ` +
      "will cause issues with subsequent 'dbt deps' using the lock file, requiring 'dbt deps --upgrade'";
    logger.fire(eventOf('DepsScrubbedPackageName', warningTag(msg), { package_name: scrubbed }));
  }
  return scrubbed;
}

function noPackages(logger: Logger): void {
  event(logger, 'DepsNoPackagesFound', 'Warning: No packages were found in packages.yml', {});
}

function event(logger: Logger, name: MessageName, msg: string, data: Readonly<Record<string, unknown>>): void {
  logger.fire(eventOf(name, msg, data));
}
