// User-defined functions: runs the materialization for the function, then for its overloads. An overload that fails
// does not stop the others.
import type { Session } from '../../adapters/adapter.ts';
import { type CompilableNode, compileNode } from '../../compiler/compile.ts';
import { openScope } from '../../compiler/node-scope.ts';
import type { FunctionNode, ManifestNode } from '../../contracts/node.ts';
import type { OverloadResults } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { formatError, TsdbtError } from '../../errors.ts';
import { materialize, nodeRepresentation } from '../materialize.ts';
import type { RunContext } from '../context.ts';
import type { NodeProgress } from '../node-info.ts';
import type { NodeKind, Outcome } from '../node.ts';

const describe = (ctx: RunContext, node: FunctionNode): string => `function ${nodeRepresentation(ctx, node)}`;

/** How functions run. */
export const functionKind: NodeKind<FunctionNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(describe(ctx, node), p);
  },
  async compile(ctx, node, session) {
    const compiled = (await compileNode(ctx, node as unknown as CompilableNode, session)) as unknown as FunctionNode;
    if (node.overloads.length === 0) return compiled;
    const scope = openScope(ctx, node, session, { code: true });
    const overloads: FunctionNode['overloads'][number][] = [];
    for (const overload of node.overloads)
      overloads.push({
        ...overload,
        compiled_body:
          overload.raw_body === null ? null : await scope.render(overload.raw_body, node.original_file_path),
      });
    return { ...compiled, overloads };
  },
  async execute(ctx, node, session, p) {
    const { message, response } = await create(ctx, node, session);
    const overloads = await createOverloads(ctx, node, session, p);
    const partial = overloads.failed.length > 0;
    return {
      status: partial ? 'partial success' : 'success',
      message: partial ? `PARTIAL SUCCESS ${node.name}` : message,
      response,
      failures: null,
      overloads,
    };
  },
  finish(ctx, p, node, result) {
    ctx.log.functionResult(describe(ctx, node), result.status, result.execution_time, p);
  },
};

async function create(
  ctx: RunContext,
  node: FunctionNode,
  session: Session,
): Promise<Pick<Outcome, 'message' | 'response'>> {
  const scope = openScope(ctx, node, session);
  await materialize(ctx, node as unknown as ManifestNode, scope);
  const main = scope.statement('main');
  if (main === null) throw errorOf('noMainStatement', { what: 'function' });
  return { message: main.message, response: main.response };
}

/** An overload is the function with other arguments, result and body. */
async function createOverloads(
  ctx: RunContext,
  node: FunctionNode,
  session: Session,
  p: NodeProgress,
): Promise<OverloadResults> {
  const results: OverloadResults = { successful: [], failed: [] };
  const done = ctx.retry?.overloads.get(node.unique_id)?.successful ?? [];
  for (const [i, overload] of node.overloads.entries()) {
    const at = { ...p, index: i + 1, total: node.overloads.length };
    const description = `function ${node.name} overload ${overload.defined_in}`;
    if (done.includes(overload.defined_in)) {
      results.successful.push(overload.defined_in);
      ctx.log.overloadResult(description, 'skipped', 0, at);
      continue;
    }
    ctx.log.overloadStart(description, at);
    const began = ctx.now();
    const seconds = (): number => (ctx.now() - began) / 1000;
    try {
      await create(
        ctx,
        {
          ...node,
          arguments: overload.arguments,
          returns: overload.returns ?? node.returns,
          compiled_code: overload.compiled_body ?? '',
        },
        session,
      );
      results.successful.push(overload.defined_in);
      ctx.log.overloadResult(description, 'success', seconds(), at);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      if (session.inTransaction) await session.rollback();
      results.failed.push(overload.defined_in);
      ctx.log.overloadResult(`${description}: ${formatError(error)}`, 'error', seconds(), at);
    }
  }
  return results;
}
