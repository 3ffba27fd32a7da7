// SQL from the command line (`--inline`, `run-operation --sql`) as a node: what it refers to is found by rendering it
// once as the parser does. Executes nothing.
import type { ContextNode } from '../context/provider.ts';
import { createParseScope } from '../context/parse.ts';
import { hasJinja } from '../context/templates.ts';
import type { RefArgs, SqlOperationNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { type EventData, fire } from '../events/index.ts';
import { operationNode } from './operation-node.ts';
import type { RunContext } from './context.ts';

/** @throws {TsdbtError} when the SQL is no valid template or refers to something that is not there */
export function inlineNode(ctx: RunContext, sql: string): SqlOperationNode {
  const { project_name: project } = ctx.config.project;
  const { index: _index, ...base } = operationNode(ctx.config, 'inline_query');
  const unique_id = `sql_operation.${project}.inline_query`;
  const found: References = { refs: [], sources: [], macros: [], nodes: [] };
  const node: SqlOperationNode = {
    ...base,
    resource_type: 'sql_operation',
    unique_id,
    fqn: [project, 'sql', 'inline_query'],
    path: 'sql/inline_query',
    original_file_path: 'sql/inline_query',
    raw_code: sql,
    refs: found.refs,
    sources: found.sources,
    depends_on: { macros: found.macros, nodes: found.nodes },
  };
  try {
    if (hasJinja(sql)) collectReferences(ctx, node, found);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const node_info = {
      node_path: 'sql/inline_query',
      node_name: 'inline_query',
      unique_id: 'sqloperation.test.inline_query',
      node_status: 'failed',
    };
    const data = (): EventData => ({ exc: formatError(error), node_info });
    fire(ctx.logger, 'ParseInlineNodeError', { exc: error.message }, { data });
    throw errorOf('inlineRefused', {}, { cause: error });
  }
  return node;
}

/** What the SQL names, as it is found. */
interface References {
  readonly refs: RefArgs[];
  readonly sources: [source: string, table: string][];
  readonly macros: string[];
  /** Ids of what refs and sources mean. */
  readonly nodes: string[];
}

function collectReferences(ctx: RunContext, node: SqlOperationNode, into: References): void {
  const { context, lookup } = ctx.scopes;
  const add = (id: string): void => {
    if (!into.nodes.includes(id)) into.nodes.push(id);
  };
  const missing = (kind: string, name: string, found: 'disabled' | null): TsdbtError =>
    errorOf('inlineReferenceMissing', {
      node: node.unique_id,
      type: kind,
      name,
      why: found === 'disabled' ? 'is disabled' : 'was not found',
    });
  const scope = createParseScope({
    context,
    resolver: ctx.resolver,
    node: node as unknown as ContextNode,
    record: {
      onRef: (ref) => {
        into.refs.push(ref);
        const found = lookup.ref(ref, node.package_name);
        if (found === null || found === 'disabled') throw missing('node', ref.name, found);
        add(found.unique_id);
      },
      onSource: (source) => {
        into.sources.push(source);
        const found = lookup.source(source[0], source[1], node.package_name);
        if (found === null || found === 'disabled') throw missing('source', source.join('.'), found);
        add(found.unique_id);
      },
      onMacro: (id) => into.macros.push(id),
      onConfig: () => undefined,
    },
  });
  context.templates.parse
    .compile(node.raw_code, { name: node.name, path: node.path, type: 'sql_operation' })
    .renderSync(scope);
}
