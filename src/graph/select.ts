// From a selection to the set of nodes it means: criteria, their neighbours, tests chosen indirectly, set operations, resource types.
// Pure; rules of dbt-core 1.12 (graph/selector.py).
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, Json, ResourceType } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { type Dag, dependsOnNodes, graphMember } from './dag.ts';
import { compileFnmatch } from './glob.ts';
import type { Criterion, IndirectSelection, NamedSelector, Selection } from './selector-grammar.ts';
import { type MethodContext, searchMethod } from './selector-methods.ts';

export interface SelectOptions {
  /** Only nodes of these types stay; absent: all. */
  readonly resourceTypes?: ReadonlySet<ResourceType> | undefined;
  /** Nodes without SQL stay too, as `ls` wants. */
  readonly includeEmpty?: boolean;
  readonly selectors?: ReadonlyMap<string, NamedSelector> | undefined;
  readonly state?: Pick<MethodContext, 'previousResults' | 'matchesState' | 'fresherSources'> | undefined;
}

export interface Selected {
  readonly ids: Set<string>;
  /** Criteria that matched nothing, as written: dbt warns of each. */
  readonly unmatched: string[];
}

interface Found { direct: Set<string>; indirect: Set<string> }

/**
 * @param dag the whole graph of the manifest
 * @returns unique_ids, in no order
 * @throws TsdbtError selector: a value that a method refuses, an unknown or circular selector
 */
export function select(manifest: Manifest, dag: Dag, selection: Selection, options: SelectOptions = {}): Selected {
  const members = new Set(dag.nodes.filter((id) => isEnabled(graphMember(manifest, id))));
  const unmatched: string[] = [];

  /** Selectors being resolved, outermost first. */
  function resolve(spec: Selection, open: readonly string[]): Found {
    if (spec.kind === 'criterion') return fromCriterion(spec, open);
    const found = spec.parts.map((part) => resolve(part, open));
    const direct = combine(spec.kind, found.map((f) => f.direct));
    const indirect = combine(spec.kind, found.map((f) => union(f.direct, f.indirect)));
    const all = addIndirect(direct, indirect, spec.indirect);
    if (spec.expectExists && all.size === 0) unmatched.push(String(spec.raw));
    return { direct: all, indirect };
  }

  function fromCriterion(spec: Criterion, open: readonly string[]): Found {
    if (spec.method === 'selector') {
      return { direct: withNeighbours(spec, namedSelectors(String(spec.value), open)), indirect: new Set() };
    }
    const context: MethodContext = { manifest, members, methodArguments: spec.methodArguments, ...options.state };
    const selected = withNeighbours(spec, new Set(searchMethod(spec.method, context, spec.value)));
    return spec.indirect === 'empty' ? { direct: selected, indirect: new Set() } : expand(selected, spec.indirect);
  }

  function namedSelectors(pattern: string, open: readonly string[]): Set<string> {
    if (options.selectors === undefined) throw new TsdbtError('selector', 'Cannot use selector: method if selectors.yml is not provided');
    const matches = compileFnmatch(pattern);
    const names = [...options.selectors.keys()].filter(matches).sort();
    if (names.length === 0) throw new TsdbtError('selector', `Selector '${pattern}' did not match any selector in selectors.yml`);
    const out = new Set<string>();
    for (const name of names) {
      if (open.includes(name)) throw new TsdbtError('selector', `Circular dependency detected in selector: ${[...open, name].join(' -> ')}`);
      const found = resolve(options.selectors.get(name)!.definition, [...open, name]);
      for (const id of found.direct) if (members.has(id) && isWanted(id)) out.add(id);
    }
    return out;
  }

  function withNeighbours(spec: Criterion, selected: Set<string>): Set<string> {
    const out = new Set(selected);
    const add = (ids: Iterable<string>) => { for (const id of ids) if (members.has(id)) out.add(id); };
    if (spec.childrensParents) {
      const below = union(dag.descendants(selected), selected);
      add(below);
      add(dag.ancestors(below));
    }
    if (spec.parents > 0) add(dag.ancestors(selected, spec.parents));
    if (spec.children > 0) add(dag.descendants(selected, spec.children));
    return out;
  }

  /** Tests below what is selected: chosen at once, or kept in mind until their other parents are chosen too. */
  function expand(selected: Set<string>, indirectSelection: IndirectSelection): Found {
    const direct = new Set(selected);
    const indirect = new Set<string>();
    const buildable = indirectSelection === 'buildable' ? buildableFrom(selected) : undefined;
    for (const id of selected) {
      for (const child of dag.children(id)) {
        const node = graphMember(manifest, child);
        if (node === undefined || !members.has(child) || (node.resource_type !== 'test' && node.resource_type !== 'unit_test')) continue;
        const needed = dependsOnNodes(node);
        if (indirectSelection === 'eager' || needed.every((n) => selected.has(n)) || (buildable !== undefined && needed.every((n) => buildable.has(n)))) direct.add(child);
        else indirect.add(child);
      }
    }
    return { direct, indirect };
  }

  function buildableFrom(selected: Set<string>): Set<string> {
    return union(union(selected, dag.ancestors(selected)), Object.keys(manifest.sources));
  }

  function addIndirect(direct: Set<string>, indirect: Set<string>, indirectSelection: IndirectSelection): Set<string> {
    if (indirectSelection !== 'cautious' && indirectSelection !== 'buildable') return direct;
    const out = new Set(direct);
    const enough = indirectSelection === 'cautious' ? out : union(out, dag.ancestors(out));
    for (const id of indirect) {
      const node = manifest.nodes[id];
      if (node !== undefined && dependsOnNodes(node).every((n) => enough.has(n))) out.add(id);
    }
    return out;
  }

  function isWanted(id: string): boolean {
    const node = graphMember(manifest, id)!;
    if (options.resourceTypes !== undefined && !options.resourceTypes.has(node.resource_type)) return false;
    return options.includeEmpty === true || !isEmpty(node);
  }

  const { direct } = resolve(selection, []);
  return { ids: new Set([...direct].filter(isWanted)), unmatched };
}

