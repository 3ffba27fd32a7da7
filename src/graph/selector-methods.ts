// The methods of node selection (`tag:`, `config.x:`, `path:` …): one entry per method, which finds the nodes for a
// value. selector.ts combines the results.
import { errorOf } from '../error-table.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, Json, ModelNode } from '../contracts/node.ts';
import type { LogEvent } from '../log.ts';
import { type ColumnNodes, type ColumnSelection, MODIFIED_COLUMNS } from './column-selection.ts';
import { fnmatch, pathGlob } from './fnmatch.ts';
import { type NodeFacts, packageInId, typeInId } from './node-facts.ts';
import type { SelectorMethodName } from './selector-grammar.ts';
import { keysOf, peek } from './unread-record.ts';
import { type PreviousState, resultMatches, sourceStatusMatches, stateMatches } from './state-methods.ts';

/** What a method can read. */
export interface MethodContext {
  readonly manifest: Manifest;
  readonly facts: NodeFacts;
  /** The nodes that can be selected. */
  readonly candidates: ReadonlySet<string>;
  readonly arguments: readonly string[];
  readonly previousState?: PreviousState | undefined;
  /** Absent: the command has not analyzed columns. */
  readonly columns?: ColumnSelection | undefined;
  /** Returns the nodes of named selectors in selectors.yml that match a pattern. */
  readonly selectByName: (pattern: string) => Set<string>;
  /** Reports a warning. */
  readonly warn: (event: LogEvent) => void;
}

type Method = (value: Json, context: MethodContext) => Iterable<string>;

/** Returns the unique_ids for a method's value. */
export function searchMethod(method: SelectorMethodName, value: Json, context: MethodContext): Set<string> {
  return new Set(METHODS[method](value, context));
}

/** The nodes of a criterion about columns; null for another one. */
export function columnNodes(
  method: SelectorMethodName,
  value: Json,
  columns: ColumnSelection | undefined,
): ColumnNodes | null {
  if (method !== 'column' && !(method === 'state' && value === MODIFIED_COLUMNS)) return null;
  if (columns === undefined) throw errorOf('columnsNotAnalyzed', { criterion: `${method}:${text(value)}` });
  return method === 'column' ? columns.ofColumn(text(value)) : columns.ofChanges();
}

