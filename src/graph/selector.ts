// Resolves a node selection: criteria, neighbors, set operations, indirectly selected tests, resource types. Each step
// follows dbt, because projects rely on the exact set that it selects.
import { errorOf } from '../error-table.ts';
import { eventOf } from '../events/index.ts';
import type { Manifest } from '../contracts/manifest.ts';
import { type LogEvent, warningTag } from '../log.ts';
import { showJson } from '../values/index.ts';
import type { ColumnSelection } from './column-selection.ts';
import { type Dag, dependencies } from './dag.ts';
import { fnmatch } from './fnmatch.ts';
import {
  type IndirectSelection,
  parseSelection,
  type SelectionCriteria,
  type SelectionGroup,
  type SelectionSpec,
  type SelectorDefinitions,
} from './selector-grammar.ts';
import { isEnabled, type NodeFacts, ReadFacts, typeInId } from './node-facts.ts';
import { columnNodes, searchMethod } from './selector-methods.ts';
import type { PreviousState } from './state-methods.ts';
import { hasMember, keysOf } from './unread-record.ts';
import { didYouMean } from '../values/close-matches.ts';

export interface SelectOptions {
  /** `--select`; null or empty means everything. */
  readonly select?: readonly string[] | null | undefined;
  readonly exclude?: readonly string[] | null | undefined;
  /** `--selector`. */
  readonly selector?: string | null | undefined;
  readonly definitions?: SelectorDefinitions | undefined;
  /** `--indirect-selection`. */
  readonly indirectSelection?: IndirectSelection | undefined;
  /** Resource types that the command works on; absent means all. */
  readonly resourceTypes?: ReadonlySet<string> | undefined;
  /** Whether nodes without SQL are included (`ls`). */
  readonly includeEmpty?: boolean | undefined;
  /** Additional condition on a node, for commands that work on some nodes of a type only. */
  readonly accepts?: ((id: string) => boolean) | undefined;
  readonly previousState?: PreviousState | undefined;
  /** For `column:` and `state:modified.columns`. */
  readonly columns?: ColumnSelection | undefined;
  /** Facts about the nodes; by default they are read from the manifest. */
  readonly facts?: NodeFacts | undefined;
}

export interface Selection {
  readonly selected: Set<string>;
  /** Receives dbt's warnings: criteria that match nothing, contracts broken since the compared state. */
  readonly warnings: readonly LogEvent[];
  /** Name of the selector that was used because it is the default in selectors.yml. */
  readonly defaultSelector: string | null;
}

/**
 * Returns the unique_ids that a command works on.
 * @throws TsdbtError `selector` for unknown methods, selectors and values
 * @example
 * select(manifest, dag, { select: ['tag:nightly+'], resourceTypes: new Set(['model']) }).selected
 */
export function select(manifest: Manifest, dag: Dag, options: SelectOptions): Selection {
  const indirect = options.indirectSelection ?? 'eager';
  const definitions: SelectorDefinitions = options.definitions ?? new Map();
  const named = (name: string): SelectionSpec => {
    const found = definitions.get(name);
    if (found === undefined) {
      throw errorOf(
        'noSuchSelector',
        { selector: name, selectors: [...definitions.keys()].map((key) => `'${key}'`).join(', ') },
        { hint: didYouMean(name, definitions.keys()) },
      );
    }
    return found.definition;
  };
  const chosen = (options.select?.length ?? 0) > 0 || (options.exclude?.length ?? 0) > 0;
  const fallback =
    chosen || options.selector ? undefined : [...definitions].find(([, definition]) => definition.default)?.[0];
  const name = options.selector ?? fallback;
  const spec = name ? named(name) : parseSelection(options.select ?? null, options.exclude ?? null, indirect);
  const run = new SelectionRun(manifest, dag, options, definitions);
  return { selected: run.selected(spec), warnings: run.warnings, defaultSelector: fallback ?? null };
}

