// Our own version, as package.json says it, and the text of `--version`.
import { readFileSync } from 'node:fs';
import { allSpecs } from '../project/profile.ts';
import { DBT_VERSION } from '../project/versions.ts';

/** Of package.json, which stands above both src/cli and dist. */
export const TSDBT_VERSION: string = readVersion();

function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const data = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (data.name === 'tsdbt' && data.version !== undefined) return data.version;
    } catch {
      // Try the other path.
    }
  }
  return '0.0.0';
}

/** What `--version` prints. */
export function versionText(): string {
  return `tsdbt ${TSDBT_VERSION}\nCore:\n  - installed: ${DBT_VERSION} (dbt's behaviour)\n\nPlugins:\n${allSpecs()
    .map(({ type, version }) => `  - ${type}: ${version}`)
    .join('\n')}`;
}
