// Hashes what determines the result of a node, and finds what makes it volatile or its text dependent on more than the
// project.
import { createHash } from 'node:crypto';
import type { UserFunctions } from '../../adapters/node-states.ts';
import { relationFrom } from '../../context/relations.ts';
import type { GraphNode, ManifestNode, UnitTestNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { isEphemeral } from '../../graph/node-facts.ts';
import { valueHash } from '../../parser/parse-cache.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import type { RunContext } from '../context.ts';
import { lookupNode, nodeWithRows } from '../nodes.ts';
import type { Fingerprint } from './decide.ts';
import { namedRelations, normalSql, withoutTexts } from './normal-sql.ts';

/** Settings without an effect on the database. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['tags', 'docs', 'group', 'access', 'freshness', 'enabled']);
/** Names in templates whose value may differ although project, variables and environment are the same. */
const CHANGING = new RegExp(
  '\\b(?:execute|run_query|statement|load_\\w+|get_\\w*(?:columns|relations?|value\\w*|query\\w*)\\w*|run_started_at|' +
    'invocation_\\w+|modules|graph|flags|selected_resources|thread_id|builtins|' +
    'adapter\\s*\\.\\s*(?!dispatch\\b)\\w+)\\b',
);
export function shortHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16);
}

/** Texts of the project's macros that a node calls, with those that they call. */
export function macroTexts({ manifest, resolver }: RunContext, ids: readonly string[]): string[] {
  const found = new Map<string, string>();
  const visit = (id: string): void => {
    const macro = manifest.macros[id];
    if (macro === undefined || found.has(id) || resolver.isInternal(macro)) return;
    found.set(id, macro.macro_sql);
    for (const called of macro.depends_on.macros) visit(called);
  };
  for (const id of ids) visit(id);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, text]) => `${id} ${text}`);
}

/** The fields of nodes of all kinds that are read here. */
interface AnyNode {
  readonly resource_type: string;
  readonly raw_code?: string;
  readonly compiled_code?: string | null;
  readonly config?: unknown;
  readonly constraints?: unknown;
  readonly schema?: string | null;
  readonly alias?: string;
  readonly depends_on?: { readonly macros?: readonly string[]; readonly nodes?: readonly string[] };
}

const macrosOf = ({ depends_on }: AnyNode): readonly string[] => depends_on?.macros ?? [];

/** The settings of a node. */
export function configOf({ config }: { readonly config?: unknown }): Readonly<Record<string, unknown>> {
  return isDictionary(config) ? config : {};
}

function hooksOf(node: AnyNode): string[] {
  const config = configOf(node);
  return ['pre-hook', 'post-hook'].flatMap((name) => {
    const hooks = config[name];
    return Array.isArray(hooks) ? hooks.map((hook) => (isDictionary(hook) ? String(hook['sql']) : String(hook))) : [];
  });
}

/** Whether compiling the node again may give another text although the project is the same. */
export function isDynamic(ctx: RunContext, node: AnyNode): boolean {
  const texts = [node.raw_code ?? '', ...hooksOf(node), ...macroTexts(ctx, macrosOf(node))];
  return texts.some((text) => CHANGING.test(text));
}

/** Whether a unit test of a macro may read relations, which no dependency names. */
export function mayReadRelations(ctx: RunContext, test: UnitTestNode): boolean {
  if (test.depends_on.nodes.length > 0) return false;
  return macroTexts(ctx, macrosOf(test)).some((text) => CHANGING.test(text) || /\b(?:ref|source)\s*\(/.test(text));
}

/** @param node compiled, except seeds and unit tests */
export function fingerprint(ctx: RunContext, node: GraphNode, functions: UserFunctions): Fingerprint {
  const settings = sessionSettings(ctx);
  if (node.resource_type === 'unit_test') return unitTestPrint(ctx, node, [settings, definitionsOf(functions)]);
  const own = ctx.manifest.nodes[node.unique_id];
  if (own === undefined) throw errorOf('cannotRun', { type: node.resource_type, node: node.unique_id });
  const { compiled_code: code, constraints = null }: AnyNode = node;
  const config = Object.entries(own.config).filter(([name]) => !WITHOUT_EFFECT.has(name));
  const { contract, persist_docs } = configOf(own);
  const documented = isDictionary(persist_docs) && Object.values(persist_docs).some(Boolean);
  const enforced = isDictionary(contract) && contract['enforced'] === true;
  const place = relationFrom(ctx.adapter, ctx.config.project.quoting, own).render();
  const sql = normalSql(code ?? '');
  const called = callsIn(sql).some((name) => functions.has(name)) ? definitionsOf(functions) : null;
  return {
    sql: shortHash(own.resource_type === 'seed' ? seedText(ctx, own) : [sql, called]),
    config: valueHash([
      Object.fromEntries(config),
      documented || enforced ? own.columns : null,
      constraints,
      documented ? own.description : null,
      place,
      settings,
    ]).slice(0, 16),
    macros: shortHash(laterMacros(ctx, own)),
  };
}

/** Settings of the profile that change the results of the same SQL. */
export function sessionSettings({ adapter: { reuse }, config: { profile } }: RunContext): unknown {
  return reuse?.settings.map((name) => profile.credentials[name] ?? null);
}

const definitions = new WeakMap<UserFunctions, string>();

/** A hash of the definitions of functions, which changes with any of them. */
export function definitionsOf(functions: UserFunctions): string {
  const known = definitions.get(functions);
  if (known !== undefined) return known;
  const hash = shortHash([...functions].map(([name, { mark }]) => `${name} ${mark}`).sort());
  definitions.set(functions, hash);
  return hash;
}

const CALL = /(?:"([^"]+)"|`([^`]+)`|(?<![\w$\u0080-\uffff])([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*\(/g;

