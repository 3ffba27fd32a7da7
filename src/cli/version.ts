// Reads the version of tsdbt from package.json and builds the text of `--version`.
import { readFileSync } from 'node:fs';
import { allSpecs } from '../project/profile.ts';
import { DBT_VERSION } from '../project/versions.ts';

/** From package.json, which lies above both src/cli and dist. */
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
      // package.json is not at this path; the loop tries the other one.
    }
  }
  return '0.0.0';
}

/** The text of `--version`. */
export function versionText(): string {
  return `tsdbt ${TSDBT_VERSION}\nCore:\n  - installed: ${DBT_VERSION} (dbt's behaviour)\n\nPlugins:\n${allSpecs()
    .map(({ type, version }) => `  - ${type}: ${version}`)
    .join('\n')}`;
}
