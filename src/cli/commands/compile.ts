// compile and show: nodes, or SQL given on the command line, compiled; show also reads the first rows.
import type { GraphNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { TsdbtError } from '../../errors.ts';
import { createRunContext, type ParsedProject, reportCounts, run, write, writeSummary } from '../../index.ts';
import type { Selection } from '../../graph/selector.ts';
import { inlineNode } from '../../runner/inline-node.ts';
import type { RunContext } from '../../runner/context.ts';
import { printRunEnd } from '../../runner/summary.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted, unlessStopped } from '../ending.ts';
import { showPreview } from '../show-tables.ts';
import { chosen, loadAndParse } from './run.ts';

export async function compileCommand(session: CommandSession): Promise<boolean> {
  const { ctx, results } = await compileSelected(session);
  for (const r of matching(session, results)) printCompiled(ctx, r);
  return true;
}

export async function showCommand(session: CommandSession): Promise<boolean> {
  const { flags } = session;
  if (typeof flags['inline_direct'] === 'string')
    return unlessStopped(session.signal, showDirect(session, flags['inline_direct']));
  if (!(flags['select'] as string[] | undefined)?.length && !flags['inline'])
    throw new TsdbtError('runtime', 'Either --select or --inline must be passed to show');
  const { ctx, results } = await compileSelected(session);
  for (const r of matching(session, results)) {
    const table = ctx.tables.get(r.unique_id);
    const node = r.node as GraphNode & { version?: string | number | null };
    if (table === undefined) continue;
    const name = node.version ? `${node.name}.v${node.version}` : node.name;
    showPreview(ctx, { name, unique_id: r.unique_id, inline: Boolean(flags['inline']) }, table);
  }
  return true;
}

async function compileSelected(session: CommandSession): Promise<{ ctx: RunContext; results: readonly RunResult[] }> {
  const { flags } = session;
  let parsed = await loadAndParse(session);
  let selected: ReadonlySet<string>;
  let warnings: Selection['warnings'] = [];
  if (typeof flags['inline'] === 'string' && flags['inline'] !== '') {
    const before = createRunContext(parsed, new Set());
    const node = inlineNode(before, flags['inline']);
    const { Dag } = await import('../../graph/dag.ts');
    parsed = {
      ...parsed,
      manifest: { ...parsed.manifest, nodes: { ...parsed.manifest.nodes, [node.unique_id]: node } },
      dag: new Dag([node.unique_id], []),
    };
    selected = new Set([node.unique_id]);
  } else {
    ({ selected, warnings } = chosen(session, parsed));
  }
  return compileNodes(session, parsed, selected, warnings);
}

async function compileNodes(
  session: CommandSession,
  parsed: ParsedProject,
  selected: ReadonlySet<string>,
  warnings: Selection['warnings'],
): Promise<{ ctx: RunContext; results: readonly RunResult[] }> {
  const before = createRunContext(parsed, selected);
  reportCounts(parsed, before.log);
  if (session.flags.write_json) writeSummary(parsed);
  for (const warning of warnings) session.logger.fire(warning);
  if (selected.size === 0) {
    before.log.nothingToDo();
    write(parsed, before, [], 0);
    return { ctx: before, results: [] };
  }
  const { ctx, results, elapsed, interrupted } = await run(
    parsed,
    { selected, signal: session.signal },
    { ctx: before },
  );
  ctx.log.endRunResult(results, elapsed, new Date(now()).toISOString(), true);
  // What was typed is no part of the project.
  for (const id of selected) if (id.startsWith('sql_operation.')) delete ctx.manifest.nodes[id];
  write(parsed, ctx, results, elapsed);
  if (interrupted) {
    printRunEnd(ctx.log, results, true);
    throw new Interrupted(true);
  }
  return { ctx, results };
}

/**
 * Only what the first criterion names is printed, as in dbt: with a whole project compiled, the files are the result.
 */
function matching(session: CommandSession, results: readonly RunResult[]): readonly RunResult[] {
  const { flags } = session;
  if (flags['inline']) return results.filter((r) => r.node?.name === 'inline_query');
  const [first = ''] = (flags['select'] as string[] | undefined) ?? [];
  return first === '' ? [] : results.filter((r) => r.node !== undefined && first.includes(r.node.name));
}

function printCompiled(ctx: RunContext, r: RunResult): void {
  const { flags } = ctx.config;
  const inline = Boolean(flags['inline']);
  const name = r.node?.name ?? '';
  const compiled = r.compiled_code ?? '';
  const msg =
    flags['output'] === 'json'
      ? JSON.stringify(inline ? { compiled } : { node: name, compiled }, null, 2)
      : flags.quiet
        ? compiled
        : inline
          ? `Compiled inline node is:\n${compiled}`
          : `Compiled node '${name}' is:\n${compiled}`;
  ctx.logger.fire({
    name: 'CompiledNode',
    code: 'Q042',
    level: 'info',
    msg,
    data: {
      node_name: name,
      compiled,
      is_inline: inline,
      output_format: String(flags['output']),
      unique_id: r.unique_id,
      quiet: flags.quiet,
    },
  });
}

/** SQL as it is, without the project's models. */
async function showDirect(session: CommandSession, sql: string): Promise<boolean> {
  const parsed = await loadAndParse(session);
  const ctx = createRunContext(parsed, new Set());
  const limit = session.flags['limit'];
  const database = parsed.adapter.session({ name: 'show' });
  try {
    const { table } = await database.execute(sql, {
      fetch: true,
      limit: typeof limit === 'number' && limit >= 0 ? limit : null,
    });
    showPreview(ctx, { name: 'direct-query', unique_id: 'direct-query', inline: true }, table);
  } finally {
    await database.release();
    await parsed.adapter.close();
  }
  return true;
}
