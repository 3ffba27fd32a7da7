// Fetches packages: resolves a request to one version, reads the package's name and requests, and places it into a
// folder. Each is fetched once per command into a temporary folder, which `close` removes. wanted.ts merges requests.
import { eventOf } from '../../events/index.ts';
import { randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Json } from '../../contracts/node.ts';
import type { Project } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { type Logger, warningTag } from '../../log.ts';
import { checkSettingsFiles } from '../outside-paths.ts';
import { checkedPackages, readPackageList } from '../packages.ts';
import { readRawProject } from '../project.ts';
import { renderTree, type RenderYamlText, type YamlScope } from '../renderer.ts';
import { BrokenArchive, unpack } from './archive.ts';
import {
  type DownloadOptions,
  download,
  type Environment,
  NetworkError,
  withoutCredentials,
  withRetries,
} from './download.ts';
import { contentHash } from './content-hash.ts';
import { checkOut } from './git.ts';
import { type HubVersion, Registry } from './registry.ts';
import type { Entry, Request, Wanted } from './wanted.ts';

export interface StoreOptions {
  readonly project: Project;
  readonly render: RenderYamlText;
  /** Scope of packages.yml: it may read secrets and has no target. */
  readonly scope: YamlScope;
  /** The variables of git, proxies and the hub; `scope.env` contains those of templates. */
  readonly env: Environment;
  readonly logger: Logger;
  readonly versionCheck: boolean;
  /** Milliseconds between two attempts of a download; dbt's: 1000. */
  readonly retryDelay?: number;
}

/** One version of one package. */
export interface Pinned {
  readonly wanted: Wanted;
  /** Commit, branch or version; null when there is none. */
  readonly version: string | null;
  /** The newest version in the hub. */
  readonly latest: string | null;
}

export interface Metadata {
  /** Name of its project. */
  readonly name: string;
  /** Its own requests. */
  readonly packages: readonly Request[];
  /** The version as in the lock file: a commit, never a branch. */
  readonly version: string | null;
  /** Its folder; null before it is fetched. */
  readonly folder: string | null;
}

/** Parses the packages that the root project requests. Those in dependencies.yml are not rendered. */
export function requestsIn(root: string, { scope, render }: Pick<StoreOptions, 'scope' | 'render'>): Request[] {
  const { packages, fromDependenciesFile } = readPackageList(root);
  const rendered = fromDependenciesFile ? packages : (renderTree(packages as Json, scope, render) as Entry[]);
  return rendered.map((entry, i) => ({ entry, unrendered: packages[i] ?? entry, foreign: false }));
}

/**
 * Parses the packages that a package requests. It must not read secrets. A downloaded package must not read any
 * variable, because it could send the value to its own server as part of a URL.
 * @param foreign whether it was downloaded
 * @throws TsdbtError `dependency` if it requests a secret, now or when the lock file is read
 */
