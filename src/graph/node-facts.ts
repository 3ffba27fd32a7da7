// The few facts about every node that the graph and the selection need. A cached parse stores them, so that the nodes
// themselves need not be decoded.
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, ManifestNode } from '../contracts/node.ts';

/** Facts about the members of `manifest.nodes`, by unique_id. A run does not change them. */
export interface NodeFacts {
  fqn(id: string): readonly string[];
  /** `depends_on.nodes`; empty for seeds. */
  parents(id: string): readonly string[];
  /** Whether it is a model with a version. */
  isVersioned(id: string): boolean;
  /** False for disabled tests, which are in the manifest. */
  isEnabled(id: string): boolean;
  /** Whether the SQL is blank. Seeds are never empty. */
  isEmpty(id: string): boolean;
  /** Whether it is a time spine model of the semantic layer. */
  isTimeSpine(id: string): boolean;
}

/** The resource type in a unique_id: the part before the first dot. */
export function typeInId(id: string): string {
  return id.slice(0, id.indexOf('.'));
}

/** The package in a unique_id: the part between the first two dots. */
export function packageInId(id: string): string {
  const from = id.indexOf('.') + 1;
  return id.slice(from, id.indexOf('.', from));
}

/** Reads facts from the nodes. */
export class ReadFacts implements NodeFacts {
  readonly #nodes: Manifest['nodes'];

  constructor(nodes: Manifest['nodes']) {
    this.#nodes = nodes;
  }

  fqn(id: string): readonly string[] {
    return this.#nodes[id]?.fqn ?? [];
  }

  parents(id: string): readonly string[] {
    return parentsOf(this.#nodes[id]);
  }

  isVersioned(id: string): boolean {
    return isVersioned(this.#nodes[id]);
  }

  isEnabled(id: string): boolean {
    return isEnabled(this.#nodes[id]);
  }

  isEmpty(id: string): boolean {
    return isEmptyNode(this.#nodes[id]);
  }

  isTimeSpine(id: string): boolean {
    return isTimeSpine(this.#nodes[id]);
  }
}

type Maybe = ManifestNode | undefined;

/** Returns `depends_on.nodes` of a node that has it. */
export function parentsOf(node: Maybe): readonly string[] {
  return node === undefined || node.resource_type === 'seed' ? [] : (node.depends_on?.nodes ?? []);
}

/** Whether a model has a `version`. */
export function isVersioned(node: Maybe): boolean {
  return node?.resource_type === 'model' && node.version != null;
}

/** Whether a node is enabled: all are, except those with `enabled: false`. */
export function isEnabled(node: { readonly config?: { readonly enabled?: boolean } | null } | undefined): boolean {
  return node?.config?.enabled !== false;
}

/** Whether a model becomes a CTE of its readers and is never built. */
export function isEphemeral(node: GraphNode): boolean {
  return node.resource_type === 'model' && node.config.materialized === 'ephemeral';
}

/** Whether a node's SQL is empty. Seeds are never empty. */
export function isEmptyNode(node: Maybe): boolean {
  return node !== undefined && node.resource_type !== 'seed' && node.raw_code.trim() === '';
}

/** Whether a model has a `time_spine`. */
export function isTimeSpine(node: Maybe): boolean {
  return node?.resource_type === 'model' && node.time_spine != null;
}
