// retry: repeats the last command with its options for nodes that failed, were skipped, or were running when the run
// was killed.
import { resolve } from 'node:path';
import type { BatchResults, OverloadResults, RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { type PreviousRun, previousRun } from '../../index.ts';
import { resolveFlagsWithNotices } from '../../project/flags.ts';
import { TsdbtError } from '../../errors.ts';
import type { OptionSpec } from '../../project/option-spec.ts';
import { commandSpec } from '../../project/command-table.ts';
import { GLOBAL_OPTIONS } from '../../project/global-options.ts';
import { findProjectDir } from '../../project/runtime-config.ts';
import { readRawProject } from '../../project/project.ts';
import { readProjectSettings } from '../../project/project-settings.ts';
import { MASK } from '../../secrets.ts';
import { showJson } from '../../values/index.ts';
import { type CommandSession, invocationArgs } from '../command-session.ts';
import { isRunning } from '../is-running.ts';

type Work = (session: CommandSession) => Promise<boolean>;

const RETRIED = new Set(['error', 'fail', 'skipped', 'runtime error', 'partial success']);
const COMMANDS: Readonly<Record<string, () => Promise<Work>>> = {
  ...Object.fromEntries(
    ['build', 'run', 'test', 'seed', 'snapshot', 'clone', 'publish'].map((which) => [
      which,
      async () => (await import('./run.ts')).runCommand,
    ]),
  ),
  compile: async () => (await import('./compile.ts')).compileCommand,
  generate: async () => (await import('./docs.ts')).generateCommand,
  'run-operation': async () => (await import('./run-operation.ts')).runOperationCommand,
};
/** Options that retry takes from its own command line only: run_results.json may have come with a cloned repository. */
const OWN = new Set([
  'allow_outside_paths',
  'log_path',
  'output_path',
  'profiles_dir',
  'project_dir',
  'defer_state',
  'target_path',
  'warn_error',
]);
/** Options that its command line may override. */
const OVERRIDABLE = ['vars', 'threads', 'full_refresh'];

export async function retryCommand(session: CommandSession): Promise<boolean> {
  const previous = lastRun(session);
  const which = String(previous.args['which'] ?? '');
  const command = COMMANDS[which];
  if (command === undefined) throw errorOf('retryNotSupported', { command: which });
  const statuses = session.flags.warn_error ? new Set([...RETRIED, 'warn']) : RETRIED;
  const isOperation = which === 'run-operation';
  const unfinished = previous.results.filter((r) => statuses.has(r.status));
  const failed = unfinished.filter((r) => isOperation || !r.unique_id.startsWith('operation.'));
  if (isOperation && failed.length === 0) return true;
  const again = await command();
  return again({
    ...toldAgain(session, which, previous),
    retried: {
      selected: new Set(failed.map((r) => r.unique_id)),
      before: new Set(previous.results.map((r) => r.unique_id)),
      startedAt: previous.startedAt,
      batches: failedBatches(failed),
      overloads: failedOverloads(failed),
      hooks: !isOperation && failed.length < unfinished.length,
    },
  });
}

/** The target folder as written, before the project is loaded. */
export function writtenTarget({ projectDir, flags }: CommandSession): string {
  return String(flags.target_path ?? readRawProject(projectDir).data['target-path'] ?? 'target');
}

function lastRun(session: CommandSession): PreviousRun {
  const named = (session.flags['state'] ?? writtenTarget(session)) as string;
  const found = previousRun(resolve(session.projectDir, named), isRunning);
  if (found === null) throw errorOf('noPreviousRun', { folder: named });
  return found;
}

/** The session of the earlier command, with the overriding options of retry. */
function toldAgain(session: CommandSession, which: string, { args }: PreviousRun): CommandSession {
  const specs = [...GLOBAL_OPTIONS, ...(commandSpec(which)?.options ?? [])];
  const known = new Set(specs.map((option) => option.name));
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args))
    if (known.has(name) && !OWN.has(name) && !isDefault(name, value)) options[name] = stored(specs, name, value);
  for (const name of OWN) if (known.has(name) && session.typed[name] !== undefined) options[name] = session.typed[name];
  for (const name of OVERRIDABLE)
    if (known.has(name) && session.typed[name] !== undefined) options[name] = session.typed[name];
  refuseHidden(which, options);
  const projectDir = findProjectDir(session.cwd, session.env, session.typed['project_dir'] as string | undefined);
  const settings = readProjectSettings(projectDir, { ...session, profilesDir: options['profiles_dir'] });
  const { flags } = resolveFlagsWithNotices(which, options, session.env, settings.flags, settings.userFlags);
  const positional = typeof args['macro'] === 'string' ? [args['macro']] : [];
  return {
    ...session,
    which,
    flags,
    positional,
    typed: options,
    invocation: { ...session.invocation, args: invocationArgs(flags, { ...settings, projectDir }, positional) },
  };
}

/** The value of an option in run_results.json, which may have come with a clone. @throws TsdbtError `runtime` */
function stored(specs: readonly OptionSpec[], name: string, value: unknown): unknown {
  const kind = specs.find((spec) => spec.name === name)?.kind;
  const isNested = typeof value === 'object' && value !== null;
  const isRight =
    kind === 'list'
      ? Array.isArray(value) && value.every((each) => typeof each === 'string')
      : kind === 'yaml' || kind === 'sample' || kind === 'package' || !isNested;
  if (isRight) return value;
  throw new TsdbtError(
    'runtime',
    `run_results.json of the last run is not whole: its argument '${name}' is ${JSON.stringify(value).slice(0, 100)}`,
    { hint: 'Run the command itself again.' },
  );
}

/** Refuses an earlier command line with secrets, because only their mask was stored. @throws TsdbtError `runtime` */
function refuseHidden(which: string, options: Readonly<Record<string, unknown>>): void {
  const name = ['vars', 'args', 'inline', 'sql'].find((each) => showJson(options[each]).includes(MASK));
  if (name === undefined) return;
  throw errorOf('secretNotKept', {
    command: which,
    option: name,
    hint:
      name === 'vars' ? "Give the variables again: tsdbt retry --vars '{…}'" : `Run '${which}' again with --${name}.`,
  });
}

/** A function keeps the overloads that did not fail. */
export function failedOverloads(results: readonly RunResult[]): Map<string, OverloadResults> {
  return new Map(
    results.flatMap(({ unique_id, overload_results: overloads }) =>
      overloads && overloads.failed.length > 0 ? [[unique_id, overloads]] : [],
    ),
  );
}

/** A microbatch model without a successful batch starts again, with a full refresh if one was requested. */
export function failedBatches(results: readonly RunResult[]): Map<string, BatchResults> {
  return new Map(
    results.flatMap(({ unique_id, batch_results: batches }) =>
      batches && batches.successful.length > 0 && batches.failed.length > 0 ? [[unique_id, batches]] : [],
    ),
  );
}

/** Whether a value counts as not given. `show` applies to the first run only. */
function isDefault(name: string, value: unknown): boolean {
  if (value === null || name === 'show') return true;
  return (
    name === 'warn_error_options' &&
    Object.values(value as object).every((list) => Array.isArray(list) && list.length === 0)
  );
}
