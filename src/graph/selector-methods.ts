// What each selection method finds: one function a method, from a value to the unique_ids that match. Leaves walking the graph and
// combining to select.ts. Rules of dbt-core 1.12 (graph/selector_methods.py).
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, Json, ManifestNode, ModelNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { graphMembers } from './dag.ts';
import { compileFnmatch, compileGlob } from './glob.ts';

/** What a method may look at. */
export interface MethodContext {
  readonly manifest: Manifest;
  /** Nodes that may be chosen: enabled members of the graph. */
  readonly members: ReadonlySet<string>;
  readonly methodArguments: readonly string[];
  /** Statuses of an earlier run by unique_id, when one was given. */
  readonly previousResults?: ReadonlyMap<string, string> | undefined;
  /** Decides `state:`; given when there is an earlier manifest. */
  readonly matchesState?: ((selector: string, node: GraphNode) => boolean) | undefined;
  /** unique_ids of sources that are fresher than before, when both states were given. */
  readonly fresherSources?: ReadonlySet<string> | undefined;
}

type Method = (context: MethodContext, value: string, raw: Json) => Iterable<string>;

const bad = (message: string) => new TsdbtError('selector', message);

/** Members that pass a test; the test may say "not of interest" by false. */
function* members(context: MethodContext, matches: (node: GraphNode) => boolean): Generator<string> {
  for (const [id, node] of graphMembers(context.manifest)) if (context.members.has(id) && matches(node)) yield id;
}

function* manifestNodes(context: MethodContext, matches: (node: ManifestNode) => boolean): Generator<string> {
  for (const id in context.manifest.nodes) if (context.members.has(id) && matches(context.manifest.nodes[id]!)) yield id;
}

/** `package.name` or `name`, each part with wildcards, among the resources of one kind. */
function named(resourceType: GraphNode['resource_type'], what: string, form: string): Method {
  return (context, value) => {
    const parts = value.split('.');
    if (parts.length > 2) throw bad(`Invalid ${what} selector value "${value}". ${form}`);
    const inPackage = compileFnmatch(parts.length === 2 ? parts[0]! : '*');
    const name = compileFnmatch(parts[parts.length - 1]!);
    return members(context, (n) => n.resource_type === resourceType && inPackage(n.package_name) && name(n.name));
  };
}

function isVersioned(node: GraphNode): boolean {
  return node.resource_type === 'model' && node.version !== null && node.version !== undefined;
}

/** Whether a qualified name stands for a node with that fqn. */
export function matchesFqn(fqn: readonly string[], selector: string, versioned: boolean): boolean {
  const leaf = fqn[fqn.length - 1]!;
  const name = versioned ? fqn[fqn.length - 2]! : leaf;
  const parts = selector.split('.');
  if (name === selector) return true;
  if (versioned && `${name}_${leaf}` === parts.slice(-2).join('_')) return true;
  const flat = fqn.flatMap((segment) => segment.split('.'));
  if (flat.length < parts.length) return false;
  for (let i = 0; i < parts.length; i++) {
    if (/[*?[\]]/.test(parts[i]!)) {
      if (compileFnmatch(parts.slice(i).join('.'))(flat.slice(i).join('.'))) return true;
      return parts.length === 1 && compileFnmatch(selector)(name);
    }
    if (flat[i] !== parts[i]) return false;
  }
  return true;
}

