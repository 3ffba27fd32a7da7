// Combines all settings that are known before any model is read: project, profile, packages, variables, flags.
import { existsSync, lstatSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { Flags, Invocation, Profile, Project, RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { includeFolder } from './include-folder.ts';
import type { Logger } from '../log.ts';
import { installedPackageFolders } from './packages.ts';
import { checkSettingsFiles, checkWithin, folderOfNamedFiles, realPath } from './outside-paths.ts';
import { loadProfile, PROFILES_FILE, profilesPlace, targetDictionary } from './profile.ts';
import { loadProject, PROJECT_FILE, readRawProject, readVarsFile, renderProfileName } from './project.ts';
import type { RenderYamlText, YamlScope } from './renderer.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadRuntimeConfigOptions {
  /** Default: the working directory or the nearest folder above it with dbt_project.yml. */
  readonly projectDir?: string | null | undefined;
  readonly profilesDir?: string | null | undefined;
  readonly profile?: string | null | undefined;
  readonly target?: string | null | undefined;
  /** `--vars`. */
  readonly vars?: { readonly [name: string]: Json } | undefined;
  readonly flags: Flags;
  readonly env: Environment;
  /** What `env_var()` sees; default: `env`. */
  readonly templateEnv?: Environment | undefined;
  readonly cwd: string;
  readonly invocation: Invocation;
  readonly render: RenderYamlText;
  readonly logger?: Logger | undefined;
}

/**
 * The project's absolute path: `--project-dir`, its variable, or the nearest folder from `cwd` upwards with
 * dbt_project.yml.
 */
export function findProjectDir(cwd: string, env: Environment, option?: string | null): string {
  const asked = option || env['DBT_ENGINE_PROJECT_DIR'] || env['DBT_PROJECT_DIR'];
  if (asked) return resolve(cwd, asked);
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, PROJECT_FILE))) return folder;
    if (dirname(folder) === folder) return resolve(cwd);
  }
}

/**
 * Loads the configuration of a command that needs a database.
 * @throws TsdbtError with dbt's message for errors in the files
 */
export async function loadRuntimeConfig(options: LoadRuntimeConfigOptions): Promise<RuntimeConfig> {
  const { cwd, flags, render, logger, templateEnv: env = options.env } = options;
  const projectDir = findProjectDir(cwd, options.env, options.projectDir);
  const vars = options.vars ?? (flags['vars'] as { readonly [name: string]: Json } | undefined) ?? {};
  if (flags['allow_outside_paths'] !== true) checkSettingsFiles(projectDir);
  const raw = readRawProject(
    projectDir,
    undefined,
    'Run from the folder of a project, or name it with --project-dir; `tsdbt init NAME` makes a new one.',
  );
  const profileScope: YamlScope = { target: null, vars, requireVars: true, env, secrets: true };
  const place = profilesPlace(cwd, options.env, options.profilesDir);
  const profile = loadProfile({
    render,
    scope: profileScope,
    profiles: { ...place, directory: resolve(cwd, place.directory) },
    projectDir,
    projectProfile: renderProfileName(raw, profileScope, render),
    profile: options.profile,
    target: options.target,
    threads: flags.threads,
    logger,
  });
  const project = loadRootProject({ projectDir, profile, vars, flags, env, render, logger });
  const packages = [project, ...loadInstalled(project, profile, options), ...loadBuiltIn(profile, options)];
  checkNames(packages);
  return {
    project,
    profile: withOrigin(profile, { project, flags }),
    packages,
    cli_vars: vars,
    flags,
    env,
    invocation: options.invocation,
  };
}