/** The selection of a command: a named selector, or `--select` and `--exclude`, or the default selector. */
export function chooseSelection(
  flags: { select: readonly string[]; exclude: readonly string[]; selector: string | null },
  selectors: ReadonlyMap<string, NamedSelector>,
  fromFlags: () => Selection,
): { selection: Selection; usesDefault: string | null } {
  if (flags.selector !== null) {
    const named = selectors.get(flags.selector);
    if (named === undefined) {
      throw new TsdbtError('selector', `Could not find selector named ${flags.selector}, expected one of ${pythonList([...selectors.keys()])}`);
    }
    return { selection: named.definition, usesDefault: null };
  }
  if (flags.select.length === 0 && flags.exclude.length === 0) {
    for (const named of selectors.values()) if (named.default === true) return { selection: named.definition, usesDefault: named.name };
  }
  return { selection: fromFlags(), usesDefault: null };
}

function pythonList(names: readonly string[]): string {
  return `[${names.map((n) => `'${n}'`).join(', ')}]`;
}

function isEnabled(node: GraphNode | undefined): boolean {
  if (node === undefined) return false;
  return node.resource_type === 'exposure' || (node as { config?: { enabled?: Json } }).config?.enabled !== false;
}

/** A node whose file holds no SQL; a seed never is one. */
function isEmpty(node: GraphNode): boolean {
  return 'raw_code' in node && node.resource_type !== 'seed' && typeof node.raw_code === 'string' && node.raw_code.trim() === '';
}

function union(a: Iterable<string>, b: Iterable<string>): Set<string> {
  const out = new Set(a);
  for (const id of b) out.add(id);
  return out;
}

function combine(kind: 'union' | 'intersection' | 'difference', sets: readonly Set<string>[]): Set<string> {
  const [first, ...rest] = sets;
  if (first === undefined) return new Set();
  if (kind === 'union') return rest.reduce(union, first);
  return new Set([...first].filter((id) => (kind === 'intersection' ? rest.every((s) => s.has(id)) : !rest.some((s) => s.has(id)))));
}