/** Compares versions as dbt does: as numbers when both are, else as text. */
function compareVersions(a: string | number, b: string | number): number {
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

const VERSION_KINDS: Record<string, (model: ModelNode) => boolean> = {
  latest: (m) => m.version !== null && m.version === m.latest_version,
  prerelease: (m) => m.version !== null && m.latest_version !== null && compareVersions(m.version, m.latest_version) > 0,
  old: (m) => m.version !== null && m.latest_version !== null && compareVersions(m.version, m.latest_version) < 0,
  none: (m) => m.version === null,
};

const TEST_TYPES: Record<string, (node: GraphNode) => boolean> = {
  generic: (n) => n.resource_type === 'test' && n.test_metadata !== undefined,
  schema: (n) => n.resource_type === 'test' && n.test_metadata !== undefined,
  singular: (n) => n.resource_type === 'test' && n.test_metadata === undefined,
  data: (n) => n.resource_type === 'test',
  unit: (n) => n.resource_type === 'unit_test',
};

const RESOURCE_TYPES = new Set([
  'model', 'analysis', 'test', 'snapshot', 'operation', 'seed', 'rpc', 'sql_operation', 'doc', 'source', 'macro', 'exposure', 'metric', 'group',
  'saved_query', 'semantic_model', 'unit_test', 'fixture', 'function',
]);

/** Follows `a.b` through objects; undefined when a step is missing. */
function descend(value: unknown, keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** Python's `==` between what was asked for and what a config holds; `true` and `false` match in any case. */
function matchesConfig(raw: Json, value: unknown, foldCase: boolean): boolean {
  const lower = String(raw).toLowerCase();
  const same = (v: unknown) => v === raw || (foldCase && typeof v === 'string' && v.toLowerCase() === lower)
    || (lower === 'true' && v === true) || (lower === 'false' && v === false)
    || (typeof v === 'object' && v !== null && JSON.stringify(v) === JSON.stringify(raw));
  return Array.isArray(value) ? value.some(same) : same(value);
}

/** Paths that exist below the root project, as far as the manifest knows: files of its nodes and their folders. */
function rootPaths(manifest: Manifest): Set<string> {
  const root = manifest.metadata.project_name;
  const paths = new Set<string>(['.']);
  const add = (file: string) => {
    for (let path = file; path !== '' && !paths.has(path); path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) paths.add(path);
  };
  for (const [, node] of graphMembers(manifest)) {
    if (node.package_name !== root) continue;
    add(node.original_file_path);
    const patch = (node as { patch_path?: string | null }).patch_path;
    if (patch) add(patch.split('://')[1]!);
  }
  return paths;
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i).join('/') || '.').slice(0, parts.length);
}

