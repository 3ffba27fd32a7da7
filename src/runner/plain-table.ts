// Replaces a table that consists only of its query and has no readers, without calling the materialization, which
// causes most of the client's work. The macros render the same statements once per run, and names and queries are
// filled in. In doubt the materialization is called.
import type { Session } from '../adapters/adapter.ts';
import { Relation } from '../adapters/relation.ts';
import { type NodeScope, openScope } from '../compiler/node-scope.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import { writePath } from '../compiler/write-path.ts';
import { relationFrom } from '../context/relations.ts';
import { settle } from '../context/scope.ts';
import type { ModelNode } from '../contracts/node.ts';
import type { AdapterResponse } from '../contracts/results.ts';
import { eventOf } from '../events/index.ts';
import type { LogEvent } from '../log.ts';
import { callable, callableOf, type HostObject, NO_KWARGS, type Value } from '../values/index.ts';
import type { RunContext } from './context.ts';
import type { Outcome } from './node.ts';

/** Placeholders for a table's name and query while the macros render. */
const NAME = 'tsdbt_name_of_a_table';
const QUERY = 'tsdbt_query_of_a_table';
/** Names that every macro writes unchanged, and that do not become too long with a suffix. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,49}$/;
/** Settings that change what the materialization does. */
const SETTINGS = ['sql_header', 'indexes', 'grants', 'persist_docs', 'contract'];

/** A text with gaps for a table's name. */
type Unnamed = readonly string[];

/** What the materialization sends and logs for the tables of one schema. */
export interface TableTexts {
  /** Text before and after the query. */
  readonly create: readonly [Unnamed, Unnamed];
  /** Replaces the old table by the new one. */
  readonly publish: Unnamed;
  /** Debug lines of the macros that render the statements. */
  readonly created: readonly Unnamed[];
  readonly published: readonly Unnamed[];
  /** The names of the new table while it is built, and of the old one before it is dropped. */
  readonly working: readonly Unnamed[];
}

/** @returns the result that the materialization would return, or null if it must be called */
export async function plainTable(ctx: RunContext, node: ModelNode, session: Session): Promise<Outcome | null> {
  const { adapter } = ctx;
  if (!isPlain(ctx, node, session)) return null;
  const relation = relationFrom(adapter, ctx.config.project.quoting, node, { type: 'table' });
  const { database, schema, identifier } = relation;
  const { quotePolicy } = relation.fields;
  if (schema === null || identifier === null || !quotePolicy.schema || !quotePolicy.identifier) return null;
  // A view is replaced with another kind of lock.
  if (ctx.views.get(relation.render()) !== undefined) return null;
  const texts = await textsOf(ctx, node, session, relation);
  if (texts === null) return null;
  await adapter.lockRelation(session, relation, { builds: true });
  const old = adapter.cache.get(relation);
  if (
    old?.type !== 'table' ||
    old.render() !== relation.render() ||
    texts.working.some((name) => adapter.cache.get({ database, schema, identifier: named(name, identifier) })) ||
    adapter.isBare?.(session, relation) !== true
  )
    return null;
  const query = String(node.compiled_code);
  const create = `${named(texts.create[0], identifier)}${query}${named(texts.create[1], identifier)}`;
  const tell = (msg: string): void => ctx.scopes.context.logger.fire(eventOf('JinjaLogDebug', msg, { msg }));
  for (const text of texts.created) tell(named(text, identifier));
  tell(`Writing runtime sql for node "${node.unique_id}"`);
  const path = writePath(node, ctx.config.project.target_path, 'run');
  node.build_path = path;
  ctx.write(path, create);
  const response: AdapterResponse = { _message: '', code: '', rows_affected: -1 };
  try {
    await session.executeLater(create, (result) => void Object.assign(response, result.response));
    for (const text of texts.published) tell(named(text, identifier));
    await session.executeLater(named(texts.publish, identifier), () => undefined);
    if (session.inTransaction) await session.commit();
  } catch (error) {
    // Only the macros know where the text came from: they render it again.
    const scope = openScope(ctx, node, session);
    await createText(scope, relation, query);
    throw locateDatabaseError(ctx, node, scope.trace, error);
  }
  adapter.cache.replace(relation, session);
  return { status: 'success', message: response._message, response, failures: null };
}

