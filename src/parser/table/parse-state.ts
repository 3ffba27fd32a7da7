// What a parse builds up: nodes by id, look-ups, disabled resources, macros, and who may not have the same name as
// whom. Leaves filling it to the parsers of each resource.
import { eventOf } from '../../events/index.ts';
import type { Adapter } from '../../adapters/adapter.ts';
import type {
  DocNode,
  ExposureNode,
  GraphNode,
  GroupNode,
  Json,
  MacroNode,
  ManifestNode,
  FunctionNode,
  MetricNode,
  SavedQueryNode,
  SemanticModelNode,
  SourceDefinition,
  UnitTestNode,
} from '../../contracts/node.ts';
import type { Project, RuntimeConfig, SourceFile } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { DisabledLookup, PackageLookup, RefLookup } from './lookups.ts';
import { type ConfigDict, Configs } from '../config/node-config.ts';
import { ParseWarnings } from './parse-warnings.ts';

/** What config() said while a node was rendered; needed again when YAML patches it. */
export interface ConfigCalls {
  call: ConfigDict;
  unrendered: ConfigDict;
  /** Keys of config() as dbt's static reader leaves them in `unrendered_config` until a patch comes. */
  written: ConfigDict | null;
  /** The config before the patch, for values that a null would clear. */
  base: ConfigDict | null;
}

export interface FixtureFile {
  readonly unique_id: string;
  readonly name: string;
  readonly package_name: string;
  readonly original_file_path: string;
  readonly rows: Json;
}

const REFABLE: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot']);

export class ParseState {
  readonly config: RuntimeConfig;
  readonly adapter: Pick<Adapter, 'type' | 'createRelation' | 'relations' | 'quote' | 'capabilities'>;
  readonly logger: Logger;
  readonly warnings: ParseWarnings;
  readonly root: Project;
  readonly projects: ReadonlyMap<string, Project>;
  readonly internalPackages: readonly string[];
  /** Seconds since 1970: every resource of a parse has the same time. */
  readonly createdAt: number;

  readonly nodes = new Map<string, ManifestNode>();
  readonly macros = new Map<string, MacroNode>();
  readonly docs = new Map<string, DocNode>();
  readonly exposures = new Map<string, ExposureNode>();
  readonly groups = new Map<string, GroupNode>();
  readonly functions = new Map<string, FunctionNode>();
  readonly metrics = new Map<string, MetricNode>();
  readonly semanticModels = new Map<string, SemanticModelNode>();
  readonly savedQueries = new Map<string, SavedQueryNode>();
  readonly unitTests = new Map<string, UnitTestNode>();
  readonly fixtures = new Map<string, FixtureFile>();
  readonly disabled = new Map<string, GraphNode[]>();
  sources = new Map<string, SourceDefinition>();

  readonly refs = new RefLookup();
  readonly analyses = new PackageLookup();
  readonly singularTests = new PackageLookup();
  readonly sourceLookup = new PackageLookup();
  readonly docLookup = new PackageLookup();
  readonly functionLookup = new PackageLookup();
  readonly metricLookup = new PackageLookup();
  disabledLookup = new DisabledLookup();

  /** Texts of the files, to find the place of an error. */
  readonly files = new Map<string, SourceFile>();
  readonly #byPackage = new Map<string, SourceFile[]>();
  readonly calls = new Map<object, ConfigCalls>();
  /** Nodes whose text something has looked at: their templates, a unit test that takes a seed's rows. */
  readonly textReaders = new Set<string>();
  readonly configs: Configs;

  constructor(config: RuntimeConfig, adapter: ParseState['adapter'], logger: Logger, files: readonly SourceFile[]) {
    this.config = config;
    this.adapter = adapter;
    this.logger = logger;
    this.warnings = new ParseWarnings(logger);
    this.configs = new Configs((kind, key, known, fqn) => {
      const msg = `Config '${key}' of ${kind} ${fqn.join('.')} is kept as a custom one; did you mean '${known}'?`;
      logger.fire(eventOf('Note', msg, { msg }));
    });
    this.root = config.project;
    this.projects = new Map([config.project, ...config.packages].map((project) => [project.project_name, project]));
    this.internalPackages = [`dbt_${adapter.type}`, 'dbt'].filter((name) =>
      config.packages.some((each) => each.project_name === name),
    );
    for (const file of files) {
      const own = this.#byPackage.get(file.package_name);
      if (own === undefined) this.#byPackage.set(file.package_name, [file]);
      else own.push(file);
      this.files.set(`${file.package_name}://${file.original_file_path}`, file);
    }
    this.createdAt = config.invocation.started_at.getTime() / 1000;
  }