interface Bundle {
  readonly direct: Set<string>;
  /** Built on demand: eager selections never need it. */
  readonly indirect: () => ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();
const nothing = (): ReadonlySet<string> => NOTHING;

class SelectionRun {
  readonly warnings: LogEvent[] = [];
  readonly #manifest: Manifest;
  readonly #dag: Dag;
  readonly #facts: NodeFacts;
  readonly #options: SelectOptions;
  readonly #definitions: SelectorDefinitions;
  readonly #members: ReadonlySet<string>;
  /** Disabled members of the other tables. */
  readonly #switchedOff: ReadonlySet<string>;
  readonly #open: string[] = [];

  constructor(manifest: Manifest, dag: Dag, options: SelectOptions, definitions: SelectorDefinitions) {
    this.#manifest = manifest;
    this.#facts = options.facts ?? new ReadFacts(manifest.nodes);
    this.#dag = dag;
    this.#options = options;
    this.#definitions = definitions;
    const { functions, metrics, semantic_models, unit_tests, saved_queries } = manifest;
    this.#switchedOff = new Set(
      [functions, metrics, semantic_models, unit_tests, saved_queries].flatMap((table) =>
        Object.entries(table).flatMap(([id, node]) => (isEnabled(node) ? [] : [id])),
      ),
    );
    this.#members = new Set(dag.nodes.filter((id) => this.#isEnabled(id)));
  }

