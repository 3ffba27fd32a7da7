// SQL from the command line (`--inline`, `run-operation --sql`) as a node. Its references are found by rendering it
// once as the parser does.
import { createHash } from 'node:crypto';
import type { ContextNode } from '../context/provider.ts';
import { createParseScope } from '../context/parse.ts';
import { hasJinja } from '../context/templates.ts';
import type { RefArgs, SqlOperationNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { type EventData, fire } from '../events/index.ts';
import { type ConfigDict, Configs, mergeConfigCall } from '../parser/config/node-config.ts';
import { toJson } from '../values/index.ts';
import { operationNode } from './operation-node.ts';
import type { RunContext } from './context.ts';

/** @throws {TsdbtError} if the SQL is not a valid template or a reference cannot be resolved */
export function inlineNode(ctx: RunContext, sql: string): SqlOperationNode {
  const { project_name: project } = ctx.config.project;
  const { index: _index, ...base } = operationNode(ctx.config, 'inline_query');
  const fqn = [project, 'sql', 'inline_query'];
  const call: ConfigDict = {};
  const configs = new Configs();
  const config = (): Pick<SqlOperationNode, 'config' | 'tags' | 'meta'> => {
    const { project: root } = ctx.config;
    const own = configs.calculate({ kind: 'node', section: 'models', fqn, project: root, root, call });
    return { config: own, tags: own.tags, meta: own.meta };
  };
  const unique_id = `sql_operation.${project}.inline_query`;
  const found: References = { refs: [], sources: [], macros: [], nodes: [] };
  const node: SqlOperationNode = {
    ...base,
    resource_type: 'sql_operation',
    unique_id,
    fqn,
    path: 'sql/inline_query',
    // dbt's name for SQL without a file.
    original_file_path: 'from remote system.sql',
    checksum: { name: 'sha256', checksum: createHash('sha256').update(sql).digest('hex') },
    ...config(),
    raw_code: sql,
    refs: found.refs,
    sources: found.sources,
    depends_on: { macros: found.macros, nodes: found.nodes },
  };
  try {
    if (!hasJinja(sql)) return node;
    collectReferences(ctx, node, found, call);
    return { ...node, ...config() };
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const node_info = {
      node_path: 'sql/inline_query',
      node_name: 'inline_query',
      unique_id: 'sqloperation.test.inline_query',
      node_status: 'failed',
    };
    // Message, position and hint without the heading.
    const exc = formatError(error).replace(/^.*\n/, '').replaceAll(/^ {2}/gm, '');
    fire(ctx.logger, 'ParseInlineNodeError', { exc }, { data: (): EventData => ({ exc, node_info }) });
    throw errorOf('inlineRefused', {}, { cause: error });
  }
}

/** The references of the SQL, in order of discovery. */
interface References {
  readonly refs: RefArgs[];
  readonly sources: [source: string, table: string][];
  readonly macros: string[];
  /** Ids that refs and sources resolve to. */
  readonly nodes: string[];
}

function collectReferences(ctx: RunContext, node: SqlOperationNode, into: References, call: ConfigDict): void {
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
      onConfig: (options) =>
        mergeConfigCall(
          call,
          Object.fromEntries(Object.entries(options).map(([key, value]) => [key, toJson(value, true, '')])),
        ),
    },
  });
  context.templates.parse
    .compile(node.raw_code, { name: node.name, path: node.path, type: 'sql_operation' })
    .renderSync(scope);
}
