// Reads profiles.yml: finds it, selects profile and target, checks credentials. If there is no profiles.yml, returns
// the built-in profile of the embedded server.
import { eventOf } from '../events/index.ts';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { allSpecs, BUILT_IN_TARGETS, credentialsSpec, type CredentialsSpec } from '../adapters/credentials.ts';
import type { Json } from '../contracts/node.ts';
import type { Credentials, Profile } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { renderFrom, renderText, renderTree, type RenderYamlText, type YamlScope } from './renderer.ts';
import {
  bool,
  checkShape,
  dict,
  inOrderOfFields,
  integer,
  list,
  none,
  number,
  oneOf,
  open,
  type Shape,
  text,
  type TypeCheck,
} from './schema-check.ts';
import { asDictionary, loadYaml } from './yaml.ts';
import { readFileText } from './read-file.ts';
import { closestName } from '../values/close-matches.ts';
import { showJson } from '../values/index.ts';

export { allSpecs, profileTemplates } from '../adapters/credentials.ts';

export const PROFILES_FILE = 'profiles.yml';

type Dictionary = { [key: string]: Json };

export interface ProfilesPlace {
  readonly directory: string;
  /** Whether the user named the folder (option or variable). */
  readonly asked: boolean;
}

export interface LoadProfileOptions {
  readonly render: RenderYamlText;
  readonly scope: YamlScope;
  readonly profiles: ProfilesPlace;
  readonly projectDir: string;
  /** `profile:` of dbt_project.yml, rendered. */
  readonly projectProfile: string | null;
  /** `--profile`, `--target`, `--threads`. */
  readonly profile?: string | null | undefined;
  readonly target?: string | null | undefined;
  readonly threads?: number | null | undefined;
  readonly logger?: Logger | undefined;
}

/** Finds the folder of profiles.yml: option, variable, working directory, `~/.dbt`. */
export function profilesPlace(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
  option?: string | null,
): ProfilesPlace {
  const asked = option ?? env['DBT_ENGINE_PROFILES_DIR'] ?? env['DBT_PROFILES_DIR'];
  if (asked !== undefined && asked !== null && asked !== '') return { directory: asked, asked: true };
  return {
    directory: existsSync(join(cwd, PROFILES_FILE)) ? cwd : join(env['HOME'] ?? env['USERPROFILE'] ?? cwd, '.dbt'),
    asked: false,
  };
}

/** The unrendered contents of profiles.yml; empty when the file does not exist. */
export function readProfiles(directory: string): Dictionary {
  const path = join(directory, PROFILES_FILE);
  if (!existsSync(path)) return {};
  let data: Json;
  try {
    data = loadYaml(readFileText(path), path);
  } catch (error) {
    if (error instanceof TsdbtError && error.kind === 'runtime')
      throw errorOf('profilesNotRead', { why: error.message }, { ...error.details, cause: error });
    throw error;
  }
  const profiles = asDictionary(data);
  if (profiles === undefined || Object.keys(profiles).length === 0)
    throw errorOf('profilesNotRead', { why: `The profiles.yml file at ${path} is empty` });
  return profiles;
}

/**
 * The profile and target of this command.
 * @throws TsdbtError `profile` or `project` in dbt's words
 */
export function loadProfile(options: LoadProfileOptions): Profile {
  const { profiles, projectDir } = options;
  const path = join(profiles.directory, PROFILES_FILE);
  const builtInFits =
    !profiles.asked && options.profile == null && (options.target == null || BUILT_IN_TARGETS.has(options.target));
  if (!existsSync(path) && builtInFits) {
    const beside = join(projectDir, PROFILES_FILE);
    if (!existsSync(beside)) return embeddedDefault(options, 'No profiles.yml found');
    throw errorOf(
      'profileNotFound',
      { profile: options.projectProfile ?? 'default' },
      {
        hint: `There is a profiles.yml in ${projectDir}: name that folder with --profiles-dir, or run from it.`,
      },
    );
  }
  const raw = readProfiles(profiles.directory);
  const name = options.profile ?? options.projectProfile;
  if (name === null) throw noProfile(profiles.directory);
  const profile = raw[name];
  // profiles.yml was created later, for another project: keep using an existing built-in database.
  if (profile === undefined && builtInFits && !existsSync(join(projectDir, PROFILES_FILE)) && hasBuiltIn(projectDir))
    return embeddedDefault(options, `No profile '${textOf(name)}' in ${path}`);
  if (profile === undefined) throw unknownProfile(textOf(name), raw, path);
  const parts = asDictionary(profile);
  if (parts === undefined || Object.keys(parts).length === 0) {
    throw errorOf('emptyProfile', { profile: name });
  }
  return chooseTarget(parts, name, { ...options, render: renderFrom(path, options.render) });
}