function isPlain(ctx: RunContext, node: ModelNode, session: Session): boolean {
  const { config } = node;
  const settings = [...SETTINGS, ...(ctx.adapter.tableSettings ?? [])];
  return (
    config.materialized === 'table' &&
    ctx.adapter.isBare !== undefined &&
    node.version === null &&
    node.language === 'sql' &&
    node.extra_ctes_injected === true &&
    typeof node.compiled_code === 'string' &&
    PLAIN_NAME.test(node.alias) &&
    config['pre-hook'].length === 0 &&
    config['post-hook'].length === 0 &&
    config.contract?.enforced !== true &&
    settings.every((key) => key === 'contract' || isNothing(config[key])) &&
    // dbt warns if `config.get` reads a key that exists only under `meta`.
    settings.every((key) => !(key in (config.meta ?? {}))) &&
    !session.inTransaction &&
    session.publishing.length === 0 &&
    ctx.makers('table') !== null
  );
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** @returns null if the macros' texts are not valid for every name and query */
async function textsOf(
  ctx: RunContext,
  node: ModelNode,
  session: Session,
  { database, schema }: Relation,
): Promise<TableTexts | null> {
  const key = JSON.stringify([database, schema]);
  let texts = ctx.tableTexts.get(key);
  if (texts === undefined) ctx.tableTexts.set(key, (texts = renderTexts(ctx, node, session).catch(() => null)));
  return texts;
}

async function renderTexts(ctx: RunContext, node: ModelNode, session: Session): Promise<TableTexts | null> {
  const said: LogEvent[] = [];
  const context = { ...ctx.scopes.context, logger: { fire: (event: LogEvent) => void said.push(event) } };
  const scope = openScope({ ...ctx, scopes: { ...ctx.scopes, context } }, node, session);
  const own = scope.scope.get('adapter');
  if (typeof own !== 'object' || own === null || !('jinjaGet' in own)) return null;
  scope.define('adapter', withoutDependants(own));
  const quoting = ctx.config.project.quoting;
  const relation = relationFrom(ctx.adapter, quoting, { ...node, alias: NAME }, { type: 'table' });
  const create = (await createText(scope, relation, QUERY)).split(QUERY);
  const created = said.splice(0);
  const backup = await call(scope, 'make_backup_relation', [relation, 'table']);
  const intermediate = await call(scope, 'make_intermediate_relation', [relation]);
  const publish = await call(scope, 'get_publish_sql', [relation, relation, backup]);
  const [before, behind] = create;
  if (
    create.length !== 2 ||
    before === undefined ||
    behind === undefined ||
    typeof publish !== 'string' ||
    !(backup instanceof Relation) ||
    !(intermediate instanceof Relation) ||
    [...created, ...said].some(({ name }) => name !== 'JinjaLogDebug')
  )
    return null;
  const working = [intermediate, backup].map(({ identifier }) => identifier ?? '');
  return {
    create: [before.split(NAME), behind.split(NAME)],
    publish: publish.split(NAME),
    created: created.map(({ msg }) => msg.split(NAME)),
    published: said.map(({ msg }) => msg.split(NAME)),
    working: working.map((name) => name.split(NAME)),
  };
}

/** The `adapter` of a scope in which no relation has readers. */
function withoutDependants(own: HostObject): HostObject {
  const dependants = callable('dependants', 'relation', () => []);
  return {
    jinjaType: own.jinjaType,
    jinjaGet: (name) => (name === 'dependants' ? dependants : own.jinjaGet(name)),
  };
}

async function createText(scope: NodeScope, target: Relation, query: string): Promise<string> {
  const intermediate = await call(scope, 'make_intermediate_relation', [target]);
  return String(await call(scope, 'get_create_table_as_sql', [false, intermediate, query]));
}

async function call(scope: NodeScope, macro: string, args: readonly Value[]): Promise<Value> {
  return settle(callableOf(scope.scope.get(macro) ?? null)(args, NO_KWARGS));
}

function named(text: Unnamed, name: string): string {
  return text.join(name);
}
