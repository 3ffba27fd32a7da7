// Everything of a table that names something else gets the ids that the names mean, in dbt's order. Leaves each kind of
// name to its file.
import type { ParseTools } from '../config/node-update.ts';
import { renderDescriptions } from './descriptions.ts';
import { inferPrimaryKeys } from './primary-keys.ts';
import { References } from './references.ts';
import { linkSemanticLayer } from './semantic-layer.ts';
import { linkUnitTests } from './unit-tests.ts';

/**
 * Resolves refs, sources, functions, metrics, unit tests and docs of every resource.
 * @throws TsdbtError for a name that means nothing, or something that may not be used
 */
export function linkNodes(tools: ParseTools): void {
  const { state } = tools;
  const references = new References(state);
  for (const node of state.nodes.values()) if (node.resource_type !== 'seed') references.linkSources(node);
  for (const node of state.exposures.values()) references.linkSources(node);
  for (const node of state.nodes.values()) if (node.resource_type !== 'seed') references.linkRefs(node);
  for (const table of [state.exposures, state.metrics, state.functions])
    for (const node of table.values()) references.linkRefs(node);
  linkUnitTests(tools);
  renderDescriptions(tools);
  linkSemanticLayer(tools, references);
  for (const node of state.nodes.values())
    if (node.resource_type !== 'seed') references.linkMetrics(node, node.metrics);
  for (const node of state.exposures.values()) references.linkMetrics(node, node.metrics);
  inferPrimaryKeys(state);
  for (const node of state.nodes.values()) if (node.resource_type !== 'seed') references.linkFunctions(node);
  for (const node of state.functions.values()) references.linkFunctions(node);
}
