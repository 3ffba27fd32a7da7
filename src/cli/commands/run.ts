// run, build, test, seed, snapshot: select, run, say how it went, write the artifacts.
import { load, type ParsedProject, parse, reportCounts, run, select, write, writeSummary, createRunContext } from '../../index.ts';
import type { Selection } from '../../graph/selector.ts';
import type { RetriedRun } from '../../runner/run-context.ts';
import { printRunEnd, succeeded } from '../../runner/run-summary.ts';
import { recoverKilledRun } from '../recover-run.ts';
import { showSeeds } from '../show-tables.ts';
import { type CommandSession, Interrupted, now, profileSecrets } from '../command-session.ts';

/** @returns whether everything went well */
export async function runCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session);
  return runParsed(session, parsed);
}

/** The first half of most commands. */
export async function loadAndParse(session: CommandSession, options: { write?: boolean } = {}): Promise<ParsedProject> {
  const { cwd, env, flags, invocation, logger } = session;
  const loaded = await load({ cwd, env, flags, invocation, logger, now, pid: process.pid });
  session.secrets.push(...profileSecrets(loaded.config.profile.credentials));
  logger.fire({ name: 'AdapterRegistered', code: 'E034', level: 'info', msg: `Registered adapter: ${loaded.adapter.type}=1.11.0`, data: { adapter_name: loaded.adapter.type, adapter_version: '=1.11.0' } });
  recoverKilledRun(loaded);
  return parse(loaded, options);
}

/** The second half of commands that run nodes. */
export async function runParsed(session: CommandSession, parsed: ParsedProject): Promise<boolean> {
  const { selected, warnings, defaultSelector } = select(parsed);
  if (defaultSelector !== null) createRunContext(parsed, selected).log.defaultSelector(defaultSelector);
  return runSelected(session, parsed, selected, warnings);
}

/** Runs these nodes in the manner of the command, writes the artifacts and says how it went. */
export async function runSelected(session: CommandSession, parsed: ParsedProject, selected: ReadonlySet<string>, warnings: Selection['warnings'], retry: RetriedRun | null = null): Promise<boolean> {
  const { flags, logger, signal } = session;
  const before = createRunContext(parsed, selected);
  reportCounts(parsed, before.log);
  if (flags.write_json) writeSummary(parsed);
  for (const warning of warnings) logger.fire(warning);
  if (selected.size === 0) {
    before.log.nothingToDo();
    write(parsed, before, [], 0);
    if (flags.which === 'seed') printRunEnd(before.log, []);
    return true;
  }
  const { ctx, results, elapsed, interrupted } = await run(parsed, { selected, signal, retry }, { ctx: before });
  const success = succeeded(results);
  ctx.log.endRunResult(results, elapsed, new Date(now()).toISOString(), success);
  write(parsed, ctx, results, elapsed);
  if (flags['show'] === true && (flags.which === 'seed' || flags.which === 'build')) showSeeds(ctx, results);
  printRunEnd(ctx.log, results, interrupted, ctx.tables);
  if (interrupted) throw new Interrupted();
  return success;
}