  selected(spec: SelectionSpec): Set<string> {
    const { direct } = this.#resolve(spec);
    return new Set([...direct].filter((id) => this.#isWanted(id)));
  }

  #isEnabled(id: string): boolean {
    // Facts report anything that is not a node as enabled. Disabled sources are in `manifest.disabled`.
    return typeInId(id) === 'source' || (this.#facts.isEnabled(id) && !this.#switchedOff.has(id));
  }

  #isWanted(id: string): boolean {
    const manifest = this.#manifest;
    const options = this.#options;
    if (options.resourceTypes?.has(typeInId(id)) === false) return false;
    const isNode = hasMember(manifest.nodes, id);
    if (isNode && options.includeEmpty !== true && this.#facts.isEmpty(id)) return false;
    if (options.resourceTypes !== undefined && !isNode) {
      const { sources, exposures, functions, metrics, semantic_models, unit_tests, saved_queries } = manifest;
      const { publications = {} } = manifest;
      const others = [sources, exposures, functions, metrics, semantic_models, unit_tests, saved_queries, publications];
      if (!others.some((group) => hasMember(group, id))) return false;
    }
    return options.accepts === undefined || options.accepts(id);
  }

  #resolve(spec: SelectionSpec): Bundle {
    return spec.type === 'criteria' ? this.#criteria(spec) : this.#group(spec);
  }

  #group(spec: SelectionGroup): Bundle {
    const bundles = spec.components.map((component) => this.#resolve(component));
    const direct = combine(
      spec.type,
      bundles.map((bundle) => bundle.direct),
    );
    const indirect = (): ReadonlySet<string> =>
      combine(
        spec.type,
        bundles.map((bundle) => new Set([...bundle.direct, ...bundle.indirect()])),
      );
    const selected = this.#incorporate(direct, indirect, spec.indirectSelection);
    if (spec.expectExists && selected.size === 0) {
      const raw = typeof spec.raw === 'string' ? spec.raw : showJson(spec.raw);
      this.warnings.push(
        eventOf(
          'NoNodesForSelectionCriteria',
          warningTag(`The selection criterion '${raw}' does not match any enabled nodes`),
          { spec_raw: raw },
        ),
      );
    }
    return { direct: selected, indirect };
  }

  #criteria(spec: SelectionCriteria): Bundle {
    const manifest = this.#manifest;
    const members = this.#members;
    const options = this.#options;
    const collected = searchMethod(spec.method, spec.value, {
      manifest,
      facts: this.#facts,
      candidates: members,
      arguments: spec.arguments,
      previousState: options.previousState,
      columns: options.columns,
      selectByName: (pattern) => this.#byName(pattern),
      // Several criteria can select the same node.
      warn: (event) => {
        if (!this.warnings.some((known) => known.msg === event.msg)) this.warnings.push(event);
      },
    });
    const selected = new Set(collected);
    const add = (ids: Iterable<string>): void => {
      for (const id of ids) if (members.has(id)) selected.add(id);
    };
    if (spec.childrensParents) {
      const below = new Set([...this.#dag.selectChildren(collected), ...collected]);
      add(this.#dag.selectParents(below));
      add(below);
    }
    const { parentsDepth: up, childrenDepth: down } = spec;
    const columns = columnNodes(spec.method, spec.value, options.columns);
    if (spec.parents) add(columns?.parents(up) ?? this.#dag.selectParents(collected, up));
    if (spec.children) add(columns?.children(down) ?? this.#dag.selectChildren(collected, down));
    // A named selector has already selected its tests.
    if (spec.indirectSelection === 'empty' || spec.method === 'selector')
      return { direct: selected, indirect: nothing };
    return this.#expand(selected, spec.indirectSelection);
  }

  #byName(pattern: string): Set<string> {
    if (this.#definitions.size === 0) throw errorOf('noSelectorFile', {});
    const matches = fnmatch(pattern);
    const names = [...this.#definitions.keys()].filter(matches).sort();
    if (names.length === 0) throw errorOf('noSelectorMatches', { pattern });
    const found = new Set<string>();
    for (const name of names) {
      if (this.#open.includes(name)) throw errorOf('selectorCycle', { cycle: [...this.#open, name].join(' --> ') });
      this.#open.push(name);
      const definition = this.#definitions.get(name)?.definition;
      if (definition !== undefined) for (const id of this.selected(definition)) found.add(id);
      this.#open.pop();
    }
    return found;
  }

  /** Indirect selection: adds tests whose parents are selected, and publications of selected nodes. */
  #expand(selected: Set<string>, mode: IndirectSelection): Bundle {
    // There is no test left to add.
    if (selected.size === this.#members.size) return { direct: selected, indirect: nothing };
    const dag = this.#dag;
    const manifest = this.#manifest;
    const members = this.#members;
    const direct = new Set(selected);
    const indirect = new Set<string>();
    const buildable =
      mode === 'buildable'
        ? new Set([...selected, ...dag.selectParents(selected), ...keysOf(manifest.sources)])
        : selected;
    for (const id of dag.selectSuccessors(selected)) {
      // Already selected.
      if (direct.has(id) || !members.has(id)) continue;
      if (manifest.publications !== undefined && Object.hasOwn(manifest.publications, id)) {
        direct.add(id);
        continue;
      }
      const isNode = hasMember(manifest.nodes, id);
      const unitTest = isNode ? undefined : manifest.unit_tests[id];
      if (unitTest === undefined && !(isNode && typeInId(id) === 'test')) continue;
      const parents = unitTest === undefined ? this.#facts.parents(id) : dependencies(unitTest);
      if (
        mode === 'eager' ||
        parents.every((parent) => selected.has(parent)) ||
        parents.every((parent) => buildable.has(parent))
      )
        direct.add(id);
      else indirect.add(id);
    }
    return { direct, indirect: () => indirect };
  }

  /** Adds tests that were deferred until all of their parents are selected, after set operations. */
  #incorporate(direct: Set<string>, aside: Bundle['indirect'], mode: IndirectSelection): Set<string> {
    if (mode !== 'cautious' && mode !== 'buildable') return direct;
    const indirect = aside();
    if (direct.size === indirect.size && [...direct].every((id) => indirect.has(id))) return direct;
    const selected = new Set(direct);
    const above = mode === 'buildable' ? new Set([...selected, ...this.#dag.selectParents(selected)]) : selected;
    for (const id of indirect) {
      const isNode = hasMember(this.#manifest.nodes, id);
      if (isNode && this.#facts.parents(id).every((parent) => above.has(parent))) selected.add(id);
    }
    return selected;
  }
}

function combine(type: SelectionGroup['type'], sets: readonly Set<string>[]): Set<string> {
  const [first, ...others] = sets;
  if (first === undefined) return new Set();
  if (others.length === 0) return first;
  if (type === 'union') {
    const all = new Set(first);
    for (const set of others) for (const id of set) all.add(id);
    return all;
  }
  const keep =
    type === 'intersection'
      ? (id: string) => others.every((set) => set.has(id))
      : (id: string) => !others.some((set) => set.has(id));
  return new Set([...first].filter(keep));
}
