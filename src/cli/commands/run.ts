// run, build, test, seed, snapshot: select, run, say how it went, write the artifacts.
import { load, type ParsedProject, parse, reportCounts, run, select, write, writeSummary, createRunContext } from '../../index.ts';
import { printRunEnd, succeeded } from '../../runner/run-summary.ts';
import { showSeeds } from '../show-tables.ts';
import { type CommandSession, now } from '../command-session.ts';

/** @returns whether everything went well */
export async function runCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session);
  return runParsed(session, parsed);
}

/** The first half of most commands. */
export async function loadAndParse(session: CommandSession): Promise<ParsedProject> {
  const { cwd, env, flags, invocation, logger } = session;
  const loaded = await load({ cwd, env, flags, invocation, logger, now });
  for (const name of ['password', 'pass']) {
    const secret = loaded.config.profile.credentials[name];
    if (typeof secret === 'string' && secret.trim().length > 3) session.secrets.push(secret);
  }
  logger.fire({ name: 'AdapterRegistered', code: 'E034', level: 'info', msg: `Registered adapter: ${loaded.adapter.type}=1.11.0`, data: { adapter_name: loaded.adapter.type, adapter_version: '=1.11.0' } });
  return parse(loaded);
}

/** The second half of commands that run nodes. */
export async function runParsed(session: CommandSession, parsed: ParsedProject): Promise<boolean> {
  const { flags, logger, signal } = session;
  const selection = select(parsed);
  const before = createRunContext(parsed, selection.selected);
  reportCounts(parsed, before.log);
  if (flags.write_json) writeSummary(parsed);
  if (selection.defaultSelector !== null) before.log.defaultSelector(selection.defaultSelector);
  for (const warning of selection.warnings) logger.fire({ ...warning, level: 'warn', data: { spec_raw: warning.msg } });
  if (selection.selected.size === 0) {
    before.log.nothingToDo();
    write(parsed, before, [], 0);
    printRunEnd(before.log, []);
    return true;
  }
  const outcome = await run(parsed, { selected: selection.selected, signal });
  const success = succeeded(outcome.results);
  outcome.ctx.log.endRunResult(outcome.results, outcome.elapsed, new Date(now()).toISOString(), success);
  write(parsed, outcome.ctx, outcome.results, outcome.elapsed);
  if (flags['show'] === true && (flags.which === 'seed' || flags.which === 'build')) showSeeds(outcome.ctx, outcome.results);
  printRunEnd(outcome.ctx.log, outcome.results, outcome.interrupted, outcome.ctx.tables);
  if (outcome.interrupted) throw new Interrupted();
  return success;
}

/** Ctrl-C: the run was stopped and has said so. */
export class Interrupted extends Error {}
