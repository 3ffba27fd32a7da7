// All commands as data: name, help, options. cli/options.ts builds the command line from them, flags.ts the flags.
import { type OptionKey, OPTIONS } from './command-options.ts';
import type { OptionSpec } from './option-spec.ts';

export interface CommandSpec {
  /** As dbt's `which`. */
  readonly which: string;
  /** As typed, after `tsdbt`. */
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Positional argument. */
  readonly argument?: {
    readonly name: string;
    readonly help: string;
    /** Allowed words with their descriptions. */
    readonly choices?: Readonly<Record<string, string>>;
    /** The switch without which it is refused. */
    readonly only?: string;
    /** The word that must follow one of these choices. */
    readonly second?: { readonly name: string; readonly help: string; readonly after: readonly string[] };
  };
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

/**
 * All commands. dbt lacks `completion`, `db`, `diff`, `impact`, `jobs`, `lineage`, `load`, `lsp`, `mcp`, `plan`,
 * `query`, `runs`, `sla`, `sources sync`, `unit-test`.
 */
export const COMMANDS: readonly CommandSpec[] = [
  command('build', 'Build and test all seeds, models and snapshots in dependency order.', [
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
    'strict',
    'threads',
    'every',
    'if_changed',
    'reuse',
    'explain',
  ]),
  command('clean', 'Delete the folders listed in clean-targets.', [...PLACES, 'clean_project_files_only']),
  command('clone', 'Create clones of the selected nodes.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'resource_types',
    'exclude_resource_types',
    'threads',
  ]),
  command('compile', 'Compile the SQL of nodes and write it to the target folder.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'show_output',
    'introspect',
    'empty',
    'inline',
    'inject_ephemeral_ctes',
    'sqlparse',
    'strict',
    'threads',
  ]),
  command(
    'debug',
    'Check the project, the profile and the connection.',
    ['connection', 'config_dir', 'profiles_dir_new', 'project_dir', 'vars'],
    { argument: { name: 'name', help: 'With --connection: of connections.yml this one only.', only: 'connection' } },
  ),
  command('deps', 'Install the packages listed in packages.yml.', [
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
    "Generate the project's documentation.",
    [...PLACES, ...SELECTION, 'compile_docs', 'sqlparse', 'empty_catalog', 'static', 'column_lineage', 'threads'],
    { which: 'generate', path: ['docs', 'generate'] },
  ),
  command('docs-serve', 'Serve the generated documentation.', [...PLACES, 'browser', 'host', 'allowed_hosts', 'port'], {
    which: 'serve',
    path: ['docs', 'serve'],
  }),
  command(
    'init',
    'Create a new project.',
    ['profiles_dir_new', 'project_dir', 'skip_profile_setup', 'skip_debug', 'vars'],
    { argument: { name: 'project_name', help: 'Name of the project.' } },
  ),
  command(
    'list',
    "List the project's resources.",
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
  command('diff', 'Compare relations by key with another target, or with their published copies.', [
    ...PLACES,
    ...SELECTION,
    'to_target',
    'copies',
    'diff_key',
    'diff_columns',
    'exclude_columns',
    'where',
    'diff_limit',
    'query_output',
    'threads',
  ]),
  command('impact', 'Show which columns differ from the state, and which readers that breaks.', [
    ...PLACES,
    'impact_output',
    'threads',
  ]),
  command(
    'lineage',
    'Show which source columns the columns of a model come from.',
    [...PLACES, 'up', 'down', 'lineage_output', 'threads'],
    { argument: { name: 'model', help: 'MODEL, or MODEL.COLUMN for one of its columns.' } },
  ),
  command('lsp', 'Serve an editor over stdin and stdout: mistakes, definitions, completion, renaming.', PLACES),
  command('mcp', 'Serve facts about the project to assistants over the Model Context Protocol.', [
    ...PLACES,
    'allow_query',
  ]),
  command('parse', 'Parse the project and write manifest.json.', [...PLACES, 'threads']),
  command('plan', 'Show what build --reuse would run, and why, without running it.', [
    ...PLACES,
    ...SELECTION,
    'empty',
    'event_time_start',
    'event_time_end',
    'full_refresh',
    'resource_types',
    'exclude_resource_types',
    'sample',
    'store_failures',
    'show_output',
    'threads',
  ]),
  command('publish', 'Update the published copies of models, snapshots and seeds.', [
    ...PLACES,
    ...SELECTION,
    'full_refresh',
    'list_copies',
    'list_orphans',
    'remove_orphans',
    'older_than',
    'copies_output',
    'threads',
  ]),
  command('retry', 'Retry the nodes that failed in the last run.', [...PLACES, 'threads', 'full_refresh']),
  command('run', 'Build models.', [
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
    'reuse',
    'explain',
  ]),
  command('run-operation', 'Run a macro.', [...PLACES, 'args', 'sql', 'threads'], {
    argument: { name: 'macro', help: 'Name of the macro.' },
  }),
  command('seed', "Load the project's CSV files.", [
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
  command(
    'query',
    'Print the rows of a query that may use refs and macros.',
    [...PLACES, 'query_output', 'query_limit', 'query_file', 'read_only', 'introspect', 'sqlparse', 'threads'],
    { argument: { name: 'sql', help: 'The query, as SQL with Jinja.' } },
  ),
  command('snapshot', "Update the project's snapshots.", [...PLACES, ...SELECTION, 'empty', 'sqlparse', 'threads']),
  command(
    'freshness',
    'Check the freshness of sources.',
    [...PLACES, ...SELECTION, 'output_path', 'sqlparse', 'threads'],
    {
      path: ['source', 'freshness'],
      aliases: ['snapshot-freshness'],
    },
  ),
  command(
    'sync-sources',
    'Write the columns of sources in the database to sources.lock.json, for later checks without it.',
    [...PLACES, ...SELECTION, 'check_sources', 'sqlparse', 'threads'],
    { path: ['sources', 'sync'] },
  ),
  command(
    'unit-test',
    'Work with unit tests.',
    [...PLACES, 'capture_rows', 'capture_where', 'capture_name', 'introspect', 'sqlparse', 'threads'],
    {
      argument: {
        name: 'action',
        help: 'What to do.',
        choices: { capture: 'print a unit test of a model with rows of the database' },
        second: { name: 'model', help: 'The model to test.', after: ['capture'] },
      },
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
    'reuse',
    'explain',
  ]),
  command('sla', 'Show SLAs and whether they are met. The exit code is 1 if one is broken.', [
    ...PLACES,
    ...SELECTION,
    'show_output',
    'threads',
  ]),
  command('db', 'Manage the embedded database.', ['profiles_dir', 'project_dir', 'vars'], {
    argument: {
      name: 'action',
      help: 'What to do.',
      choices: {
        start: 'Start the server and keep it running.',
        stop: 'Stop the server when its last client disconnects.',
        status: "Show the server's state and data folder; exit code 1 if it is not running.",
        url: 'Print the URL with the password. The exit code is 2 if the server is not running.',
        adopt: 'Take over data that an earlier version stored in the project.',
      },
    },
  }),
  command(
    'jobs',
    'List the jobs in jobs.yml with their last run and next due time.',
    ['profiles_dir', 'project_dir', 'target_path', 'vars', 'show_output'],
    {
      argument: {
        name: 'action',
        help: 'What to do instead.',
        choices: {
          pause: 'Skip all due times of the job until it is resumed, on all hosts.',
          resume: 'Resume a paused job.',
          run: 'Ask the serving hosts to run the job now.',
          check: 'Validate jobs.yml against the project, without a database.',
        },
        second: { name: 'name', help: 'Name of the job.', after: ['pause', 'resume', 'run'] },
      },
    },
  ),
  command(
    'serve-jobs',
    'Run the jobs in jobs.yml on schedule until stopped by a signal.',
    [
      'profiles_dir',
      'project_dir',
      'target_path',
      'vars',
      'threads',
      'host_jobs',
      'allowed_hosts',
      'read_token',
      'port_jobs',
      'grace',
      'away_after',
    ],
    { path: ['serve'] },
  ),
  command(
    'runs',
    'List the latest runs of jobs, or show one of them.',
    ['profiles_dir', 'project_dir', 'target_path', 'vars', 'run_job', 'run_status', 'run_limit', 'show_output'],
    {
      argument: {
        name: 'action',
        help: 'What to do instead.',
        choices: { show: "Show a run's nodes, why it failed, and what changed since the last successful run." },
        second: { name: 'id', help: 'The run, or how its id begins.', after: ['show'] },
      },
    },
  ),
  command('completion', 'Print the completion script of a shell.', [], {
    argument: {
      name: 'shell',
      help: 'Shell.',
      choices: {
        bash: 'source <(tsdbt completion bash)',
        zsh: 'source <(tsdbt completion zsh)',
        fish: 'tsdbt completion fish | source',
        nodes: 'Names for --select, as recorded by the last command. Used by the scripts.',
      },
      second: { name: 'folder', help: 'Of the project, or a folder in it.', after: ['nodes'] },
    },
  }),
  command('produce', 'Write the records of a file to a topic.', [
    ...PLACES,
    'topic',
    'from',
    'key',
    'rate',
    'partitions',
    'broker',
    'format',
    'schema_file',
    'register',
  ]),
  command(
    'load',
    'Load topics into source tables.',
    [
      ...PLACES,
      ...SELECTION,
      'once',
      'timeout',
      'from',
      'to',
      'yes',
      'metrics_port',
      'metrics_host',
      'allowed_hosts',
      'load_output',
    ],
    {
      argument: {
        name: 'action',
        help: 'What to do instead.',
        choices: {
          status: 'Show the position and lag of each partition.',
          pause: 'Pause the selected tables, also in running loaders.',
          resume: 'Resume paused tables.',
          rewind: 'Move the position to --to.',
          'replay-dlq': 'Load dead letters again.',
          compact: 'Merge the small archive files of past days.',
          repair: 'Show why archives have stopped and what is lost; --yes repairs them.',
          check: 'Check settings, access and types without loading.',
        },
      },
    },
  ),
];

/** The command with that `which`, or undefined. */
export function commandSpec(which: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.which === which);
}
