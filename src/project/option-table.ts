// Every option of the command line as data: spelling, variable of the environment, default, meaning. The command line
// is built from it by cli/options.ts and flags are resolved from it by flags.ts. Options of dbt keep dbt's names and
// defaults.

export interface OptionSpec {
  /** Name of the flag, snake case. */
  readonly name: string;
  readonly kind:
    | 'switch'
    | 'pair'
    | 'text'
    | 'integer'
    | 'choice'
    | 'list'
    | 'yaml'
    | 'path'
    | 'datetime'
    | 'package'
    | 'sample';
  /** As typed: `--full-refresh`, `-f`. A `pair` also has `--no-…`. */
  readonly names: readonly string[];
  /** dbt's variable, `DBT_…`; the `DBT_ENGINE_…` spelling counts too and wins. */
  readonly env?: string;
  readonly default?: string | number | boolean | null | readonly string[];
  readonly choices?: readonly string[];
  readonly help: string;
  readonly hidden?: boolean;
  /** Of a `path`: must exist. */
  readonly exists?: boolean;
}

const RESOURCE_TYPES = [
  'metric',
  'semantic_model',
  'saved_query',
  'source',
  'analysis',
  'model',
  'test',
  'unit_test',
  'exposure',
  'snapshot',
  'seed',
  'function',
  'default',
];
const LEVELS = ['debug', 'info', 'warn', 'error', 'none'];
const FORMATS = ['text', 'debug', 'json', 'default'];

function pair(
  name: string,
  env: string | undefined,
  help: string,
  fallback: boolean | null,
  extra: Partial<OptionSpec> = {},
): OptionSpec {
  const long = `--${name.replaceAll('_', '-')}`;
  return {
    name,
    kind: 'pair',
    names: [long],
    ...(env === undefined ? {} : { env }),
    default: fallback,
    help,
    ...extra,
  };
}

