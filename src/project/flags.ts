// Resolves the flags of a command: command line over environment over `flags:` of dbt_project.yml over dbt's defaults.
// Reads no file.
import type { Json } from '../contracts/node.ts';
import type { Flags } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { convertOption } from './option-value.ts';
import { commandSpec } from './command-table.ts';
import type { DeprecationName } from './deprecations.ts';
import { GLOBAL_OPTIONS, RENAMED_VARIABLES } from './global-options.ts';
import type { OptionSpec } from './option-spec.ts';
import {
  bool,
  checkShape,
  open,
  optionalBool,
  optionalDict,
  optionalInteger,
  optionalText,
  type TypeCheck,
} from './schema-check.ts';
import { normalizeWarnErrorOptions, type WarnErrorOptions } from './warn-error-options.ts';
import { asDictionary } from './yaml.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Converted options given on the command line, by name. */
export type CliOptions = Readonly<Record<string, unknown>>;

/** A warning to fire once logging is configured: dbt's event name and its data. */
export interface FlagNotice {
  readonly name: DeprecationName;
  readonly facts: Readonly<Record<string, string>>;
}

export interface ResolvedFlags {
  readonly flags: Flags;
  readonly notices: readonly FlagNotice[];
  /** Names of options given on the command line or in the environment. */
  readonly given: ReadonlySet<string>;
}

/** Behavior-change flags of dbt 1.12 and their defaults. */
export const BEHAVIOR_FLAGS: Readonly<Record<string, boolean>> = {
  require_batched_execution_for_custom_microbatch_strategy: true,
  require_explicit_package_overrides_for_builtin_materializations: true,
  require_resource_names_without_spaces: true,
  source_freshness_run_project_hooks: true,
  skip_nodes_if_on_run_start_fails: true,
  state_modified_compare_more_unrendered_values: true,
  state_modified_compare_vars: false,
  require_yaml_configuration_for_mf_time_spines: true,
  require_nested_cumulative_type_params: true,
  validate_macro_args: true,
  require_all_warnings_handled_by_warn_error: true,
  require_generic_test_arguments_property: true,
  require_unique_project_resource_names: false,
  require_ref_searches_node_package_before_root: false,
  require_valid_schema_from_generate_schema_name: false,
  allow_jinja_file_extensions: false,
  require_sql_header_in_test_configs: false,
  support_custom_ref_kwargs: false,
  require_corrected_analysis_fqns: false,
  require_source_and_semantic_model_names_without_spaces: false,
  enable_grouped_warn_error_parser_logs: false,
  use_catalogs_v2: false,
  latest_version_pointer_enabled_by_default: false,
};

/** Options that `flags:` may set; other keys have no effect. */
const PROJECT_FLAGS: { readonly [name: string]: TypeCheck } = {
  cache_selected_only: optionalBool,
  debug: optionalBool,
  fail_fast: optionalBool,
  hints_enabled: optionalBool,
  indirect_selection: optionalText,
  log_format: optionalText,
  log_format_file: optionalText,
  log_level: optionalText,
  log_level_file: optionalText,
  maximum_seed_size_mib: optionalInteger,
  partial_parse: optionalBool,
  populate_cache: optionalBool,
  printer_width: optionalInteger,
  send_anonymous_usage_stats: bool,
  snowflake_projects_otel: optionalBool,
  static_parser: optionalBool,
  use_colors: optionalBool,
  use_colors_file: optionalBool,
  use_experimental_parser: optionalBool,
  use_v2_parser: optionalBool,
  v2_parser: optionalText,
  version_check: optionalBool,
  warn_error: optionalBool,
  warn_error_options: optionalDict,
  write_json: optionalBool,
};
const PROJECT_FLAGS_SHAPE = open([], {
  ...PROJECT_FLAGS,
  require_event_names_in_deprecations: bool,
  ...Object.fromEntries(Object.keys(BEHAVIOR_FLAGS).map((name) => [name, bool])),
});

/** dbt's values of flags that are not options of the command. */
const ALWAYS: Readonly<Record<string, unknown>> = {
  indirect_selection: 'eager',
  target_path: null,
  defer_state: null,
  warn_error: null,
  full_refresh: false,
  strict_mode: false,
  store_failures: false,
  introspect: true,
  threads: null,
  empty: false,
};

/** Switches without a value are false here; in dbt they are None. */
const BOOLEANS = [
  'cache_selected_only',
  'debug',
  'defer',
  'fail_fast',
  'favor_state',
  'log_cache_events',
  'macro_debugging',
  'quiet',
  'use_experimental_parser',
  'warn_error',
];

/**
 * Resolves the flags of a command.
 * @param which dbt's name of the command (`run`, `generate` …)
 * @param projectFlags the unrendered `flags:` block; null if there is none
 * @param userFlags the user's own settings, with the lowest precedence
 */
