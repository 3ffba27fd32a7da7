// Creates the view that has a versioned model's unversioned name and selects from its latest version
// (`latest_version_pointer`).
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { openScope } from '../compiler/node-scope.ts';
import type { ModelNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { fromJson, toText } from '../values/index.ts';
import { materialize } from './materialize.ts';
import type { RunContext } from './context.ts';

interface PointerConfig {
  readonly enabled?: boolean | null;
  readonly alias?: string | null;
}

/** @returns the created relations, for the cache; empty if the model does not request a pointer */
export async function createLatestVersionPointer(
  ctx: RunContext,
  model: ModelNode,
  relations: readonly Relation[],
  session: Session,
): Promise<Relation[]> {
  const target = relations[0];
  const config = (model.config['latest_version_pointer'] ?? null) as PointerConfig | null;
  const enabled = config?.enabled ?? ctx.config.flags['latest_version_pointer_enabled_by_default'] === true;
  if (
    target === undefined ||
    !enabled ||
    model.version === null ||
    String(model.version) !== String(model.latest_version)
  )
    return [];
  const scope = openScope(ctx, model, session);
  const custom = config?.alias ? String(config.alias).trim() : null;
  const alias =
    toText(await scope.callNamed('generate_latest_version_pointer_alias', [custom, fromJson(model)])).trim() ||
    custom ||
    model.name;
  if (target.identifier === alias) {
    throw errorOf('pointerAliasTaken', { model: model.name, alias });
  }
  const code = `select * from ${target.render()}`;
  const pointer: ModelNode = {
    ...model,
    alias,
    raw_code: code,
    compiled_code: code,
    compiled: true,
    unique_id: `${model.unique_id}__latest_version_pointer`,
    config: { ...model.config, materialized: 'view', 'pre-hook': [], 'post-hook': [], persist_docs: {} },
  };
  return materialize(ctx, pointer, openScope(ctx, pointer, session));
}