/** Names before parentheses, in lower case. */
function callsIn(sql: string): string[] {
  return [...withoutTexts(sql).matchAll(CALL)].map(([, a, b, c]) => (a ?? b ?? c ?? '').toLowerCase());
}

function seedText(ctx: RunContext, seed: ManifestNode): string {
  // With --empty, its table has no rows.
  return `${ctx.config.flags.empty === true}${ctx.readSource(seed.original_file_path, seed.package_name) ?? ''}`;
}

/** Macros of hooks and of the materialization; variables that hooks may read. */
function laterMacros(ctx: RunContext, node: ManifestNode): unknown {
  if (node.resource_type === 'test') return null;
  const hooks = hooksOf(node).some((hook) => /\{[{%]/.test(hook));
  const built = ctx.makers(String(node.config.materialized));
  const all = built === null ? macroTexts(ctx, Object.keys(ctx.manifest.macros)) : null;
  if (!hooks) return [built, all];
  const texts = [...hooksOf(node), ...macroTexts(ctx, macrosOf(node))];
  return [built, all, texts, settingsOf(ctx, texts)];
}

/** Variables of the project if texts read any, and those of the environment that texts name. */
function settingsOf({ config: { cli_vars, project, packages, env } }: RunContext, texts: readonly string[]): unknown {
  const names = texts.flatMap((text) => [...text.matchAll(/env_var\s*\(\s*['"](\w+)/g)].map(([, name = '']) => name));
  const vars = texts.some((text) => /\bvar\b/.test(text))
    ? [cli_vars, project.vars, packages.map((each) => each.vars ?? null)]
    : null;
  return [vars, names.map((name) => env[name] ?? null)];
}

/** A unit test is not compiled before it runs: its definition and the model's template determine it. */
function unitTestPrint(ctx: RunContext, test: UnitTestNode, more: unknown): Fingerprint {
  const model = ctx.manifest.nodes[test.depends_on.nodes[0] ?? ''];
  const macros = macroTexts(ctx, [...macrosOf(test), ...(model === undefined ? [] : macrosOf(model))]);
  const sql = model?.raw_code ?? '';
  return {
    sql: shortHash(sql),
    config: valueHash([test.given, test.expect, test.overrides, test.config, more]).slice(0, 16),
    macros: shortHash([macros, settingsOf(ctx, [sql, ...macros])]),
  };
}

/**
 * What makes a compiled node's result change by itself: a call of a function that is volatile or reads tables, or a
 * relation that it reads without ref or source. Null: nothing.
 */
export function volatileIn(ctx: RunContext, node: AnyNode, functions: UserFunctions): string | null {
  const { compiled_code: code } = node;
  if (code == null || ctx.adapter.reuse === null) return null;
  const sql = normalSql(code);
  const [call] = ctx.adapter.reuse.volatile.exec(withoutTexts(sql)) ?? ctx.adapter.reuse.volatile.exec(sql) ?? [];
  if (call !== undefined) return call.includes('(') ? `${call.slice(0, call.indexOf('(')).trimEnd()}()` : call;
  const own = ownRelations(ctx, node);
  const changing = callsIn(sql).find((name) => functions.get(name)?.fixed === false && !own.has(`${name}()`));
  if (changing !== undefined) return `${changing}()`;
  return namedRelations(sql).find((name) => !own.has(lastNames(name))) ?? null;
}

/** Whether a compiled node names a relation that it does not read with ref or source. */
export function readsOthers(ctx: Pick<RunContext, 'manifest'>, node: AnyNode): boolean {
  const own = ownRelations(ctx, node);
  return namedRelations(normalSql(node.compiled_code ?? '')).some((name) => !own.has(lastNames(name)));
}

function lastNames(name: string): string {
  return name.split('.').slice(-2).join('.');
}

/**
 * Lower-case names of the node's relation and of what it reads according to its `depends_on`, directly or through
 * ephemeral models; functions end with `()`.
 */
function ownRelations(
  { manifest }: Pick<RunContext, 'manifest'>,
  node: AnyNode,
  found = new Set<string>(),
): Set<string> {
  const add = (schema: string, name: string): unknown => found.add(`${schema}.${name}`.toLowerCase());
  if (node.schema != null && node.alias != null) add(node.schema, node.alias);
  for (const id of node.depends_on?.nodes ?? []) {
    const each = lookupNode(manifest, id);
    if (each?.resource_type === 'function') found.add(`${each.alias}()`.toLowerCase());
    const input = nodeWithRows(each);
    if (input === null) continue;
    if (isEphemeral(input)) ownRelations({ manifest }, input, found);
    else add(input.schema, input.resource_type === 'source' ? input.identifier : input.alias);
  }
  return found;
}
