// Fresh nodes of each resource type, every field there, in the artifact's order. Leaves config, rendering and YAML to
// others.
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
import type { ParseState } from '../table/parse-state.ts';

export interface NodeSeed {
  readonly file: SourceFile;
  readonly name: string;
  readonly path: string;
  readonly fqn: string[];
  readonly rawCode: string;
  readonly uniqueId?: string;
}

type BaseFields<T> = NodeBase & { resource_type: T; config: NodeConfig & TestConfig };

function baseFields<const T extends string>(state: ParseState, resourceType: T, seed: NodeSeed): BaseFields<T> {
  const { file, name, path, fqn, rawCode } = seed;
  const credentials = state.config.profile.credentials;
  return {
    database: credentials.database,
    schema: credentials.schema,
    name,
    resource_type: resourceType,
    package_name: file.package_name,
    path,
    original_file_path: file.original_file_path,
    unique_id: seed.uniqueId ?? `${resourceType}.${file.package_name}.${name}`,
    fqn,
    alias: name,
    checksum: { name: file.checksum.name, checksum: file.checksum.checksum },
    config: UNSET,
    tags: [],
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

/** Stands where the config will be, before it is computed. */
export const UNSET = Object.freeze({}) as NodeConfig & TestConfig;

function compiledFields(language: string): CompiledFields {
  return {
    language,
    refs: [],
    sources: [],
    metrics: [],
    functions: [],
    depends_on: { macros: [], nodes: [] },
    compiled_path: null,
    contract: { enforced: false, alias_types: true, checksum: null },
  };
}

export function newModel(state: ParseState, seed: NodeSeed): ModelNode {
  const language = seed.file.relative_path.endsWith('.py') ? 'python' : 'sql';
  return Object.assign(baseFields(state, 'model', seed), compiledFields(language), {
    access: 'protected' as const,
    constraints: [],
    version: null,
    latest_version: null,
    deprecation_date: null,
    primary_key: [],
    time_spine: null,
  });
}

export function newSeed(state: ParseState, seed: NodeSeed): SeedNode {
  return Object.assign(baseFields(state, 'seed', seed), {
    root_path: seed.file.project_root,
    depends_on: { macros: [] },
  });
}

export function newSnapshot(state: ParseState, seed: NodeSeed): SnapshotNode {
  return Object.assign(baseFields(state, 'snapshot', seed), compiledFields('sql'));
}

export function newAnalysis(state: ParseState, seed: NodeSeed): AnalysisNode {
  return Object.assign(baseFields(state, 'analysis', seed), compiledFields('sql'));
}

export function newSingularTest(state: ParseState, seed: NodeSeed): TestNode {
  return Object.assign(baseFields(state, 'test', seed), compiledFields('sql'));
}

export function newHook(state: ParseState, seed: NodeSeed, index: number, tag: string): HookNode {
  const node = Object.assign(baseFields(state, 'operation', seed), compiledFields('sql'), {
    index,
  });
  node.tags.push(tag);
  return node;
}

export function newFunction(state: ParseState, seed: NodeSeed): FunctionNode {
  const language = seed.file.relative_path.endsWith('.py')
    ? 'python'
    : seed.file.relative_path.endsWith('.js')
      ? 'javascript'
      : 'sql';
  return Object.assign(baseFields(state, 'function', seed), compiledFields(language), {
    returns: { data_type: 'INVALID_TYPE', description: null },
    arguments: [],
    overloads: [],
  });
}
