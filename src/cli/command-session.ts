// The frame of every command: environment, flags, the log with its first and last line, and the formatting of its
// error. Handlers do the command's work.
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { Flags, Invocation } from '../contracts/project.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { errorCodeOf } from '../error-table.ts';
import { fire, interruption, note } from '../events/index.ts';
import type { Logger, LogLevel } from '../log.ts';
import { deprecation } from '../project/deprecations.ts';
import { type CommandEnvironment, readEnvironment } from '../project/env-file.ts';
import { type CliOptions, resolveFlagsWithNotices, withBothSpellings } from '../project/flags.ts';
import { commandSpec } from '../project/command-table.ts';
import { GLOBAL_OPTIONS } from '../project/global-options.ts';
import { convertOption } from '../project/option-value.ts';
import { checkWithin, checkWritten, liesWithin } from '../project/outside-paths.ts';
import { type ProjectSettings, readProjectSettings } from '../project/project-settings.ts';
import { withSampleWindow } from '../project/sample-window.ts';
import { findProjectDir, invocationStart } from '../project/runtime-config.ts';
import { DBT_VERSION } from '../project/versions.ts';
import type { RetriedRun } from '../index.ts';
import { Secrets } from '../secrets.ts';
import { showJson } from '../values/index.ts';
import { stopReason } from '../within.ts';
import { Ending, ENDS_WITH_PARENT, Interrupted } from './ending.ts';
import { Batch, consoleSink, FileSink, type LineFormat, type SinkOptions, teeLogger } from './log-sinks.ts';
import type { ParsedCommand } from './options.ts';
import { TSDBT_VERSION } from './version.ts';
import { withWarnError } from './warn-error.ts';

export interface CommandSession {
  readonly which: string;
  /** The name of the command as typed. */
  readonly typedName: string;
  readonly flags: Flags;
  readonly positional: readonly string[];
  /** Options as typed. */
  readonly typed: CliOptions;
  /** Set by retry: the nodes to run, instead of a selection, and the failed run. */
  readonly retried?: RetriedRun & {
    readonly selected: ReadonlySet<string>;
    /** All nodes of the repeated run. */
    readonly before: ReadonlySet<string>;
  };
  /** For the program itself: the shell's variables and options from `.env`. */
  readonly env: CommandEnvironment['settings'];
  /** For `env_var()`: also all other variables of `.env`. */
  readonly templateEnv: CommandEnvironment['templates'];
  readonly cwd: string;
  readonly projectDir: string;
  readonly invocation: Invocation;
  readonly logger: Logger;
  /** Secrets that every output masks; handlers add to them. */
  readonly secrets: Secrets;
  /** The first Ctrl-C or SIGTERM aborts it. */
  readonly signal: AbortSignal;
  /** The second one, for commands that drain after the first. */
  readonly secondSignal: AbortSignal;
  /** Registers what to close at the end of the command, so that a server cancels its work and the process ends. */
  readonly onEnd: (close: () => Promise<unknown>) => void;
  /** For long synchronous work that leaves nothing incomplete: a signal ends the process at once. */
  readonly withoutWaiting: <T>(work: () => T) => Promise<T>;
}

/** Milliseconds since 1970, with a fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Runs a command and logs its first and last line.
 * @param work returns whether the command succeeded
 * @returns dbt's exit code: 0 success, 1 a node failed, 2 the command could not finish
 */
