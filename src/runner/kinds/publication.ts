// Publications: send the rows of a model, snapshot or seed to another database after its tests. src/publish sends them.
import { relationFrom } from '../../context/relations.ts';
import type { ManifestNode } from '../../contracts/node.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import type { RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import type { RunContext } from '../context.ts';
import type { NodeKind } from '../node.ts';
import { holdToTested, OtherRows } from '../tested-rows.ts';

/** How publications run. */
export const publicationKind: NodeKind<PublicationNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(describe(node), p);
  },
  compile: async (_ctx, node) => node,
  async execute(ctx, node, session, _p, work) {
    const { receivers, adapter, config } = ctx;
    // Until a complete build, readers of the copy keep all rows.
    if (partOfRows(ctx) !== null)
      return { status: 'no-op', message: 'NO-OP', response: { _message: 'NO-OP' }, failures: null };
    const published = publishedNode(ctx.manifest.nodes, node);
    const receiver = await receivers.of(node);
    const relation = relationFrom(adapter, config.project.quoting, published);
    const { createSource } = await import('../../publish/create-target.ts');
    const source = createSource(adapter, session, relation);
    holdToTested(ctx, published, source, session);
    const publishing = receiver.publish({
      node,
      source,
      runId: config.invocation.invocation_id,
      time: new Date(ctx.now()).toISOString(),
      force: config.flags.which === 'publish' && config.flags.full_refresh === true,
      session: (to) => work.open(node, to),
    });
    const outcome = await publishing.catch((error: unknown) => {
      if (error instanceof OtherRows) return null;
      throw error;
    });
    if (outcome === null) {
      ctx.log.note(
        `${describe(node)} is left as it is: another run changed the rows of ${published.name} after their tests ` +
          'ran. A build that tests them publishes them.',
        'warn',
      );
      return { status: 'no-op', message: 'NO-OP', response: { _message: 'NO-OP', held: true }, failures: null };
    }
    const { changed, rows, sent, removed } = outcome;
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
    const part = partOfRows(ctx);
    const held = result.adapter_response['held'] === true ? 'its rows have changed since their tests' : null;
    const why = part === null ? (held ?? 'it holds this version already') : `rows of ${part} are not published`;
    if (result.status === 'no-op') ctx.log.noOpResult(`${describe(node)}: ${why}`, p);
    else ctx.log.modelResult(describe(node), shownStatus(result), result.execution_time, p);
  },
};

/** The option with which the command builds no rows or only some. */
function partOfRows({ config, scopes }: RunContext): string | null {
  if (config.flags.empty) return '--empty';
  return scopes.sample === null ? null : '--sample';
}

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
