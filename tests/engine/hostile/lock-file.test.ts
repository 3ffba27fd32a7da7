// Each package that npm installs for this project has a content hash in the lock file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** ClickHouse's library for systems for which the registry has no package: npm installs none of them. */
const UNPUBLISHED = ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu'].map((name) => `node_modules/@chdb/lib-${name}`);

it('every package of package-lock.json has an integrity hash, except three that are not in the registry', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, { integrity?: string; optional?: boolean }> };
  const bare = Object.entries(packages).filter(([name, { integrity }]) => name !== '' && integrity === undefined);
  expect(bare.map(([name]) => name)).toEqual(UNPUBLISHED);
  expect(bare.every(([, { optional }]) => optional === true)).toBe(true);
  for (const [name, { integrity = '' }] of Object.entries(packages))
    if (integrity !== '') expect([name, integrity]).toEqual([name, expect.stringMatching(/^sha512-/)]);
});
