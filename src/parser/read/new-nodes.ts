// Creates nodes of each resource type with all fields in artifact order. Templates also see the fields of later phases,
// with dbt's initial values.
import type {
  AnalysisNode,
  CompiledFields,
  FunctionNode,
  HookNode,
  ModelNode,
  NodeBase,
  NodeConfig,
  SeedNode,
  SnapshotNode,
  TestConfig,
  TestNode,
} from '../../contracts/node.ts';
import type { SourceFile } from '../../contracts/project.ts';
import { type ErrorDetails, TsdbtError } from '../../errors.ts';
import { type ConfigOwner, projectConfigOf } from '../config/node-update.ts';
import type { NodeCalls } from '../table/node-calls.ts';
import type { ParseState } from '../table/parse-state.ts';

export interface NodeSeed {
  readonly file: SourceFile;
  readonly name: string;
  readonly path: string;
  readonly fqn: readonly string[];
  readonly rawCode: string;
  readonly tags?: readonly string[];
}

type BaseFields<T> = NodeBase & { resource_type: T; config: NodeConfig & TestConfig };

/** @throws TsdbtError `parsing` for a value of a wrong type in dbt_project.yml */
function baseFields<const T extends string>(state: ParseState, resourceType: T, seed: NodeSeed): BaseFields<T> {
  const { file, name, path, fqn, rawCode, tags = [] } = seed;
  const unique_id = `${resourceType}.${file.package_name}.${name}`;
  const { package_name, original_file_path } = file;
  const owner = { resource_type: resourceType, package_name, fqn, name, original_file_path, unique_id };
  const credentials = state.config.profile.credentials;
  return {
    database: credentials.database,
    schema: credentials.schema,
    name,
    resource_type: resourceType,
    package_name: file.package_name,
    path,
    original_file_path: file.original_file_path,
    unique_id,
    fqn,
    alias: name,
    checksum: { name: file.checksum.name, checksum: file.checksum.checksum },
    config: configOf(state, owner),
    tags,
    description: '',
    columns: {},
    meta: {},
    group: null,
    docs: { show: true, node_color: null },
    patch_path: null,
    build_path: null,
    unrendered_config: {},
    created_at: state.createdAt,
    relation_name: null,
    raw_code: rawCode,
    doc_blocks: [],
  };
}

function configOf(state: ParseState, owner: ConfigOwner & NonNullable<ErrorDetails['node']>): NodeConfig & TestConfig {
  try {
    return projectConfigOf(state, owner);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node: owner }) : error;
  }
}

function compiledFields(language: string, { refs, sources, metrics, functions, macros }: NodeCalls): CompiledFields {
  return {
    language,
    refs,
    sources,
    metrics,
    functions,
    depends_on: { macros, nodes: [] },
    compiled_path: null,
    contract: { enforced: false, alias_types: true, checksum: null },
  };
}

export function newModel(state: ParseState, seed: NodeSeed, calls: NodeCalls): ModelNode {
  const language = seed.file.relative_path.endsWith('.py') ? 'python' : 'sql';
  return Object.assign(baseFields(state, 'model', seed), compiledFields(language, calls), {
    access: 'protected' as const,
    constraints: [],
    version: null,
    latest_version: null,
    deprecation_date: null,
    primary_key: [],
    time_spine: null,
  });
}

export function newSeed(state: ParseState, seed: NodeSeed, calls: NodeCalls): SeedNode {
  return Object.assign(baseFields(state, 'seed', seed), {
    root_path: seed.file.project_root,
    depends_on: { macros: calls.macros },
  });
}

export function newSnapshot(state: ParseState, seed: NodeSeed, calls: NodeCalls): SnapshotNode {
  return Object.assign(baseFields(state, 'snapshot', seed), compiledFields('sql', calls));
}

export function newAnalysis(state: ParseState, seed: NodeSeed, calls: NodeCalls): AnalysisNode {
  return Object.assign(baseFields(state, 'analysis', seed), compiledFields('sql', calls));
}

export function newSingularTest(state: ParseState, seed: NodeSeed, calls: NodeCalls): TestNode {
  return Object.assign(baseFields(state, 'test', seed), compiledFields('sql', calls));
}

export function newHook(state: ParseState, seed: NodeSeed, index: number, calls: NodeCalls): HookNode {
  return Object.assign(baseFields(state, 'operation', seed), compiledFields('sql', calls), {
    index,
  });
}

export function newFunction(state: ParseState, seed: NodeSeed, calls: NodeCalls): FunctionNode {
  const language = seed.file.relative_path.endsWith('.py')
    ? 'python'
    : seed.file.relative_path.endsWith('.js')
      ? 'javascript'
      : 'sql';
  return Object.assign(baseFields(state, 'function', seed), compiledFields(language, calls), {
    returns: { data_type: 'INVALID_TYPE', description: null },
    arguments: [],
    overloads: [],
  });
}
