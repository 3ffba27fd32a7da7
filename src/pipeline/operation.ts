// Runs what has no node in the graph: a macro or SQL (`run-operation`), a previewed query, and the macros that `docs
// generate` calls after its nodes. Sessions are left to the runner.
import type { Adapter, ExecuteMacro } from '../adapters/adapter.ts';
import type { Table } from '../adapters/table.ts';
import { compileNode } from '../compiler/compile.ts';
import { openScope } from '../compiler/node-scope.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import type { Json } from '../contracts/node.ts';
import type { AdapterResponse, RunResult } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { green, progressLine, red } from '../log.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { inlineNode } from '../runner/inline-node.ts';
import { openSession } from '../runner/open-session.ts';
import { operationNode } from '../runner/operation-node.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { isoMicros, nodeFields } from '../runner/results.ts';
import { fromJson, type Value } from '../values/index.ts';
import { reportCounts } from './counts.ts';
import { openAdapter } from './load.ts';
import { write } from './write.ts';

/** The request of `run-operation`: a macro with its arguments, or SQL. */
export type Operation =
  | { readonly macro: string; readonly args: { readonly [name: string]: Json } }
  | { readonly sql: string };

type Response = AdapterResponse | Record<string, never>;

/**
 * Runs the operation and writes run_results.json.
 * @returns whether it succeeded; errors have been reported
 * @throws {TsdbtError} compilation, when the macro does not exist
 */
export async function operate(parsed: ParsedProject, operation: Operation): Promise<boolean> {
  const ctx = createRunContext(parsed, new Set());
  const { now, config } = parsed;
  reportCounts(parsed);
  const began = now();
  const [packageName, name] = 'sql' in operation ? [undefined, 'inline_query'] : splitName(operation.macro);
  let error: string | null = null;
  let response: Response = {};
  try {
    if ('sql' in operation) response = await runSql(ctx, operation.sql);
    else await runMacro(ctx, packageName, name, operation.args);
  } catch (caught) {
    if (!(caught instanceof TsdbtError)) throw caught;
    error = formatError(caught);
    ctx.log.operationError(error, caught.errorCode);
  } finally {
    await parsed.adapter.close();
  }
  const ended = now();
  const seconds = (ended - began) / 1000;
  let unique_id = `sql_operation.${config.project.project_name}.inline_query`;
  if ('sql' in operation) reportSql(ctx, error, response, seconds);
  else {
    const found =
      packageName === undefined ? ctx.resolver.findAnywhere(name) : ctx.resolver.namespace(packageName)?.get(name);
    if (found === undefined) throw errorOf('noSuchMacro', { macro: name }, { hint: ctx.resolver.suggestion(name) });
    unique_id = found.unique_id;
  }
  const at = (ms: number): string => `${isoMicros(ms)}Z`;
  const result: RunResult = {
    status: error === null ? 'success' : 'error',
    timing: [
      { name: 'compile', started_at: at(began), completed_at: at(began) },
      { name: 'execute', started_at: at(began), completed_at: at(ended) },
    ],
    thread_id: 'MainThread',
    execution_time: seconds,
    adapter_response: response,
    message: error,
    failures: error === null ? 0 : 1,
    batch_results: null,
    ...nodeFields({ ...operationNode(config, name), unique_id, fqn: unique_id.split('.') }),
  };
  write(parsed, ctx, [result], result.execution_time);
  return error === null;
}

/** Splits `package.macro`. */
function splitName(macro: string): [packageName: string | undefined, name: string] {
  const dot = macro.indexOf('.');
  return dot < 0 ? [undefined, macro] : [macro.slice(0, dot), macro.slice(dot + 1)];
}

async function runMacro(
  ctx: RunContext,
  packageName: string | undefined,
  name: string,
  args: { readonly [name: string]: Json },
): Promise<void> {
  if (packageName !== undefined && ctx.resolver.namespace(packageName)?.get(name) === undefined)
    throw errorOf(
      'noSuchMacroInPackage',
      { macro: name, package: packageName },
      { hint: ctx.resolver.suggestion(name, packageName) },
    );
  const node = operationNode(ctx.config, name);
  const session = openSession(ctx, `macro_${name}`, node);
  try {
    const scope = openScope(ctx, node, session, { operation: true });
    await session.begin();
    await session.commit();
    const kwargs = new Map(Object.entries(args).map(([key, value]): [string, Value] => [key, fromJson(value)]));
    await scope.callNamed(name, [], kwargs, packageName).catch((error: unknown) => {
      const located = locateDatabaseError(ctx, node, scope.trace, error);
      throw located instanceof TsdbtError && located.details.line !== undefined ? located : error;
    });
    // A `statement` block has begun one. dbt-postgres sends no BEGIN here, so that each statement stays.
    if (session.inTransaction) await session.commit();
  } finally {
    await session.release();
  }
}

async function runSql(ctx: RunContext, sql: string): Promise<AdapterResponse> {
  const width = ctx.config.flags.printer_width;
  const session = openSession(ctx, 'inline_query', operationNode(ctx.config, 'inline_query'));
  try {
    const node = inlineNode(ctx, sql);
    const compiled = await compileNode(ctx, node, session, { write: false });
    ctx.log.note(progressLine({ width, msg: 'START executing inline_query', status: 'RUN', index: 1, total: 1 }));
    await session.begin();
    await session.commit();
    const { response } = await session.execute(compiled.compiled_code ?? '', { autoBegin: true, fetch: false });
    if (session.inTransaction) await session.commit();
    return response;
  } finally {
    await session.release();
  }
}

function reportSql(ctx: RunContext, error: string | null, response: Response, seconds: number): void {
  const width = ctx.config.flags.printer_width;
  const line = (msg: string, status: string): string =>
    progressLine({ width, msg, status, index: 1, total: 1, executionTime: seconds });
  if (error === null)
    ctx.log.note(
      line(
        'OK executed inline_query',
        green('_message' in response && response._message ? String(response._message) : 'OK'),
      ),
    );
  else ctx.log.note(line('ERROR executing inline_query', red('ERROR')), 'error');
}

/** The first rows of SQL as written, without the project's models. @param limit null: all rows */
export async function preview({ adapter }: ParsedProject, sql: string, limit: number | null): Promise<Table> {
  const session = adapter.session({ name: 'show', ofModels: true });
  try {
    return (await session.execute(sql, { fetch: true, limit })).table;
  } finally {
    await session.release();
    await adapter.close();
  }
}

/** Calls macros outside of nodes, on a connection of its own. */
export interface OpenOperation {
  readonly adapter: Adapter;
  readonly executeMacro: ExecuteMacro;
  /** Cancels its statement on the server. */
  cancel(): Promise<void>;
  /** Returns the connection of its session; the adapter stays open. */
  release(): Promise<void>;
}

/** Opens a new connection, because a run has closed its own. @param name of the session and of the operation */
export async function openOperation(parsed: ParsedProject, ctx: RunContext, name: string): Promise<OpenOperation> {
  const { config, env, logger } = parsed;
  const adapter = await openAdapter(config, env, logger);
  const own: RunContext = {
    ...ctx,
    adapter,
    scopes: { ...ctx.scopes, context: { ...ctx.scopes.context, adapter } },
  };
  const node = operationNode(config, name);
  const session = openSession(own, name, node);
  const scope = openScope(own, node, session, { operation: true });
  return {
    adapter,
    executeMacro: (macro, args, kwargs) => scope.callNamed(macro, args, kwargs),
    cancel: () => session.cancel(),
    release: () => session.release(),
  };
}