function requestsOf(name: string, folder: string, foreign: boolean, { scope, render }: StoreOptions): Request[] {
  try {
    const requests = requestsIn(folder, {
      scope: { ...scope, secrets: false, ...(foreign ? { env: {} } : {}) },
      render,
    }).map((request) => ({
      ...request,
      foreign,
    }));
    const left = requests.find(({ entry }) => /\{[{%#]/.test(JSON.stringify(entry)));
    if (left !== undefined) throw errorOf('unrenderedTemplate', { entry: JSON.stringify(left.entry) });
    return requests;
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const hint = 'Only the packages.yml of the root project sees the environment: name the package there, too.';
    throw errorOf(
      'badListOfPackage',
      { package: name, why: error.message },
      /^(?:Secret env vars|Env var required)/.test(error.message) ? { hint } : {},
    );
  }
}

export class PackageStore {
  readonly #options: StoreOptions;
  readonly #download: DownloadOptions;
  readonly #registry: Registry;
  readonly #folder: string;
  readonly #known = new Map<string, Promise<Metadata>>();

  constructor(options: StoreOptions) {
    this.#options = options;
    const { logger, env, retryDelay = 1000 } = options;
    this.#download = {
      env,
      logger,
      delay: retryDelay,
      timeout: Number(env['DBT_HTTP_TIMEOUT'] ?? 30) * 1000 || 30_000,
    };
    this.#registry = new Registry(this.#download);
    this.#folder = mkdtempSync(join(tmpdir(), 'tsdbt-downloads-'));
    process.once('exit', this.#remove);
    logger.fire(
      eventOf('DepsSetDownloadDirectory', `Set downloads directory='${this.#folder}'`, { path: this.#folder }),
    );
  }

  close(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  /** A git that was just ended may still be writing. */
  readonly #remove = (): void => {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  };

  /**
   * Selects the version that satisfies all requests.
   * @throws TsdbtError `dependency` when there is none
   */
  async pin(wanted: Wanted): Promise<Pinned> {
    if (wanted.kind === 'hub') {
      const { version, latest } = await this.#registry.resolve(wanted, this.#options.versionCheck);
      return { wanted, version, latest };
    }
    if (wanted.kind !== 'git' && wanted.kind !== 'private')
      return { wanted, version: wanted.kind === 'tarball' ? 'tarball' : null, latest: null };
    const revisions = [...new Set(wanted.versions)].sort();
    if (revisions.length > 1) {
      const listed = revisions.map((revision) => `'${revision}'`).join(', ');
      throw errorOf('manyRevisions', { repository: withoutCredentials(wanted.title), revisions: listed });
    }
    return { wanted, version: revisions[0] ?? 'HEAD', latest: null };
  }

  /** Metadata of a package; fetches the package when necessary. */
  metadata(pinned: Pinned): Promise<Metadata> {
    const key = keyOf(pinned);
    const known = this.#known.get(key) ?? this.#read(pinned);
    this.#known.set(key, known);
    return known;
  }

  /**
   * Moves or copies a package into a folder that must not exist.
   * @returns the content hash of a package that is identified only by its URL or version, otherwise null
   */
  async place(pinned: Pinned, target: string): Promise<string | null> {
    const { wanted, version } = pinned;
    const { folder } = await this.metadata(pinned);
    if (wanted.kind === 'local') link(folder ?? '', target, this.#options.logger);
    else if (folder !== null) move(folder, target);
    else {
      const { downloads } = await this.#registry.version(wanted.location, version ?? '');
      move(await this.#unpacked(downloads.tarball, wanted.location), target);
    }
    return wanted.kind === 'hub' || wanted.kind === 'tarball' ? contentHash(target) : null;
  }

  async #read(pinned: Pinned): Promise<Metadata> {
    const { wanted, version } = pinned;
    switch (wanted.kind) {
      case 'hub': {
        const info = await this.#registry.version(wanted.location, version ?? '');
        return { name: info.name, packages: hubRequests(wanted.location, info), version, folder: null };
      }
      case 'local':
        return this.#readFolder(this.#localFolder(wanted), version, wanted.foreign);
      case 'tarball':
        return {
          ...this.#readFolder(await this.#unpacked(wanted.location, wanted.title), version, true),
          name: wanted.title,
        };
      default: {
        const { commit, folder } = await checkOut({
          url: wanted.location,
          revision: version ?? 'HEAD',
          subdirectory: wanted.subdirectory,
          folder: join(this.#folder, randomUUID()),
          foreign: wanted.foreign,
          env: this.#download.env,
          logger: this.#download.logger,
          delay: this.#download.delay,
        });
        this.#warnUnpinned(pinned);
        const metadata = this.#readFolder(folder, commit, true);
        this.#known.set(keyOf({ ...pinned, version: commit }), Promise.resolve(metadata));
        return metadata;
      }
    }
  }

  #readFolder(folder: string, version: string | null, foreign: boolean): Metadata {
    if (foreign) checkSettingsFiles(folder);
    const name = readRawProject(folder).data['name'];
    if (typeof name !== 'string') throw errorOf('packageWithoutName', {});
    return { name, packages: requestsOf(name, folder, foreign, this.#options), version, folder };
  }

  /**
   * All paths are relative to the root project, also those in packages.
   * @throws TsdbtError `dependency` when a downloaded package names a folder outside of the project
   */
  #localFolder({ location, foreign }: Wanted): string {
    const { project_root: root } = this.#options.project;
    const folder = resolve(root, location);
    const real = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
    const way = relative(real(root), real(folder));
    if (foreign && (way.startsWith('..') || isAbsolute(way))) {
      throw errorOf(
        'folderOutsideProject',
        { folder: location },
        {
          hint: 'If it is meant to be used, name it in the packages.yml of this project.',
        },
      );
    }
    return folder;
  }

  #warnUnpinned({ wanted, version }: Pinned): void {
    if (!wanted.warnUnpinned || !(version === 'HEAD' || version === 'main' || version === 'master')) return;
    const how = version === 'HEAD' ? 'not pinned, using HEAD (default branch)' : `pinned to the "${version}" branch`;
    const git = withoutCredentials(wanted.location);
    this.#options.logger.fire(
      eventOf(
        'DepsUnpinned',
        warningTag(
          `The git package "${git}" \n\tis ${how}.\n\tThis can introduce breaking changes into your project ` +
            'without warning!\n\nSee ' +
            'https://docs.getdbt.com/docs/package-management#section-specifying-package-versions',
        ),
        { revision: version, git },
      ),
    );
  }

  /** @returns the package's folder: the one at the top of the archive */
  #unpacked(url: string, title: string): Promise<string> {
    return withRetries(async () => {
      const folder = join(this.#folder, randomUUID());
      mkdirSync(folder);
      const { body, whole } = await download(url, this.#download);
      const shown = withoutCredentials(url);
      const [top, ...more] = await unpack(body, folder, shown).catch((error: unknown) => {
        // A response without a length may have been truncated.
        throw error instanceof BrokenArchive && !whole ? new NetworkError(error.message) : error;
      });
      if (top === undefined || more.length > 0 || !lstatSync(join(folder, top)).isDirectory()) {
        throw errorOf('badPackageStructure', { archive: shown, package: title });
      }
      return join(folder, top);
    }, this.#download);
  }
}

/** @throws TsdbtError `dependency` when the hub's answer is not a list of packages */
function hubRequests(name: string, { packages }: HubVersion): Request[] {
  try {
    return checkedPackages({ packages: packages as Json }).map((entry) => ({ entry, unrendered: {}, foreign: true }));
  } catch {
    throw errorOf('badHubAnswer', { package: name, packages: JSON.stringify(packages).slice(0, 200) });
  }
}

function keyOf({ wanted, version }: Pinned): string {
  return `${wanted.kind} ${wanted.location} ${wanted.subdirectory ?? ''} ${version ?? ''}`;
}

function link(folder: string, target: string, logger: Logger): void {
  try {
    logger.fire(eventOf('DepsCreatingLocalSymlink', 'Creating symlink to local dependency.'));
    symlinkSync(folder, target, 'dir');
  } catch {
    logger.fire(eventOf('DepsSymlinkNotAvailable', 'Symlinks are not available on this OS, copying dependency.'));
    cpSync(folder, target, { recursive: true });
  }
}

/** Renames if possible; the temporary folder may be on another file system. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    rmSync(from, { recursive: true, force: true });
  }
}
