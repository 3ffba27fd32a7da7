// Compiles one node: renders its code in the runtime context, injects the CTEs of ephemeral models, and writes the text
// to target/compiled. Ephemeral models are compiled once per command, on first use.
import type { Session } from '../adapters/adapter.ts';
import { relationFrom } from '../context/relations.ts';
import type { ManifestNode, ModelNode, SeedNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import type { Value } from '../values/index.ts';
import { type InjectedCte, injectCtes } from './inject-ctes.ts';
import type { CompileContext, EphemeralCode, RenderedCode } from './compile-context.ts';
import { type BatchScope, openScope, type OpenScopeOptions } from './node-scope.ts';
import { parseInput } from './unit-test-nodes.ts';
import { locateDatabaseError } from './source-map.ts';
import { writePath } from './write-path.ts';

/** A node with SQL (or Python) to compile. */
export type CompilableNode = Exclude<ManifestNode, SeedNode>;

export interface CompileOptions {
  /** Additional names for the code. */
  readonly extra?: ReadonlyMap<string, Value>;
  /** Macros that the code calls in place of others. */
  readonly wrapped?: OpenScopeOptions['wrapped'];
  /** False: does not write to target/compiled. */
  readonly write?: boolean;
  /** The microbatch that the code is rendered for. */
  readonly batch?: BatchScope | undefined;
}

/** @returns a new node with `compiled_code`, which includes the CTEs of ephemeral models */
export async function compileNode<N extends CompilableNode>(
  ctx: CompileContext,
  node: N,
  session: Session,
  options: CompileOptions = {},
): Promise<N> {
  const rendered = await renderCode(ctx, node, session, options);
  if (ctx.config.flags['inject_ephemeral_ctes'] === false) {
    const { code, ephemerals } = rendered;
    ctx.sources.set(node.unique_id, { rendered, injection: { sql: code, at: 0, length: 0 } });
    // dbt then knows the CTEs only by id, writes "None" for their text, and does not write an incomplete SQL file.
    const extra_ctes = ephemerals.map((id) => ({ id, sql: 'None' }));
    return finish(ctx, node, { compiled_code: code, extra_ctes, extra_ctes_injected: false }, false);
  }
  const ctes = await collectCtes(ctx, rendered.ephemerals, session);
  const injection = injectCtes(rendered.code, ctes);
  ctx.sources.set(node.unique_id, { rendered, injection });
  return finish(
    ctx,
    node,
    { compiled_code: injection.sql, extra_ctes: ctes, extra_ctes_injected: true },
    options.write ?? true,
    options.batch,
  );
}

/** What compiling adds to a node. */
type Compiled = Pick<ModelNode, 'compiled_code' | 'extra_ctes' | 'extra_ctes_injected'>;

/** Returns the compiled node as one copy, because a node has many fields. */
function finish<N extends CompilableNode>(
  ctx: CompileContext,
  node: N,
  { compiled_code, extra_ctes, extra_ctes_injected }: Compiled,
  write: boolean,
  batch?: BatchScope,
): N {
  let { compiled_path, relation_name } = node;
  if (write && compiled_code) {
    compiled_path = writePath(node, ctx.config.project.target_path, 'compiled', batch?.name);
    ctx.write(compiled_path, compiled_code);
  }
  if (
    node.resource_type === 'test' &&
    relation_name === null &&
    (node.config.store_failures || ctx.config.flags.store_failures)
  ) {
    relation_name = relationFrom(ctx.adapter, ctx.config.project.quoting, node).render();
  }
  const finished = {
    ...node,
    compiled: true,
    compiled_code,
    extra_ctes,
    extra_ctes_injected,
    compiled_path,
    relation_name,
  };
  return finished.resource_type === 'model' ? (withForeignKeys(ctx, finished) as N) : finished;
}

/** Records macros as dependencies of a node, including those called only in `{% if execute %}`, as dbt does. */
export function macroNoter({ depends_on: { macros } }: CompilableNode): (uniqueId: string) => void {
  return (id) => void (macros.includes(id) || macros.push(id));
}

async function renderCode(
  ctx: CompileContext,
  node: CompilableNode,
  session: Session,
  { extra, wrapped, batch }: CompileOptions = {},
): Promise<RenderedCode> {
  const scope = openScope(ctx, node, session, { extra, wrapped, batch, code: true, onMacro: macroNoter(node) });
  if (node.language === 'python' && node.resource_type === 'model') {
    return {
      code: `${node.raw_code}\n\n${await scope.render('{{ py_script_postfix(model) }}', node.original_file_path)}`,
      trace: null,
      ephemerals: scope.ephemerals(),
    };
  }
  try {
    return await scope.renderCode();
  } catch (error) {
    throw locateDatabaseError(ctx, node, scope.trace, error);
  }
}

/** Collects the CTEs that a node needs; those of its ephemeral parents' parents come first. */
async function collectCtes(ctx: CompileContext, ids: readonly string[], session: Session): Promise<InjectedCte[]> {
  const ctes: InjectedCte[] = [];
  const add = (cte: InjectedCte): void => {
    if (!ctes.some((known) => known.id === cte.id)) ctes.push(cte);
  };
  for (const id of ids) {
    const parent = await compileEphemeral(ctx, id, session);
    parent.ctes.forEach(add);
    add({ id, sql: ` ${parent.name} as (\n${parent.code}\n)` });
  }
  return ctes;
}

function compileEphemeral(ctx: CompileContext, id: string, session: Session): Promise<EphemeralCode> {
  const known = ctx.ephemerals.get(id);
  if (known !== undefined) return known;
  const work = (async (): Promise<EphemeralCode> => {
    const node = ctx.manifest.nodes[id];
    if (node === undefined || node.resource_type === 'seed') throw errorOf('cteNotResolved', { node: id });
    if (node.config.materialized !== 'ephemeral') throw errorOf('notEphemeral', { node: id });
    const rendered = await renderCode(ctx, node, session);
    const ctes = await collectCtes(ctx, rendered.ephemerals, session);
    const injection = injectCtes(rendered.code, ctes);
    ctx.sources.set(id, { rendered, injection });
    const compiled = { compiled_code: injection.sql, extra_ctes: ctes, extra_ctes_injected: true };
    ctx.manifest.nodes[id] = finish(ctx, node, compiled, true);
    return { name: `__dbt__cte__${(node as { cte_name?: string }).cte_name ?? node.alias}`, code: rendered.code, ctes };
  })();
  ctx.ephemerals.set(id, work);
  return work;
}

/** Replaces `to: ref('x')` of foreign keys by the relation's name. */
function withForeignKeys(ctx: CompileContext, node: ModelNode): ModelNode {
  const all = [...node.constraints, ...Object.values(node.columns).flatMap((c) => c.constraints)];
  if (!all.some((c) => c.type === 'foreign_key' && c.to)) return node;
  const resolve = <C extends ModelNode['constraints'][number]>(c: C): C =>
    c.type === 'foreign_key' && c.to ? { ...c, to: foreignKeyTarget(ctx, node, c.to) } : c;
  return {
    ...node,
    constraints: node.constraints.map(resolve),
    columns: Object.fromEntries(
      Object.entries(node.columns).map(([name, column]) => [
        name,
        { ...column, constraints: column.constraints.map(resolve) },
      ]),
    ),
  };
}

function foreignKeyTarget(ctx: CompileContext, node: ModelNode, to: string): string {
  const input = parseInput(to);
  if (input === null || input.kind === 'this') {
    throw errorOf('badForeignKey', { node: node.unique_id, to });
  }
  const { lookup } = ctx.scopes;
  const found =
    input.kind === 'ref'
      ? lookup.ref({ name: input.name, package: input.package, version: input.version }, node.package_name)
      : lookup.source(input.source, input.name, node.package_name);
  if (found === null || found === 'disabled') throw errorOf('targetNotInGraph', { node: node.unique_id, target: to });
  // A relation that this command does not build is read from the deferred environment.
  if (
    ctx.config.flags['defer'] === true &&
    'defer_relation' in found &&
    found.defer_relation != null &&
    !ctx.selected.has(found.unique_id)
  ) {
    return relationFrom(ctx.adapter, ctx.config.project.quoting, found.defer_relation).render();
  }
  return relationFrom(
    ctx.adapter,
    found.resource_type === 'source' ? null : ctx.config.project.quoting,
    found as Parameters<typeof relationFrom>[2],
  ).render();
}
