// run-operation: one macro, or one piece of SQL, outside the graph.
import type { Json } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { formatError, TsdbtError } from '../../errors.ts';
import { createRunContext, reportCounts, write } from '../../index.ts';
import { compileNode } from '../../compiler/compile.ts';
import { locateDatabaseError } from '../../compiler/source-map.ts';
import { openScope } from '../../compiler/node-scope.ts';
import { green, progressLine, red } from '../../log.ts';
import { inlineNode } from '../../runner/inline-node.ts';
import { openSession } from '../../runner/open-session.ts';
import { operationNode } from '../../runner/operation-node.ts';
import { isoMicros, nodeFields } from '../../runner/results.ts';
import type { RunContext } from '../../runner/context.ts';
import { fromJson, type Value } from '../../values/index.ts';
import type { AdapterResponse } from '../../contracts/results.ts';
import { type CommandSession, now } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function runOperationCommand(session: CommandSession): Promise<boolean> {
  const { flags } = session;
  const macro = session.positional[0];
  const sql = typeof flags['sql'] === 'string' && flags['sql'] !== '' ? flags['sql'] : null;
  const args = (flags['args'] ?? {}) as { [name: string]: Json };
  if (sql === null && !macro)
    throw new TsdbtError('runtime', 'Either a macro name or --sql must be passed to run-operation');
  if (sql !== null && macro)
    throw new TsdbtError('runtime', 'Cannot specify both a macro name and --sql for run-operation');
  if (sql !== null && Object.keys(args).length > 0)
    throw new TsdbtError('runtime', '--args cannot be used with --sql; pass arguments directly in the SQL');
  const parsed = await loadAndParse(session);
  const ctx = createRunContext(parsed, new Set());
  reportCounts(parsed, ctx.log);
  const began = now();
  let error: string | null = null;
  let response: AdapterResponse | Record<string, never> = {};
  const [packageName, name] = macro?.includes('.')
    ? [macro.slice(0, macro.indexOf('.')), macro.slice(macro.indexOf('.') + 1)]
    : [undefined, macro ?? 'inline_query'];
  try {
    if (packageName !== undefined && ctx.resolver.namespace(packageName)?.get(name) === undefined)
      throw new TsdbtError(
        'runtime',
        `dbt could not find a macro with the name "${name}" in the "${packageName}" package`,
      );
    if (sql === null) await runMacro(ctx, name, packageName, args);
    else response = await runSql(ctx, sql);
  } catch (caught) {
    if (!(caught instanceof TsdbtError)) throw caught;
    error = formatError(caught);
    ctx.log.operationError(error);
  } finally {
    await parsed.adapter.close();
  }
  const ended = now();
  if (sql !== null) reportSql(ctx, error, response, (ended - began) / 1000);
  const found =
    sql === null
      ? packageName === undefined
        ? ctx.resolver.findAnywhere(name)
        : ctx.resolver.namespace(packageName)?.get(name)
      : undefined;
  if (sql === null && found === undefined)
    throw new TsdbtError(
      'compilation',
      `dbt could not find a macro with the name '${name}' in any package. This can happen when calling a macro ` +
        'that does not exist. Check for typos and/or install package dependencies with "dbt deps".',
    );
  const unique_id = found?.unique_id ?? `sql_operation.${parsed.config.project.project_name}.inline_query`;
  const node = { ...operationNode(parsed.config, name), unique_id, fqn: unique_id.split('.') };
  const at = (ms: number): string => `${isoMicros(ms)}Z`;
  const result: RunResult = {
    status: error === null ? 'success' : 'error',
    timing: [
      { name: 'compile', started_at: at(began), completed_at: at(began) },
      { name: 'execute', started_at: at(began), completed_at: at(ended) },
    ],
    thread_id: 'MainThread',
    execution_time: (ended - began) / 1000,
    adapter_response: response,
    message: error,
    failures: error === null ? 0 : 1,
    batch_results: null,
    ...nodeFields(node),
  };
  write(parsed, ctx, [result], result.execution_time);
  return error === null;
}

async function runMacro(
  ctx: RunContext,
  name: string,
  packageName: string | undefined,
  args: { [name: string]: Json },
): Promise<void> {
  const session = openSession(ctx, `macro_${name}`, operationNode(ctx.config, name));
  try {
    const scope = openScope(ctx, operationNode(ctx.config, name), session, { operation: true });
    await session.begin();
    await session.commit();
    await scope
      .callNamed(
        name,
        [],
        new Map<string, Value>(Object.entries(args).map(([key, value]) => [key, fromJson(value)])),
        packageName,
      )
      .catch((error: unknown) => {
        const located = locateDatabaseError(ctx, operationNode(ctx.config, name), scope.trace, error);
        throw located instanceof TsdbtError && located.details.line !== undefined ? located : error;
      });
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

function reportSql(
  ctx: RunContext,
  error: string | null,
  response: AdapterResponse | Record<string, never>,
  seconds: number,
): void {
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