/** Accepted before and after every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  pair(
    'cache_selected_only',
    'DBT_CACHE_SELECTED_ONLY',
    'Fill the relation cache only for schemas of selected nodes.',
    null,
  ),
  pair('debug', 'DBT_DEBUG', 'Show debug messages.', null, { names: ['--debug', '-d'] }),
  pair('defer', 'DBT_DEFER', 'Resolve unselected nodes through the manifest in the --state folder.', null),
  {
    name: 'defer_state',
    kind: 'path',
    names: ['--defer-state'],
    env: 'DBT_DEFER_STATE',
    help: 'State folder for deferral only.',
  },
  pair('fail_fast', 'DBT_FAIL_FAST', 'Stop at the first failure.', null, { names: ['--fail-fast', '-x'] }),
  pair('favor_state', 'DBT_FAVOR_STATE', 'With --defer, prefer the state even where the relation exists here.', null),
  pair('hints_enabled', 'DBT_ENGINE_HINTS_ENABLED', 'Show hints now and then.', true),
  {
    name: 'indirect_selection',
    kind: 'choice',
    names: ['--indirect-selection'],
    env: 'DBT_INDIRECT_SELECTION',
    choices: ['eager', 'cautious', 'buildable', 'empty'],
    default: 'eager',
    help: 'Which tests next to selected resources are selected too.',
  },
  pair('log_cache_events', 'DBT_LOG_CACHE_EVENTS', 'Log every change of the relation cache.', null),
  {
    name: 'log_file_max_bytes',
    kind: 'integer',
    names: ['--log-file-max-bytes'],
    env: 'DBT_LOG_FILE_MAX_BYTES',
    default: 10485760,
    help: 'Size at which dbt.log is rolled over; 0 for never.',
    hidden: true,
  },
  {
    name: 'log_format',
    kind: 'choice',
    names: ['--log-format'],
    env: 'DBT_LOG_FORMAT',
    choices: FORMATS,
    default: 'default',
    help: 'Format of the messages on the console and in the log file.',
  },
  {
    name: 'log_format_file',
    kind: 'choice',
    names: ['--log-format-file'],
    env: 'DBT_LOG_FORMAT_FILE',
    choices: FORMATS,
    default: 'debug',
    help: 'Format of the log file.',
  },
  {
    name: 'log_level',
    kind: 'choice',
    names: ['--log-level'],
    env: 'DBT_LOG_LEVEL',
    choices: LEVELS,
    default: 'info',
    help: 'Lowest level that is shown and written.',
  },
  {
    name: 'log_level_file',
    kind: 'choice',
    names: ['--log-level-file'],
    env: 'DBT_LOG_LEVEL_FILE',
    choices: LEVELS,
    default: 'debug',
    help: 'Lowest level that is written to the log file.',
  },
  {
    name: 'log_path',
    kind: 'path',
    names: ['--log-path'],
    env: 'DBT_LOG_PATH',
    default: null,
    help: 'Folder of the log file.',
  },
  pair('macro_debugging', 'DBT_MACRO_DEBUGGING', 'Keep compiled macros for debugging.', null, { hidden: true }),
  {
    name: 'maximum_seed_size_mib',
    kind: 'integer',
    names: ['--maximum-seed-size-mib'],
    env: 'DBT_ENGINE_MAXIMUM_SEED_SIZE_MIB',
    default: 1,
    help: 'Seeds above this size (MiB) are compared by path; 0 for no limit.',
  },
  pair('partial_parse', 'DBT_PARTIAL_PARSE', 'Parse again only what changed.', true),
  pair('partial_parse_file_diff', 'DBT_PARTIAL_PARSE_FILE_DIFF', 'Compute a file diff when parsing partially.', true, {
    hidden: true,
  }),
  {
    name: 'partial_parse_file_path',
    kind: 'path',
    names: ['--partial-parse-file-path'],
    env: 'DBT_PARTIAL_PARSE_FILE_PATH',
    default: null,
    help: 'Place of the parse cache.',
    hidden: true,
  },
  pair('populate_cache', 'DBT_POPULATE_CACHE', 'Fill the relation cache at the start of a run.', true),
  pair('print', 'DBT_PRINT', 'Show what {{ print() }} prints.', true),
  {
    name: 'printer_width',
    kind: 'integer',
    names: ['--printer-width'],
    env: 'DBT_PRINTER_WIDTH',
    default: 80,
    help: 'Width of terminal output.',
  },
  {
    name: 'profile',
    kind: 'text',
    names: ['--profile'],
    env: 'DBT_PROFILE',
    help: 'Profile to use instead of the one in dbt_project.yml.',
  },
  pair('quiet', 'DBT_QUIET', 'Show errors only. Does not silence {{ print() }}.', null, { names: ['--quiet', '-q'] }),
  {
    name: 'record_timing_info',
    kind: 'path',
    names: ['--record-timing-info', '-r'],
    help: 'File for timing statistics.',
  },
  pair('send_anonymous_usage_stats', 'DBT_SEND_ANONYMOUS_USAGE_STATS', 'Accepted for dbt; nothing is ever sent.', true),
  pair('show_resource_report', 'DBT_SHOW_RESOURCE_REPORT', 'Accepted for dbt; has no effect.', false, { hidden: true }),
  pair('single_threaded', 'DBT_SINGLE_THREADED', 'Run one node at a time.', false, { hidden: true }),
  pair('snowflake_projects_otel', 'DBT_ENGINE_SNOWFLAKE_PROJECTS_OTEL', 'Accepted for dbt; has no effect.', false),
  pair('show_all_deprecations', undefined, 'Show every occurrence of a deprecation, not only the first.', false),
  {
    name: 'state',
    kind: 'path',
    names: ['--state'],
    env: 'DBT_STATE',
    help: 'Folder with the artifacts of an earlier run, for comparison and deferral.',
  },
  pair('static_parser', 'DBT_STATIC_PARSER', 'Use the static parser.', true),
  { name: 'target', kind: 'text', names: ['--target', '-t'], env: 'DBT_TARGET', help: 'Target of the profile.' },
  pair('use_colors', 'DBT_USE_COLORS', 'Colour the console and the log file.', true),
  pair('use_colors_file', 'DBT_USE_COLORS_FILE', 'Colour the log file.', true),
  pair('use_experimental_parser', 'DBT_USE_EXPERIMENTAL_PARSER', 'Accepted for dbt; has no effect.', null),
  pair('use_v2_parser', 'DBT_ENGINE_USE_V2_PARSER', 'Accepted for dbt; has no effect.', false),
  {
    name: 'v2_parser',
    kind: 'text',
    names: ['--v2-parser'],
    env: 'DBT_ENGINE_V2_PARSER',
    default: 'dbt-core-experimental-parser parse',
    help: 'Accepted for dbt; has no effect.',
    hidden: true,
  },
  pair(
    'version_check',
    'DBT_VERSION_CHECK',
    'Compare require-dbt-version with the dbt version that is implemented.',
    true,
  ),
  {
    name: 'warn_error',
    kind: 'switch',
    names: ['--warn-error'],
    env: 'DBT_WARN_ERROR',
    default: null,
    help: 'Make every warning an error.',
  },
  {
    name: 'warn_error_options',
    kind: 'yaml',
    names: ['--warn-error-options'],
    env: 'DBT_WARN_ERROR_OPTIONS',
    default: '{}',
    help:
      'Which warnings are errors, warnings or silent: \'{"error": "all", "warn": ' +
      '["NoNodesForSelectionCriteria"]}\'.',
  },
  pair('write_json', 'DBT_WRITE_JSON', 'Write manifest.json and run_results.json.', true),
  pair(
    'use_fast_test_edges',
    'DBT_USE_FAST_TEST_EDGES',
    'Accepted for dbt; test edges are always the few that are needed.',
    false,
    { hidden: true },
  ),
  pair(
    'upload_to_artifacts_ingest_api',
    'DBT_UPLOAD_TO_ARTIFACTS_INGEST_API',
    'Accepted for dbt; nothing is ever sent.',
    false,
  ),
];

const SELECT: OptionSpec = {
  name: 'select',
  kind: 'list',
  names: ['-s', '--select', '-m', '--models', '--model'],
  default: [],
  help: 'Nodes to include.',
};

const OPTIONS = {
  add_package: {
    name: 'add_package',
    kind: 'package',
    names: ['--add-package'],
    help: 'Add a package to packages.yml, as name@version.',
  },
  args: {
    name: 'args',
    kind: 'yaml',
    names: ['--args'],
    default: '{}',
    help: "Arguments of the macro, as YAML: '{name: value}'.",
  },
  browser: pair('browser', undefined, 'Open a browser.', true),
  clean_project_files_only: pair(
    'clean_project_files_only',
    'DBT_CLEAN_PROJECT_FILES_ONLY',
    'Refuse to delete anything outside the project.',
    true,
  ),
  compile_docs: pair('compile', undefined, 'Compile the project for the documentation.', true),
  inject_ephemeral_ctes: pair(
    'inject_ephemeral_ctes',
    undefined,
    'Put the CTEs of ephemeral models into compiled SQL.',
    true,
    { hidden: true },
  ),
  config_dir: {
    name: 'config_dir',
    kind: 'switch',
    names: ['--config-dir'],
    default: false,
    help: 'Show the folder in which profiles.yml is looked for.',
  },
  connection: {
    name: 'connection',
    kind: 'switch',
    names: ['--connection'],
    default: false,
    help: 'Test the connection only.',
  },
  empty: pair('empty', 'DBT_EMPTY', 'Read no rows of refs and sources.', false),
  empty_catalog: {
    name: 'empty_catalog',
    kind: 'switch',
    names: ['--empty-catalog'],
    default: false,
    help: 'Write an empty catalog.json.',
  },
  event_time_end: {
    name: 'event_time_end',
    kind: 'datetime',
    names: ['--event-time-end'],
    env: 'DBT_EVENT_TIME_END',
    default: null,
    help: 'End (exclusive) of the event time that microbatch models read.',
  },
  event_time_start: {
    name: 'event_time_start',
    kind: 'datetime',
    names: ['--event-time-start'],
    env: 'DBT_EVENT_TIME_START',
    default: null,
    help: 'Start (inclusive) of the event time that microbatch models read.',
  },
  if_changed: {
    name: 'if_changed',
    kind: 'switch',
    names: ['--if-changed'],
    default: false,
    help: 'With --every: do nothing while the project and the tables that it reads stay as they are.',
  },
  every: {
    name: 'every',
    kind: 'text',
    names: ['--every'],
    help: 'Stay resident and run again after this long: 30s, 5m, 1h.',
  },
  exclude: { name: 'exclude', kind: 'list', names: ['--exclude'], default: [], help: 'Nodes to exclude.' },
  exclude_resource_types: {
    name: 'exclude_resource_types',
    kind: 'list',
    names: ['--exclude-resource-types', '--exclude-resource-type'],
    env: 'DBT_EXCLUDE_RESOURCE_TYPES',
    choices: RESOURCE_TYPES,
    default: [],
    help: 'Types of resources to leave out.',
  },
  export_saved_queries: pair(
    'export_saved_queries',
    'DBT_EXPORT_SAVED_QUERIES',
    'Export saved queries in build.',
    false,
    { hidden: true },
  ),
  from: { name: 'from', kind: 'text', names: ['--from'], help: 'NDJSON or CSV file to read.' },
  full_refresh: {
    name: 'full_refresh',
    kind: 'switch',
    names: ['--full-refresh', '-f'],
    env: 'DBT_FULL_REFRESH',
    default: false,
    help: 'Drop and rebuild incremental models and seeds.',
  },
  host: {
    name: 'host',
    kind: 'text',
    names: ['--host'],
    env: 'DBT_HOST',
    default: '127.0.0.1',
    help: 'Address that serves the documentation.',
  },
  include_saved_query: pair(
    'include_saved_query',
    'DBT_INCLUDE_SAVED_QUERY',
    'Include saved queries in build.',
    false,
    { hidden: true },
  ),
  inline: { name: 'inline', kind: 'text', names: ['--inline'], help: 'SQL to compile or show.' },
  inline_direct: {
    name: 'inline_direct',
    kind: 'text',
    names: ['--inline-direct'],
    help: 'SQL to show as it is, without the project.',
    hidden: true,
  },
  introspect: pair('introspect', 'DBT_INTROSPECT', 'Allow queries while compiling.', true),
  key: { name: 'key', kind: 'text', names: ['--key'], help: 'Field that becomes the key of a message.' },
  limit: { name: 'limit', kind: 'integer', names: ['--limit'], default: 5, help: 'Rows to show; -1 for all.' },
  lock: {
    name: 'lock',
    kind: 'switch',
    names: ['--lock'],
    default: false,
    help: 'Write package-lock.yml without installing.',
  },
  models: { ...SELECT, name: 'models', names: ['-m', '--models', '--model'], help: 'Models to include.' },
  metrics_host: {
    name: 'metrics_host',
    kind: 'text',
    names: ['--metrics-host'],
    default: '127.0.0.1',
    help: 'Address at which the metrics are served.',
  },
  metrics_port: {
    name: 'metrics_port',
    kind: 'integer',
    names: ['--metrics-port'],
    default: null,
    help: 'Serve /metrics (Prometheus) and /healthz at this port.',
  },
  once: {
    name: 'once',
    kind: 'switch',
    names: ['--once'],
    default: false,
    help: 'Stop at the ends that the topics have now.',
  },
  output: {
    name: 'output',
    kind: 'choice',
    names: ['--output'],
    choices: ['json', 'name', 'path', 'selector'],
    default: 'selector',
    help: 'What to print of each node.',
  },
  output_keys: {
    name: 'output_keys',
    kind: 'list',
    names: ['--output-keys'],
    default: [],
    help: 'Properties for --output json, with dots for nested ones.',
  },
  output_path: {
    name: 'output',
    kind: 'path',
    names: ['--output', '-o'],
    default: null,
    help: 'Place of the report; default target/sources.json.',
  },
  port: {
    name: 'port',
    kind: 'integer',
    names: ['--port'],
    default: 8080,
    help: 'Port that serves the documentation.',
  },
  profiles_dir: {
    name: 'profiles_dir',
    kind: 'path',
    names: ['--profiles-dir'],
    env: 'DBT_PROFILES_DIR',
    exists: true,
    help: 'Folder of profiles.yml. Default: the working directory, then ~/.dbt.',
  },
  profiles_dir_new: {
    name: 'profiles_dir',
    kind: 'path',
    names: ['--profiles-dir'],
    env: 'DBT_PROFILES_DIR',
    help: 'Folder of profiles.yml. Default: the working directory, then ~/.dbt.',
  },
  project_dir: {
    name: 'project_dir',
    kind: 'path',
    names: ['--project-dir'],
    env: 'DBT_PROJECT_DIR',
    exists: true,
    help: 'Folder of dbt_project.yml. Default: the working directory or one above it.',
  },
  raw_select: { ...SELECT, names: ['-s', '--select'] },
  resource_types: {
    name: 'resource_types',
    kind: 'list',
    names: ['--resource-types', '--resource-type'],
    env: 'DBT_RESOURCE_TYPES',
    choices: [...RESOURCE_TYPES, 'all'],
    default: [],
    help: 'Types of resources to include.',
  },
  partitions: {
    name: 'partitions',
    kind: 'integer',
    names: ['--partitions'],
    default: null,
    help: 'Make the topic, with so many partitions, when it is not there.',
  },
  rate: { name: 'rate', kind: 'integer', names: ['--rate'], default: null, help: 'Messages a second at most.' },
  sample: {
    name: 'sample',
    kind: 'sample',
    names: ['--sample'],
    env: 'DBT_SAMPLE',
    default: null,
    help: 'Read only a window of event time: "3 days" or \'{start: …, end: …}\'.',
  },
  select: SELECT,
  selector: { name: 'selector', kind: 'text', names: ['--selector'], help: 'Selector of selectors.yml to use.' },
  show: {
    name: 'show',
    kind: 'switch',
    names: ['--show'],
    default: false,
    help: 'Show the first rows of the loaded data.',
  },
  show_output: {
    name: 'output',
    kind: 'choice',
    names: ['--output'],
    choices: ['json', 'text'],
    default: 'text',
    help: 'Output format.',
  },
  skip_debug: {
    name: 'skip_debug',
    kind: 'switch',
    names: ['--skip-debug'],
    default: false,
    help: 'Do not run debug afterwards.',
  },
  skip_profile_setup: {
    name: 'skip_profile_setup',
    kind: 'switch',
    names: ['--skip-profile-setup', '-s'],
    default: false,
    help: 'Ask nothing about the profile.',
  },
  source: {
    name: 'source',
    kind: 'choice',
    names: ['--source'],
    choices: ['hub', 'git', 'local'],
    default: 'hub',
    help: 'Where --add-package takes the package from.',
  },
  sql: { name: 'sql', kind: 'text', names: ['--sql'], default: null, help: 'SQL or Jinja to run instead of a macro.' },
  sqlparse: {
    name: 'sqlparse',
    kind: 'yaml',
    names: ['--sqlparse'],
    env: 'DBT_ENGINE_SQLPARSE',
    default: '{"MAX_GROUPING_DEPTH": null, "MAX_GROUPING_TOKENS": null}',
    help: 'Accepted for dbt; has no effect.',
    hidden: true,
  },
  static: {
    name: 'static',
    kind: 'switch',
    names: ['--static'],
    default: false,
    help: 'Write one self-contained static_index.html.',
  },
  store_failures: {
    name: 'store_failures',
    kind: 'switch',
    names: ['--store-failures'],
    env: 'DBT_STORE_FAILURES',
    default: false,
    help: 'Keep the failing rows of tests in the database.',
  },
  target_path: {
    name: 'target_path',
    kind: 'path',
    names: ['--target-path'],
    env: 'DBT_TARGET_PATH',
    help: 'Folder of artifacts and compiled SQL.',
  },
  threads: {
    name: 'threads',
    kind: 'integer',
    names: ['--threads'],
    default: null,
    help: 'Nodes at work at the same time.',
  },
  topic: { name: 'topic', kind: 'text', names: ['--topic'], help: 'Topic to write to.' },
  broker: {
    name: 'broker',
    kind: 'text',
    names: ['--connection'],
    default: null,
    help: 'Connection of connections.yml; without it `default`, or the only one.',
  },
  timeout: {
    name: 'timeout',
    kind: 'text',
    names: ['--timeout'],
    default: '5m',
    help: 'How long `load --once` waits for broker and database: 30s, 5m, 1h.',
  },
  to: {
    name: 'to',
    kind: 'text',
    names: ['--to'],
    help: 'Where to go on: earliest, latest, loaded, an offset or a time.',
  },
  upgrade: { name: 'upgrade', kind: 'switch', names: ['--upgrade'], default: false, help: 'Resolve packages anew.' },
  vars: {
    name: 'vars',
    kind: 'yaml',
    names: ['--vars'],
    default: '{}',
    help: "Variables for the project, as YAML: '{name: value}'.",
  },
} as const satisfies Record<string, OptionSpec>;

type OptionKey = keyof typeof OPTIONS;

export interface CommandSpec {
  /** As dbt's `which`. */
  readonly which: string;
  /** As typed, after `tsdbt`. */
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Positional argument. */
  readonly argument?: { readonly name: string; readonly help: string; readonly choices?: readonly string[] };
}