/** `target` for templates: credentials without secrets, and the names. */
export function targetDictionary(profile: Profile): { [key: string]: Json } {
  const { credentials } = profile;
  const spec = credentialsSpec(credentials.type);
  const shown: { [key: string]: Json } = {};
  for (const key of spec?.shown ?? ['database', 'schema']) shown[key] = (credentials[key] ?? null) as Json;
  for (const [alias, key] of Object.entries(spec?.aliases ?? {}))
    if (spec?.shown.includes(key)) shown[alias] = (credentials[key] ?? null) as Json;
  return {
    ...shown,
    type: credentials.type,
    threads: profile.threads,
    name: profile.target_name,
    target_name: profile.target_name,
    profile_name: profile.profile_name,
  };
}

function chooseTarget(profile: Dictionary, profileName: string, options: LoadProfileOptions): Profile {
  const { scope, render, logger } = options;
  let target = options.target ?? undefined;
  if (target === undefined && profile['target'] !== undefined) {
    const written =
      typeof profile['target'] === 'string' ? renderText(profile['target'], scope, render) : profile['target'];
    target = textOf(written);
  }
  if (target === undefined) {
    target = 'default';
    logger?.fire(
      eventOf('MissingProfileTarget', `target not specified in profile '${profileName}', using '${target}'`, {
        profile_name: profileName,
        target_name: target,
      }),
    );
  }
  const outputs = asDictionary(profile['outputs'] ?? null);
  if (outputs === undefined) throw errorOf('profileWithoutOutputs', { profile: profileName });
  const output = outputs[target];
  if (output === undefined) {
    const names = Object.keys(outputs)
      .map((name) => ` - ${name}`)
      .join('\n');
    throw errorOf('targetNotFound', { profile: profileName, target, targets: names });
  }
  if (asDictionary(output) === undefined) throw errorOf('badTarget', { target, profile: profileName });
  const lenient = (keypath: readonly unknown[], error: unknown): boolean => {
    if (!keypath.includes('password')) return false;
    const why = error instanceof TsdbtError && /^.*Env var required but not provided.*$/m.exec(error.message)?.[0];
    const msg = `The ${keypath.join('.')} of target '${target}' is taken as it is written: ${why}`;
    if (why) logger?.fire(eventOf('Note', msg, { msg }, 'warn'));
    return true;
  };
  const rendered = renderTree(output, scope, render, { lenient }) as Dictionary;
  const { threads: written = 1, type, ...fields } = rendered;
  const threads = options.threads ?? written;
  if (type === undefined) throw errorOf('targetWithoutType', { profile: profileName, target });
  const credentials = checkCredentials(textOf(type), fields, (message, hint) => {
    throw errorOf(
      'badCredentials',
      { profile: profileName, target, why: message },
      {
        hint,
      },
    );
  });
  if (typeof threads !== 'number' || !Number.isInteger(threads))
    throw errorOf('threadsNotAnInteger', { value: showJson(threads) });
  return {
    profile_name: profileName,
    target_name: target,
    threads,
    credentials,
    profiles_dir: resolve(options.profiles.directory),
  };
}

