// `ref.config` and `source.config`: the project as packages read it from the references
// (`builtins.ref.config.vars.to_dict()`). Exposes names, paths and variables, never credentials.
import type { Project, RuntimeConfig } from '../contracts/project.ts';
import { argumentsDict, type CommandRecorder } from './flags-object.ts';
import { type Callable, callable, fromJson, type HostObject, PyDict, toText, type Value } from '../values/index.ts';

/** Project fields under dbt's names. Other fields do not exist. */
const PROJECT_FIELDS = [
  'project_name',
  'version',
  'project_root',
  'profile_name',
  'model_paths',
  'macro_paths',
  'seed_paths',
  'test_paths',
  'analysis_paths',
  'snapshot_paths',
  'docs_paths',
  'asset_paths',
  'function_paths',
  'osi_paths',
  'target_path',
  'log_path',
  'clean_targets',
  'packages_install_path',
  'dispatch',
  'on_run_start',
  'on_run_end',
  'quoting',
  'restrict_access',
] as const satisfies readonly (keyof Project)[];
const CONFIGS = new Set([
  'models',
  'seeds',
  'snapshots',
  'sources',
  'unit_tests',
  'exposures',
  'metrics',
  'semantic_models',
  'saved_queries',
  'functions',
  'analyses',
]);

class RuntimeConfigView implements HostObject {
  readonly jinjaType = 'RuntimeConfig';
  readonly #config: RuntimeConfig;
  readonly #project: Project;
  readonly #record: CommandRecorder | undefined;

  constructor(config: RuntimeConfig, project: Project, record: CommandRecorder | undefined) {
    this.#config = config;
    this.#project = project;
    this.#record = record;
  }

  jinjaGet(name: string): Value | undefined {
    const { profile, cli_vars, invocation, packages } = this.#config;
    if ((PROJECT_FIELDS as readonly string[]).includes(name))
      return fromJson(this.#project[name as (typeof PROJECT_FIELDS)[number]]);
    if (CONFIGS.has(name)) return fromJson(this.#project.configs[name as keyof Project['configs']]);
    switch (name) {
      case 'data_tests':
        return fromJson(this.#project.configs.tests);
      case 'vars':
        return varProvider(this.#project.vars);
      case 'cli_vars':
        return fromJson(cli_vars);
      case 'args':
        return argumentsDict(invocation.args, this.#record);
      case 'invocation_id':
        return invocation.invocation_id;
      case 'target_name':
        return profile.target_name;
      case 'threads':
        return profile.threads;
      case 'dependencies':
        return new PyDict(
          packages.map((project) => [project.project_name, new RuntimeConfigView(this.#config, project, this.#record)]),
        );
      case 'load_dependencies':
        return callable(name, '*args, **kwargs', () => this.jinjaGet('dependencies') ?? null);
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return `<RuntimeConfig ${toText(this.#project.project_name)}>`;
  }
}

function varProvider(vars: Project['vars']): Value {
  const provider: HostObject = {
    jinjaType: 'VarProvider',
    jinjaGet: (name) =>
      name === 'vars' ? fromJson(vars) : name === 'to_dict' ? callable(name, '', () => fromJson(vars)) : undefined,
  };
  return provider;
}

/** Adds `config` to a reference function. @returns the function */
export function withConfig(reference: Callable, config: RuntimeConfig, record?: CommandRecorder): Callable {
  reference.face = {
    ...reference.face,
    get: (name) => (name === 'config' ? new RuntimeConfigView(config, config.project, record) : undefined),
  };
  return reference;
}