export async function withCommand(
  parsed: ParsedCommand,
  work: (session: CommandSession) => Promise<boolean>,
): Promise<number> {
  const began = performance.now();
  const cwd = process.cwd();
  const environment = environmentOf(parsed.options);
  const { settings: env, templates: templateEnv } = environment;
  const projectDir = findProjectDir(cwd, env, parsed.options['project_dir'] as string | undefined);
  const settings = readProjectSettings(projectDir, { cwd, env, profilesDir: parsed.options['profiles_dir'] });
  const { flags: resolved, notices } = resolveFlagsWithNotices(
    parsed.which,
    parsed.options,
    env,
    settings.flags,
    settings.userFlags,
  );
  const start = invocationStart(now());
  const sampled = withSampleWindow(resolved, start.started_at.getTime());
  checkWrittenPaths({ ...parsed, flags: sampled, fromFile: environment.fromFile }, projectDir, settings.logPath);
  const flags = { ...sampled, log_path: sampled.log_path ?? settings.logPath };
  const invocation: Invocation = {
    invocation_id: randomUUID(),
    ...start,
    args: invocationArgs(flags, { ...settings, projectDir }, parsed.positional),
    command: commandLine(parsed),
  };
  const secrets = new Secrets();
  secrets.addEnvironment(templateEnv);
  secrets.addVars(parsed.options['vars']);
  const { logger: raw, show, flush } = createLog(parsed, flags, invocation, templateEnv, projectDir, secrets);
  const logger = withWarnError(raw, flags);
  const ending = new Ending();
  if (env[ENDS_WITH_PARENT] !== undefined) ending.endWithParent();
  let success = false;
  let exitCode = 1;
  try {
    const version = `=${DBT_VERSION}`;
    const versions = { version, log_version: 3, tsdbt: TSDBT_VERSION };
    fire(raw, 'MainReportVersion', versions, { data: () => ({ version, log_version: 3 }) });
    const args = Object.fromEntries(
      Object.entries(invocation.args).map(([k, v]) => [k, typeof v === 'string' ? v : showJson(v)]),
    );
    fire(raw, 'MainReportArgs', { args });
    if (environment.warning !== null) note(logger, environment.warning, { level: 'warn' });
    if (settings.flagsMoved) deprecation(logger, 'ProjectFlagsMovedDeprecation', {});
    for (const { name, facts } of notices) deprecation(logger, name, facts);
    if (parsed.deprecatedSpellings.length > 0) deprecation(logger, 'ModelParamUsageDeprecation', {});
    const { which, positional, options: typed } = parsed;
    success = await ending.guard(
      which,
      work({
        which,
        typedName: parsed.name ?? which,
        flags,
        positional,
        typed,
        env: withBothSpellings(env),
        templateEnv: withBothSpellings(templateEnv),
        cwd,
        projectDir,
        invocation,
        logger,
        secrets,
        signal: ending.signal,
        secondSignal: ending.secondSignal,
        onEnd: (close) => ending.onEnd(close),
        withoutWaiting: (work) => {
          // A signal during such work ends the process, and lines that were never written would be lost.
          show();
          return ending.withoutWaiting(work);
        },
      }),
    );
    exitCode = success ? 0 : 1;
  } catch (error) {
    exitCode = error instanceof Interrupted ? 2 : reportError(raw, error, flags.debug);
    if (error instanceof Interrupted && !error.said) {
      const nothing = { num_errors: 0, num_warnings: 0, num_partial_success: 0 };
      fire(raw, 'EndOfRunSummary', { ...nothing, ...interruption(stopReason(ending.signal)) });
    }
  } finally {
    logger.summarize();
    const elapsed = (performance.now() - began) / 1000;
    reportResources(raw, { which: parsed.which, success, elapsed, shown: resolved['show_resource_report'] === true });
    fire(raw, 'CommandCompleted', {
      command: `tsdbt ${parsed.which}`,
      success,
      completed_at: new Date(now()).toISOString(),
      elapsed,
    });
    ending.dispose();
    flush();
  }
  return exitCode;
}

/** The variables of this process and of `.env`. @param options as typed */
export function environmentOf(options: CliOptions): CommandEnvironment {
  const { env } = process;
  const cwd = process.cwd();
  return readEnvironment({
    cwd,
    env,
    projectDir: findProjectDir(cwd, env, options['project_dir'] as string | undefined),
    allowOutside: allowsOutside(options['allow_outside_paths'], env),
  });
}

/** `--allow-outside-paths`, before the flags are resolved. `.env` never sets it. */
function allowsOutside(typed: unknown, env: NodeJS.ProcessEnv): boolean {
  const spec = GLOBAL_OPTIONS.find(({ name }) => name === 'allow_outside_paths');
  const text = spec?.env === undefined ? undefined : env[spec.env];
  return typed === undefined ? spec !== undefined && !!text && convertOption(spec, text) === true : typed === true;
}