/** The profile, with the path of its file if that is inside the project or its repository. */
function withOrigin(profile: Profile, place: Pick<RuntimeConfig, 'project' | 'flags'>): Profile {
  if (profile.profiles_dir === null) return profile;
  const path = join(profile.profiles_dir, PROFILES_FILE);
  const folder = folderOfNamedFiles(path, place);
  const { project_root: root } = place.project;
  const { embedded, path: clickhouse } = profile.credentials;
  // The default folder of another project's server, whose path can be guessed.
  for (const [setting, named] of Object.entries({ embedded, path: clickhouse })) {
    if (folder === null || typeof named !== 'string') continue;
    const dir = resolve(root, named);
    if (realPath(dir).split(sep).includes('.tsdbt')) checkWithin(dir, folder, `${path}, ${setting}`);
  }
  return { ...profile, cloned_file: folder === null ? null : path };
}

export interface LoadRootProjectOptions {
  readonly projectDir: string;
  /** Null for commands without a profile (deps, clean). */
  readonly profile: Profile | null;
  readonly vars: { readonly [name: string]: Json };
  readonly flags: Flags;
  readonly env: Environment;
  readonly render: RenderYamlText;
  readonly logger?: Logger | undefined;
}

/** Loads only the root project, for commands without a profile. */
export function loadRootProject(options: LoadRootProjectOptions): Project {
  const { projectDir, profile, vars, flags, env, render, logger } = options;
  if (flags['allow_outside_paths'] !== true) checkSettingsFiles(projectDir);
  const varsFile = readVarsFile(projectDir);
  const project = loadProject(projectDir, {
    render,
    scope: {
      target: profile === null ? null : targetDictionary(profile),
      vars: { ...varsFile, ...vars },
      requireVars: flags.which !== 'deps',
      env,
      secrets: false,
    },
    targetPath: flags.target_path,
    logPath: flags.log_path,
    allowOutside: flags['allow_outside_paths'] === true,
    versionCheck: flags['version_check'] !== false,
    logger,
    varsFile,
  });
  return { ...project, quoting: { database: true, schema: true, identifier: true, ...project.quoting } };
}

function loadInstalled(root: Project, profile: Profile, options: LoadRuntimeConfigOptions): Project[] {
  return installedPackageFolders(root).map((folder) =>
    loadPackage(folder, root, profile, options, options.flags['version_check'] !== false),
  );
}

/** The built-in packages: that of the dialect, then the general one. */
function loadBuiltIn(profile: Profile, options: LoadRuntimeConfigOptions): Project[] {
  const root = includeFolder();
  return [profile.credentials.type, 'global']
    .map((name) => join(root, name))
    .filter((folder) => existsSync(join(folder, PROJECT_FILE)))
    .map((folder) => loadPackage(folder, null, profile, options, false));
}

function loadPackage(
  folder: string,
  root: Project | null,
  profile: Profile,
  options: LoadRuntimeConfigOptions,
  versionCheck: boolean,
): Project {
  try {
    const project = loadProject(folder, {
      render: options.render,
      scope: {
        target: targetDictionary(profile),
        vars: {},
        requireVars: true,
        env: options.templateEnv ?? options.env,
        secrets: false,
      },
      targetPath: options.flags.target_path,
      logPath: options.flags.log_path,
      versionCheck,
      dependency: true,
      // A package that is linked from a local folder belongs to the caller.
      allowOutside: options.flags['allow_outside_paths'] === true && lstatSync(folder).isSymbolicLink(),
    });
    return root === null ? project : { ...project, quoting: root.quoting };
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.kind !== 'project') throw error;
    const what = formatError(new TsdbtError('project', error.message, error.details));
    throw errorOf(
      'packageNotRead',
      { why: what },
      {
        footer: `Error encountered in ${folder}`,
        cause: error,
      },
    );
  }
}

function checkNames(packages: readonly Project[]): void {
  const seen = new Set<string>();
  for (const { project_name: name } of packages) {
    if (seen.has(name)) {
      throw errorOf('duplicatePackage', { package: name });
    }
    seen.add(name);
  }
}

/** @param at milliseconds since 1970, with a fraction */
export function invocationStart(at: number): { readonly started_at: Date; readonly started_micros: number } {
  return { started_at: new Date(at), started_micros: Math.floor((at - Math.floor(at)) * 1000) };
}
