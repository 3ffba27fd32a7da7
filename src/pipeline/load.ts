// The first stage: combines dbt_project.yml, profiles.yml, packages, variables and flags into one configuration, with
// the target's adapter and the artifacts of `--state`. Later stages read the nodes' files and open connections.
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Adapter } from '../adapters/adapter.ts';
import { createAdapter } from '../adapters/index.ts';
import { createTemplateEnvironments } from '../context/templates.ts';
import type { Flags, Invocation, RuntimeConfig } from '../contracts/project.ts';
import { note } from '../events/index.ts';
import { parseSelectorDefinitions } from '../graph/selector-grammar.ts';
import type { PreviousState } from '../graph/state-methods.ts';
import { type Logger, SILENT } from '../log.ts';
import { resolveFlags, withBothSpellings } from '../project/flags.ts';
import { readProjectSettings } from '../project/project-settings.ts';
import { invocationStart, loadRuntimeConfig } from '../project/runtime-config.ts';
import { DBT_VERSION } from '../project/versions.ts';
import { loadYaml } from '../project/yaml.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import type { LoadedProject } from '../runner/parsed-project.ts';
import { Secrets } from '../secrets.ts';
import { StateSeal } from '../user-state.ts';
import { previousState } from '../state/previous-state.ts';
import { projectFiles } from './project-files.ts';
import { receiversOf } from './publication-connections.ts';

export interface LoadOptions {
  readonly projectDir?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `env_var()` sees; default: `env`. */
  readonly templateEnv?: Readonly<Record<string, string | undefined>> | undefined;
  /** dbt's name of the command; default `build`. */
  readonly command?: string | undefined;
  /** Options of the command under dbt's flag names: `{ select: ['orders+'], full_refresh: true }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Replaces `command` and `options`: all flags as resolved by the command line. */
  readonly flags?: Flags | undefined;
  readonly invocation?: Invocation | undefined;
  /** Receives events; by default they are dropped. */
  readonly logger?: Logger | undefined;
  /** Secrets that every output masks. Loading adds those that it finds. */
  readonly secrets?: Secrets | undefined;
  /** Milliseconds since 1970, with a fraction. */
  readonly now?: (() => number) | undefined;
  /** Id of this process: distinguishes a killed run from one that still runs. */
  readonly pid?: number | undefined;
  /** Whether a process is running; by default no process is. */
  readonly isRunning?: (pid: number) => boolean;
}

/**
 * Reads dbt_project.yml, profiles.yml, packages and variables.
 * @throws {TsdbtError} any error in them, with dbt's message
 */
export async function load(options: LoadOptions): Promise<LoadedProject> {
  const { cwd, command = 'build', now = Date.now, logger = SILENT, secrets = new Secrets() } = options;
  const env = withBothSpellings(options.env);
  const templateEnv = options.templateEnv === undefined ? env : withBothSpellings(options.templateEnv);
  const given = options.options ?? {};
  const folder = options.projectDir ?? (given['project_dir'] as string | undefined) ?? '.';
  const place = { cwd, env, profilesDir: given['profiles_dir'] };
  const written = options.flags === undefined ? readProjectSettings(resolve(cwd, folder), place) : null;
  const flags = options.flags ?? resolveFlags(command, given, env, written?.flags ?? null, written?.userFlags);
  const invocation = options.invocation ?? {
    invocation_id: randomUUID(),
    ...invocationStart(now()),
    args: {},
    command: `tsdbt ${command}`,
  };
  secrets.addEnvironment(templateEnv);
  secrets.addVars(flags.vars);
  const templates = createTemplateEnvironments();
  const render = createYamlRenderer({ env: templateEnv, logger, invocation, now }, templates);
  const config = await loadRuntimeConfig({
    projectDir: options.projectDir ?? flags.project_dir ?? undefined,
    profilesDir: flags.profiles_dir ?? undefined,
    profile: flags.profile ?? undefined,
    target: flags.target ?? undefined,
    vars: flags.vars ?? undefined,
    flags,
    env,
    templateEnv,
    cwd,
    invocation,
    render,
    logger,
  });
  const { project } = config;
  secrets.addProfile(config.profile.credentials);
  parseSelectorDefinitions(project.selectors, flags.indirect_selection);
  const adapter = await openAdapter(config, env, logger);
  const targetPath = resolve(project.project_root, project.target_path);
  const isRunning = options.isRunning ?? (() => false);
  const support = adapter.capabilities.constraintSupport;
  const enforcedConstraints = new Set(
    Object.entries(support).flatMap(([type, level]) => (level === 'enforced' ? [type] : [])),
  );
  const stateIn = (folder: unknown): PreviousState | undefined =>
    typeof folder === 'string' && folder !== ''
      ? previousState({
          folder,
          projectRoot: project.project_root,
          targetPath,
          dbtVersion: DBT_VERSION,
          isRunning,
          enforcedConstraints,
          now: now(),
          flags,
        })
      : undefined;
  const state = stateIn(flags['state']);
  return {
    config,
    adapter,
    env,
    receivers: receiversOf(config, env, render, secrets, logger),
    templates,
    secrets,
    seal: StateSeal.of(project.project_root),
    files: projectFiles(config, secrets),
    loadYaml: (text) => loadYaml(text, null, { dates: true }),
    logger,
    now,
    pid: options.pid ?? process.pid,
    isRunning,
    targetPath,
    previousState: state,
    deferState: stateIn(flags['defer_state']) ?? state,
  };
}

/** Creates the adapter of the project's target. Opens no connection. */
export function openAdapter(
  { project, profile, flags }: RuntimeConfig,
  env: LoadOptions['env'],
  logger: Logger,
): Promise<Adapter> {
  return createAdapter(profile, {
    quoting: project.quoting,
    threads: flags.threads ?? profile.threads,
    projectDir: project.project_root,
    env,
    notify: (msg) => note(logger, msg),
  });
}