/**
 * Checks the folders that a command writes to, before it writes its log. Options of the command line and shell
 * variables may name any folder; dbt_project.yml and `.env` only one inside the project.
 */
function checkWrittenPaths(
  { flags, options, fromFile }: Pick<ParsedCommand, 'options'> & { flags: Flags; fromFile: ReadonlySet<string> },
  projectDir: string,
  written: string | null,
): void {
  if (flags['allow_outside_paths'] === true) return;
  for (const name of ['target_path', 'log_path'] as const) {
    const variable = [`DBT_ENGINE_${name.toUpperCase()}`, `DBT_${name.toUpperCase()}`].find((each) =>
      fromFile.has(each),
    );
    if (options[name] === undefined && variable !== undefined && flags[name] != null)
      checkWithin(flags[name], projectDir, `${variable} of .env`);
  }
  if (flags.log_level_file === 'none') return;
  const folder = resolve(projectDir, flags.log_path ?? written ?? 'logs');
  checkWritten(folder, projectDir, 'log-path', flags.log_path);
  if (liesWithin(folder, projectDir)) checkWithin('dbt.log', folder, 'The log file');
}

/** @param end how the command ended, and whether its resource use is logged above the debug level */
function reportResources(
  logger: Logger,
  end: { readonly which: string; readonly success: boolean; readonly elapsed: number; readonly shown: boolean },
): void {
  const used = process.resourceUsage();
  const facts = {
    command_name: end.which,
    command_success: end.success,
    command_wall_clock_time: end.elapsed,
    process_in_blocks: String(used.fsRead),
    process_kernel_time: used.systemCPUTime / 1e6,
    process_mem_max_rss: String(used.maxRSS),
    process_out_blocks: String(used.fsWrite),
    process_user_time: used.userCPUTime / 1e6,
  };
  fire(logger, 'ResourceReport', facts, end.shown ? { level: 'info' } : {});
}

function reportError(logger: Logger, error: unknown, debug: boolean): number {
  fire(logger, 'MainEncounteredError', { exc: formatError(error), error_code: errorCodeOf(error) });
  if (error instanceof Error && (debug || !(error instanceof TsdbtError))) {
    fire(logger, 'MainStackTrace', { stack_trace: error.stack ?? '' }, debug ? { level: 'error' } : {});
  }
  return error instanceof TsdbtError ? error.exitCode : 2;
}

/** Milliseconds that lines are buffered when stdout is not a terminal. */
const PIPE_PAUSE = 20;
/** Commands that print lines for each node, and nothing else, to stdout. */
const TALKS = new Set(['run', 'build', 'test', 'seed', 'snapshot', 'clone', 'list']);

/** Commands whose `--output json` is one document: nothing else is written to stdout. */
const DOCUMENTS = new Set(['publish', 'load', 'sla', 'jobs', 'runs']);