export function resolveFlags(
  which: string,
  cliOptions: CliOptions,
  env: Environment,
  projectFlags: Json,
  userFlags: Json = null,
): Flags {
  return resolveFlagsWithNotices(which, cliOptions, env, projectFlags, userFlags).flags;
}

/** Like `resolveFlags`, and returns the warnings that the caller fires. */
export function resolveFlagsWithNotices(
  which: string,
  cliOptions: CliOptions,
  env: Environment,
  projectFlags: Json,
  userFlags: Json = null,
): ResolvedFlags {
  const specs = [...GLOBAL_OPTIONS, ...(commandSpec(which)?.options ?? [])];
  const values: Record<string, unknown> = { ...ALWAYS };
  const notices: FlagNotice[] = [];
  const given = new Set<string>();
  for (const spec of specs) {
    const typed = cliOptions[spec.name];
    if (typed !== undefined) {
      values[spec.name] = typed;
      given.add(spec.name);
      continue;
    }
    const variable = environmentValue(spec, env);
    if (variable === undefined) values[spec.name] = defaultValue(spec);
    else {
      values[spec.name] = convertOption(spec, variable);
      given.add(spec.name);
    }
  }
  applyRenamedVariables(values, specs, env, given, notices);
  const set = new Set([...given, ...applyProjectFlags(values, projectFlags, given, notices)]);
  for (const name of applyUserFlags(values, specs, asDictionary(userFlags) ?? {}, set)) set.add(name);
  for (const name of BOOLEANS) values[name] = values[name] === true;
  // https://no-color.org: applies when set and not empty; explicit colour options take precedence.
  if (env['NO_COLOR'] && !set.has('use_colors')) {
    values['use_colors'] = false;
    set.add('use_colors');
  }
  follow(values, set, 'use_colors', 'use_colors_file');
  follow(values, set, 'log_level', 'log_level_file');
  follow(values, set, 'log_format', 'log_format_file');
  if (/^(1|t|true|y|yes)$/i.test(env['DO_NOT_TRACK'] ?? '')) values['send_anonymous_usage_stats'] = false;
  exclusive(set, 'warn_error', 'warn_error_options');
  exclusive(given, 'select', 'inline');
  exclusive(given, 'selector', 'inline');
  checkEventTimes(values);
  if (values['selector'] && (hasItems(values['select']) || hasItems(values['exclude'])))
    notices.push({ name: 'SelectExcludeIgnoredWithSelectorWarning', facts: {} });
  for (const name of Object.keys(env)) {
    if (name.startsWith('DBT_ENGINE_') && !KNOWN_ENGINE_VARIABLES.has(name)) {
      notices.push({
        name: 'EnvironmentVariableNamespaceDeprecation',
        facts: { env_var: name, reserved_prefix: 'DBT_ENGINE' },
      });
    }
  }
  const warnErrorOptions = normalizeWarnErrorOptions(
    asDictionary((values['warn_error_options'] ?? {}) as Json) ?? {},
    (facts) => notices.push({ name: 'WEOIncludeExcludeDeprecation', facts }),
  );
  return {
    flags: { ...values, which, warn_error_options: warnErrorOptions } as unknown as Flags & {
      warn_error_options: WarnErrorOptions;
    },
    notices,
    given,
  };
}

/** Variables that dbt reads, including those that are older than the `DBT_ENGINE_` prefix. */
const KNOWN_VARIABLES: readonly string[] = [
  ...GLOBAL_OPTIONS.concat(
    ...[
      'build',
      'clean',
      'compile',
      'deps',
      'generate',
      'serve',
      'list',
      'run',
      'run-operation',
      'seed',
      'show',
      'freshness',
      'test',
    ].map((which) => commandSpec(which)?.options ?? []),
  ).flatMap((spec) => (spec.env === undefined ? [] : [spec.env])),
  ...RENAMED_VARIABLES.map(({ old }) => old),
  ...[
    'INVOCATION_ENV',
    'RECORDED_FILE_PATH',
    'TEST_STATE_MODIFIED',
    'PACKAGE_HUB_URL',
    'DOWNLOAD_DIR',
    'PP_FILE_DIFF_TEST',
    'PP_TEST',
    'SHOW_RESOURCE_REPORT',
  ].map((name) => `DBT_${name}`),
];
const KNOWN_ENGINE_VARIABLES: ReadonlySet<string> = new Set(KNOWN_VARIABLES.map(engineName));

function engineName(variable: string): string {
  return variable.startsWith('DBT_ENGINE_') ? variable : variable.replace(/^DBT_/, 'DBT_ENGINE_');
}

/**
 * For templates: the environment with `DBT_ENGINE_X` added for each `DBT_X` of dbt's, and the reverse. The former takes
 * precedence.
 */
