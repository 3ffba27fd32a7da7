// Adds the SQL of `--inline` as the only selected node. The runner resolves its references.
import { Dag } from '../graph/dag.ts';
import type { Selection } from '../graph/selector.ts';
import { createRunContext } from '../runner/context.ts';
import { inlineNode } from '../runner/inline-node.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';

/**
 * Returns the project with the SQL as a node, and that node selected.
 * @throws {TsdbtError} if the SQL is not a valid template or a reference cannot be resolved
 */
export function withInline(parsed: ParsedProject, sql: string): { parsed: ParsedProject; selection: Selection } {
  const node = inlineNode(createRunContext(parsed, new Set()), sql);
  const { manifest } = parsed;
  return {
    parsed: {
      ...parsed,
      manifest: { ...manifest, nodes: { ...manifest.nodes, [node.unique_id]: node } },
      dag: new Dag([node.unique_id], []),
    },
    selection: { selected: new Set([node.unique_id]), warnings: [], defaultSelector: null },
  };
}