function createLog(
  { which, positional: [action] }: ParsedCommand,
  flags: Flags,
  invocation: Invocation,
  env: CommandSession['env'],
  projectDir: string,
  secrets: Secrets,
): { logger: Logger; show: () => void; flush: () => void } {
  const extra: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const key = /^DBT_(?:ENGINE_)?ENV_CUSTOM_ENV_(.+)$/.exec(name)?.[1];
    if (key !== undefined && value !== undefined) extra[key] = value;
  }
  const common = {
    context: { invocationId: invocation.invocation_id, pid: process.pid, extra },
    secrets,
    cacheEvents: flags['log_cache_events'] === true,
  };
  const sinks: Logger[] = [];
  const batch = new Batch((text) => void process.stdout.write(text), process.stdout.isTTY ? 0 : PIPE_PAUSE);
  const flushBatch = (): void => batch.flush();
  process.on('exit', flushBatch);
  const level = (flags.quiet ? 'error' : flags.debug ? 'debug' : flags.log_level) as LogLevel;
  if (flags.log_level !== 'none') {
    const options: SinkOptions = {
      ...common,
      format: lineFormat(flags.log_format, 'text'),
      level,
      colors: flags.use_colors,
      terminal: process.stdout.isTTY,
    };
    const all = consoleSink(
      options,
      TALKS.has(which) ? (text) => batch.add(text) : (text) => void process.stdout.write(text),
    );
    // `$(tsdbt db url)`, `load status --output json`: stdout contains only the answer; the terminal additionally shows
    // only warnings.
    const document =
      which === 'query' ||
      which === 'unit-test' ||
      which === 'mcp' ||
      (which === 'diff' && flags['output'] !== 'table') ||
      (which === 'impact' && flags['output'] !== 'text') ||
      (DOCUMENTS.has(which) && flags['output'] === 'json');
    const least = (document || action === 'url') && level === 'info' ? 'warn' : level;
    const notes = consoleSink({ ...options, level: least }, (text) => void process.stderr.write(text));
    sinks.push(
      document || which === 'db' ? { fire: (event) => (event.name === 'PrintEvent' ? all : notes).fire(event) } : all,
    );
  }
  let file: FileSink | null = null;
  if (flags.log_level_file !== 'none') {
    const path = join(resolve(projectDir, flags.log_path ?? 'logs'), 'dbt.log');
    file = new FileSink(path, Number(flags['log_file_max_bytes'] ?? 10 * 1024 * 1024), {
      ...common,
      format: lineFormat(flags.log_format_file, 'debug'),
      level: (flags.debug ? 'debug' : flags.log_level_file) as LogLevel,
      colors: flags['use_colors_file'] === true,
    });
    sinks.push(file);
  }
  return {
    logger: teeLogger(sinks),
    /** Writes buffered lines. */
    show() {
      batch.flush();
      file?.flush();
    },
    /** Writes buffered lines and closes the log. */
    flush() {
      batch.flush();
      process.off('exit', flushBatch);
      file?.close();
    },
  };
}

function lineFormat(flag: Flags['log_format'], fallback: LineFormat): LineFormat {
  return flag === 'default' ? fallback : flag;
}

/**
 * dbt's `invocation_args_dict`: the flags that are set, in artifacts and templates. In dbt its order is that of a set.
 */
export function invocationArgs(
  flags: Flags,
  {
    projectDir,
    profilesDir,
    logPath,
  }: Pick<ProjectSettings, 'profilesDir' | 'logPath'> & { readonly projectDir: string },
  positional: readonly string[],
): Record<string, Json> {
  const hiddenWhenFalse = new Set([
    'debug',
    'full_refresh',
    'fail_fast',
    'warn_error',
    'single_threaded',
    'log_cache_events',
    'store_failures',
    'use_experimental_parser',
    // Options that dbt does not have.
    'if_changed',
    'reuse',
    'explain',
    'allow_outside_paths',
  ]);
  const args: Record<string, Json> = {};
  const operation = flags.which === 'run-operation';
  const takesEmpty = commandSpec(flags.which)?.options.some((option) => option.name === 'empty') === true;
  for (const [name, value] of Object.entries(flags)) {
    if (
      value === null ||
      value === undefined ||
      (value === false && hiddenWhenFalse.has(name) && !operation) ||
      (name === 'empty' && !takesEmpty)
    )
      continue;
    args[name] = value as Json;
  }
  if (operation) {
    if (positional[0] !== undefined) args['macro'] = positional[0];
    delete args['warn_error_options'];
    if (args['warn_error'] === false) delete args['warn_error'];
    if (Object.keys(args['args'] ?? {}).length === 0) delete args['args'];
  }
  args['project_dir'] = projectDir;
  args['profiles_dir'] = profilesDir;
  args['log_path'] = resolve(projectDir, flags.log_path ?? logPath ?? 'logs');
  args['invocation_command'] = `tsdbt ${process.argv.slice(2).join(' ')}`;
  return args;
}

function commandLine(parsed: ParsedCommand): string {
  return `tsdbt ${parsed.which}`;
}