export function withBothSpellings(env: Environment): Environment {
  const both: Record<string, string | undefined> = { ...env };
  for (const old of KNOWN_VARIABLES) {
    const name = engineName(old);
    const value = env[name] ?? env[old];
    if (name !== old && value !== undefined) both[name] = both[old] = value;
  }
  return both;
}

/** The non-empty value of an option's variable, `DBT_ENGINE_…` before `DBT_…`. */
function environmentValue(spec: OptionSpec, env: Environment): string | undefined {
  if (spec.env === undefined) return undefined;
  return env[engineName(spec.env)] || env[spec.env] || undefined;
}

function defaultValue(spec: OptionSpec): unknown {
  if (spec.kind === 'yaml') return JSON.parse(String(spec.default ?? '{}'));
  return spec.default ?? (spec.kind === 'list' ? [] : null);
}

function applyRenamedVariables(
  values: Record<string, unknown>,
  specs: readonly OptionSpec[],
  env: Environment,
  given: Set<string>,
  notices: FlagNotice[],
): void {
  for (const { old, name, negated } of RENAMED_VARIABLES) {
    const spec = specs.find((candidate) => candidate.name === name);
    const text = env[engineName(old)] || env[old];
    if (spec === undefined || text === undefined || text === '') continue;
    const value = convertOption(spec, text);
    values[name] = negated === true ? !value : value;
    given.add(name);
    notices.push({
      name: 'EnvironmentVariableRenamed',
      facts: { old_name: old, new_name: engineName(spec.env ?? '') },
    });
  }
}

/** @returns the options that the project sets */
function applyProjectFlags(
  values: Record<string, unknown>,
  projectFlags: Json,
  given: ReadonlySet<string>,
  notices: FlagNotice[],
): string[] {
  const block = asDictionary(projectFlags) ?? {};
  if (asDictionary(block['warn_error_options'] ?? null) !== undefined) {
    // Two spellings of one key are an error; for any other error dbt ignores the whole block.
    normalizeWarnErrorOptions(asDictionary(block['warn_error_options'] ?? null) ?? {}, () => undefined);
  }
  const usable = checkShape(block, PROJECT_FLAGS_SHAPE) === undefined ? block : {};
  const taken: string[] = [];
  for (const name of Object.keys(PROJECT_FLAGS)) {
    const value = usable[name];
    if (value === undefined || value === null || given.has(name)) continue;
    values[name] = value;
    taken.push(name);
    if (name === 'warn_error_options')
      normalizeWarnErrorOptions(asDictionary(value) ?? {}, (facts) =>
        notices.push({ name: 'WEOIncludeExcludeDeprecation', facts }),
      );
  }
  for (const [name, fallback] of Object.entries(BEHAVIOR_FLAGS))
    values[name] = typeof usable[name] === 'boolean' ? usable[name] : fallback;
  if (usable['require_event_names_in_deprecations'] === true) values['require_event_names_in_deprecations'] = true;
  return taken;
}

/** Sets options that are not set elsewhere to the user's own value. @returns their names */
function applyUserFlags(
  values: Record<string, unknown>,
  specs: readonly OptionSpec[],
  flags: { readonly [name: string]: Json },
  set: ReadonlySet<string>,
): string[] {
  const taken: string[] = [];
  for (const spec of specs) {
    const value = flags[spec.name] ?? null;
    if (value === null || set.has(spec.name)) continue;
    if (spec.kind === 'yaml' && asDictionary(value) !== undefined) values[spec.name] = value;
    else if (spec.kind === 'list' && Array.isArray(value)) values[spec.name] = convertOption(spec, value.map(String));
    else if (['string', 'number', 'boolean'].includes(typeof value)) {
      values[spec.name] = convertOption(spec, String(value));
    } else continue;
    taken.push(spec.name);
  }
  return taken;
}

/** A console setting also applies to the log file, unless the file has its own. */
function follow(values: Record<string, unknown>, given: ReadonlySet<string>, lead: string, follower: string): void {
  if (given.has(lead) && !given.has(follower)) values[follower] = values[lead];
}

function exclusive(given: ReadonlySet<string>, first: string, second: string): void {
  if (given.has(first) && given.has(second)) throw errorOf('exclusiveOptions', { one: second, other: first });
}

function checkEventTimes(values: Record<string, unknown>): void {
  const start = values['event_time_start'] ?? null;
  const end = values['event_time_end'] ?? null;
  if (start === null && end === null) return;
  const missing = (given: string, absent: string): never => {
    throw errorOf('eventTimeAlone', { given, absent });
  };
  if (start === null) missing('--event-time-end', '--event-time-start');
  if (end === null) missing('--event-time-start', '--event-time-end');
  if (String(start) >= String(end)) throw errorOf('eventTimesReversed', {});
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
