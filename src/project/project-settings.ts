// Finds the settings that are needed before a project is read: flags of project and user, and the log folder. flags.ts
// interprets the flags.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { PROFILES_FILE, profilesPlace } from './profile.ts';
import { readRawProject } from './project.ts';
import { readFileText } from './read-file.ts';
import { asDictionary, loadYaml } from './yaml.ts';

export interface ProjectSettings {
  /** Unrendered; null when there are none. */
  readonly flags: Json;
  /** `log-path` of dbt_project.yml. */
  readonly logPath: string | null;
  /** The folder of profiles.yml as given by the caller. */
  readonly profilesDir: string;
  /** Whether the flags come from `config` in profiles.yml, as in old projects. */
  readonly flagsMoved: boolean;
  /** `flags` of `~/.dbt/user_settings.yml`, with the lowest precedence; null if there are none. */
  readonly userFlags: Json;
}

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--profiles-dir`. */
  readonly profilesDir?: unknown;
}

/**
 * Returns `flags:` and `log-path:` of a dbt_project.yml, or `config:` of profiles.yml, as dbt does. A file that is
 * absent or unreadable has none: its errors are reported later.
 * @throws TsdbtError `project` if both files have flags
 */
export function readProjectSettings(projectDir: string, { cwd, env, profilesDir }: Place): ProjectSettings {
  const { flags, 'log-path': path } = readable(() => readRawProject(projectDir).data);
  const { directory } = profilesPlace(cwd, env, typeof profilesDir === 'string' ? profilesDir : null);
  const old = oldFlags(resolve(cwd, directory));
  const logPath = typeof path === 'string' && path !== '' ? path : null;
  const userFlags = readUserFlags(env);
  const places = { logPath, profilesDir: directory };
  if (old === null) return { ...places, flags: flags ?? null, flagsMoved: false, userFlags };
  if (Object.keys(asDictionary(flags ?? null) ?? {}).length > 0) throw errorOf('flagsTwice', {});
  return { ...places, flags: old, flagsMoved: true, userFlags };
}

/** `config` of a profiles.yml; null when it is absent or empty. */
function oldFlags(directory: string): { readonly [name: string]: Json } | null {
  const path = join(directory, PROFILES_FILE);
  const config = readable(() => {
    const text = existsSync(path) ? readFileText(path) : '';
    // Most files have no flags; those are parsed as YAML only once, later.
    return /^["']?config\b/m.test(text) || text.trimStart().startsWith('{')
      ? asDictionary(loadYaml(text, path))
      : undefined;
  })['config'];
  const flags = asDictionary(config ?? null);
  return flags === undefined || Object.keys(flags).length === 0 ? null : flags;
}

function readUserFlags(env: Place['env']): Json {
  const home = env['HOME'] ?? env['USERPROFILE'];
  const path = home === undefined ? '' : join(home, '.dbt', 'user_settings.yml');
  return (
    readable(() => (existsSync(path) ? asDictionary(loadYaml(readFileText(path), path)) : undefined))['flags'] ?? null
  );
}

/** A file's dictionary; empty if it has none or cannot be read. */
function readable(read: () => { readonly [key: string]: Json } | undefined): { readonly [key: string]: Json } {
  try {
    return read() ?? {};
  } catch {
    return {};
  }
}
