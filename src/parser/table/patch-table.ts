// The table that `patch` builds: it starts with the resources that were read, with defaults for YAML fields, and grows
// with each entry.
import type { DocNode, GroupNode, MacroNode } from '../../contracts/node.ts';
import { DisabledLookup, PackageLookup, RefLookup } from './lookups.ts';
import { continuedCalls, newCalls, type NodeCalls } from './node-calls.ts';
import type { ParseTools } from '../config/node-update.ts';
import { addUnique, REFABLE } from './duplicates.ts';
import type {
  PatchedExposure,
  PatchedFunction,
  PatchedMetric,
  PatchedNode,
  PatchedResource,
  PatchedSavedQuery,
  PatchedSemanticModel,
  PatchedSource,
  PatchedUnitTest,
  ReadFunction,
  ReadNode,
} from './phases.ts';
import type { FixtureFile, PatchedTable, ReadTable } from './tables.ts';

/** The context of the files of `patch`. */
export interface PatchTools extends ParseTools {
  readonly table: PatchTable;
}

export class PatchTable implements PatchedTable {
  readonly nodes = new Map<string, PatchedNode>();
  readonly functions = new Map<string, PatchedFunction>();
  readonly macros: Map<string, MacroNode>;
  readonly sources = new Map<string, PatchedSource>();
  readonly exposures = new Map<string, PatchedExposure>();
  readonly metrics = new Map<string, PatchedMetric>();
  readonly semanticModels = new Map<string, PatchedSemanticModel>();
  readonly savedQueries = new Map<string, PatchedSavedQuery>();
  readonly unitTests = new Map<string, PatchedUnitTest>();
  readonly groups = new Map<string, GroupNode>();
  readonly docs: ReadonlyMap<string, DocNode>;
  readonly fixtures: ReadonlyMap<string, FixtureFile>;
  readonly disabled = new Map<string, PatchedResource[]>();

  readonly refs = new RefLookup();
  readonly analyses = new PackageLookup();
  readonly singularTests = new PackageLookup();
  readonly sourceLookup = new PackageLookup();
  readonly functionLookup = new PackageLookup();
  readonly metricLookup = new PackageLookup();
  disabledLookup = new DisabledLookup<PatchedResource>();
  readonly #calls: Map<object, NodeCalls>;

  constructor(read: ReadTable, macros: ReadonlyMap<string, MacroNode>) {
    this.macros = new Map(macros);
    this.docs = read.docs;
    this.fixtures = read.fixtures;
    this.#calls = new Map(read.calls);
    for (const node of read.nodes.values()) this.addNode(undescribed(node));
    for (const node of read.functions.values()) this.addFunction(undescribed(node));
    for (const nodes of read.disabled.values()) for (const node of nodes) this.addDisabled(undescribed(node));
  }

  /** Returns the calls of a node's templates, to which this phase adds. */
  callsOf(node: PatchedResource): NodeCalls {
    const calls = this.#calls.get(node);
    return calls === undefined ? newCalls() : continuedCalls(calls);
  }

  /** Stores the calls of a node's templates. */
  keepCalls(node: PatchedResource, calls: NodeCalls): void {
    this.#calls.set(node, calls);
  }

  /** @throws TsdbtError `compilation` if the id already exists */
  addNode(node: PatchedNode): void {
    addUnique<PatchedNode>(this.nodes, node);
    if (REFABLE.has(node.resource_type)) this.refs.add(node);
    else if (node.resource_type === 'analysis') this.analyses.add(node.name, node.package_name, node.unique_id);
    else if (node.resource_type === 'test' && node.test_metadata === undefined)
      this.singularTests.add(node.name, node.package_name, node.unique_id);
  }

  addFunction(node: PatchedFunction): void {
    this.functions.set(node.unique_id, node);
    this.functionLookup.add(node.name, node.package_name, node.unique_id);
  }

  removeNode(node: PatchedNode): void {
    this.nodes.delete(node.unique_id);
    if (REFABLE.has(node.resource_type)) this.refs.remove(node);
  }

  /** Replaces a node or function by its patched form with the same id. */
  replace(before: PatchedNode | PatchedFunction, after: PatchedNode | PatchedFunction): void {
    const disabled = this.disabled.get(before.unique_id);
    const at = disabled?.indexOf(before) ?? -1;
    if (disabled !== undefined && at >= 0) {
      disabled[at] = after;
      this.disabledLookup.replace(before, after);
    } else if (after.resource_type === 'function') this.functions.set(after.unique_id, after);
    else this.nodes.set(after.unique_id, after);
  }

  addDisabled(node: PatchedResource): void {
    const same = this.disabled.get(node.unique_id);
    if (same === undefined) this.disabled.set(node.unique_id, [node]);
    else same.push(node);
    this.disabledLookup.add(node);
  }

  rebuildDisabledLookup(): void {
    this.disabledLookup = new DisabledLookup();
    for (const nodes of this.disabled.values()) for (const node of nodes) this.disabledLookup.add(node);
  }
}

/**
 * A node without a YAML entry. It is the same object, because a new node already holds the defaults of YAML fields,
 * which templates see.
 */
function undescribed(node: ReadFunction): PatchedFunction;
function undescribed(node: ReadNode): PatchedNode;
function undescribed(node: ReadNode | ReadFunction): PatchedNode | PatchedFunction;
function undescribed(node: ReadNode | ReadFunction): PatchedNode | PatchedFunction {
  return node as PatchedNode | PatchedFunction;
}
