// The nodes of a run, found by unique_id, told apart and counted. Reads the manifest, and puts into it what became of a
// node.
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

/** A node whose relation holds rows. */
export type NodeWithRows = ModelNode | SeedNode | SnapshotNode | SourceDefinition;

/** The node, if its relation holds rows; null for any other, and for none. */
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

/** Names a relation in maps. */
export function relationKey(database: string | null, schema: string, identifier: string): string {
  return JSON.stringify([database, schema, identifier]);
}

/** Whatever the manifest calls by this unique_id. */
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
 * Puts what has become of a node into the manifest, where templates see it as `graph`; nodes that are not in it stay
 * out.
 */
export function keepNode({ manifest }: Pick<RunContext, 'manifest'>, node: GraphNode): void {
  if (node.unique_id in manifest.nodes) manifest.nodes[node.unique_id] = node as ManifestNode;
  else if (node.unique_id in manifest.functions) manifest.functions[node.unique_id] = node as FunctionNode;
}

/** How many nodes of a run have a line of their own: all but ephemeral models. */
export function countNodes(ctx: Pick<RunContext, 'manifest' | 'selected'>): number {
  let count = 0;
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node !== undefined && !isEphemeral(node)) count++;
  }
  return count;
}
