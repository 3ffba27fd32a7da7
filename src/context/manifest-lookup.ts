// Finds resources of a manifest by the names that templates use: ref, source, function, metric. Built on first use,
// once per command. Callers handle missing and disabled resources.
import { errorOf } from '../error-table.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type {
  FunctionNode,
  GraphNode,
  ManifestNode,
  MetricNode,
  RefArgs,
  SourceDefinition,
} from '../contracts/node.ts';
import type { TsdbtError } from '../errors.ts';
import { type NodeFacts, ReadFacts, typeInId } from '../graph/node-facts.ts';
import { hasMember, keysOf } from '../graph/unread-record.ts';
import { compareVersions } from '../graph/selector-methods.ts';
import { fromJson, toText } from '../values/index.ts';

/** A resource, the marker of a disabled one, or null if not found. */
export type Found<T> = T | 'disabled' | null;

/** The tables in which ref(), source() and similar functions look up names. */
export interface ReferenceLookup {
  ref(ref: RefArgs, packageName: string): Found<ManifestNode>;
  source(source: string, table: string, packageName: string): Found<SourceDefinition>;
  function(name: string, functionPackage: string | null, packageName: string): Found<FunctionNode>;
  metric(name: string, metricPackage: string | null, packageName: string): Found<MetricNode>;
  /**
   * Returns the highest version of the models with this name; undefined without versions. Absent if no model has
   * versions.
   */
  newestVersion?(name: string): string | number | undefined;
}

interface Named {
  readonly name: string;
  readonly package_name: string;
  readonly unique_id: string;
  readonly resource_type: string;
}

/** name → package and resource, in manifest order. Few names exist in several packages. */
type Table<T> = Map<string, [packageName: string, value: T][]>;

interface Tables {
  refs: Table<string>;
  newest: Map<string, string | number>;
  sources: Table<string>;
  functions: Table<string>;
  metrics: Table<string>;
}

/** Resource types that ref() finds. */
const PLAIN_TYPES = ['model', 'seed', 'snapshot'] as const;
const REFABLE: ReadonlySet<string> = new Set(PLAIN_TYPES);

export interface ManifestLookupOptions {
  readonly rootPackage: string;
  /** The flag `require_ref_searches_node_package_before_root`. */
  readonly nodePackageFirst: boolean;
  /** Of the nodes; they are looked up in the manifest when it is left out. */
  readonly facts?: NodeFacts | undefined;
}

export class ManifestLookup implements ReferenceLookup {
  readonly #manifest: Pick<Manifest, 'nodes' | 'sources' | 'functions' | 'metrics' | 'disabled'>;
  readonly #options: ManifestLookupOptions;
  #tables: Tables | undefined;
  #disabledOrNull: Table<GraphNode> | null = null;

  constructor(
    manifest: Pick<Manifest, 'nodes' | 'sources' | 'functions' | 'metrics' | 'disabled'>,
    options: ManifestLookupOptions,
  ) {
    this.#manifest = manifest;
    this.#options = options;
  }