const METHODS: Readonly<Record<SelectorMethodName, Method>> = {
  fqn: (value, context) => {
    const matches = fqnMatcher(text(value));
    const means = (fqn: readonly string[], versioned: boolean): boolean =>
      matches(fqn, versioned) || matches(fqn.slice(1), versioned);
    const { manifest, candidates, facts } = context;
    return [
      ...keysOf(manifest.nodes).filter((id) => means(facts.fqn(id), facts.isVersioned(id)) && candidates.has(id)),
      ...ids(neitherNodesNorSources(context), (node) => {
        const { fqn } = node as { fqn?: readonly string[] };
        return fqn !== undefined && means(fqn, false);
      }),
    ];
  },
  column: (value, context) => columnNodes('column', value, context.columns)?.nodes ?? [],
  tag: (value, context) => {
    const matches = fnmatch(text(value));
    return ids(everything(context), (node) => tagsOf(node).some(matches));
  },
  group: (value, context) => {
    const matches = fnmatch(text(value));
    return ids(parsed(context, 'nodes', 'metrics'), (node) => {
      const { group } = (node as { config?: { group?: unknown } }).config ?? {};
      return typeof group === 'string' && group !== '' && matches(group);
    });
  },
  access: (value, context) =>
    ids(parsed(context, 'nodes'), (node) => node.resource_type === 'model' && node.access === value),
  source: (value, context) => {
    const parts = text(value).split('.');
    if (parts.length > 3) {
      throw errorOf('badSourceCriterion', { value: text(value) });
    }
    const [source = '', table = '*'] = parts.length === 3 ? parts.slice(1) : parts;
    const [inPackage, inSource, inTable] = [
      fnmatch(parts.length === 3 ? (parts[0] ?? '*') : '*'),
      fnmatch(source),
      fnmatch(table),
    ];
    const { sources } = context.manifest;
    return keysOf(sources).filter((id) => {
      if (!context.candidates.has(id) || !inPackage(packageInId(id))) return false;
      const [, , sourceName = '', name = '', more] = id.split('.');
      if (more === undefined) return inSource(sourceName) && inTable(name);
      // The names of a source and a table may contain dots; only the source shows where its name ends.
      const node = peek(sources, id);
      return node !== undefined && inSource(node.source_name) && inTable(node.name);
    });
  },
  exposure: named(
    'exposures',
    'exposure',
    'Exposures must be of the form ${exposure_name} or ${exposure_package.exposure_name}',
  ),
  metric: named('metrics', 'metric', 'Metrics must be of the form ${metric_name} or ${metric_package.metric_name}'),
  semantic_model: named(
    'semantic_models',
    'semantic model',
    'Semantic models must be of the form ${semantic_model_name} or ${semantic_model_package.semantic_model_name}',
  ),
  saved_query: named(
    'saved_queries',
    'saved query',
    'Saved queries must be of the form ${saved_query_name} or ${saved_query_package.saved_query_name}',
  ),
  unit_test: named(
    'unit_tests',
    'unit test',
    'Saved queries must be of the form ${unit_test_name} or ${unit_test_package_name.unit_test_name}',
  ),
  path: (value, context) => {
    const pattern = text(value);
    if (pattern.startsWith('/')) throw errorOf('absolutePathCriterion', { pattern });
    const paths = matchingPaths(pattern, context.manifest);
    return ids(everything(context), (node) => {
      const path = node.original_file_path;
      const patch = (node as { patch_path?: string | null }).patch_path?.split('://')[1];
      return (
        paths.has(path) ||
        (patch !== undefined && paths.has(patch)) ||
        folders(path).some((folder) => paths.has(folder))
      );
    });
  },
  file: (value, context) => {
    const matches = fnmatch(text(value));
    return ids(everything(context), (node) => {
      const name = node.original_file_path.slice(node.original_file_path.lastIndexOf('/') + 1);
      return matches(name) || matches(name.replace(/(.)\.[^.]*$/, '$1'));
    });
  },
  package: (value, context) => {
    const name = value === 'this' ? (context.manifest.metadata.project_name ?? 'this') : text(value);
    const matches = fnmatch(name);
    return everyId(context).filter((id) => matches(packageInId(id)));
  },
  config: (value, context) =>
    ids(parsed(context, 'nodes', 'sources'), (node) =>
      configMatches((node as { config?: unknown }).config, context.arguments, value),
    ),
  resource_type: (value, context) => {
    if (!RESOURCE_TYPES.has(text(value))) throw errorOf('badResourceType', { value: text(value) });
    return everyId(context).filter((id) => typeInId(id) === value);
  },
  test_name: (value, context) => {
    const matches = fnmatch(text(value));
    return ids(parsed(context, 'nodes', 'unit_tests'), (node) => {
      if (node.resource_type === 'unit_test') return matches(node.name);
      const { test_metadata: metadata } = node as { test_metadata?: { name: string } };
      return node.resource_type === 'test' && metadata !== undefined && matches(metadata.name);
    });
  },
  test_type: (value, context) => {
    const kinds = testKinds(text(value));
    return ids(parsed(context, 'nodes', 'unit_tests'), (node) => {
      if (node.resource_type === 'unit_test') return kinds.has('unit');
      return (
        node.resource_type === 'test' &&
        kinds.has((node as { test_metadata?: unknown }).test_metadata === undefined ? 'singular' : 'generic')
      );
    });
  },
  version: (value, context) => {
    const kind = text(value);
    return ids(parsed(context, 'nodes'), (node) => node.resource_type === 'model' && versionMatches(node, kind));
  },
  selector: (value, context) => [...context.selectByName(text(value))].filter((id) => context.candidates.has(id)),
  state: (value, context) =>
    columnNodes('state', value, context.columns)?.nodes ??
    ids(everything(context), stateMatches(text(value), context.manifest, context.previousState, context.warn)),
  result: (value, context) => ids(everything(context), resultMatches(text(value), context.previousState)),
  source_status: (value, context) => ids(everything(context), sourceStatusMatches(text(value), context.previousState)),
};

