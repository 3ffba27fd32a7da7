// `adapter.config` and `adapter.behavior` for templates: the project's settings and the behavior flags of dbt's
// adapters.
import { errorOf } from '../error-table.ts';
import type { Adapter } from '../adapters/adapter.ts';
import type { PathPart } from '../adapters/relation-dialect.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { PyDict } from '../values/dict.ts';
import { fromJson } from '../values/json.ts';
import type { HostObject, Value } from '../values/value.ts';

/** Behavior flags of dbt's adapters and their defaults. */
const BEHAVIOR_FLAGS: readonly (readonly [name: string, byDefault: boolean])[] = [
  ['require_batched_execution_for_custom_microbatch_strategy', false],
  ['enable_truthy_nulls_equals_macro', false],
  ['postgres_skip_autocommit_transaction_statements', true],
];

/** Returns a flag of the project or the command. @param byDefault used if neither sets the flag */
export function flagValue(config: RuntimeConfig, name: string, byDefault: boolean): boolean {
  const own = config.project.flags[name] ?? config.flags[name];
  return typeof own === 'boolean' ? own : byDefault;
}

/** `adapter.behavior`. @param onOff called with each flag that is read while it is off */
export function behaviorObject(config: RuntimeConfig, onOff: ((name: string) => void) | undefined): HostObject {
  return {
    jinjaType: 'dbt_common.behavior_flags.Behavior',
    jinjaGet: (name) => {
      const flag = BEHAVIOR_FLAGS.find(([known]) => known === name);
      if (!flag) throw errorOf('flagNotRegistered', { flag: name });
      const value = flagValue(config, name, flag[1]);
      return {
        jinjaType: 'dbt_common.behavior_flags.BehaviorFlagRendered',
        jinjaGet: (field) => (field === 'no_warn' || field === 'setting' ? value : field === 'name' ? name : undefined),
        jinjaTruth: () => {
          if (!value) onOff?.(name);
          return value;
        },
        jinjaText: () => String(value),
      };
    },
  };
}

/** `adapter.config`: the fields that templates can read, and the credentials without the password. */
export function configObject(config: RuntimeConfig, adapter: Adapter): HostObject {
  const { project, profile } = config;
  const credentials = PyDict.from([
    ['type', adapter.type] as const,
    ...adapter.connectionInfo().map(([key, value]) => [key, value] as const),
  ]);
  const fields: Readonly<Record<string, () => Value>> = {
    credentials: () => ({
      jinjaType: 'Credentials',
      jinjaGet: (name: string) => credentials.get(name),
      jinjaItem: (key: Value) => credentials.get(key),
      jinjaText: () => '<Credentials>',
    }),
    quoting: () =>
      fromJson({
        database: quotePart(config, adapter, 'database'),
        schema: quotePart(config, adapter, 'schema'),
        identifier: quotePart(config, adapter, 'identifier'),
      }),
    project_name: () => project.project_name,
    version: () => project.version,
    project_root: () => project.project_root,
    target_path: () => project.target_path,
    profile_name: () => profile.profile_name,
    target_name: () => profile.target_name,
    threads: () => profile.threads,
    packages_install_path: () => project.packages_install_path,
  };
  return {
    jinjaType: 'dbt.config.runtime.RuntimeConfig',
    jinjaGet: (name) => (Object.hasOwn(fields, name) ? fields[name]?.() : undefined),
  };
}

/** Whether a part of a name is quoted: the project's setting, otherwise the dialect's. */
export function quotePart(config: RuntimeConfig, adapter: Adapter, part: PathPart): boolean {
  return config.project.quoting[part] ?? adapter.relations.quotePolicy[part];
}
