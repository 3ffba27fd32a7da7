// Finds, classifies and counts the nodes of a run by unique_id, and stores executed nodes in the manifest.
import type { Manifest } from '../contracts/manifest.ts';
import type {
  FunctionNode,
  GraphNode,
  ManifestNode,
  ModelNode,
  SeedNode,
  SnapshotNode,
  SourceDefinition,
} from '../contracts/node.ts';
import type { RunContext } from './context.ts';
import { isEphemeral } from '../graph/node-facts.ts';

/** A node whose relation contains rows. */
export type NodeWithRows = ModelNode | SeedNode | SnapshotNode | SourceDefinition;

/** Returns the node if its relation contains rows; otherwise null. */
export function nodeWithRows(node: GraphNode | undefined): NodeWithRows | null {
  switch (node?.resource_type) {
    case 'model':
    case 'seed':
    case 'snapshot':
    case 'source':
      return node;
    default:
      return null;
  }
}

/** The key of a relation in maps. */
export function relationKey(database: string | null, schema: string, identifier: string): string {
  return JSON.stringify([database, schema, identifier]);
}

/** Returns the resource with this unique_id. */
export function lookupNode(
  manifest: Pick<
    Manifest,
    | 'nodes'
    | 'sources'
    | 'exposures'
    | 'unit_tests'
    | 'saved_queries'
    | 'semantic_models'
    | 'metrics'
    | 'functions'
    | 'publications'
  >,
  id: string,
): GraphNode | undefined {
  return (
    manifest.nodes[id] ??
    manifest.sources[id] ??
    manifest.unit_tests[id] ??
    manifest.exposures[id] ??
    manifest.saved_queries[id] ??
    manifest.functions[id] ??
    manifest.metrics[id] ??
    manifest.semantic_models[id] ??
    manifest.publications?.[id]
  );
}

/**
 * Stores an executed node in the manifest, where templates see it as `graph`. Nodes that the manifest does not contain
 * are ignored.
 */
export function keepNode({ manifest }: Pick<RunContext, 'manifest'>, node: GraphNode): void {
  if (node.unique_id in manifest.nodes) manifest.nodes[node.unique_id] = node as ManifestNode;
  else if (node.unique_id in manifest.functions) manifest.functions[node.unique_id] = node as FunctionNode;
}

/** Number of nodes with a progress line: all except ephemeral models. */
export function countNodes(ctx: Pick<RunContext, 'manifest' | 'selected'>): number {
  let count = 0;
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node !== undefined && !isEphemeral(node)) count++;
  }
  return count;
}
