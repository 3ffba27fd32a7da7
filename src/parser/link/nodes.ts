// Replaces names in a table by ids, in dbt's order, then creates each resource of the manifest once. Each kind of name
// is resolved in a separate file.
import type { GraphNode, ManifestNode } from '../../contracts/node.ts';
import type { ParseTools } from '../config/node-update.ts';
import type { PatchedNode, PatchedResource } from '../table/phases.ts';
import type { LinkedTable, PatchedTable } from '../table/tables.ts';
import { type Descriptions, renderDescriptions } from './descriptions.ts';
import { primaryKeys } from './primary-keys.ts';
import { type ReferringNode, References } from './references.ts';
import { type LinkedSemantics, linkSemanticLayer } from './semantic-layer.ts';
import { linkUnitTests } from './unit-tests.ts';

/**
 * Returns the table with refs, sources, functions, metrics, unit tests and docs of every resource resolved.
 * @throws TsdbtError for an unknown name, or a resource that must not be used
 */
export function linkNodes(tools: ParseTools, table: PatchedTable): LinkedTable {
  const { state } = tools;
  const references = new References(state, table);
  const nodes = [...table.nodes.values()].filter(isReferring);
  for (const node of nodes) references.linkSources(node);
  for (const node of table.exposures.values()) references.linkSources(node);
  for (const node of nodes) references.linkRefs(node);
  for (const each of [table.exposures, table.metrics, table.functions])
    for (const node of each.values()) references.linkRefs(node);
  const unitTests = linkUnitTests(table);
  const descriptions = renderDescriptions(tools, table);
  const semantics = linkSemanticLayer(state, table, references);
  for (const node of nodes) references.linkMetrics(node, node.metrics);
  for (const node of table.exposures.values()) references.linkMetrics(node, node.metrics);
  const keys = primaryKeys(table, (test) => references.isRefused(test));
  for (const node of nodes) references.linkFunctions(node);
  for (const node of table.functions.values()) references.linkFunctions(node);

  return {
    nodes: mapped(table.nodes, (node) => linkedNode(node, references, descriptions, keys.get(node) ?? [])),
    functions: mapped(table.functions, (node) => ({ ...node, ...linksOf(node, references), doc_blocks: [] })),
    macros: descriptions.macros,
    sources: descriptions.sources,
    ...linkedUses(table, references, descriptions, semantics),
    unit_tests: unitTests.enabled,
    groups: table.groups,
    docs: table.docs,
    disabled: linkedDisabled(table, unitTests.disabled),
  };
}

function isReferring(node: PatchedNode): node is ReferringNode {
  return node.resource_type !== 'seed';
}

function mapped<T, U>(table: ReadonlyMap<string, T>, make: (value: T) => U): Map<string, U> {
  const out = new Map<string, U>();
  for (const [id, value] of table) out.set(id, make(value));
  return out;
}

type Linked = { readonly depends_on: { readonly macros: readonly string[] } };

function linksOf(resource: Linked, references: References) {
  return { depends_on: { macros: [...resource.depends_on.macros], nodes: references.parentsOf(resource) } };
}

function linkedNode(
  node: PatchedNode,
  references: References,
  descriptions: Descriptions,
  primary_key: readonly string[],
): ManifestNode {
  const { description, columns, doc_blocks } = descriptions.nodes.get(node) ?? {
    description: node.description,
    columns: node.columns,
    doc_blocks: [],
  };
  const depends_on = { macros: [...node.depends_on.macros], nodes: references.parentsOf(node) };
  switch (node.resource_type) {
    case 'seed':
      return { ...node, description, columns, doc_blocks, depends_on: { macros: [...node.depends_on.macros] } };
    case 'model':
      return { ...node, description, columns, doc_blocks, depends_on, primary_key };
    case 'test': {
      const config = references.isRefused(node) ? { ...node.config, enabled: false } : node.config;
      return { ...node, description, columns, doc_blocks, depends_on, config };
    }
    default:
      return { ...node, description, columns, doc_blocks, depends_on };
  }
}

/** Links exposures and the semantic layer. */
function linkedUses(
  table: PatchedTable,
  references: References,
  { exposures, others, semanticParts }: Descriptions,
  { relations, inputMeasures }: LinkedSemantics,
): Pick<LinkedTable, 'exposures' | 'metrics' | 'semantic_models' | 'saved_queries'> {
  return {
    exposures: mapped(table.exposures, (node) => ({
      ...node,
      ...linksOf(node, references),
      description: exposures.get(node) ?? node.description,
    })),
    metrics: mapped(table.metrics, (node) => ({
      ...node,
      ...linksOf(node, references),
      description: others.get(node) ?? null,
      type_params: { ...node.type_params, input_measures: inputMeasures.get(node) ?? [] },
    })),
    semantic_models: mapped(table.semanticModels, (node) => ({
      ...node,
      ...semanticParts.get(node),
      ...linksOf(node, references),
      description: others.get(node) ?? null,
      node_relation: relations.get(node) ?? null,
    })),
    saved_queries: mapped(table.savedQueries, (node) => ({
      ...node,
      ...linksOf(node, references),
      description: others.get(node) ?? null,
    })),
  };
}

/** References of disabled resources are not resolved. */
function linkedDisabled({ disabled }: PatchedTable, unitTests: readonly PatchedResource[]): LinkedTable['disabled'] {
  const out = mapped(disabled, (nodes) => nodes.map(linkedWithNothing));
  for (const test of unitTests) out.set(test.unique_id, [...(out.get(test.unique_id) ?? []), linkedWithNothing(test)]);
  return out;
}

function linkedWithNothing(node: PatchedResource): GraphNode {
  if (node.resource_type === 'source') return { ...node, doc_blocks: [] };
  const macros = [...node.depends_on.macros];
  if (node.resource_type === 'seed') return { ...node, doc_blocks: [], depends_on: { macros } };
  const depends_on = { macros, nodes: [] };
  switch (node.resource_type) {
    case 'exposure':
    case 'metric':
    case 'saved_query':
    case 'unit_test':
      return { ...node, depends_on };
    case 'semantic_model':
      return { ...node, depends_on, node_relation: null };
    case 'model':
      return { ...node, depends_on, doc_blocks: [], primary_key: [] };
    default:
      return { ...node, depends_on, doc_blocks: [] };
  }
}
