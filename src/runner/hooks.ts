// on-run-start and on-run-end: in order, outside any node, one after the other on one session; after a failure the rest
// is skipped.
import type { Session } from '../adapters/adapter.ts';
import { compileNode } from '../compiler/compile.ts';
import type { HookNode } from '../contracts/node.ts';
import type { RunResult, TimingInfo } from '../contracts/results.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { typeInId } from '../graph/node-facts.ts';
import { keysOf } from '../graph/unread-record.ts';
import type { Value } from '../values/index.ts';
import { isoMicros, nodeFields } from './results.ts';
import type { RunContext } from './context.ts';
import { type NodeProgress, templateLogger } from './node-info.ts';

export const HOOK_TYPES = ['on-run-start', 'on-run-end'] as const;
export type HookType = (typeof HOOK_TYPES)[number];

/** The hooks of a kind: the root project first, then packages by name, each in the order written. */
export function projectHooks(ctx: RunContext, type: HookType): HookNode[] {
  const root = ctx.config.project.project_name;
  const { nodes } = ctx.manifest;
  const hooks = keysOf(nodes)
    .filter((id) => typeInId(id) === 'operation')
    .flatMap((id) => nodes[id] ?? [])
    .filter((n): n is HookNode => n.resource_type === 'operation' && n.tags.includes(type));
  const rank = (h: HookNode): [number, string, number] => [
    h.package_name === root ? 0 : 1,
    h.package_name,
    h.index ?? 0,
  ];
  return hooks.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || (x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : 0) || x[2] - y[2];
  });
}

/** The session outside of nodes, and the hook that works on it: its events tell of that hook. */
export interface Master {
  readonly session: Session;
  readonly at: { hook?: NodeProgress | undefined };
}

/**
 * Runs them.
 * @param extra what hooks see beside the usual: `results`, `schemas`, `database_schemas`
 * @param results gets each result when the hook is through, also when a later one throws
 * @returns one result a hook; any `error` among them means failure
 * @throws {TsdbtError} when a hook cannot be compiled
 */
export async function runProjectHooks(
  ctx: RunContext,
  type: HookType,
  { session, at }: Master,
  extra: ReadonlyMap<string, Value>,
  results: RunResult[] = [],
): Promise<RunResult[]> {
  const hooks = projectHooks(ctx, type);
  if (hooks.length === 0) return results;
  if (type === 'on-run-end') ctx.log.formatting();
  const { scopes } = ctx;
  const logger = templateLogger(scopes.context.logger, 'MainThread', () => at.hook);
  const own: RunContext = { ...ctx, scopes: { ...scopes, context: { ...scopes.context, logger } } };
  let failed = false;
  for (const [i, node] of hooks.entries()) {
    const name = `${node.package_name}.${type}.${i}`;
    const p: NodeProgress = {
      node,
      started: '',
      finished: '',
      status: 'None',
      index: i + 1,
      total: hooks.length,
      thread: 'MainThread',
      cost: null,
    };
    at.hook = p;
    const result: RunResult = failed
      ? skippedHook(node, name)
      : await runHook(own, { ...node, index: i + 1 }, name, p, session, extra);
    failed ||= result.status === 'error';
    p.status = result.status;
    if (!failed || result.status === 'error') ctx.log.hookEnd(name, result.status, result.execution_time, p);
    else ctx.log.hookEnd(name, 'skipped', 0, p);
    results.push(result);
    ctx.journal?.result(result);
  }
  at.hook = undefined;
  if (type === 'on-run-start') ctx.log.formatting();
  return results;
}

function skippedHook(node: HookNode, name: string): RunResult {
  return {
    status: 'skipped',
    timing: [],
    thread_id: 'main',
    execution_time: 0,
    adapter_response: {},
    message: `${name} skipped`,
    failures: 1,
    batch_results: null,
    ...nodeFields(node),
  };
}

async function runHook(
  ctx: RunContext,
  node: HookNode,
  name: string,
  p: NodeProgress,
  session: Session,
  extra: ReadonlyMap<string, Value>,
): Promise<RunResult> {
  const began = ctx.now();
  const compiled = await compileNode(ctx, node, session, { extra }).catch((error: unknown) => {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  });
  // A `statement` block has begun a transaction, which would take this hook's SQL and that of later ones with it when
  // the session ends: hooks of a run are outside of transactions.
  if (session.inTransaction) await session.commit();
  const compiledAt = ctx.now();
  // As dbt: an event of a template that is compiled tells no state.
  p.started = isoMicros(began);
  p.status = 'started';
  const timing: TimingInfo[] = [
    { name: 'compile', started_at: `${p.started}Z`, completed_at: `${isoMicros(compiledAt)}Z` },
  ];
  ctx.manifest.nodes[node.unique_id] = compiled;
  ctx.log.hookStart(name, p);
  let message = `${name} passed`;
  let status: 'success' | 'error' = 'success';
  let transient = false;
  const sql = hookSql(compiled.compiled_code ?? '');
  if (sql.trim() !== '') {
    try {
      await session.execute(sql, { autoBegin: false, fetch: false });
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      status = 'error';
      transient = ctx.adapter.isTransient(error);
      const trace = ctx.sources.get(compiled.unique_id)?.rendered.trace ?? null;
      const located = locateDatabaseError(ctx, compiled, trace, error);
      message = `${name} failed, error:\n ${located instanceof TsdbtError ? located.message : error.message}`;
      message += placeOf(located);
    }
  }
  const ended = ctx.now();
  timing.push({ name: 'execute', started_at: `${isoMicros(compiledAt)}Z`, completed_at: `${isoMicros(ended)}Z` });
  p.finished = isoMicros(ended);
  return {
    status,
    timing,
    thread_id: 'main',
    execution_time: (ended - began) / 1000,
    adapter_response: {},
    message,
    failures: status === 'success' ? 0 : 1,
    batch_results: null,
    ...(transient ? { transient } : {}),
    ...nodeFields(compiled),
  };
}

/** What an error knows beyond its message: the line that wrote the SQL, or the statement. */
function placeOf(error: unknown): string {
  if (!(error instanceof TsdbtError)) return '';
  const lines = formatError(error)
    .split('\n')
    .slice(1 + error.message.split('\n').length);
  return lines.map((line) => `\n${line}`).join('');
}

/** A hook's text may be JSON: `{"sql": …, "transaction": …}`. */
function hookSql(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && 'sql' in parsed ? String(parsed.sql) : text;
  } catch {
    return text;
  }
}
