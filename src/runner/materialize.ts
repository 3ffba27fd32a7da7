// Calls a node's materialization and validates its result: the created relations.
import { Relation } from '../adapters/relation.ts';
import { databaseIn } from '../adapters/relation-dialect.ts';
import { materializationMissing } from '../context/exceptions.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import type { ManifestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { deprecation } from '../project/deprecations.ts';
import { PyDict, toText, typeName, type Value } from '../values/index.ts';
import type { NodeScope } from '../compiler/node-scope.ts';
import type { RunContext } from './context.ts';
import { didYouMean } from '../values/close-matches.ts';

/** `schema.alias` for progress lines; with the database if it is not the target's. */
export function nodeRepresentation(
  ctx: RunContext,
  node: { database: string | null; schema: string; alias: string },
): string {
  const database = databaseIn(ctx.adapter.relations, node.database);
  const foreign = database !== null && database !== ctx.config.profile.credentials.database;
  const name = ctx.adapter.createRelation({
    database,
    schema: node.schema,
    identifier: node.alias,
    quotePolicy: { database: false, schema: false, identifier: false },
  });
  return (foreign ? name : name.include({ database: false })).render();
}

/** Calls a node's materialization, or another one, and returns the relations it created. */
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
  if (macro === undefined)
    throw materializationMissing(
      name,
      ctx.adapter.type,
      name === '' || name === 'null'
        ? '`materialized` has no value. Is a word of `config(…)` without quotes?'
        : didYouMean(name, ctx.resolver.materializationNames()),
    );
  const language = (node as { language?: string }).language ?? 'sql';
  if (macro.supported_languages && !macro.supported_languages.includes(language)) {
    throw errorOf('languageNotSupported', {
      materialization: macro.name,
      languages: macro.supported_languages.map((l) => `'${l}'`).join(', '),
      language,
    });
  }
  try {
    return materializedRelations(await scope.callMacro(macro, { tracked: node.resource_type !== 'test' }), name);
  } catch (error) {
    throw locateDatabaseError(ctx, node, scope.trace, error);
  }
}

function materializedRelations(returned: Value, materialization: string): Relation[] {
  if (typeof returned === 'string') {
    throw errorOf('materializationWithoutList', { materialization });
  }
  if (!(returned instanceof PyDict)) {
    throw errorOf('materializationNoDict', { value: toText(returned) });
  }
  const relations = returned.get('relations');
  if (relations === undefined) {
    throw errorOf('materializationNoRelations', { keys: toText([...returned.keys()]) });
  }
  if (!Array.isArray(relations)) {
    throw errorOf('materializationNoList', { value: toText(relations) });
  }
  return relations.map((relation) => {
    if (relation instanceof Relation) return relation;
    throw errorOf('materializationNoRelation', { value: toText(relation), type: typeName(relation) });
  });
}
