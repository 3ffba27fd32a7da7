// Publications: the rows of a model, snapshot or seed, sent to another database after its tests. Sending is left to
// src/publish.
import { relationFrom } from '../../context/relations.ts';
import type { ManifestNode } from '../../contracts/node.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import type { RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { createSource } from '../../publish/create-receiver.ts';
import type { NodeKind } from '../node.ts';

/** How publications run. */
export const publicationKind: NodeKind<PublicationNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(describe(node), p);
  },
  compile: async (_ctx, node) => node,
  async execute(ctx, node, session, _p, work) {
    const { receivers, adapter, config } = ctx;
    const published = publishedNode(ctx.manifest.nodes, node);
    const receiver = await receivers.of(node);
    const relation = relationFrom(adapter, config.project.quoting, published);
    const { changed, rows, sent, removed } = await receiver.publish({
      node,
      source: createSource(adapter, session, relation),
      runId: config.invocation.invocation_id,
      time: new Date(ctx.now()).toISOString(),
      force: config.flags.which === 'publish' && config.flags.full_refresh === true,
      session: (to) => work.open(node, to),
    });
    if (!changed) return { status: 'no-op', message: 'NO-OP', response: { _message: 'NO-OP', rows }, failures: null };
    const message = `PUBLISH ${rows}`;
    return {
      status: 'success',
      message,
      response: { _message: message, code: 'PUBLISH', rows_affected: sent, rows, removed },
      failures: null,
    };
  },
  finish(ctx, p, node, result) {
    if (result.status === 'no-op') ctx.log.noOpResult(`${describe(node)}: it holds this version already`, p);
    else ctx.log.modelResult(describe(node), shownStatus(result), result.execution_time, p);
  },
};

function publishedNode(
  nodes: Readonly<Record<string, ManifestNode>>,
  { depends_on, unique_id }: PublicationNode,
): ManifestNode {
  const [id = ''] = depends_on.nodes;
  const node = nodes[id];
  if (node === undefined) throw errorOf('selectedNotInManifest', { node: unique_id });
  return node;
}

function describe({ name, config }: PublicationNode): string {
  return `publication ${name} (${config.table ?? config.path})`;
}

function shownStatus(result: RunResult): string {
  return result.status === 'error' ? 'error' : (result.message ?? '');
}