const SELECTION: readonly OptionKey[] = ['exclude', 'select', 'selector'];
const PLACES: readonly OptionKey[] = ['profiles_dir', 'project_dir', 'target_path', 'vars'];

function command(
  which: string,
  summary: string,
  keys: readonly OptionKey[],
  extra: Partial<CommandSpec> = {},
): CommandSpec {
  return { which, path: [which], summary, options: keys.map((key) => OPTIONS[key]), ...extra };
}

/** All commands; `db`, `load` and `produce` are ours, the others are dbt's. */
export const COMMANDS: readonly CommandSpec[] = [
  command('build', 'Run all seeds, models, snapshots and tests in order of the graph.', [
    ...PLACES,
    ...SELECTION,
    'empty',
    'event_time_start',
    'event_time_end',
    'export_saved_queries',
    'full_refresh',
    'include_saved_query',
    'resource_types',
    'exclude_resource_types',
    'sqlparse',
    'sample',
    'show',
    'store_failures',
    'threads',
    'every',
    'if_changed',
  ]),
  command('clean', 'Delete the folders that clean-targets names.', [...PLACES, 'clean_project_files_only']),
  command('clone', 'Make clones of selected nodes.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'resource_types',
    'exclude_resource_types',
    'threads',
  ]),
  command('compile', 'Write the SQL that would run into the target folder.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'show_output',
    'introspect',
    'empty',
    'inline',
    'inject_ephemeral_ctes',
    'sqlparse',
    'threads',
  ]),
  command('debug', 'Show what is known of the project, the profile and the connection.', [
    'connection',
    'config_dir',
    'profiles_dir_new',
    'project_dir',
    'vars',
  ]),
  command('deps', 'Install the packages that packages.yml names.', [
    'profiles_dir_new',
    'project_dir',
    'vars',
    'source',
    'lock',
    'upgrade',
    'add_package',
  ]),
  command(
    'docs-generate',
    'Write the documentation of the project.',
    [...PLACES, ...SELECTION, 'compile_docs', 'sqlparse', 'empty_catalog', 'static', 'threads'],
    { which: 'generate', path: ['docs', 'generate'] },
  ),
  command('docs-serve', 'Serve the documentation.', [...PLACES, 'browser', 'host', 'port'], {
    which: 'serve',
    path: ['docs', 'serve'],
  }),
  command(
    'init',
    'Start a new project.',
    ['profiles_dir_new', 'project_dir', 'skip_profile_setup', 'skip_debug', 'vars'],
    { argument: { name: 'project_name', help: 'Name of the project.' } },
  ),
  command(
    'list',
    'List the resources of the project.',
    [
      ...PLACES,
      'exclude',
      'models',
      'output',
      'output_keys',
      'resource_types',
      'exclude_resource_types',
      'raw_select',
      'selector',
    ],
    { aliases: ['ls'] },
  ),
  command('parse', 'Parse the project and write manifest.json.', [...PLACES, 'threads']),
  command('retry', 'Run the nodes again that failed last time.', [...PLACES, 'threads', 'full_refresh']),
  command('run', 'Build the models.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'empty',
    'event_time_start',
    'event_time_end',
    'sqlparse',
    'sample',
    'threads',
    'every',
    'if_changed',
  ]),
  command('run-operation', 'Run a macro.', [...PLACES, 'args', 'sql', 'threads'], {
    argument: { name: 'macro', help: 'Name of the macro.' },
  }),
  command('seed', 'Load the CSV files of the project.', [
    ...PLACES,
    ...SELECTION,
    'empty',
    'full_refresh',
    'sqlparse',
    'show',
    'threads',
  ]),
  command('show', 'Show the first rows of a model or a query.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'show_output',
    'limit',
    'introspect',
    'inline',
    'inline_direct',
    'sqlparse',
    'threads',
  ]),
  command('snapshot', 'Take the snapshots of the project.', [...PLACES, ...SELECTION, 'empty', 'sqlparse', 'threads']),
  command(
    'freshness',
    'Check how old the data of the sources is.',
    [...PLACES, ...SELECTION, 'output_path', 'sqlparse', 'threads'],
    {
      path: ['source', 'freshness'],
      aliases: ['snapshot-freshness'],
    },
  ),
  command('test', 'Run the tests.', [
    ...PLACES,
    ...SELECTION,
    'resource_types',
    'exclude_resource_types',
    'sqlparse',
    'store_failures',
    'threads',
    'every',
    'if_changed',
  ]),
  command('db', 'Start, stop and show the embedded database.', ['profiles_dir', 'project_dir', 'vars'], {
    argument: { name: 'action', help: 'What to do.', choices: ['start', 'stop', 'status', 'url'] },
  }),
  command('produce', 'Write the records of a file into a topic.', [
    ...PLACES,
    'topic',
    'from',
    'key',
    'rate',
    'partitions',
    'broker',
  ]),
  command(
    'load',
    'Load topics into the source tables that name them.',
    [...PLACES, ...SELECTION, 'once', 'timeout', 'from', 'to', 'metrics_port', 'metrics_host'],
    {
      argument: { name: 'action', help: 'What to do instead.', choices: ['status', 'rewind', 'replay-dlq', 'check'] },
    },
  ),
];

/** Old variables of the environment that beat the option's own. */
export const RENAMED_VARIABLES: readonly { readonly old: string; readonly name: string; readonly negated?: boolean }[] =
  [
    { old: 'DBT_DEFER_TO_STATE', name: 'defer' },
    { old: 'DBT_FAVOR_STATE_MODE', name: 'favor_state' },
    { old: 'DBT_NO_PRINT', name: 'print', negated: true },
    { old: 'DBT_ARTIFACT_STATE_PATH', name: 'state' },
  ];

/** The command behind a `which`, or undefined. */
export function commandSpec(which: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.which === which);
}
