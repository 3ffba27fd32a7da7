// Converts a manifest of an older dbt to version 12, as far as comparison and deferral need it.
import type { Manifest } from '../contracts/manifest.ts';
import { parseTemplate, unrenderedConfig } from '../jinja/index.ts';
import { JinjaError } from '../values/python-error.ts';

type Fields = { [field: string]: unknown };
type Group = { [id: string]: Fields };

/** Older manifests contain SQL for seeds. */
const NO_SEED_FIELDS = [
  'language',
  'refs',
  'sources',
  'metrics',
  'compiled_path',
  'compiled',
  'compiled_code',
  'extra_ctes_injected',
  'extra_ctes',
  'relation_name',
];
const GROUPS = [
  'nodes',
  'sources',
  'macros',
  'docs',
  'exposures',
  'metrics',
  'groups',
  'selectors',
  'disabled',
  'parent_map',
  'child_map',
  'group_map',
  'saved_queries',
  'semantic_models',
  'unit_tests',
  'functions',
];
/** The text of these two generic tests contains no `config()`. */
const PLAIN_TESTS = new Set(['macro.dbt.test_not_null', 'macro.dbt.test_unique']);

export interface UpgradeOptions {
  /** Version of the manifest's schema. */
  readonly schema: number;
  /** The implemented dbt version. For a manifest of another version `unrendered_config` is computed again. */
  readonly dbtVersion: string;
  /** The flag `state_modified_compare_more_unrendered_values`. */
  readonly unrendered: boolean;
}

/** The manifest, modified in place. */
export function upgradeManifest(manifest: Manifest, { schema, dbtVersion, unrendered }: UpgradeOptions): Manifest {
  const fields = manifest as unknown as { [group: string]: Group };
  for (const group of GROUPS) fields[group] ??= {};
  if (schema < 12) upgradeSchema(fields, schema);
  if (unrendered && manifest.metadata.dbt_version !== dbtVersion)
    for (const node of Object.values(fields['nodes'] ?? {})) readConfigAnew(node);
  return manifest;
}

function upgradeSchema(manifest: { [group: string]: Group }, schema: number): void {
  // Before version 10 metrics had a different meaning.
  if (schema <= 9) manifest['metrics'] = {};
  else if (schema === 10) for (const metric of Object.values(manifest['metrics'] ?? {})) upgradeFilters(metric);
  const disabled = Object.values(manifest['disabled'] ?? {}) as unknown as Fields[][];
  for (const node of [...Object.values(manifest['nodes'] ?? {}), ...disabled.flat()]) upgradeNode(node);
  for (const group of ['metrics', 'exposures'])
    for (const node of Object.values(manifest[group] ?? {})) upgradeRefs(node);
}

function upgradeNode(node: Fields): void {
  if ('raw_sql' in node) node['raw_code'] = node['raw_sql'];
  if ('compiled_sql' in node) node['compiled_code'] = node['compiled_sql'];
  node['language'] ??= 'sql';
  upgradeRefs(node);
  if (node['resource_type'] === 'seed') for (const name of NO_SEED_FIELDS) delete node[name];
}

/** Before version 9 a ref was the list of its arguments. */
function upgradeRefs(node: Fields): void {
  if (!Array.isArray(node['refs'])) return;
  node['refs'] = (node['refs'] as unknown[]).map((ref) => {
    if (!Array.isArray(ref)) return ref;
    const [first, second] = ref as [string, string?];
    return { package: second === undefined ? null : first, name: second ?? first, version: null };
  });
}

function upgradeFilters(metric: Fields): void {
  const wrap = (holder: unknown): void => {
    const fields = holder as Fields | null | undefined;
    if (fields?.['filter'] != null) fields['filter'] = { where_filters: [fields['filter']] };
  };
  wrap(metric);
  const params = (metric['type_params'] ?? {}) as Fields;
  for (const name of ['measure', 'numerator', 'denominator']) wrap(params[name]);
  for (const name of ['input_measures', 'metrics']) for (const each of (params[name] ?? []) as unknown[]) wrap(each);
}

/**
 * Older versions stored the values given to `config()`, or Python's text of their syntax tree. Newer ones store the
 * expression as written.
 */
function readConfigAnew(node: Fields): void {
  const { raw_code: code, unrendered_config: config } = node;
  const { macros = [] } = (node['depends_on'] ?? {}) as { macros?: string[] };
  if (node['resource_type'] === 'test' && macros.length === 1 && PLAIN_TESTS.has(macros[0] ?? '')) return;
  if (
    typeof code !== 'string' ||
    !code.includes('config(') ||
    typeof config !== 'object' ||
    config === null ||
    Object.keys(config).length === 0
  )
    return;
  try {
    Object.assign(config, Object.fromEntries(unrenderedConfig(parseTemplate(code).body) ?? []));
  } catch (error) {
    if (!(error instanceof JinjaError)) throw error;
  }
}