const METHODS: Record<string, Method> = {
  fqn: (context, value) => members(context, (n) => {
    if (n.resource_type === 'source') return false;
    const versioned = isVersioned(n);
    return matchesFqn(n.fqn, value, versioned) || matchesFqn(n.fqn.slice(1), value, versioned);
  }),
  tag: (context, value) => {
    const matches = compileFnmatch(value);
    return members(context, (n) => ((n as { tags?: string[] }).tags ?? ((n as { config?: { tags?: string[] } }).config?.tags) ?? []).some(matches));
  },
  group: (context, value) => {
    const matches = compileFnmatch(value);
    return members(context, (n) => {
      if (!(n.unique_id in context.manifest.nodes) && n.resource_type !== 'metric') return false;
      const group = (n as { config?: { group?: string | null } }).config?.group;
      return Boolean(group) && matches(group!);
    });
  },
  access: (context, value) => manifestNodes(context, (n) => n.resource_type === 'model' && n.access === value),
  source: (context, value) => {
    const parts = value.split('.');
    if (parts.length > 3) {
      throw bad(`Invalid source selector value "${value}". Sources must be of the form \`\${source_name}\`, \`\${source_name}.\${target_name}\`, or \`\${package_name}.\${source_name}.\${target_name}`);
    }
    const [inPackage, source, table] = (parts.length === 1 ? ['*', parts[0]!, '*'] : parts.length === 2 ? ['*', ...parts] : parts).map(compileFnmatch);
    return members(context, (n) => n.resource_type === 'source' && inPackage!(n.package_name) && source!(n.source_name) && table!(n.name));
  },
  exposure: named('exposure', 'exposure', 'Exposures must be of the form ${exposure_name} or ${exposure_package.exposure_name}'),
  metric: named('metric', 'metric', 'Metrics must be of the form ${metric_name} or ${metric_package.metric_name}'),
  semantic_model: named('semantic_model', 'semantic model', 'Semantic models must be of the form ${semantic_model_name} or ${semantic_model_package.semantic_model_name}'),
  saved_query: named('saved_query', 'saved query', 'Saved queries must be of the form ${saved_query_name} or ${saved_query_package.saved_query_name}'),
  unit_test: named('unit_test', 'unit test', 'Unit tests must be of the form ${unit_test_name} or ${unit_test_package_name.unit_test_name}'),
  path: (context, value) => {
    const matches = compileGlob(value);
    const found = new Set([...rootPaths(context.manifest)].filter(matches));
    return members(context, (n) => {
      if (found.has(n.original_file_path)) return true;
      const patch = (n as { patch_path?: string | null }).patch_path;
      if (patch && found.has(patch.split('://')[1]!)) return true;
      return parentsOf(n.original_file_path).some((p) => found.has(p));
    });
  },
  file: (context, value) => {
    const matches = compileFnmatch(value);
    return members(context, (n) => {
      const name = n.original_file_path.slice(n.original_file_path.lastIndexOf('/') + 1);
      return matches(name) || matches(name.replace(/(?<=.)\.[^.]*$/, ''));
    });
  },
  package: (context, value) => {
    const matches = compileFnmatch(value === 'this' ? (context.manifest.metadata.project_name ?? value) : value);
    return members(context, (n) => matches(n.package_name));
  },
  config: (context, _, raw) => {
    const keys = context.methodArguments;
    const foldCase = keys.length === 1 && keys[0] === 'severity';
    return members(context, (n) => {
      if (!(n.unique_id in context.manifest.nodes) && n.resource_type !== 'source') return false;
      const value = descend((n as { config?: unknown }).config, keys);
      return value !== undefined && matchesConfig(raw, value, foldCase);
    });
  },
  resource_type: (context, value) => {
    if (!RESOURCE_TYPES.has(value)) throw bad(`Invalid resource_type selector "${value}"`);
    return members(context, (n) => n.resource_type === value);
  },
  test_name: (context, value) => {
    const matches = compileFnmatch(value);
    return members(context, (n) => (n.resource_type === 'test' ? n.test_metadata !== undefined && matches(n.test_metadata.name) : n.resource_type === 'unit_test' && matches(n.name)));
  },
  test_type: (context, value) => {
    const matches = TEST_TYPES[value];
    if (matches === undefined) throw bad(`Invalid test type selector ${value}: expected "generic", "singular", "unit", or "data"`);
    return members(context, matches);
  },
  version: (context, value) => {
    const matches = VERSION_KINDS[value];
    if (matches === undefined) {
      throw bad(`Invalid version type selector ${value}: expected one of: "latest", "prerelease", "old", or "none"`);
    }
    return manifestNodes(context, (n) => n.resource_type === 'model' && matches(n));
  },
  state: (context, value) => {
    const { matchesState } = context;
    if (matchesState === undefined) throw bad('Got a state selector method, but no comparison manifest');
    return members(context, (n) => matchesState(value, n));
  },
  result: (context, value) => {
    const { previousResults } = context;
    if (previousResults === undefined) throw bad('No comparison run_results');
    return members(context, (n) => previousResults.get(n.unique_id) === value);
  },
  source_status: (context, value) => {
    const { fresherSources } = context;
    if (fresherSources === undefined) throw bad('No previous state comparison freshness results in sources.json');
    return members(context, (n) => value === 'fresher' && fresherSources.has(n.unique_id));
  },
};

/** The nodes that one criterion finds; `selector` is resolved by select.ts. */
export function searchMethod(method: string, context: MethodContext, value: Json): Iterable<string> {
  return METHODS[method]!(context, String(value), value);
}
