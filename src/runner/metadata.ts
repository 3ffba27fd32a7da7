// The metadata block at the start of every artifact.
import type { RuntimeConfig } from '../contracts/project.ts';
import type { ArtifactMetadata } from '../contracts/results.ts';
import { DBT_VERSION } from '../project/versions.ts';
import { isoMicros } from './results.ts';

/** @param kind dbt's name of the schema; @param version of the schema; @param at milliseconds since 1970 */
export function artifactMetadata(
  config: RuntimeConfig,
  kind: 'run-results' | 'sources' | 'catalog',
  version: number,
  at: number,
): ArtifactMetadata {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.env)) {
    const key = /^DBT_(?:ENGINE_)?ENV_CUSTOM_ENV_(.+)$/.exec(name)?.[1];
    if (key !== undefined && value !== undefined) env[key] = value;
  }
  return {
    dbt_schema_version: `https://schemas.getdbt.com/dbt/${kind}/v${version}.json`,
    dbt_version: DBT_VERSION,
    generated_at: `${isoMicros(at)}Z`,
    invocation_id: config.invocation.invocation_id,
    invocation_started_at: `${isoMicros(config.invocation.started_at.getTime())}Z`,
    env,
  };
}
