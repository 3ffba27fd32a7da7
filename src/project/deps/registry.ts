// Reads the package hub (registry API v1): packages, their versions, and the version that satisfies all requests, with
// dbt's errors. download.ts sends the requests.
import { eventOf } from '../../events/index.ts';
import { errorOf } from '../../error-table.ts';
import { deprecation } from '../deprecations.ts';
import {
  compareVersions,
  DBT_VERSION,
  isPrerelease,
  normalVersion,
  rangesMeet,
  rangeText,
  versionFits,
} from '../versions.ts';
import { type DownloadOptions, downloadJson, NetworkError, withRetries } from './download.ts';
import type { Entry, Wanted } from './wanted.ts';

const HUB = 'https://hub.getdbt.com/';

export interface HubVersion {
  readonly name: string;
  readonly packages: readonly Entry[];
  readonly downloads: { readonly tarball: string };
  readonly require_dbt_version?: string | readonly string[] | null;
}
/** A hub's list of versions: only the chosen version must be complete. */
type HubVersions = { readonly [version: string]: Partial<HubVersion> | null };

const VERSION_KEYS = ['name', 'packages', 'downloads'] as const;

export class Registry {
  readonly #options: DownloadOptions;
  readonly #base: string;
  #index: Promise<readonly string[]> | undefined;
  readonly #packages = new Map<string, Promise<HubVersions>>();

  /** DBT_PACKAGE_HUB_URL replaces the public hub. */
  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#base = (options.env['DBT_PACKAGE_HUB_URL'] || HUB).replace(/\/?$/, '/');
  }

  /**
   * The newest version that satisfies all requests.
   * @param versionCheck excludes versions that require another dbt version
   * @returns it, and the newest version that can be installed without any limits
   * @throws TsdbtError `dependency` when no version satisfies them
   */
  async resolve(wanted: Wanted, versionCheck: boolean): Promise<{ version: string; latest: string }> {
    this.#index ??= this.#fetchIndex();
    if (!(await this.#index).includes(wanted.location))
      throw errorOf('packageNotInIndex', { package: wanted.location });
    const ranges = wanted.versions.map(normalVersion);
    const listed = (texts: readonly string[]): string => `[${texts.map((text) => `'${text}'`).join(', ')}]`;
    if (!rangesMeet(ranges)) {
      throw errorOf('contradictingVersions', { package: wanted.title, versions: listed(ranges) });
    }
    const prereleases = wanted.prerelease || ranges.some(isPrerelease);
    const installable = Object.entries(await this.#versions(wanted.location))
      .filter(
        ([version, info]) =>
          isVersion(version) && (!versionCheck || fitsDbt(info)) && (prereleases || !isPrerelease(version)),
      )
      .map(([version]) => version)
      .sort(compareVersions);
    const version = installable.filter((each) => versionFits(each, ranges)).at(-1);
    if (version === undefined) {
      throw errorOf('noCompatibleVersion', {
        package: wanted.location,
        range: rangeText(ranges),
        versions: listed(installable),
        advice: versionCheck
          ? '\n  Not shown: package versions incompatible with installed version of dbt-core\n  To include ' +
            "them, run 'dbt --no-version-check deps'"
          : '',
      });
    }
    return { version, latest: installable.at(-1) ?? version };
  }

  /**
   * The hub's entry for one version of a package.
   * @throws TsdbtError `dependency` when it does not exist or is incomplete
   */
  async version(name: string, version: string): Promise<HubVersion> {
    const info = (await this.#versions(name))[version];
    if (info === undefined || info === null) throw errorOf('noSuchVersion', { version, package: name });
    const { name: project, packages, downloads } = info;
    if (typeof project !== 'string' || !Array.isArray(packages) || typeof downloads?.tarball !== 'string') {
      const lacking = [
        ...(typeof project === 'string' ? [] : ['name']),
        ...(Array.isArray(packages) ? [] : ['packages']),
        ...(typeof downloads?.tarball === 'string' ? [] : ['downloads.tarball']),
      ];
      throw errorOf('incompleteHubAnswer', { version, package: name, keys: lacking.join(', no ') });
    }
    return { ...info, name: project, packages, downloads };
  }

  /** The hub's entries for a package, requested once. */
  #versions(name: string): Promise<HubVersions> {
    const known = this.#packages.get(name) ?? this.#fetchPackage(name);
    this.#packages.set(name, known);
    return known;
  }

  #fetchIndex(): Promise<readonly string[]> {
    return this.#get('index', 'RegistryIndexProgress', (value) => {
      if (!Array.isArray(value)) throw new NetworkError('Request error: the index of packages is not a list');
      return value;
    });
  }

  #fetchPackage(name: string): Promise<HubVersions> {
    return this.#get(name, 'RegistryProgress', (value) => {
      const answer = value as {
        name?: string;
        namespace?: string;
        versions?: HubVersions;
        redirectnamespace?: string;
        redirectname?: string;
      } | null;
      const { versions } = answer ?? {};
      if (answer === null || typeof versions !== 'object' || versions === null || answer.name === undefined)
        throw new NetworkError('Request error: Expected the response to contain keys name and versions');
      // As in dbt, a key counts as present when one version has it. The chosen version must have all keys.
      const known = new Set(Object.values(versions).flatMap((version) => Object.keys(version ?? {})));
      const missing = VERSION_KEYS.filter((key) => !known.has(key));
      if (missing.length > 0) {
        throw new NetworkError(
          'Request error: Expected the response for the version to contain keys name, packages and downloads, but it ' +
            `is missing ${missing.join(', ')}`,
        );
      }
      if (answer.redirectnamespace || answer.redirectname) {
        const to = `${answer.redirectnamespace || answer.namespace || ''}/${answer.redirectname || answer.name}`;
        deprecation(this.#options.logger, 'PackageRedirectDeprecation', { old_name: name, new_name: to });
      }
      return versions;
    });
  }

  #get<T>(name: string, event: 'RegistryIndexProgress' | 'RegistryProgress', check: (value: unknown) => T): Promise<T> {
    const url = `${this.#base}api/v1/${name}.json`;
    const { logger } = this.#options;
    const index = name === 'index' ? ' index' : '';
    return withRetries(async () => {
      logger.fire(eventOf(`${event}GETRequest`, `Making package${index} registry request: GET ${url}`, { url }));
      const { status, value } = await downloadJson(url, this.#options);
      const answered = `Response from registry${index}: GET ${url} ${status}`;
      logger.fire(eventOf(`${event}GETResponse`, answered, { url, resp_code: status }));
      return check(value);
    }, this.#options);
  }
}

function fitsDbt(version: Partial<HubVersion> | null): boolean {
  const required = version?.require_dbt_version;
  const ranges = (
    typeof required === 'string' ? required.split(',') : Array.isArray(required) ? required.map(String) : []
  ).filter((range) => range !== '');
  return ranges.length === 0 || (rangesMeet(ranges) && versionFits(DBT_VERSION, ranges));
}

function isVersion(text: string): boolean {
  try {
    return normalVersion(text) !== '';
  } catch {
    return false;
  }
}
