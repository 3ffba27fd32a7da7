// Reads and writes package-lock.yml with dbt's text, checksum and entries, so that either program accepts the other's
// file. install.ts decides when it is rewritten.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Json } from '../../contracts/node.ts';
import { dumpJson, fromJson } from '../../values/json.ts';
import type { Metadata, Pinned } from './package-store.ts';
import type { Entry, Request } from './wanted.ts';

/** The checksum that shows whether a lock file is current: dbt's sha1 of the entries as sorted JSON. */
export function packagesHash(requests: readonly Request[]): string {
  const texts = requests.map((request) => dumpJson(fromJson(hashedEntry(request)), { sortKeys: true }));
  return createHash('sha1').update(texts.sort().join('\n'), 'utf8').digest('hex');
}

/** An entry with dbt's defaults. */
function hashedEntry({ entry, unrendered }: Request): Entry {
  const defaults: Entry =
    'git' in entry || 'private' in entry
      ? { ...('private' in entry ? { provider: null } : {}), revision: null, 'warn-unpinned': null, subdirectory: null }
      : 'package' in entry
        ? { install_prerelease: false }
        : {};
  const { name, ...rest } = { ...defaults, ...entry };
  return { ...rest, unrendered: { ...unrendered }, ...(name === undefined || name === null ? {} : { name }) };
}

/** One package as an entry of the lock file. @param location without secrets */
export function lockEntry({ wanted }: Pinned, { name, version }: Metadata, location: string): Entry {
  const below: Entry = wanted.subdirectory === null ? {} : { subdirectory: wanted.subdirectory };
  switch (wanted.kind) {
    case 'local':
      return { local: wanted.location, name };
    case 'tarball':
      return { tarball: location, name };
    case 'hub':
      return { package: wanted.location, version, name };
    case 'git':
      return { git: location, revision: version, ...below, name };
    case 'private':
      return {
        private: location,
        revision: version,
        ...below,
        ...(wanted.provider === null ? {} : { provider: wanted.provider }),
        name,
      };
  }
}

/** Formats YAML in the layout of dbt's package files. */
export function dumpPackageYaml(value: Json): string {
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  return yaml.stringify(value, {
    version: '1.1',
    sortMapEntries: true,
    indentSeq: true,
    lineWidth: 0,
    singleQuote: true,
  });
}
