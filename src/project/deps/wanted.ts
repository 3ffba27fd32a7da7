// Turns requests of packages.yml into values, and merges two requests for one package by dbt's rules. Reads and fetches
// nothing.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { toText, type Value } from '../../values/index.ts';
import type { Environment } from './download.ts';

export type Entry = { readonly [key: string]: Json };
/** An entry after and before rendering. */
export interface Request {
  readonly entry: Entry;
  readonly unrendered: Entry;
  /** Whether a downloaded package requests it, which may not access this machine's files. */
  readonly foreign: boolean;
}

export interface Wanted {
  readonly kind: 'local' | 'tarball' | 'git' | 'private' | 'hub';
  /** The key that requests for one package share; `others` are alternative spellings of it. */
  readonly key: string;
  readonly others: readonly string[];
  /** The package's name in messages. */
  readonly title: string;
  /** Folder, URL or name on the hub. */
  readonly location: string;
  /** The location as written, for the lock file. */
  readonly written: string;
  /** Revisions, or version ranges, of all requests. */
  readonly versions: readonly string[];
  readonly subdirectory: string | null;
  readonly warnUnpinned: boolean;
  readonly prerelease: boolean;
  readonly provider: string | null;
  /** Whether all requests come from downloaded packages. */
  readonly foreign: boolean;
}

const CLASSES = {
  local: 'LocalUnpinnedPackage',
  tarball: 'TarballUnpinnedPackage',
  git: 'GitUnpinnedPackage',
  private: 'PrivateUnpinnedPackage',
  hub: 'RegistryUnpinnedPackage',
};

/** @param env determines a private package's URL */
export function wantedOf({ entry, unrendered, foreign }: Request, env: Environment): Wanted {
  const text = (name: string): string | null => (typeof entry[name] === 'string' ? entry[name] : null);
  const kind: Wanted['kind'] = (['local', 'tarball', 'git', 'private'] as const).find((name) => name in entry) ?? 'hub';
  const given = text(kind === 'hub' ? 'package' : kind) ?? '';
  const before = unrendered[kind];
  const plain = {
    kind,
    key: given,
    others: [],
    title: given,
    location: given,
    written: typeof before === 'string' && before !== '' ? before : given,
    versions: [],
    subdirectory: null,
    warnUnpinned: false,
    prerelease: false,
    provider: null,
    foreign,
  };
  if (kind === 'local') return plain;
  if (kind === 'tarball') return { ...plain, title: text('name') ?? given };
  if (kind === 'hub') {
    const version = entry['version'] ?? null;
    return {
      ...plain,
      written: given,
      versions: (Array.isArray(version) ? version : [version]).map((v) => toText(v as Value)),
      prerelease: entry['install_prerelease'] === true,
    };
  }
  const provider = text('provider');
  const location = kind === 'git' ? given : privateUrl(given, provider, env);
  const subdirectory = text('subdirectory') || null;
  const below = subdirectory === null ? '' : `/${subdirectory}`;
  const revision = entry['revision'] ?? null;
  return {
    ...plain,
    location,
    key: `${location}${below}`,
    title: `${location}${below}`,
    subdirectory,
    provider,
    written: kind === 'private' ? given : plain.written,
    others: [`${location.endsWith('.git') ? location.slice(0, -4) : `${location}.git`}${below}`],
    versions: revision === null ? [] : [toText(revision as Value)],
    warnUnpinned: (entry['warn-unpinned'] ?? entry['warn_unpinned']) !== false,
  };
}

/** Requests by package, in order of discovery. */
export class Listing {
  readonly #found = new Map<string, Wanted>();

  get size(): number {
    return this.#found.size;
  }

  all(): readonly Wanted[] {
    return [...this.#found.values()];
  }

  /**
   * Adds a request to those for the same package.
   * @returns the merged request
   * @throws TsdbtError `dependency` when requests name one package in incompatible ways
   */
  add(wanted: Wanted): Wanted {
    const key = [wanted.key, ...wanted.others].find((name) => this.#found.has(name)) ?? wanted.key;
    const known = this.#found.get(key);
    if (known !== undefined && known.kind !== wanted.kind) {
      throw errorOf('mismatchedKinds', {
        one: known.title,
        oneKind: CLASSES[known.kind],
        other: wanted.title,
        otherKind: CLASSES[wanted.kind],
      });
    }
    const merged =
      known === undefined
        ? wanted
        : {
            ...known,
            versions: [...known.versions, ...wanted.versions],
            warnUnpinned: known.warnUnpinned && wanted.warnUnpinned,
            foreign: known.foreign && wanted.foreign,
          };
    this.#found.set(key, merged);
    return merged;
  }
}

/**
 * URL of a private package: the first match of DBT_ENV_PRIVATE_GIT_PROVIDER_INFO (JSON: org, url with `{token}` and
 * `{repo}`, token, provider), else the provider's SSH address.
 */
function privateUrl(name: string, provider: string | null, env: Environment): string {
  const parts = name.split('/');
  const [org = '', group, repo] = [parts[0], parts.slice(1, -1).join('/'), parts.at(-1) ?? ''];
  const known = providers(env);
  for (const { url, token } of known.filter(
    (each) => each.org === org && (provider === null || family(each.provider) === family(provider)),
  )) {
    const fill = (text: string): string =>
      text.replace(/\{(repo|group|project)\}/g, (_, field: string) => (field === 'repo' ? repo : group));
    const path = fill(/^[a-z]+:\/\/[^/]*\/(.*?)(?:\.git)?$/.exec(url)?.[1] ?? '').replace('/_git/', '/');
    if (path === name) return fill(url).replace('{token}', token);
  }
  if (known.length > 0) throw errorOf('noPrivateUrl', { package: name, provider: provider ?? 'None' });
  switch (provider ?? 'github') {
    case 'github':
      return `git@github.com:${name}.git`;
    case 'gitlab':
      return `git@gitlab.com:${name}.git`;
    case 'ado':
    case 'azure_devops':
      if (parts.length < 3) throw errorOf('privateNameTooShort', { provider: provider ?? '', package: name });
      return `git@ssh.dev.azure.com:v3/${name}`;
    default:
      throw errorOf('badPrivatePackage', { package: name, provider: provider ?? '' });
  }
}

const family = (provider: string): string => (/^(ado|azure_)/.test(provider) ? 'ado' : provider);

function providers(env: Environment): { org: string; url: string; token: string; provider: string }[] {
  try {
    return JSON.parse(env['DBT_ENV_PRIVATE_GIT_PROVIDER_INFO'] || '[]') as {
      org: string;
      url: string;
      token: string;
      provider: string;
    }[];
  } catch {
    throw errorOf('badProviderInfo', {});
  }
}
