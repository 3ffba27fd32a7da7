// env_var(): which environment variables a template can read, with placeholders for secrets. Callers record the values;
// log sinks mask secrets.
import { errorOf } from '../error-table.ts';
import { type Callable, callable, PyDict, typeError, typeName, type Value } from '../values/index.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const SECRET_PREFIX = 'DBT_ENV_SECRET';
const CUSTOM_PREFIX = 'DBT_ENV_CUSTOM_ENV_';
/** Recorded by a parse if a variable was not set and its default was used. */
export const DEFAULT_ENV_PLACEHOLDER = 'DBT_DEFAULT_PLACEHOLDER';
const MASK = '*****';

/** Called for each variable that a template reads. Files that read a variable are parsed again when it changes. */
export type EnvVarRecorder = (name: string, value: string) => void;

export interface EnvVarOptions {
  readonly record?: EnvVarRecorder | undefined;
  /** Values that take precedence over the environment (unit tests). */
  readonly overrides?: ReadonlyMap<string, Value> | undefined;
  /**
   * Whether a secret returns its placeholder (profiles.yml and packages.yml). Elsewhere reading a secret is an error.
   */
  readonly secrets?: boolean | undefined;
}

/** Creates the `env_var` of a context. */
export function createEnvVar(env: Environment, options: EnvVarOptions = {}): Callable {
  return callable('env_var', 'var, default=None', (name, fallback) => {
    if (typeof name !== 'string')
      throw typeError(`env_var() takes the name of a variable, got ${typeName(name ?? null)}`);
    const override = options.overrides?.get(name);
    if (override !== undefined) return override;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (name.startsWith(SECRET_PREFIX)) {
      if (options.secrets !== true) {
        throw errorOf('secretElsewhere', { variable: name });
      }
      if (value !== undefined) return placeholder(name);
    }
    if (value !== undefined) {
      options.record?.(name, value);
      return value;
    }
    if (fallback === null || fallback === undefined) throw errorOf('variableMissing', { variable: name });
    if (!name.startsWith(SECRET_PREFIX)) options.record?.(name, DEFAULT_ENV_PLACEHOLDER);
    return fallback;
  });
}

function placeholder(name: string): string {
  return `$$$DBT_SECRET_START$$$${name}$$$DBT_SECRET_END$$$`;
}

const PLACEHOLDER = /\$\$\$DBT_SECRET_START\$\$\$(DBT_ENV_SECRET.*?)\$\$\$DBT_SECRET_END\$\$\$/g;

/** Replaces placeholders by the secrets, after rendering, so that no filter sees a secret. */
export function fillSecrets(text: string, env: Environment): string {
  return text.includes('DBT_SECRET_START') ? text.replace(PLACEHOLDER, (_, name: string) => env[name] ?? '') : text;
}

/** Masks placeholders of secrets in a message. */
export function maskPlaceholders(text: string): string {
  return text.includes('DBT_SECRET_START') ? text.replace(PLACEHOLDER, MASK) : text;
}

/** `dbt_metadata_envs`: variables that begin with DBT_ENV_CUSTOM_ENV_, without that prefix. */
export function metadataEnvs(env: Environment): PyDict {
  const dict = new PyDict();
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(CUSTOM_PREFIX) && value !== undefined) dict.set(name.slice(CUSTOM_PREFIX.length), value);
  return dict;
}
