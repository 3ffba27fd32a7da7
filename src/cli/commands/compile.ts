// compile and show: compiles nodes, or SQL of the command line; show also reads the first rows.
import type { RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { type EventData, fire } from '../../events/index.ts';
import { execute, preview, printRunEnd, type RunContext, type RunOutcome, withInline } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { Interrupted, unlessStopped } from '../ending.ts';
import { stopReason } from '../../within.ts';
import { showPreview } from '../show-tables.ts';
import { chosen, loadAndParse } from './run.ts';

export async function compileCommand(session: CommandSession): Promise<boolean> {
  if (session.flags['strict'] === true) {
    const { checkStrictly } = await import('./strict.ts');
    return checkStrictly(session, await loadAndParse(session, { write: false }), session.flags['output'] === 'json');
  }
  const { ctx, results } = await compileSelected(session);
  printSelected(session, ctx, results);
  return true;
}

/** Prints compiled SQL of the nodes that match the first criterion. */
export function printSelected(session: CommandSession, ctx: RunContext, results: readonly RunResult[]): void {
  for (const r of matching(session, results)) printCompiled(ctx, r);
}

export async function showCommand(session: CommandSession): Promise<boolean> {
  const { flags } = session;
  if (typeof flags['inline_direct'] === 'string')
    return unlessStopped(session.signal, showDirect(session, flags['inline_direct']));
  if (!flags.select?.length && !flags.inline) throw errorOf('nothingToShow', {});
  const { ctx, results } = await compileSelected(session);
  for (const r of matching(session, results)) {
    const table = ctx.tables.get(r.unique_id);
    const { node } = r;
    if (table === undefined || node === undefined) continue;
    const name = 'version' in node && node.version ? `${node.name}.v${node.version}` : node.name;
    showPreview(ctx, { name, unique_id: r.unique_id, inline: Boolean(flags.inline) }, table);
  }
  return true;
}

async function compileSelected(session: CommandSession): Promise<RunOutcome> {
  const { flags, signal } = session;
  const project = await loadAndParse(session);
  const { parsed, selection } = flags.inline
    ? withInline(project, flags.inline)
    : { parsed: project, selection: chosen(session, project) };
  const outcome = await execute(parsed, selection, { signal });
  if (outcome.interrupted) {
    printRunEnd(outcome.ctx.log, outcome.results, stopReason(session.signal));
    throw new Interrupted(true);
  }
  return outcome;
}

/** dbt prints only nodes that match the first criterion: for a whole project the files are the result. */
function matching(session: CommandSession, results: readonly RunResult[]): readonly RunResult[] {
  const { flags } = session;
  if (flags.inline) return results.filter((r) => r.node?.name === 'inline_query');
  const [first = ''] = flags.select ?? [];
  return first === '' ? [] : results.filter((r) => r.node !== undefined && first.includes(r.node.name));
}

function printCompiled(ctx: RunContext, r: RunResult): void {
  const { flags } = ctx.config;
  const inline = Boolean(flags.inline);
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
  const data = (): EventData => ({
    node_name: name,
    compiled,
    is_inline: inline,
    output_format: String(flags['output'] ?? 'text'),
    unique_id: r.unique_id,
    quiet: flags.quiet,
  });
  fire(ctx.logger, 'CompiledNode', { msg }, { data });
}

/** Runs the inline SQL as written, without the project's models. */
async function showDirect(session: CommandSession, sql: string): Promise<boolean> {
  const parsed = await loadAndParse(session);
  const limit = session.flags['limit'];
  const table = await preview(parsed, sql, typeof limit === 'number' && limit >= 0 ? limit : null);
  showPreview(parsed, { name: 'direct-query', unique_id: 'direct-query', inline: true }, table);
  return true;
}
