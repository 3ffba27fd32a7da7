// ref(), source() and function() at run time: return the relation after dbt's checks (disabled, missing, private,
// undeclared), with the limits of --empty and --sample. The compiler adds the code of ephemeral models.
import { errorOf } from '../error-table.ts';
import { eventOf } from '../events/index.ts';
import type { EventTimeFilter, Relation } from '../adapters/relation.ts';
import type { ManifestNode, ModelNode, RefArgs, SourceDefinition } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import type { TsdbtError } from '../errors.ts';
import { compareVersions } from '../graph/selector-methods.ts';
import { type Call, callableOf, lookupAttribute, toText, type Value } from '../values/index.ts';
import type { Found } from './manifest-lookup.ts';
import { namedArguments, refArguments, sourceArguments } from './reference-arguments.ts';
import { ephemeralRelation, type Located, relationFrom } from './relations.ts';
import type { RuntimeScope } from './runtime.ts';
import { settle } from './scope.ts';
import { isEphemeral } from '../graph/node-facts.ts';

/** Kinds of context whose ref() differs. */
export type ScopeKind = 'node' | 'operation' | 'unit_test';

/** `ref()` of a running node. @throws for a node that does not exist, is not declared or is not accessible */
export function runtimeRef(scope: RuntimeScope, call: Call): Value | Promise<Value> {
  const ref = refArguments(call);
  const target = required(scope, scope.lookup.ref(ref, scope.node.package_name), 'node', ref.name, ref);
  if (ref.version === null) noteNewerVersion(scope, target);
  checkAccess(scope, target);
  if (scope.kind !== 'operation' && !scope.dependsOn.has(target.unique_id)) throw undeclared(scope, ref);
  const more = { limit: limitOf(scope), eventTimeFilter: eventTimeFilter(scope, target) };
  if (isEphemeral(target)) {
    if (scope.kind === 'operation') throw errorOf('ephemeralInOperation', { model: target.name });
    scope.addCte(target.unique_id);
    const cteName = (target as { cte_name?: string }).cte_name;
    return ephemeralRelation(scope.context.adapter, cteName ?? target.alias, more);
  }
  const { quoting } = scope.context.config.project;
  const deferred = 'defer_relation' in target ? target.defer_relation : null;
  if (deferred !== null && deferred !== undefined && scope.context.config.flags['defer'] === true) {
    return deferredRelation(
      scope,
      target,
      () => relationFrom(scope.context.adapter, quoting, target, more),
      () => relationFrom(scope.context.adapter, quoting, deferred, more),
    );
  }
  return relationFrom(scope.context.adapter, quoting, target, more);
}

/** Logs that an unversioned reference resolves to the latest version while a newer prerelease exists. */
function noteNewerVersion(scope: RuntimeScope, target: ManifestNode): void {
  if (
    scope.kind === 'operation' ||
    target.resource_type !== 'model' ||
    target.version == null ||
    target.latest_version == null
  )
    return;
  const newest = scope.lookup.newestVersion?.(target.name);
  if (newest === undefined || compareVersions(newest, target.latest_version) <= 0) return;
  const { name, package_name, version } = target;
  scope.context.logger.fire(
    eventOf(
      'UnpinnedRefNewVersionAvailable',
      `While compiling '${scope.node.name}':\nFound an unpinned reference to versioned model '${name}' in ` +
        `project '${package_name}'.\nResolving to latest version: ${name}.v${version}\n` +
        `A prerelease version ${newest} is available. It has not yet been marked 'latest' by its maintainer.\n` +
        `When that happens, this reference will resolve to ${name}.v${newest} instead.\n\n` +
        `  Try out v${newest}: {{ ref('${package_name}', '${name}', v='${newest}') }}\n  Pin to  v${version}: {{ ` +
        `ref('${package_name}', '${name}', v='${version}') }}\n`,
      {
        ref_node_name: name,
        ref_node_package: package_name,
        ref_node_version: String(version),
        ref_max_version: String(newest),
      },
    ),
  );
}

/**
 * Returns the deferred relation if this environment does not have the relation, or with --favor-state if the node is
 * not selected.
 */
async function deferredRelation(
  scope: RuntimeScope,
  target: Located & { readonly unique_id: string },
  own: () => Relation,
  deferred: () => Relation,
): Promise<Value> {
  const favored = scope.context.config.flags['favor_state'] === true && !scope.selectedResources.has(target.unique_id);
  if (!favored) {
    const getRelation = lookupAttribute(scope.get('adapter') ?? null, 'get_relation') ?? null;
    const found = await settle(
      callableOf(getRelation)([target.database ?? null, target.schema ?? null, target.alias ?? null], new Map()),
    );
    if (found !== null) return own();
  }
  return deferred();
}