const RESOURCE_TYPES: ReadonlySet<string> = new Set([
  'model',
  'analysis',
  'test',
  'snapshot',
  'operation',
  'seed',
  'rpc',
  'sql_operation',
  'doc',
  'source',
  'macro',
  'exposure',
  'metric',
  'group',
  'saved_query',
  'semantic_model',
  'unit_test',
  'fixture',
  'function',
  'publication',
]);

type Group =
  | 'nodes'
  | 'sources'
  | 'exposures'
  | 'metrics'
  | 'unit_tests'
  | 'semantic_models'
  | 'saved_queries'
  | 'functions'
  | 'publications';

/** Candidates in some tables of the manifest. */
function* parsed({ manifest, candidates }: MethodContext, ...groups: readonly Group[]): Iterable<[string, GraphNode]> {
  for (const group of groups) {
    for (const [id, node] of Object.entries(manifest[group] ?? {})) if (candidates.has(id)) yield [id, node];
  }
}

const NEITHER_NODES_NOR_SOURCES: readonly Group[] = [
  'exposures',
  'metrics',
  'unit_tests',
  'semantic_models',
  'saved_queries',
  'functions',
  'publications',
];

function everything(context: MethodContext): Iterable<[string, GraphNode]> {
  return parsed(context, 'nodes', 'sources', ...NEITHER_NODES_NOR_SOURCES);
}

/** The same without decoding them. */
function everyId({ manifest, candidates }: MethodContext): string[] {
  const groups: readonly Group[] = ['nodes', 'sources', ...NEITHER_NODES_NOR_SOURCES];
  return groups.flatMap((group) => keysOf(manifest[group] ?? {})).filter((id) => candidates.has(id));
}

function neitherNodesNorSources(context: MethodContext): Iterable<[string, GraphNode]> {
  return parsed(context, ...NEITHER_NODES_NOR_SOURCES);
}

function* ids(
  nodes: Iterable<[string, GraphNode]>,
  matches: (node: GraphNode, id: string) => boolean,
): Iterable<string> {
  for (const [id, node] of nodes) if (matches(node, id)) yield id;
}

function text(value: Json): string {
  return typeof value === 'string'
    ? value
    : value === true
      ? 'True'
      : value === false
        ? 'False'
        : value === null
          ? 'None'
          : String(value);
}

/** Matches `name` or `package.name` in one table. */
function named(group: Group, what: string, form: string): Method {
  return (value, context) => {
    const parts = text(value).split('.');
    if (parts.length > 2) throw errorOf('badNamedCriterion', { what, value: text(value), form });
    const [inPackage, matches] = [fnmatch(parts.length === 2 ? (parts[0] ?? '*') : '*'), fnmatch(parts.at(-1) ?? '')];
    return ids(parsed(context, group), (node) => inPackage(node.package_name) && matches(node.name));
  };
}

function tagsOf(node: GraphNode): readonly string[] {
  if (node.resource_type === 'unit_test') return (node as { config?: { tags?: readonly string[] } }).config?.tags ?? [];
  return (node as { tags?: readonly string[] }).tags ?? [];
}

/** Returns a matcher of fully qualified names. The last part of a versioned model is its version. */
function fqnMatcher(selector: string): (fqn: readonly string[], versioned: boolean) => boolean {
  if (selector === '*') return (fqn) => fqn.length > 0;
  const parts = selector.split('.');
  const wild = parts.findIndex((part) => /[*?[\]]/.test(part));
  const tail = wild === -1 ? undefined : fnmatch(parts.slice(wild).join('.'));
  const whole = wild === -1 || parts.length > 1 ? undefined : fnmatch(selector);
  const underscored = parts.slice(-2).join('_');
  return (fqn, versioned) => {
    const leaf = fqn.at(versioned ? -2 : -1);
    if (leaf === selector || (versioned && fqn.slice(-2).join('_') === underscored)) return true;
    if (wild === -1 && parts.length === 1) {
      const [head] = fqn;
      return head === selector || head?.startsWith(`${selector}.`) === true;
    }
    const flat = fqn.some((part) => part.includes('.')) ? fqn.flatMap((part) => part.split('.')) : fqn;
    if (flat.length < parts.length) return false;
    const literal = wild === -1 ? parts.length : wild;
    for (let i = 0; i < literal; i++) if (flat[i] !== parts[i]) return false;
    if (tail === undefined) return true;
    if (tail(flat.slice(wild).join('.'))) return true;
    return whole !== undefined && leaf !== undefined && whole(leaf);
  };
}

