// What the graph and the selection ask of every node of a manifest: few facts, which a kept parse knows without reading
// the nodes themselves. Leaves keeping them to the parser.
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, ManifestNode } from '../contracts/node.ts';

/** Facts of the members of `manifest.nodes`, by unique_id. A run changes none of them. */
export interface NodeFacts {
  fqn(id: string): readonly string[];
  /** `depends_on.nodes`; none for seeds. */
  parents(id: string): readonly string[];
  /** A model with a version. */
  isVersioned(id: string): boolean;
  /** False for tests that are disabled and yet in the manifest. */
  isEnabled(id: string): boolean;
  /** The SQL is blank. Seeds are never empty. */
  isEmpty(id: string): boolean;
  /** A model that other tools of the semantic layer count time by. */
  isTimeSpine(id: string): boolean;
}

/** The resource type of whatever a manifest calls by a unique_id: dbt writes it before the first dot. */
export function typeInId(id: string): string {
  return id.slice(0, id.indexOf('.'));
}

/** The package of whatever a manifest calls by a unique_id: dbt writes it between the first two dots. */
export function packageInId(id: string): string {
  const from = id.indexOf('.') + 1;
  return id.slice(from, id.indexOf('.', from));
}

/** Facts that are looked up in the nodes. */
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

/** `depends_on.nodes` of a node that has it. */
export function parentsOf(node: Maybe): readonly string[] {
  return node === undefined || node.resource_type === 'seed' ? [] : (node.depends_on?.nodes ?? []);
}

/** A model with `version`. */
export function isVersioned(node: Maybe): boolean {
  return node?.resource_type === 'model' && node.version != null;
}

/** All but what says `enabled: false`. */
export function isEnabled(node: { readonly config?: { readonly enabled?: boolean } | null } | undefined): boolean {
  return node?.config?.enabled !== false;
}

/** A model that becomes a CTE of its readers and is never built. */
export function isEphemeral(node: GraphNode): boolean {
  return node.resource_type === 'model' && node.config.materialized === 'ephemeral';
}

/** A node whose SQL is empty. Seeds are never empty. */
export function isEmptyNode(node: Maybe): boolean {
  return node !== undefined && node.resource_type !== 'seed' && node.raw_code.trim() === '';
}

/** A model with `time_spine`. */
export function isTimeSpine(node: Maybe): boolean {
  return node?.resource_type === 'model' && node.time_spine != null;
}
