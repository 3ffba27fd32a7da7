// Prints the selected resources for `ls`: selector, name, path or JSON.
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { type NodeFacts, ReadFacts } from '../graph/node-facts.ts';
import { hasMember } from '../graph/unread-record.ts';
import { lookupNode } from '../runner/nodes.ts';
import { dumpJson, fromJson } from '../values/json.ts';

export type ListOutput = 'selector' | 'name' | 'path' | 'json';

const JSON_KEYS = new Set([
  'alias',
  'name',
  'package_name',
  'depends_on',
  'direct_parents',
  'tags',
  'config',
  'resource_type',
  'source_name',
  'original_file_path',
  'unique_id',
]);

/**
 * Returns one line per resource, by unique_id.
 * @param outputKeys for `json`: properties to print, with dots for nested ones; empty for dbt's default
 * @param facts about the nodes; by default read from the manifest
 */
export function listLines(
  manifest: Manifest,
  selected: Iterable<string>,
  output: ListOutput,
  outputKeys: readonly string[] = [],
  facts: NodeFacts = new ReadFacts(manifest.nodes),
): string[] {
  return [...selected].sort().map((id) => {
    if (output === 'selector' && hasMember(manifest.nodes, id)) return facts.fqn(id).join('.');
    // The unique_id consists of the same three names.
    if (output === 'selector' && hasMember(manifest.sources, id)) return id.replace('.', ':');
    const node = lookup(manifest, id);
    switch (output) {
      case 'selector':
        return selectorOf(node);
      case 'name':
        return searchName(node);
      case 'path':
        return node.original_file_path;
      case 'json':
        return jsonLine(node, outputKeys);
      default:
        return output satisfies never;
    }
  });
}

function lookup(manifest: Manifest, id: string): GraphNode {
  const node = lookupNode(manifest, id);
  if (node === undefined) throw errorOf('cannotList', { node: id });
  return node;
}

/** A selector that matches only this resource. */
function selectorOf(node: GraphNode): string {
  switch (node.resource_type) {
    case 'source':
      return `source:${node.package_name}.${node.source_name}.${node.name}`;
    case 'exposure':
    case 'metric':
    case 'saved_query':
    case 'semantic_model':
      return `${node.resource_type}:${node.package_name}.${node.name}`;
    case 'unit_test':
      return `unit_test:${node.package_name}.${node.name}${node.version == null ? '' : `_v${node.version}`}`;
    default:
      return node.fqn.join('.');
  }
}

function searchName(node: GraphNode): string {
  if (node.resource_type === 'source') return `${node.source_name}.${node.name}`;
  return node.resource_type === 'model' && node.version !== null ? `${node.name}.v${node.version}` : node.name;
}

function jsonLine(node: GraphNode, outputKeys: readonly string[]): string {
  const fields: { [key: string]: unknown } = {
    ...node,
    ...(node.resource_type === 'model' ? { direct_parents: node.depends_on.nodes } : {}),
  };
  const printed: { [key: string]: unknown } = {};
  if (outputKeys.length === 0) {
    for (const key of Object.keys(fields)) if (JSON_KEYS.has(key)) printed[key] = fields[key] ?? null;
  }
  for (const key of outputKeys) {
    const value = key.includes('.') ? nested(fields, key.split('.')) : fields[key];
    if (value !== undefined && !(key.includes('.') && value === null)) printed[key] = value;
  }
  return dumpJson(fromJson(printed));
}

function nested(fields: unknown, path: readonly string[]): unknown {
  let value = fields;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as { [key: string]: unknown })[key];
  }
  return value;
}
