// The session of a job's command in `serve`: options as if typed, a separate target folder, and a log that shows each
// warning once and no progress.
import { forDebugging, runCounts } from '../calm-log.ts';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Job, JobCommand } from '../../serve/jobs/job.ts';
import { isPrintEvent, type Logger, stripColors } from '../../log.ts';
import { commandSpec } from '../../project/command-table.ts';
import { resolveFlagsWithNotices } from '../../project/flags.ts';
import { GLOBAL_OPTIONS } from '../../project/global-options.ts';
import { readProjectSettings } from '../../project/project-settings.ts';
import { type CommandSession, invocationArgs } from '../command-session.ts';
import { wallClock } from '../wall-clock.ts';

/** dbt's names of commands with two words. */
const WHICH: Readonly<Partial<Record<JobCommand, string>>> = {
  'source freshness': 'freshness',
  'docs generate': 'generate',
};

/** dbt's name of a job's command. */
export function whichOf(command: JobCommand): string {
  return WHICH[command] ?? command;
}

/** Maximum number of shown warnings that are remembered. */
const MOST_SHOWN = 2000;

export interface JobSessionOptions {
  readonly session: CommandSession;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** The command of a job, as if typed on a command line. */
export function jobSession({ name, work }: Pick<Job, 'name' | 'work'>, options: JobSessionOptions): CommandSession {
  const { session, signal, logger } = options;
  const load = work.kind === 'load';
  const which = load ? 'load' : whichOf(work.command);
  const chosen = {
    ...(work.select === null ? {} : { select: [...work.select] }),
    ...(work.exclude.length === 0 ? {} : { exclude: [...work.exclude] }),
    ...(load || work.selector === null ? {} : { selector: work.selector }),
    ...(load || Object.keys(work.vars).length === 0 ? {} : { vars: { ...varsOf(session), ...work.vars } }),
    ...(load || !work.fullRefresh ? {} : { full_refresh: true }),
    ...(load || !work.ifChanged ? {} : { if_changed: true }),
    ...(load || !work.reuse ? {} : { reuse: true }),
  };
  return ownSession(session, which, { ...chosen, target_path: targetPath(session, name) }, signal, logger);
}

/** The session in which `serve` reads the project for itself. */
export function projectSession(session: CommandSession, logger: Logger): CommandSession {
  return ownSession(session, 'build', { target_path: targetPath(session, null) }, session.signal, logger);
}

function ownSession(
  session: CommandSession,
  which: string,
  own: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  logger: Logger,
): CommandSession {
  const known = new Set([...(commandSpec(which)?.options ?? []), ...GLOBAL_OPTIONS].map((option) => option.name));
  const typed = Object.fromEntries(Object.entries({ ...session.typed, ...own }).filter(([key]) => known.has(key)));
  const settings = readProjectSettings(session.projectDir, { ...session, profilesDir: typed['profiles_dir'] });
  const { flags } = resolveFlagsWithNotices(which, typed, session.env, settings.flags, settings.userFlags);
  return {
    ...session,
    which,
    typedName: which,
    flags: { ...flags, log_path: flags.log_path ?? settings.logPath },
    positional: [],
    typed,
    signal,
    logger,
    invocation: {
      ...session.invocation,
      invocation_id: randomUUID(),
      started_at: new Date(wallClock()),
      args: invocationArgs(flags, { ...settings, projectDir: session.projectDir }, []),
      command: `tsdbt ${which}`,
    },
    // The code that runs a job closes what it opened.
    onEnd: () => undefined,
  };
}

function varsOf({ flags }: CommandSession): Readonly<Record<string, unknown>> {
  return { ...flags.vars };
}

/** Each job has a separate folder, because two concurrent runs would write the same artifacts. */
function targetPath({ flags, projectDir }: CommandSession, job: string | null): string {
  const base = join(String(flags.target_path ?? join(projectDir, 'target')), 'serve');
  return job === null ? base : join(base, encodeURIComponent(job));
}

/**
 * The console shows warnings and errors of a run, each warning once, and no progress. The log file shows everything.
 * @param onStats receives the counts of the run's last line
 * @param onLine receives the lines of nodes without colors and debug lines
 */
export function jobLogger(
  logger: Logger,
  shown: Set<string>,
  onStats: (text: string) => void,
  onLine: (uniqueId: string, text: string) => void = () => undefined,
): Logger {
  return {
    fire(event) {
      if (event.level !== 'debug') {
        const info = event.data?.['node_info'];
        if (typeof info === 'object' && info !== null && 'unique_id' in info)
          onLine(String(info.unique_id), stripColors(event.msg));
      }
      const counts = runCounts(event);
      if (counts !== null) onStats(counts);
      const news = event.level === 'error' || isPrintEvent(event) || (event.level === 'warn' && !shown.has(event.msg));
      if (event.level === 'warn') {
        if (shown.size >= MOST_SHOWN) shown.clear();
        shown.add(event.msg);
      }
      if (news || event.level === 'debug') logger.fire(event);
      else logger.fire(forDebugging(event));
    },
  };
}
