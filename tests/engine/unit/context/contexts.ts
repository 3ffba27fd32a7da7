// Helpers for tests of contexts: a small project, its macros, an adapter without a database, and scopes over them.
import { PostgresAdapter } from '../../../../src/adapters/postgres/adapter.ts';
import { createMacroResolver, type MacroResolver } from '../../../../src/context/macro-resolver.ts';
import { ManifestLookup } from '../../../../src/context/manifest-lookup.ts';
import { createParseScope, type ParseRecorder, type ParseScope } from '../../../../src/context/parse.ts';
import type { ContextNode, ContextSettings } from '../../../../src/context/provider.ts';
import { createRuntimeScope, type RuntimeScope, type RuntimeScopeOptions } from '../../../../src/context/runtime.ts';
import { createTemplateEnvironments } from '../../../../src/context/templates.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import type { MacroNode, ManifestNode } from '../../../../src/contracts/node.ts';
import type { Project, RuntimeConfig } from '../../../../src/contracts/project.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { loadYaml } from '../../../../src/project/yaml.ts';

export const started = new Date('2026-03-01T10:20:30.456Z');

export function project(name: string, more: Partial<Project> = {}): Project {
  return {
    project_name: name,
    version: null,
    project_root: `/p/${name}`,
    profile_name: name,
    model_paths: ['models'],
    macro_paths: ['macros'],
    seed_paths: ['seeds'],
    test_paths: ['tests'],
    analysis_paths: ['analyses'],
    snapshot_paths: ['snapshots'],
    docs_paths: [],
    asset_paths: [],
    function_paths: [],
    osi_paths: [],
    target_path: 'target',
    log_path: 'logs',
    clean_targets: [],
    packages_install_path: 'dbt_packages',
    quoting: { database: true, schema: true, identifier: true },
    configs: {} as Project['configs'],
    unrendered_configs: {} as Project['unrendered_configs'],
    vars: {},
    dispatch: [],
    on_run_start: [],
    on_run_end: [],
    query_comment: null,
    require_dbt_version: [],
    restrict_access: false,
    packages: [],
    selectors: null,
    flags: {},
    raw: {},
    ...more,
  };
}

export interface World {
  readonly context: ContextSettings & { readonly adapter: PostgresAdapter };
  readonly resolver: MacroResolver;
  readonly events: LogEvent[];
  readonly config: RuntimeConfig;
}

export interface WorldOptions {
  /** Macros as `package: source of one macro each`. */
  readonly macros?: Readonly<Record<string, readonly string[]>>;
  readonly root?: Partial<Project>;
  readonly packages?: readonly Project[];
  readonly env?: Record<string, string>;
  readonly cliVars?: RuntimeConfig['cli_vars'];
  readonly flags?: Record<string, unknown>;
}

export function world(options: WorldOptions = {}): World {
  const root = project('shop', options.root);
  const events: LogEvent[] = [];
  const credentials = {
    type: 'postgres',
    host: 'db.local',
    port: 5432,
    user: 'me',
    password: 'hidden',
    database: 'dev',
    schema: 'main',
    connect_timeout: 10,
  };
  const flags = {
    which: 'run',
    full_refresh: false,
    empty: false,
    print: true,
    store_failures: false,
    ...options.flags,
  } as unknown as RuntimeConfig['flags'];
  const config: RuntimeConfig = {
    project: root,
    profile: { profile_name: 'shop', target_name: 'dev', threads: 4, credentials, profiles_dir: null },
    packages: [root, ...(options.packages ?? [])],
    cli_vars: options.cliVars ?? {},
    flags,
    env: options.env ?? {},
    invocation: {
      invocation_id: '11111111-2222-3333-4444-555555555555',
      started_at: started,
      args: { which: 'run', invocation_command: 'dbt run' },
      command: 'run',
    },
  };
  const templates = createTemplateEnvironments();
  const adapter = new PostgresAdapter({ credentials, threads: 4, quoting: root.quoting });
  const context = {
    env: config.env,
    logger: {
      fire: (event: LogEvent) => {
        events.push(event);
      },
    },
    flags,
    invocation: config.invocation,
    loadYaml: (text: string) => loadYaml(text, null),
    clock: () => started.getTime(),
    config,
    adapter,
    templates,
  };
  const macros = Object.entries(options.macros ?? {}).flatMap(([packageName, sources]) =>
    sources.map((source) => macro(packageName, source)),
  );
  const resolver = createMacroResolver(macros, {
    rootPackage: 'shop',
    internalPackages: ['dbt_postgres', 'dbt'],
    adapterTypes: ['postgres'],
    dispatch: root.dispatch,
    packages: [root, ...(options.packages ?? [])].map((p) => p.project_name),
    environment: templates.runtime,
  });
  return { context, resolver, events, config };
}

