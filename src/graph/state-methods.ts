// Selection methods that compare with an earlier run: `state:`, `result:`, `source_status:`. same-contents.ts and
// contract-changes.ts compare; the caller reads the artifacts.
import { errorOf } from '../error-table.ts';
import { eventOf, type MessageName } from '../events/index.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, ModelNode } from '../contracts/node.ts';
import { type LogEvent, warningTag } from '../log.ts';
import { contractChange, removedContract } from './contract-changes.ts';
import {
  fieldsOf,
  isParsedNode,
  sameBody,
  sameConfig,
  sameContents,
  samePersistedDescription,
  sameRelation,
} from './same-contents.ts';

interface SourceAge {
  readonly unique_id: string;
  readonly max_loaded_at?: string | null;
}

/**
 * Artifacts of an earlier run, from the `--state` folder; `currentSources` is this target's own. Each may be read
 * lazily.
 */
export interface PreviousState {
  /** The folder as the user named it. */
  readonly folder: string;
  readonly manifest?: Manifest | undefined;
  readonly results?: readonly { readonly unique_id: string; readonly status: string }[] | undefined;
  readonly sources?: readonly SourceAge[] | undefined;
  readonly currentSources?: readonly SourceAge[] | undefined;
  /** Types of constraints that the database enforces. */
  readonly enforcedConstraints: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly flags: { readonly [name: string]: unknown };
}

export type Matcher = (node: GraphNode, id: string) => boolean;
type Warn = (event: LogEvent) => void;

const VALUES = [
  'new',
  'old',
  'modified',
  'unmodified',
  'modified.body',
  'modified.configs',
  'modified.persisted_descriptions',
  'modified.relation',
  'modified.macros',
  'modified.contract',
  'modified.columns',
];

/** `state:VALUE`. */
export function stateMatches(
  value: string,
  manifest: Manifest,
  previous: PreviousState | undefined,
  warn: Warn,
): Matcher {
  const before = previous?.manifest;
  if (previous === undefined || before === undefined) {
    throw errorOf('noComparisonManifest', {
      hint:
        previous === undefined
          ? '--state names the folder with the manifest.json to compare with.'
          : `There is no manifest.json in the folder ${previous.folder} that --state names.`,
    });
  }
  if (!VALUES.includes(value))
    throw errorOf('badStateCriterion', { value, values: VALUES.map((name) => `'${name}'`).join(', ') });
  return new Comparison(manifest, before, previous, warn).matcher(value);
}

class Comparison {
  readonly #now: Manifest;
  readonly #before: Manifest;
  readonly #state: PreviousState;
  readonly #warn: Warn;
  readonly #rendered: boolean;
  #macros: ReadonlySet<string> | undefined;

  constructor(now: Manifest, before: Manifest, state: PreviousState, warn: Warn) {
    this.#now = now;
    this.#before = before;
    this.#state = state;
    this.#warn = warn;
    this.#rendered = state.flags['state_modified_compare_more_unrendered_values'] === false;
  }

