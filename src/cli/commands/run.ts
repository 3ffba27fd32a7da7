// run, build, test, seed, snapshot: select nodes, run them, report results, write artifacts. The runner executes the
// nodes.
import { resolve } from 'node:path';
import { errorOf } from '../../error-table.ts';
import type { RunResult } from '../../contracts/results.ts';
import { fire, note } from '../../events/index.ts';
import {
  adapterVersion,
  execute,
  load,
  type LoadedProject,
  type Observer,
  type ParsedProject,
  parse,
  printRunEnd,
  recoverKilledRun,
  retriedWithAudits,
  type RunOutcome,
  type Selection,
  select,
  succeeded,
  withColumnSelection,
} from '../../index.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { stopReason } from '../../within.ts';
import { isRunning } from '../is-running.ts';
import { showSeeds } from '../show-tables.ts';
import { slowestLine } from '../slowest-nodes.ts';

/** @returns whether everything succeeded */
export async function runCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session);
  if (session.flags['strict'] === true) {
    const { checkStrictly } = await import('./strict.ts');
    if (!(await checkStrictly(session, parsed, false))) return false;
  }
  return runParsed(session, parsed);
}

/** Loads and parses the project: the first half of most commands. */
export async function loadAndParse(session: CommandSession, options: { write?: boolean } = {}): Promise<ParsedProject> {
  const loaded = await loadProject(session);
  recoverKilledRun(loaded);
  const parsed = await session.withoutWaiting(() => parse(loaded, options));
  warnOfOwnState(parsed);
  return withColumnSelection(parsed);
}

/** Loads configuration and adapter, without opening a connection. */
export async function loadProject(session: CommandSession): Promise<LoadedProject> {
  const { cwd, env, templateEnv, flags, invocation, logger, secrets } = session;
  const loaded = await load({
    cwd,
    env,
    templateEnv,
    flags,
    invocation,
    logger,
    secrets,
    now,
    pid: process.pid,
    isRunning,
  });
  session.onEnd(() => Promise.all([loaded.adapter.close(), loaded.receivers.close()]));
  const { type } = loaded.adapter;
  fire(logger, 'AdapterRegistered', { adapter_name: type, adapter_version: `=${adapterVersion(type)}` });
  return loaded;
}

/** Parses a loaded project, for a command that a signal does not end immediately. */
export function parseLoaded(loaded: LoadedProject): ParsedProject {
  recoverKilledRun(loaded);
  const parsed = parse(loaded);
  warnOfOwnState(parsed);
  return parsed;
}

/** Warns when this command overwrites the artifacts that it compares with. */
function warnOfOwnState({ config, targetPath, previousState, deferState, logger }: ParsedProject): void {
  if (config.flags.which === 'parse' || config.flags.which === 'run-operation') return;
  for (const folder of new Set([previousState?.folder, deferState?.folder])) {
    if (folder === undefined || resolve(config.project.project_root, folder) !== targetPath) continue;
    fire(logger, 'WarnStateTargetEqual', { state_path: folder });
  }
}

/** Runs the selected nodes: the second half of commands that run nodes. */
export async function runParsed(session: CommandSession, parsed: ParsedProject): Promise<boolean> {
  const { flags, logger, signal, retried } = session;
  const selection = chosen(session, parsed);
  const name = selection.defaultSelector;
  if (name !== null) fire(logger, 'DefaultSelector', { name });
  const observer: Observer = {
    signal,
    retry: retried,
    stopped: (partial) => printRunEnd(partial.ctx.log, partial.results, null, partial.ctx.tables, true),
  };
  const { ctx, results, interrupted } = await withLineage(session, parsed, selection.selected, (seen, ended) =>
    execute(seen, selection, {
      ...observer,
      ...(ended === null ? {} : { progress: { begun: () => undefined, ended } }),
    }),
  );
  if (selection.selected.size === 0 && retried?.hooks !== true) {
    if (flags.which === 'seed') printRunEnd(ctx.log, []);
    return true;
  }
  if (flags['show'] === true && (flags.which === 'seed' || flags.which === 'build')) showSeeds(ctx, results);
  printRunEnd(ctx.log, results, interrupted ? stopReason(session.signal) : null, ctx.tables);
  if (interrupted) throw new Interrupted(true);
  const slowest = process.stdout.isTTY && flags.log_format !== 'json' ? slowestLine(results) : null;
  if (slowest !== null) note(logger, slowest);
  return succeeded(results);
}

/**
 * Runs nodes and sends OpenLineage events for them, if the environment requests it.
 * @param selected unique_ids of the nodes whose column lineage is analyzed for the events
 * @param work receives the observer of nodes; null if there is none
 */
export async function withLineage(
  session: CommandSession,
  parsed: ParsedProject,
  selected: Iterable<string>,
  work: (parsed: ParsedProject, ended: ((result: RunResult) => void) | null) => Promise<RunOutcome>,
): Promise<RunOutcome> {
  if (!Object.keys(session.env).some((name) => name.startsWith('OPENLINEAGE_'))) return work(parsed, null);
  const { observeLineage } = await import('../lineage.ts');
  const lineage = await observeLineage(session, parsed, selected);
  if (lineage === null) return work(parsed, null);
  let outcome: RunOutcome | null = null;
  try {
    outcome = await work({ ...parsed, logger: lineage.logger }, lineage.ended);
    return outcome;
  } finally {
    await lineage.over(outcome);
  }
}

/** The nodes of the command: those to retry, or the selected ones. */
export function chosen({ retried, flags }: CommandSession, parsed: ParsedProject): Selection {
  if (retried === undefined) return select(parsed);
  for (const id of retried.selected) if (!parsed.dag.has(id)) throw errorOf('retriedNodeMissing', { node: id });
  const selected =
    flags.which === 'build'
      ? retriedWithAudits(parsed.manifest, parsed.dag, retried.selected, retried.before)
      : retried.selected;
  return { selected: new Set(selected), warnings: [], defaultSelector: null };
}