  filesOf(packageName: string): readonly SourceFile[] {
    return this.#byPackage.get(packageName) ?? [];
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.config.flags[name];
    return typeof value === 'boolean' ? value : fallback;
  }

  project(name: string): Project {
    const project = this.projects.get(name);
    if (project === undefined) throw new TsdbtError('internal', `Project name ${name} not found in dependencies`);
    return project;
  }

  callsOf(node: object): ConfigCalls {
    let calls = this.calls.get(node);
    if (calls === undefined) this.calls.set(node, (calls = { call: {}, unrendered: {}, written: null, base: null }));
    return calls;
  }

  /** @throws TsdbtError `compilation` when the id is taken */
  addNode(node: ManifestNode): void {
    const existing = this.nodes.get(node.unique_id);
    if (existing !== undefined) throw duplicateResource(node, existing);
    this.nodes.set(node.unique_id, node);
    if (REFABLE.has(node.resource_type)) this.refs.add(node);
    else if (node.resource_type === 'analysis') this.analyses.add(node.name, node.package_name, node.unique_id);
    else if (node.resource_type === 'test' && node.test_metadata === undefined)
      this.singularTests.add(node.name, node.package_name, node.unique_id);
  }

  removeNode(node: ManifestNode): void {
    this.nodes.delete(node.unique_id);
    if (REFABLE.has(node.resource_type)) this.refs.remove(node);
  }

  addDisabled(node: GraphNode): void {
    const same = this.disabled.get(node.unique_id);
    if (same === undefined) this.disabled.set(node.unique_id, [node]);
    else same.push(node);
    this.disabledLookup.add(node);
  }

  rebuildDisabledLookup(): void {
    this.disabledLookup = new DisabledLookup();
    for (const nodes of this.disabled.values()) for (const node of nodes) this.disabledLookup.add(node);
  }

  addUnique<T extends GraphNode | DocNode | GroupNode>(table: Map<string, T>, resource: T): void {
    const existing = table.get(resource.unique_id);
    if (existing !== undefined) throw duplicateResource(resource, existing);
    table.set(resource.unique_id, resource);
  }
}

const PLURALS: Readonly<Record<string, string>> = {
  analysis: 'analyses',
  saved_query: 'saved_queries',
  test: 'data_tests',
  doc: 'docs',
  macro: 'macros',
  unit_test: 'unit_tests',
};

/** `models`, `analyses`, `data_tests` … */
export function pluralOf(resourceType: string): string {
  return PLURALS[resourceType] ?? `${resourceType}s`;
}

/** What the message about two sources of one name is made of. */
export type DuplicateSource = Pick<
  SourceDefinition,
  'resource_type' | 'name' | 'source_name' | 'unique_id' | 'original_file_path'
>;
type Duplicate = Exclude<GraphNode, SourceDefinition> | DuplicateSource | DocNode | GroupNode;

/** dbt's words for two resources with one id. */
export function duplicateResource(second: Duplicate, first: Duplicate): TsdbtError {
  let name: string = second.name;
  let action = 'looking for';
  let used: string;
  const type = second.resource_type;
  if (type === 'model' || type === 'seed' || type === 'snapshot') used = `ref("${name}")`;
  else if (type === 'source') {
    used = `source("${second.source_name}", "${second.name}")`;
    name = `${second.source_name}_${second.name}`;
  } else if (type === 'doc') used = `doc("${name}")`;
  else if (type === 'test' && second.test_metadata !== undefined) {
    const column = second.column_name ? `column "${second.column_name}" in ` : '';
    name = `${second.name}" defined on ${column}"${second.file_key_name ?? ''}`;
    action = 'running';
    used = 'tests';
  } else used = name;
  const kinds = type === first.resource_type ? pluralOf(type) : 'resources';
  return new TsdbtError(
    'compilation',
    `dbt found two ${kinds} with the name "${name}".\n\nSince these resources have the same name, dbt will be ` +
      'unable to find the correct resource\n' +
      `when ${action} ${used}.\n\nTo fix this, change the name of one of these resources:\n` +
      `- ${second.unique_id} (${second.original_file_path})\n- ${first.unique_id} (${first.original_file_path})`,
    { path: second.original_file_path },
  );
}
