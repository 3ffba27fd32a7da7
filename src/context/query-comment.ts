// The comment before or after each statement: the project's `query-comment`, rendered for a connection and a node. The
// adapter adds it to the statement.
import { errorOf } from '../error-table.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { type Callable, dumpJson, fromJson, type HostObject, settleSync, toText, type Value } from '../values/index.ts';
import { BASE_MEMBERS, BaseScope, DBT_VERSION } from './base.ts';
import type { MacroResolver } from './macro-resolver.ts';
import { type ContextSettings, targetDict } from './provider.ts';
import type { Member, Members } from './scope.ts';
import { varLayers } from './var.ts';

const QUERY_MEMBERS: Members<QueryCommentScope> = new Map<string, Member<QueryCommentScope>>([
  ...BASE_MEMBERS,
  ['target', ({ context }) => targetDict(context.config, context.adapter)],
  ['project_name', ({ context }) => context.config.project.project_name],
]);

/** What a query comment sees: the target's context and the macros. */
class QueryCommentScope extends BaseScope {
  readonly context: ContextSettings;

  constructor(context: ContextSettings, resolver: MacroResolver) {
    const { config } = context;
    const packageName = config.project.project_name;
    super(context, varLayers(config.cli_vars, config.project, packageName), true, QUERY_MEMBERS, {
      resolver,
      packageName,
    });
    this.context = context;
  }
}

/** Returns the comment's text and position for a connection's name and a node; null for no comment. */
export type QueryComment = (connectionName: string, node: object | null) => { text: string; append: boolean } | null;

/** Names that dbt's default comment reads. */
const NAMES_OF_DEFAULT = ['dbt_version', 'target', 'tojson', 'return'];

/**
 * @param usual whether the comment is dbt's default. Its text needs no template, unless a macro has one of its names
 * @returns the function that creates comments; the project's macro is compiled once
 */
export function createQueryComment(context: ContextSettings, resolver: MacroResolver, usual = false): QueryComment {
  const configured: RuntimeConfig['project']['query_comment'] = context.config.project.query_comment;
  if (configured === null || configured.comment === '') return () => null;
  const { project, profile } = context.config;
  const isTaken = (name: string): boolean =>
    resolver.find(name, project.project_name) !== undefined || resolver.namespace(name) !== undefined;
  if (usual && !NAMES_OF_DEFAULT.some(isTaken)) {
    const facts = { app: 'dbt', dbt_version: DBT_VERSION, profile_name: profile.profile_name };
    return (connection_name, node) => {
      const about = node === null ? { connection_name } : { node_id: Reflect.get(node, 'unique_id') ?? '' };
      const text = dumpJson(fromJson({ ...facts, target_name: profile.target_name, ...about }));
      if (text.includes('*/')) throw errorOf('badQueryComment', { comment: text });
      return { text, append: configured.append };
    };
  }
  const source = `{%- macro query_comment_macro(connection_name, node) -%}\n${configured.comment}\n{% endmacro %}`;
  let macro: Callable | undefined;
  return (connectionName, node) => {
    const bound: Callable =
      macro ??
      context.templates.runtime
        .compileMacros(source, { name: 'query_comment_macro', path: 'dbt_project.yml' })
        .bind('query_comment_macro', new QueryCommentScope(context, resolver));
    macro = bound;
    const text = toText(settleSync(bound([connectionName, node === null ? null : nodeOf(node)], new Map()))).trim();
    if (text.includes('*/')) throw errorOf('badQueryComment', { comment: text });
    return text === '' ? null : { text, append: configured.append };
  };
}

/** A node as seen by a query comment: a missing field is empty text. */
function nodeOf(node: object): HostObject {
  const fields = node as { readonly [name: string]: unknown };
  const read = (name: string): Value => (Object.hasOwn(fields, name) ? fromJson(fields[name]) : '');
  return { jinjaType: 'QueryHeaderContextWrapper', jinjaGet: read, jinjaText: () => toText(read('unique_id')) };
}