/** `source()` of a running node. @throws for a source that does not exist or is not declared */
export function runtimeSource(scope: RuntimeScope, call: Call): Value {
  const [source, table] = sourceArguments(call);
  const target = required(
    scope,
    scope.lookup.source(source, table, scope.node.package_name),
    'source',
    `${source}.${table}`,
  );
  if (scope.kind === 'unit_test') {
    scope.addCte(target.unique_id);
    return ephemeralRelation(
      scope.context.adapter,
      (target as { cte_name?: string }).cte_name ?? `${target.source_name}__${target.name}`,
    );
  }
  return relationFrom(scope.context.adapter, null, target, {
    limit: limitOf(scope),
    eventTimeFilter: eventTimeFilter(scope, target),
  });
}

/** `function()` of a running node. If the function is deferred, queries the database first. */
export function runtimeFunction(scope: RuntimeScope, call: Call): Value | Promise<Value> {
  const { name, packageName } = namedArguments('function', call);
  const target = required(scope, scope.lookup.function(name, packageName, scope.node.package_name), 'function', name);
  const relation = (located: Located): Relation =>
    relationFrom(scope.context.adapter, null, located, { type: 'function', limit: limitOf(scope) });
  const deferred = target.defer_function;
  if (deferred == null || scope.context.config.flags['defer'] !== true) return relation(target);
  return deferredRelation(
    scope,
    target,
    () => relation(target),
    () => relation(deferred),
  );
}

/** dbt's message for an unresolved name. */
function required<T>(scope: RuntimeScope, found: Found<T>, kind: string, name: string, ref?: RefArgs): T {
  if (found !== null && found !== 'disabled') return found;
  const { node } = scope;
  const type = node.resource_type.replace(/[a-z]+/g, (word) => word.charAt(0).toUpperCase() + word.slice(1));
  const version = ref === undefined || ref.version === null ? '' : `with version '${ref.version}' `;
  const inPackage = ref === undefined || ref.package === null ? '' : `in package or project '${ref.package}' `;
  throw errorOf('referenceMissing', {
    type,
    node: node.unique_id,
    path: node.original_file_path,
    kind,
    name,
    where: `${version}${inPackage}`,
    why: found === 'disabled' ? 'is disabled' : 'was not found',
  });
}

function undeclared(scope: RuntimeScope, ref: RefArgs): TsdbtError {
  const positional = (ref.package === null ? [ref.name] : [ref.package, ref.name]).map((arg) => `'${arg}'`).join(', ');
  const keyword = ref.version === null ? '' : `,version='${ref.version}'`;
  return errorOf('referenceNotInferred', { model: scope.node.name, call: `ref(${positional}${keyword})` });
}

function checkAccess({ node, context }: RuntimeScope, target: ManifestNode): void {
  if (target.resource_type !== 'model' || node.resource_type === 'sql_operation' || node.resource_type === 'macro')
    return;
  const { access, group } = target;
  if (access === 'public') return;
  const foreign = node.package_name !== target.package_name && restricts(context.config, target.package_name);
  const ownGroup = node['group'] ?? null;
  if (access === 'private' && (ownGroup === null || ownGroup === '' || ownGroup !== group || foreign))
    throw notAllowed(node.unique_id, target, 'private', `${group ?? ''}' group`);
  if (access === 'protected' && foreign)
    throw notAllowed(node.unique_id, target, 'protected', `${target.package_name}' package`);
}

function restricts({ project, packages }: RuntimeConfig, packageName: string): boolean {
  const owner = packageName === project.project_name ? project : packages.find((p) => p.project_name === packageName);
  return owner?.restrict_access ?? false;
}

function notAllowed(uniqueId: string, target: ModelNode, access: string, scope: string): TsdbtError {
  return errorOf('referenceNotAllowed', { node: uniqueId, target: target.unique_id, access, scope });
}

/** `--empty` reads no rows; unit tests use fixtures instead. */
export function limitOf(scope: RuntimeScope): number | null {
  return scope.kind !== 'unit_test' && scope.context.config.flags.empty ? 0 : null;
}

/** The event-time window that reads are limited to: `--sample`, or one microbatch. */
export interface TimeWindow {
  readonly start: Value;
  readonly end: Value;
}

function eventTimeFilter(scope: RuntimeScope, target: ManifestNode | SourceDefinition): EventTimeFilter | null {
  const eventTime = target.config.event_time;
  if (typeof eventTime !== 'string' || eventTime === '') return null;
  if (scope.node.resource_type !== 'model' && scope.node.resource_type !== 'snapshot') return null;
  const { sample, batch } = scope;
  const window = batch ?? sample;
  if (window === null) return null;
  if (sample === null || batch === null) return { fieldName: quotedEventTime(scope, target, eventTime), ...window };
  return {
    fieldName: quotedEventTime(scope, target, eventTime),
    start: later(sample.start, batch.start) ? sample.start : batch.start,
    end: later(batch.end, sample.end) ? sample.end : batch.end,
  };
}

function later(a: Value, b: Value): boolean {
  return toText(a) > toText(b);
}

function quotedEventTime(scope: RuntimeScope, target: ManifestNode | SourceDefinition, field: string): string {
  const column = Object.values(target.columns).find((candidate) => candidate.name === field);
  const own = (target as { quoting?: { column?: boolean | null } }).quoting?.column ?? null;
  const quoted = column?.quote ?? own ?? false;
  return quoted ? scope.quote(field) : field;
}
