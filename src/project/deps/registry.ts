// The package hub (registry API v1): which packages there are, their versions, and the version that fits all requests,
// in dbt's words.
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
/** What a hub lists: only the version that is chosen must be whole. */
type HubVersions = { readonly [version: string]: Partial<HubVersion> | null };

const VERSION_KEYS = ['name', 'packages', 'downloads'] as const;

export class Registry {
  readonly #options: DownloadOptions;
  readonly #base: string;
  #index: Promise<readonly string[]> | undefined;
  readonly #packages = new Map<string, Promise<HubVersions>>();

  /** DBT_PACKAGE_HUB_URL takes the place of the public hub. */
  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#base = (options.env['DBT_PACKAGE_HUB_URL'] || HUB).replace(/\/?$/, '/');
  }

  /**
   * The newest version that suits everybody.
   * @param versionCheck versions made for another dbt do not count
   * @returns it, and the newest that could be installed if nobody set a limit
   * @throws TsdbtError `dependency`
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
   * What the hub knows of one version of a package.
   * @throws TsdbtError `dependency` when there is none, or when it does not say what an install needs
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

  /** Everything that the hub knows of a package, asked for once. */
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
      // As dbt: one version with a key is enough here. The version that is chosen must have them all.
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