export function macro(packageName: string, source: string): MacroNode {
  const [, kind = 'macro', written = ''] = /\{%-?\s*(macro|materialization|test)\s+(\w+)/.exec(source) ?? [];
  const type = /adapter\s*=\s*'(\w+)'/.exec(source)?.[1] ?? 'default';
  const name =
    kind === 'materialization' ? `materialization_${written}_${type}` : kind === 'test' ? `test_${written}` : written;
  return {
    name,
    resource_type: 'macro',
    package_name: packageName,
    path: `macros/${name}.sql`,
    original_file_path: `macros/${name}.sql`,
    unique_id: `macro.${packageName}.${name}`,
    macro_sql: source,
    depends_on: { macros: [] },
    description: '',
    meta: {},
    docs: { show: true, node_color: null },
    config: { meta: {}, docs: { show: true, node_color: null } },
    patch_path: null,
    arguments: [],
    created_at: 0,
    supported_languages: null,
  };
}

export function model(name: string, more: Record<string, unknown> = {}): ContextNode & ManifestNode {
  return {
    database: 'dev',
    schema: 'main',
    name,
    resource_type: 'model',
    package_name: 'shop',
    path: `${name}.sql`,
    original_file_path: `models/${name}.sql`,
    unique_id: `model.shop.${name}`,
    fqn: ['shop', name],
    alias: name,
    columns: {},
    tags: [],
    group: null,
    access: 'protected',
    version: null,
    latest_version: null,
    config: {
      enabled: true,
      materialized: 'view',
      tags: [],
      meta: {},
      'pre-hook': [],
      'post-hook': [],
      unique_key: null,
    },
    refs: [],
    sources: [],
    depends_on: { macros: [], nodes: [] },
    raw_code: '',
    language: 'sql',
    contract: { enforced: false, alias_types: true, checksum: null },
    description: '',
    ...more,
  } as unknown as ContextNode & ManifestNode;
}

export function manifestOf(nodes: readonly ManifestNode[] = [], more: Partial<Manifest> = {}): Manifest {
  return {
    nodes: Object.fromEntries(nodes.map((node) => [node.unique_id, node])),
    sources: {},
    macros: {},
    docs: {},
    exposures: {},
    metrics: {},
    groups: {},
    selectors: {},
    disabled: {},
    parent_map: {},
    child_map: {},
    group_map: {},
    saved_queries: {},
    semantic_models: {},
    unit_tests: {},
    functions: {},
    metadata: {},
    ...more,
  } as unknown as Manifest;
}

export interface Recorded {
  refs: unknown[];
  sources: unknown[];
  configs: unknown[];
  macros: string[];
  envVars: [string, string][];
}

/** Renders code as the parser does. */
export function parse(
  code: string,
  { context, resolver }: World,
  node: ContextNode = model('m'),
): { text: string; recorded: Recorded; scope: ParseScope } {
  const recorded: Recorded = { refs: [], sources: [], configs: [], macros: [], envVars: [] };
  const record: ParseRecorder = {
    onRef: (ref) => recorded.refs.push(ref),
    onSource: (source) => recorded.sources.push(source),
    onConfig: (options) => recorded.configs.push({ ...options }),
    onMacro: (id) => recorded.macros.push(id),
    onEnvVar: (name, value) => recorded.envVars.push([name, value]),
  };
  const scope = createParseScope({ context, resolver, node, record });
  return {
    text: context.templates.parse.compile(code, { name: node.name, path: node.original_file_path }).renderSync(scope),
    recorded,
    scope,
  };
}

/** Returns a scope as in the runner, without a session. */
export function runtime(
  { context, resolver, config }: World,
  node: ContextNode,
  manifest: Manifest,
  more: Partial<RuntimeScopeOptions> = {},
): RuntimeScope {
  const lookup = new ManifestLookup(manifest, { rootPackage: config.project.project_name, nodePackageFirst: false });
  return createRuntimeScope({ context, resolver, manifest, lookup, node, session: null, ...more });
}

/** Renders code as the runner does. */
export function run(code: string, scope: RuntimeScope): Promise<string> {
  return scope.context.templates.runtime
    .compile(code, { name: scope.node.name, path: scope.node.original_file_path })
    .render(scope);
}