  #all(): Tables {
    if (this.#tables !== undefined) return this.#tables;
    const { nodes, sources, functions, metrics } = this.#manifest;
    const facts = this.#facts;
    const tables: Tables = {
      refs: new Map(),
      newest: new Map(),
      sources: new Map(),
      functions: new Map(),
      metrics: new Map(),
    };
    for (const id of keysOf(nodes)) {
      if (!REFABLE.has(typeInId(id))) continue;
      const node = facts.isVersioned(id) ? nodes[id] : undefined;
      if (node?.resource_type !== 'model' || node.version == null) {
        const from = id.indexOf('.') + 1;
        const to = id.indexOf('.', from);
        put(tables.refs, id.slice(to + 1), id.slice(from, to), id);
        continue;
      }
      put(tables.refs, `${node.name}.v${versionText(node.version)}`, node.package_name, id);
      const known = tables.newest.get(node.name);
      if (known === undefined || compareVersions(node.version, known) > 0) tables.newest.set(node.name, node.version);
      if (versionText(node.version) === versionText(node.latest_version))
        put(tables.refs, node.name, node.package_name, id);
    }
    for (const source of Object.values(sources))
      put(tables.sources, `${source.source_name}.${source.name}`, source.package_name, source.unique_id);
    for (const node of Object.values(functions)) put(tables.functions, node.name, node.package_name, node.unique_id);
    for (const node of Object.values(metrics)) put(tables.metrics, node.name, node.package_name, node.unique_id);
    return (this.#tables = tables);
  }

  /** Read only when something is not found: a project may have as much that is disabled as nodes. */
  get #disabled(): Table<GraphNode> {
    if (this.#disabledOrNull !== null) return this.#disabledOrNull;
    const table: Table<GraphNode> = new Map();
    for (const list of Object.values(this.#manifest.disabled))
      for (const node of list) put(table, disabledName(node), node.package_name, node);
    return (this.#disabledOrNull = table);
  }

  ref({ name, package: target, version }: RefArgs, packageName: string): Found<ManifestNode> {
    const known = version == null || version === '' ? this.#plainRef(name, target, packageName) : undefined;
    if (known !== undefined) return known;
    const { refs } = this.#all();
    const key = version === null || version === undefined || version === '' ? name : `${name}.v${versionText(version)}`;
    const candidates = this.#packages(packageName, target);
    for (const candidate of candidates) {
      const packages = refs.get(key);
      if (candidate === null && packages !== undefined && packages.length > 1) throw ambiguousRef(key, packages);
      const id = pick(packages, candidate);
      if (id !== undefined) return this.#manifest.nodes[id] ?? null;
    }
    const isDisabled = candidates.some((candidate) => {
      const off = pick(this.#disabled.get(key), candidate);
      return off !== undefined && REFABLE.has(off.resource_type);
    });
    return isDisabled ? 'disabled' : null;
  }

  /**
   * Finds a resource by its unique_id: most references mean one without a version in their own package, and tables of
   * all names are made for the others.
   */
  #plainRef(name: string, target: string | null, packageName: string): ManifestNode | undefined {
    const [first] = this.#packages(packageName, target);
    if (name.includes('.') || first === null) return undefined;
    const { nodes } = this.#manifest;
    const ids = PLAIN_TYPES.map((type) => `${type}.${first}.${name}`).filter((id) => hasMember(nodes, id));
    const [id = ''] = ids;
    return ids.length === 1 && !this.#facts.isVersioned(id) ? nodes[id] : undefined;
  }

  get #facts(): NodeFacts {
    return this.#options.facts ?? new ReadFacts(this.#manifest.nodes);
  }

  newestVersion(name: string): string | number | undefined {
    return this.#all().newest.get(name);
  }

  source(source: string, table: string, packageName: string): Found<SourceDefinition> {
    const key = `${source}.${table}`;
    const packages = this.#packages(packageName, null);
    const id = `source.${packages[0] ?? ''}.${key}`;
    if (!source.includes('.') && !table.includes('.') && hasMember(this.#manifest.sources, id))
      return this.#manifest.sources[id] ?? null;
    return this.#find(this.#all().sources, key, packages, (found) => this.#manifest.sources[found]);
  }

  function(name: string, functionPackage: string | null, packageName: string): Found<FunctionNode> {
    return this.#find(
      this.#all().functions,
      name,
      this.#packages(packageName, functionPackage),
      (id) => this.#manifest.functions[id],
    );
  }

  metric(name: string, metricPackage: string | null, packageName: string): Found<MetricNode> {
    return this.#find(
      this.#all().metrics,
      name,
      this.#packages(packageName, metricPackage),
      (id) => this.#manifest.metrics[id],
    );
  }

  #find<T extends Named>(
    table: Table<string>,
    key: string,
    packages: readonly (string | null)[],
    get: (id: string) => T | undefined,
  ): Found<T> {
    for (const candidate of packages) {
      const id = pick(table.get(key), candidate);
      const node = id === undefined ? undefined : get(id);
      if (node !== undefined) return node;
    }
    return packages.some((candidate) => pick(this.#disabled.get(key), candidate) !== undefined) ? 'disabled' : null;
  }

  /** dbt's order of packages when a name is looked up; null is any package. */
  #packages(nodePackage: string, target: string | null): (string | null)[] {
    if (target !== null) return [target];
    const { rootPackage, nodePackageFirst } = this.#options;
    if (nodePackage === rootPackage) return [rootPackage, null];
    return nodePackageFirst ? [nodePackage, rootPackage, null] : [rootPackage, nodePackage, null];
  }
}

function put<T>(table: Table<T>, key: string, packageName: string, value: T): void {
  const packages = table.get(key);
  const known = packages?.find(([name]) => name === packageName);
  if (known !== undefined) known[1] = value;
  else if (packages === undefined) table.set(key, [[packageName, value]]);
  else packages.push([packageName, value]);
}

function pick<T>(packages: readonly (readonly [string, T])[] | undefined, packageName: string | null): T | undefined {
  return (packageName === null ? packages?.[0] : packages?.find(([name]) => name === packageName))?.[1];
}

function disabledName(node: GraphNode): string {
  if (node.resource_type === 'source') return `${node.source_name}.${node.name}`;
  if (node.resource_type === 'model' && node.version !== null && node.version !== undefined)
    return `${node.name}.v${versionText(node.version)}`;
  return node.name;
}

function versionText(version: unknown): string {
  return toText(fromJson(version));
}

function ambiguousRef(key: string, packages: readonly (readonly [string, string])[]): TsdbtError {
  return errorOf('referenceAmbiguous', {
    name: key,
    nodes: packages.map(([, id]) => id).join("', '"),
    packages: packages.map(([name]) => name).join("' or '"),
  });
}
