// Builds the manifest's metadata: versions, ids, time. artifacts.ts builds the metadata of other artifacts.
import { createHash } from 'node:crypto';
import type { ManifestMetadata } from '../../contracts/manifest.ts';
import type { RuntimeConfig } from '../../contracts/project.ts';
import { DBT_VERSION } from '../../context/base.ts';

const ENV_PREFIXES = ['DBT_ENV_CUSTOM_ENV_', 'DBT_ENGINE_ENV_CUSTOM_ENV_'];

/** `metadata` of manifest.json, including the user's environment variables with dbt's prefixes. */
export function manifestMetadata(config: RuntimeConfig, adapterType: string): ManifestMetadata {
  const { project, invocation, flags, env } = config;
  const custom: Record<string, string> = {};
  for (const key of Object.keys(env)) {
    const prefix = ENV_PREFIXES.find((each) => key.startsWith(each));
    const value = env[key];
    if (prefix !== undefined && value !== undefined) custom[key.slice(prefix.length)] = value;
  }
  const started = isoMicroseconds(invocation.started_at);
  return {
    dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json',
    dbt_version: DBT_VERSION,
    generated_at: started,
    invocation_id: invocation.invocation_id,
    invocation_started_at: started,
    env: custom,
    project_name: project.project_name,
    project_id: createHash('md5').update(project.project_name, 'utf8').digest('hex'),
    user_id: null,
    send_anonymous_usage_stats: flags['send_anonymous_usage_stats'] === true,
    adapter_type: adapterType,
    quoting: {
      database: project.quoting.database ?? true,
      schema: project.quoting.schema ?? true,
      identifier: project.quoting.identifier ?? true,
      column: project.quoting.column ?? null,
    },
    run_started_at: started.replace('Z', '+00:00'),
  };
}

/** `2026-01-31T12:00:00.123000Z`. */
function isoMicroseconds(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
