// Reads artifacts of earlier runs, dbt's and ours, with clear errors for what is no artifact or of another time. Bringing an older
// manifest to today's form is manifest-upgrade.ts's.
import { readFileSync } from 'node:fs';
import { TsdbtError } from '../errors.ts';

const ARTIFACTS = {
  manifest: { type: 'WritableManifest', versions: [4, 5, 6, 7, 8, 9, 10, 11, 12] },
  'run-results': { type: 'RunResultsArtifact', versions: [4, 5, 6] },
  sources: { type: 'FreshnessExecutionResultArtifact', versions: [3] },
} as const;

/** An artifact and the version of its schema. */
export interface Artifact<T> { readonly value: T; readonly version: number }

/**
 * Reads an artifact; undefined when there is no such file.
 * @throws TsdbtError `runtime` for text that is no JSON and for a version that is not known
 */
export function readArtifact<T>(path: string, kind: keyof typeof ARTIFACTS): Artifact<T> | undefined {
  const { type, versions } = ARTIFACTS[kind];
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw new TsdbtError('runtime', `Could not read ${type} at "${path}": ${(error as Error).message}`, { path, cause: error });
  }
  let value: { metadata?: { dbt_schema_version?: unknown } } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw new TsdbtError('runtime', `Could not read ${type} at "${path}" as JSON: ${(error as Error).message}`, { path, cause: error });
  }
  const found = value?.metadata?.dbt_schema_version;
  const version = Number(typeof found === 'string' ? /\/dbt\/([a-z-]+)\/v(\d+)\.json$/.exec(found)?.slice(1).join(':').replace(`${kind}:`, '') : Number.NaN);
  if (!(versions as readonly number[]).includes(version)) {
    const expected = `https://schemas.getdbt.com/dbt/${kind}/v${versions.at(-1)}.json`;
    throw new TsdbtError(
      'runtime', `Expected a schema version of "${expected}" in ${path}, but found ${found === undefined ? 'nothing' : `"${String(found)}"`}. Are you running with a different version of dbt?`,
    );
  }
  return { value: value as T, version };
}
