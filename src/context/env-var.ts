// env_var(): what a template may read of the environment, with secrets behind placeholders. Leaves the record of a
// value to the caller, and masking secrets in output to the sinks.
import { errorOf } from '../error-table.ts';
import { type Callable, callable, PyDict, typeError, typeName, type Value } from '../values/index.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const SECRET_PREFIX = 'DBT_ENV_SECRET';
const CUSTOM_PREFIX = 'DBT_ENV_CUSTOM_ENV_';
/** Stands for "not set, the default was used" in what a parse records. */
export const DEFAULT_ENV_PLACEHOLDER = 'DBT_DEFAULT_PLACEHOLDER';
const MASK = '*****';

/** Called for each variable that a template reads: when it changes, its readers are parsed again. */
export type EnvVarRecorder = (name: string, value: string) => void;

export interface EnvVarOptions {
  readonly record?: EnvVarRecorder | undefined;
  /** Values that beat the environment (unit tests). */
  readonly overrides?: ReadonlyMap<string, Value> | undefined;
  /** In profiles.yml and packages.yml a secret gives its placeholder; elsewhere asking for one is an error. */
  readonly secrets?: boolean | undefined;
}

/** The `env_var` of a context. */
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

/** Hides placeholders of secrets in a message. */
export function maskPlaceholders(text: string): string {
  return text.includes('DBT_SECRET_START') ? text.replace(PLACEHOLDER, MASK) : text;
}

/** `dbt_metadata_envs`: the DBT_ENV_CUSTOM_ENV_ variables without their prefix. */
export function metadataEnvs(env: Environment): PyDict {
  const dict = new PyDict();
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(CUSTOM_PREFIX) && value !== undefined) dict.set(name.slice(CUSTOM_PREFIX.length), value);
  return dict;
}
