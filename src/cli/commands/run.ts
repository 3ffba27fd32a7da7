// run, build, test, seed, snapshot: select, run, say how it went, write the artifacts.
import { resolve } from 'node:path';
import {
  load,
  type LoadedProject,
  type ParsedProject,
  parse,
  reportCounts,
  run,
  select,
  write,
  writeSummary,
  createRunContext,
} from '../../index.ts';
import { credentialsSpec } from '../../adapters/credentials.ts';
import type { Selection } from '../../graph/selector.ts';
import { printRunEnd, succeeded } from '../../runner/summary.ts';
import { TsdbtError } from '../../errors.ts';
import { warningTag } from '../../log.ts';
import { isRunning, recoverKilledRun } from '../recover-run.ts';
import { showSeeds } from '../show-tables.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted } from '../ending.ts';

/** @returns whether everything went well */
export async function runCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session);
  return runParsed(session, parsed);
}

/** The first half of most commands. */
export async function loadAndParse(session: CommandSession, options: { write?: boolean } = {}): Promise<ParsedProject> {
  const loaded = await loadProject(session);
  recoverKilledRun(loaded);
  const parsed = await session.withoutWaiting(() => parse(loaded, options));
  warnOfOwnState(parsed);
  return parsed;
}

/** Configuration and adapter; no connection is open. */
export async function loadProject(session: CommandSession): Promise<LoadedProject> {
  const { cwd, env, flags, invocation, logger, secrets } = session;
  const loaded = await load({ cwd, env, flags, invocation, logger, secrets, now, pid: process.pid, isRunning });
  session.onStop(() => loaded.adapter.close());
  const { type } = loaded.adapter;
  const version = `=${credentialsSpec(type)?.version ?? ''}`;
  logger.fire({
    name: 'AdapterRegistered',
    code: 'E034',
    level: 'info',
    msg: `Registered adapter: ${type}${version}`,
    data: { adapter_name: type, adapter_version: version },
  });
  return loaded;
}

/** The same within a command that a signal does not end at once. */
export function parseLoaded(loaded: LoadedProject): ParsedProject {
  recoverKilledRun(loaded);
  const parsed = parse(loaded);
  warnOfOwnState(parsed);
  return parsed;
}

/** The artifacts that are compared with are overwritten by this command. */
function warnOfOwnState({ config, targetPath, previousState, deferState, logger }: ParsedProject): void {
  if (config.flags.which === 'parse' || config.flags.which === 'run-operation') return;
  for (const folder of new Set([previousState?.folder, deferState?.folder])) {
    if (folder === undefined || resolve(config.project.project_root, folder) !== targetPath) continue;
    const msg = warningTag(
      `The state and target directories are the same: '${folder}'. This could lead to missing changes due to ` +
        'overwritten state including non-idempotent retries.',
    );
    logger.fire({ name: 'WarnStateTargetEqual', code: 'I072', level: 'warn', msg, data: { state_path: folder } });
  }
}

/** The second half of commands that run nodes. */
export async function runParsed(session: CommandSession, parsed: ParsedProject): Promise<boolean> {
  const { selected, warnings, defaultSelector } = chosen(session, parsed);
  if (defaultSelector !== null) createRunContext(parsed, selected).log.defaultSelector(defaultSelector);
  return runSelected(session, parsed, selected, warnings);
}

/** What the command works on: the nodes that it retries, or what was selected. */
export function chosen({ retried }: CommandSession, parsed: ParsedProject): Selection {
  if (retried === undefined) return select(parsed);
  for (const id of retried.selected)
    if (!parsed.dag.has(id))
      throw new TsdbtError('compilation', `Couldn't find model '${id}' -- does it exist or is it disabled?`);
  return { selected: new Set(retried.selected), warnings: [], defaultSelector: null };
}

/** Runs these nodes in the manner of the command, writes the artifacts and says how it went. */
async function runSelected(
  session: CommandSession,
  parsed: ParsedProject,
  selected: ReadonlySet<string>,
  warnings: Selection['warnings'],
): Promise<boolean> {
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
  const report = (outcome: Awaited<ReturnType<typeof run>>, success: boolean): void => {
    outcome.ctx.log.endRunResult(outcome.results, outcome.elapsed, new Date(now()).toISOString(), success);
    write(parsed, outcome.ctx, outcome.results, outcome.elapsed);
  };
  const outcome = await run(
    parsed,
    { selected, signal, retry: session.retried ?? null },
    {
      ctx: before,
      stopped: (stopped) => {
        report(stopped, false);
        printRunEnd(stopped.ctx.log, stopped.results, false, stopped.ctx.tables, true);
      },
    },
  );
  const { ctx, results, interrupted } = outcome;
  const success = succeeded(results);
  report(outcome, success);
  if (flags['show'] === true && (flags.which === 'seed' || flags.which === 'build')) showSeeds(ctx, results);
  printRunEnd(ctx.log, results, interrupted, ctx.tables);
  if (interrupted) throw new Interrupted(true);
  return success;
}