/** Renames credentials to their canonical keys and adds defaults. Unknown keys are kept. */
export function checkCredentials(
  type: string,
  fields: Dictionary,
  refuse: (message: string, hint?: string) => never,
): Credentials {
  const spec = credentialsSpec(type);
  if (spec === undefined)
    return refuse(
      `Runtime Error\n  Could not find adapter type ${type}!`,
      `This version knows: ${allSpecs()
        .map((known) => known.type)
        .join(', ')}.`,
    );
  const named: Dictionary = {};
  for (const [key, value] of Object.entries(fields)) {
    const name = spec.aliases[key] ?? key;
    if (name in named) {
      const aliases = Object.keys(fields).filter((field) => spec.aliases[field] === name);
      return refuse(`Runtime Error\n  Got duplicate keys: (${aliases.join(', ')}) all map to "${name}"`);
    }
    named[name] = value;
  }
  const embedded = named['embedded'];
  const filled =
    embedded === true || (typeof embedded === 'string' && embedded !== '') ? { ...spec.embedded, ...named } : named;
  const problem = checkShape(filled, shapeOf(spec));
  if (problem !== undefined) {
    const [field] = problem.path;
    // The value may be a secret, so it is not shown.
    const hidden = field !== undefined && !spec.shown.includes(String(field));
    return refuse(
      hidden ? problem.message.replace(/^.* is not /s, '***** is not ') : problem.message,
      field === undefined ? misspeltField(problem.missing, filled, spec) : `in the field '${field}'`,
    );
  }
  const defaults = Object.entries(spec.fields)
    .filter(([, field]) => field.default !== undefined)
    .map(([name, field]) => [name, field.default]);
  const whole = { ...Object.fromEntries(defaults), ...filled, type };
  try {
    return (spec.complete?.(whole) ?? whole) as unknown as Credentials;
  } catch (error) {
    if (error instanceof TsdbtError) return refuse(`Runtime Error\n  ${error.message}`);
    throw error;
  }
}

/** Returns the unknown key that was probably meant to be the missing one. */
function misspeltField(missing: string | undefined, written: Dictionary, spec: CredentialsSpec): string | undefined {
  if (missing === undefined) return undefined;
  const unknown = Object.keys(written).filter((key) => spec.fields[key] === undefined);
  const key = closestName(missing, unknown);
  return key === undefined ? undefined : `did you mean '${missing}' with '${key}'?`;
}

const integers: TypeCheck = (value) =>
  typeof value === 'string' && /^\d+(?:\s*,\s*\d+)+$/.test(value) ? undefined : integer(value);
const CHECKS = { string: text, integer, integers, number, boolean: bool, array: list, object: dict, null: none };

function shapeOf(spec: CredentialsSpec): Shape {
  const fields = Object.entries(spec.fields).map(([name, { type, nullable }]): [string, TypeCheck] => {
    const types = [...(typeof type === 'string' ? [type] : type), ...(nullable === true ? ['null' as const] : [])];
    const checks = types.map((one): TypeCheck => CHECKS[one]);
    const [first, ...others] = checks;
    return [name, first !== undefined && others.length === 0 ? first : oneOf(...checks)];
  });
  const required = Object.entries(spec.fields).filter(([, field]) => field.default === undefined);
  return inOrderOfFields(
    open(
      required.map(([name]) => name),
      Object.fromEntries(fields),
    ),
  );
}

/** Whether an earlier command created the database of a built-in target in this project. */
function hasBuiltIn(projectDir: string): boolean {
  return [...BUILT_IN_TARGETS.values()].some(
    ({ spec }) => spec.embeddedFolder !== undefined && existsSync(join(projectDir, spec.embeddedFolder)),
  );
}

/** @param why the reason why none of the user's profiles is used */
function embeddedDefault(options: LoadProfileOptions, why: string): Profile {
  const [target, { spec, fields }] = [...BUILT_IN_TARGETS].find(([name]) => name === (options.target ?? name))!;
  options.logger?.fire(
    eventOf('Note', `${why}: using the built-in ${spec.title}. Write a ` + 'profiles.yml to use another database.', {}),
  );
  return {
    profile_name: options.projectProfile ?? 'default',
    target_name: target,
    threads: options.threads ?? 4,
    credentials: checkCredentials(spec.type, { ...fields }, (message) => {
      throw errorOf('badBuiltInTarget', { why: message });
    }),
    profiles_dir: null,
  };
}

/** The text of a value where a name is expected. */
function textOf(value: Json): string {
  return typeof value === 'object' && value !== null ? showJson(value) : String(value);
}

function unknownProfile(name: string, profiles: Dictionary, path: string): TsdbtError {
  const names = Object.keys(profiles).filter((key) => key !== 'config');
  const targets = [...BUILT_IN_TARGETS.keys()].join(' and ');
  const builtIn = `Without one, and without --profile, the targets ${targets} are there.`;
  const hint =
    names.length > 0
      ? `Profiles in ${path}: ${names.join(', ')}. \`tsdbt init\` in the folder of the project adds one.`
      : existsSync(path)
        ? `No profile stands in ${path}.`
        : `There is no profiles.yml at ${path}. ${builtIn}`;
  return errorOf('profileNotFound', { profile: name }, { hint });
}

function noProfile(directory: string): TsdbtError {
  return errorOf('noProfileNamed', { folder: directory });
}
