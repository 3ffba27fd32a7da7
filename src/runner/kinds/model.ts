// Models, and what seeds and snapshots share with them: the materialization macro is called and its relations go to the
// cache. The SQL is the macros'; starting, timing and errors are node.ts's.
import { Relation } from '../../adapters/relation.ts';
import type { Session } from '../../adapters/adapter.ts';
import { compileNode } from '../../compiler/compile.ts';
import { missingMaterialization } from '../../context/exceptions.ts';
import { relationFrom } from '../../context/relations.ts';
import { locateDatabaseError } from '../../compiler/source-map.ts';
import type { ManifestNode, ModelNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { TsdbtError } from '../../errors.ts';
import { PyDict, toText, typeName, type Value } from '../../values/index.ts';
import { deprecation } from '../../project/deprecations.ts';
import { createLatestVersionPointer } from '../latest-version-pointer.ts';
import { type NodeScope, openScope } from '../../compiler/node-scope.ts';
import type { RunContext } from '../context.ts';
import type { NodeKind, Outcome } from '../node.ts';
import { rememberView, unchangedView } from '../unchanged-view.ts';

/** `schema.alias`, as progress lines name a relation; with the database when it is not the target's. */
export function nodeRepresentation(
  ctx: RunContext,
  node: { database: string | null; schema: string; alias: string },
): string {
  const foreign = node.database !== null && node.database !== ctx.config.profile.credentials.database;
  const name = ctx.adapter.createRelation({
    database: node.database,
    schema: node.schema,
    identifier: node.alias,
    quotePolicy: { database: false, schema: false, identifier: false },
  });
  return (foreign ? name : name.include({ database: false })).render();
}

/** Calls a node's materialization, or another one, and gives what it made. */
export async function materialize(
  ctx: RunContext,
  node: ManifestNode,
  scope: NodeScope,
  name = String(node.config.materialized),
): Promise<Relation[]> {
  const allowed = ctx.config.flags['require_explicit_package_overrides_for_builtin_materializations'] === false;
  const warn = (package_name: string): void =>
    deprecation(ctx.logger, 'PackageMaterializationOverrideDeprecation', { package_name, materialization_name: name });
  const macro = ctx.resolver.materialization(name, allowed ? warn : undefined);
  if (macro === undefined) throw new TsdbtError('compilation', missingMaterialization(name, ctx.adapter.type));
  const language = (node as { language?: string }).language ?? 'sql';
  if (macro.supported_languages && !macro.supported_languages.includes(language)) {
    throw new TsdbtError(
      'validation',
      `Materialization "${macro.name}" only supports languages ` +
        `[${macro.supported_languages.map((l) => `'${l}'`).join(', ')}]; got "${language}"`,
    );
  }
  try {
    return materializedRelations(await scope.callMacro(macro, { tracked: node.resource_type !== 'test' }), name);
  } catch (error) {
    throw locateDatabaseError(ctx, node, scope.trace, error);
  }
}

function materializedRelations(returned: Value, materialization: string): Relation[] {
  if (typeof returned === 'string') {
    throw new TsdbtError(
      'compilation',
      `The materialization ("${materialization}") did not explicitly return a list of relations to add to the cache.`,
    );
  }
  if (!(returned instanceof PyDict)) {
    throw new TsdbtError(
      'compilation',
      `Invalid return value from materialization, expected a dict with key "relations", got: ${toText(returned)}`,
    );
  }
  const relations = returned.get('relations');
  if (relations === undefined) {
    throw new TsdbtError(
      'compilation',
      `Invalid return value from materialization, "relations" not found, got keys: ${toText([...returned.keys()])}`,
    );
  }
  if (!Array.isArray(relations)) {
    throw new TsdbtError(
      'compilation',
      `Invalid return value from materialization, "relations" not a list, got: ${toText(relations)}`,
    );
  }
  return relations.map((relation) => {
    if (relation instanceof Relation) return relation;
    throw new TsdbtError(
      'compilation',
      `Invalid return value from materialization, "relations" contains non-Relation: ${toText(relation)} ` +
        `(${typeName(relation)})`,
    );
  });
}

/**
 * Executes a model, seed or snapshot.
 * @param prepared the context to run it in, for one batch of a model; by default one of its own
 */
export async function executeRelational(
  ctx: RunContext,
  node: ManifestNode,
  session: Session,
  prepared?: NodeScope,
): Promise<Outcome & { scope: NodeScope }> {
  const { config } = node as { config: { 'pre-hook'?: readonly unknown[]; 'post-hook'?: readonly unknown[] } };
  if (config['pre-hook']?.length || config['post-hook']?.length) ctx.adapter.distrustViewStates?.();
  const scope = prepared ?? openScope(ctx, node, session);
  const relations = await materialize(ctx, node, scope);
  if (node.resource_type === 'model' && prepared === undefined)
    relations.push(...(await createLatestVersionPointer(ctx, node, relations, session)));
  for (const relation of relations) ctx.adapter.cache.replace(relation, session);
  const main = scope.statement('main');
  if (main === null) throw new TsdbtError('runtime', 'main is not being called during running model');
  return { status: 'success', message: main.message, response: main.response, failures: null, scope };
}

/** How models run. */
export const modelKind: NodeKind<ModelNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(describe(ctx, node), p);
  },
  async compile(ctx, node, session) {
    // Its code asks what the table holds by now: nobody may change that until the node is done.
    if (node.config.materialized === 'incremental')
      await ctx.adapter.lockRelation(session, relationFrom(ctx.adapter, ctx.config.project.quoting, node));
    return compileNode(ctx, node, session);
  },
  async execute(ctx, node, session) {
    const left = unchangedView(ctx, node, session);
    if (left !== null) return left;
    const outcome = await executeRelational(ctx, node, session);
    rememberView(ctx, node, session);
    return outcome;
  },
  finish(ctx, p, node, result) {
    ctx.log.modelResult(describe(ctx, node), shownStatus(result), result.execution_time, p);
  },
};

function describe(ctx: RunContext, node: ModelNode): string {
  return `${node.language} ${node.config.materialized} model ${nodeRepresentation(ctx, node)}`;
}

function shownStatus(result: RunResult): string {
  return result.status === 'error' ? 'error' : (result.message ?? '');
}
