// compile and show: nodes are compiled, and for show previewed by a limited query.
import { compileNode } from '../../compiler/compile.ts';
import { locateDatabaseError } from '../../compiler/source-map.ts';
import { openScope } from '../../compiler/node-scope.ts';
import type { ManifestNode, SeedNode } from '../../contracts/node.ts';
import { toText, type Value } from '../../values/index.ts';
import type { NodeKind } from '../node.ts';

type Compilable = Exclude<ManifestNode, SeedNode>;

/** Nodes that are only compiled. */
export const compileKind: NodeKind<ManifestNode> = {
  start: () => undefined,
  compile: async (ctx, node, session) => (node.resource_type === 'seed' ? node : compileNode(ctx, node, session)),
  execute: async () => ({ status: 'success', message: null, response: {}, failures: null }),
  finish: () => undefined,
};

/** Nodes that are compiled and whose first rows are read. */
export const showKind: NodeKind<Compilable> = {
  runsEphemeral: true,
  start: () => undefined,
  compile: (ctx, node, session) => compileNode(ctx, node, session),
  async execute(ctx, node, session) {
    const asked = ctx.config.flags['limit'];
    const limit = typeof asked === 'number' && asked >= 0 ? asked : null;
    const scope = openScope(ctx, node, session);
    const header = node.config['sql_header'];
    const sql = toText(
      await scope.callNamed(
        'get_show_sql',
        [],
        new Map<string, Value>([
          ['compiled_code', node.compiled_code ?? ''],
          ['sql_header', typeof header === 'string' ? header : null],
          ['limit', limit],
        ]),
      ),
    );
    const { table, response } = await session.execute(sql, { fetch: true }).catch((error: unknown) => {
      throw locateDatabaseError(ctx, node, ctx.sources.get(node.unique_id)?.rendered.trace ?? null, error);
    });
    ctx.tables.set(node.unique_id, table);
    return { status: 'success', message: null, response, failures: null, node: { ...node, compiled_code: sql } };
  },
  finish: () => undefined,
};