function folders(path: string): string[] {
  const found: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) found.push(path.slice(0, at));
  return found;
}

/** The files of the root project, and their parent folders, that match a glob. */
function matchingPaths(pattern: string, manifest: Manifest): Set<string> {
  const matches = pathGlob(pattern);
  const files = new Set<string>();
  const root = manifest.metadata.project_name;
  for (const group of [
    manifest.nodes,
    manifest.sources,
    manifest.exposures,
    manifest.metrics,
    manifest.unit_tests,
    manifest.semantic_models,
    manifest.saved_queries,
    manifest.functions,
    manifest.publications ?? {},
  ]) {
    for (const node of Object.values(group)) {
      if (root !== null && node.package_name !== root) continue;
      files.add(node.original_file_path);
      const patch = (node as { patch_path?: string | null }).patch_path?.split('://')[1];
      if (patch !== undefined) files.add(patch);
    }
  }
  const found = new Set<string>();
  const seen = new Set<string>();
  for (const file of files) {
    if (matches(file, false)) found.add(file);
    for (const folder of folders(file)) {
      if (seen.has(folder)) continue;
      seen.add(folder);
      if (matches(folder, true)) found.add(folder);
    }
  }
  return found;
}

function configMatches(config: unknown, path: readonly string[], wanted: Json): boolean {
  let value = config;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return false;
    const holder = value as { readonly [key: string]: unknown };
    const key = part in holder ? part : part.replaceAll('_', '-');
    if (!Object.hasOwn(holder, key)) return false;
    value = holder[key];
  }
  const wantedText = text(wanted);
  const isSeverity = path.length === 1 && path[0] === 'severity';
  const same = (candidate: unknown): boolean => {
    if (isSeverity && typeof candidate === 'string') return candidate.toUpperCase() === wantedText.toUpperCase();
    return (
      candidate === wanted ||
      (candidate === true && wantedText.toLowerCase() === 'true') ||
      (candidate === false && wantedText.toLowerCase() === 'false')
    );
  };
  // In Python's lists, `True in` also matches 1, and `False in` matches 0.
  const listed = (candidate: unknown): boolean =>
    same(candidate === 1 ? true : candidate === 0 ? false : candidate) || same(candidate);
  return Array.isArray(value) ? value.some(listed) : same(value);
}

function testKinds(value: string): Set<'generic' | 'singular' | 'unit'> {
  if (value === 'generic' || value === 'schema') return new Set(['generic']);
  if (value === 'data') return new Set(['generic', 'singular']);
  if (value === 'singular' || value === 'unit') return new Set([value]);
  throw errorOf('badTestType', { value });
}

function versionMatches(node: ModelNode, kind: string): boolean {
  const { version, latest_version: latest } = node;
  const order =
    version === null || latest === null || version === undefined || latest === undefined
      ? undefined
      : compareVersions(version, latest);
  switch (kind) {
    case 'latest':
      return version != null && version === latest;
    case 'prerelease':
      return order !== undefined && order > 0;
    case 'old':
      return order !== undefined && order < 0;
    case 'none':
      return version == null;
    default:
      throw errorOf('badVersionKind', { value: kind });
  }
}

/** Versions are compared as numbers if both are numeric, otherwise as text. */
export function compareVersions(a: string | number, b: string | number): number {
  const [first, second] = [Number(a), Number(b)];
  if ((typeof a === 'number' || typeof b === 'number') && !Number.isNaN(first) && !Number.isNaN(second))
    return first - second;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