  matcher(value: string): Matcher {
    switch (value) {
      case 'new':
        return (_node, id) => this.#old(id) === null;
      case 'old':
        return (_node, id) => this.#old(id) !== null;
      case 'modified':
        this.#checkRemoved();
        return (node, id) => this.#isModified(node, this.#old(id));
      case 'unmodified':
        this.#checkRemoved();
        return (node, id) => !this.#isModified(node, this.#old(id));
      case 'modified.macros':
        return (node) => this.#macrosChanged(node);
      case 'modified.contract':
        this.#checkRemoved();
        return (node, id) => isParsedNode(node) && this.#contractChanged(node, this.#old(id));
      case 'modified.body':
        return this.#part(
          (node) => isParsedNode(node) || null,
          (now, before) => this.#sameBody(now, before),
        );
      case 'modified.configs':
        return this.#part(
          (node) => node.resource_type !== 'unit_test' || null,
          (now, before) => sameConfig(fieldsOf(now), fieldsOf(before)),
        );
      case 'modified.persisted_descriptions':
        return this.#part(
          (node) => isParsedNode(node) || null,
          (now, before) => samePersistedDescription(fieldsOf(now), fieldsOf(before)),
        );
      default:
        return this.#part(
          (node) => isParsedNode(node) || node.resource_type === 'source' || null,
          (now, before) => sameRelation(fieldsOf(now), fieldsOf(before), this.#rendered),
        );
    }
  }

  /** Compares one part of a resource; every part of a new resource counts as modified. */
  #part(
    has: (node: GraphNode) => boolean | null,
    same: (now: GraphNode, before: GraphNode) => boolean | null,
  ): Matcher {
    return (node, id) => {
      if (has(node) === null) return false;
      const old = this.#old(id);
      return old === null || same(node, old) === false;
    };
  }

  #sameBody(now: GraphNode, before: GraphNode): boolean {
    this.#warnOfLargeSeed(now, before);
    return sameBody(fieldsOf(now), fieldsOf(before));
  }

  #old(id: string): GraphNode | null {
    const before = this.#before;
    for (const group of [
      before.nodes,
      before.sources,
      before.exposures,
      before.metrics,
      before.semantic_models,
      before.unit_tests,
      before.saved_queries,
      before.functions,
      before.publications ?? {},
    ]) {
      if (Object.hasOwn(group, id)) return group[id] ?? null;
    }
    return null;
  }

  #isModified(node: GraphNode, old: GraphNode | null): boolean {
    if (old !== null) this.#warnOfLargeSeed(node, old);
    const contract = node.resource_type === 'model' && old !== null && this.#contractChanged(node, old);
    return (
      contract ||
      !sameContents(fieldsOf(node), old === null ? null : fieldsOf(old), this.#rendered) ||
      this.#macrosChanged(node)
    );
  }

  #contractChanged(node: GraphNode, old: GraphNode | null): boolean {
    if (old === null) return true;
    if (node.resource_type !== 'model' || old.resource_type !== 'model') return false;
    const { same, breaking } = contractChange(node, old, this.#state.enforcedConstraints);
    if (breaking.length > 0) this.#report(node, breaking);
    return !same;
  }

  /** Models with a contract that were deleted, renamed or disabled. */
  #checkRemoved(): void {
    const { nodes, disabled } = this.#now;
    for (const [id, node] of Object.entries(this.#before.nodes)) {
      const removed = disabled[id] === undefined ? (Object.hasOwn(nodes, id) ? undefined : node) : disabled[id][0];
      if (removed?.resource_type !== 'model') continue;
      const change = removedContract(removed, this.#state.now);
      if (change !== null) this.#report(removed, [change]);
    }
  }

  /**
   * A breaking change to a versioned model is an error, because a new version could contain it; otherwise it is a
   * warning.
   */
  #report(model: ModelNode, changes: readonly string[]): void {
    const reasons = changes.join('\n  - ');
    if (model.version != null) {
      throw errorOf('breakingChange', { reasons }, { node: model });
    }
    this.#warn(
      eventOf(
        'UnversionedBreakingChange',
        warningTag(
          `Breaking change to contracted, unversioned model ${model.name} (${model.original_file_path})\nWhile ` +
            'comparing to previous project state, dbt detected a breaking change to an unversioned model.\n  - ' +
            `${reasons}\n`,
        ),
        { breaking_changes: changes, model_name: model.name, model_file_path: model.original_file_path },
      ),
    );
  }

  /** For a seed above the size limit, only the path is compared. */
  #warnOfLargeSeed(node: GraphNode, old: GraphNode): void {
    if (node.resource_type !== 'seed' || old.resource_type !== 'seed' || node.checksum.name !== 'path') return;
    const size = `${String(this.#state.flags['maximum_seed_size_mib'] ?? 1)}MiB`;
    const found = `Found a seed (${node.package_name}.${node.name}) >${size} in size`;
    const data = { package_name: node.package_name, name: node.name };
    const [name, msg]: [MessageName, string] =
      old.checksum.name !== 'path'
        ? ['SeedIncreased', `${found}. The previous file was <=${size}, so it has changed`]
        : old.checksum.checksum === node.checksum.checksum
          ? [
              'SeedExceedsLimitSamePath',
              `${found} at the same path, dbt cannot tell if it has changed: assuming they are the same`,
            ]
          : [
              'SeedExceedsLimitAndPathChanged',
              `${found}. The previous file was in a different location, assuming it has changed`,
            ];
    this.#warn(eventOf(name, warningTag(msg), data));
  }

  #macrosChanged(node: GraphNode): boolean {
    const macros = (node as { depends_on?: { macros?: readonly string[] } }).depends_on?.macros ?? [];
    if (macros.length === 0) return false;
    this.#macros ??= this.#changedMacros();
    if (this.#macros.size === 0) return false;
    const test = node.resource_type === 'test' ? node.test_metadata?.name : undefined;
    if (test !== undefined && !macros.some((id) => id.endsWith(`.test_${test}`))) {
      throw errorOf('testMacroMissing', { node: node.name, path: node.original_file_path });
    }
    return macros.some((id) => this.#macros?.has(id));
  }

  /** Macros whose text changed, and their callers. Built-in macros are excluded: dbt's texts differ from ours. */
  #changedMacros(): ReadonlySet<string> {
    const [now, before] = [this.#now, this.#before];
    const builtIn = new Set(['dbt', `dbt_${now.metadata.adapter_type}`]);
    const changed = new Set<string>();
    const readers = new Map<string, string[]>();
    for (const [id, macro] of Object.entries(now.macros)) {
      if (!builtIn.has(macro.package_name) && macro.macro_sql !== before.macros[id]?.macro_sql) changed.add(id);
      for (const used of macro.depends_on.macros) readers.set(used, [...(readers.get(used) ?? []), id]);
    }
    for (const [id, macro] of Object.entries(before.macros))
      if (!(id in now.macros) && !builtIn.has(macro.package_name)) changed.add(id);
    for (const id of changed) for (const reader of readers.get(id) ?? []) changed.add(reader);
    return changed;
  }
}

/** `result:VALUE`. */
export function resultMatches(value: string, previous: PreviousState | undefined): Matcher {
  if (previous?.results === undefined) throw errorOf('noComparisonResults', {});
  const found = new Set(previous.results.filter((result) => result.status === value).map((result) => result.unique_id));
  return (_node, id) => found.has(id);
}

/** `source_status:fresher`: sources with newer data than before, or measured for the first time. */
export function sourceStatusMatches(value: string, previous: PreviousState | undefined): Matcher {
  if (previous?.sources === undefined) throw errorOf('noPreviousFreshness', {});
  if (previous.currentSources === undefined) throw errorOf('noCurrentFreshness', {});
  const found = new Set<string>();
  if (value === 'fresher') {
    const before = new Map(previous.sources.map((source) => [source.unique_id, source.max_loaded_at]));
    for (const { unique_id: id, max_loaded_at: now } of previous.currentSources) {
      const then = before.get(id);
      if (now != null && (then == null || sortable(now) > sortable(then))) found.add(id);
    }
  }
  return (_node, id) => found.has(id);
}

/** A UTC timestamp with microseconds, so that text order is time order. */
function sortable(time: string): string {
  const [, seconds = time, fraction = ''] = /^(.{19})(?:\.(\d+))?/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}
