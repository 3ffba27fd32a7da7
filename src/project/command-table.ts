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

/** All commands; `completion`, `db`, `diff`, `jobs`, `load`, `produce`, `query`, `runs` and `sla` are ours. */
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
  command(
    'debug',
    'Show what is known of the project, the profile and the connection.',
    ['connection', 'config_dir', 'profiles_dir_new', 'project_dir', 'vars'],
    { argument: { name: 'name', help: 'With --connection: of connections.yml this one only.', only: 'connection' } },
  ),
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
  command('docs-serve', 'Serve the documentation.', [...PLACES, 'browser', 'host', 'allowed_hosts', 'port'], {
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
  command('diff', 'Compare relations by key with those of another target, or with their published copies.', [
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
  command('parse', 'Parse the project and write manifest.json.', [...PLACES, 'threads']),
  command('publish', 'Send models, snapshots and seeds to the databases that they are published to.', [
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
  command(
    'query',
    'Print the rows of a query, which may use refs and macros, and nothing else.',
    [...PLACES, 'query_output', 'query_limit', 'query_file', 'introspect', 'sqlparse', 'threads'],
    { argument: { name: 'sql', help: 'The query, as SQL with Jinja.' } },
  ),
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
  command('sla', 'Show what is promised, and whether it is kept; exit code 1 when it is not.', [
    ...PLACES,
    ...SELECTION,
    'show_output',
    'threads',
  ]),
  command('db', 'Start, stop and show the embedded database.', ['profiles_dir', 'project_dir', 'vars'], {
    argument: {
      name: 'action',
      help: 'What to do.',
      choices: {
        start: 'Start the server and keep it up.',
        stop: 'Stop it when its last user ends.',
        status: 'Say whether it runs and where its data is; exit code 1 when it does not.',
        url: 'Print the address with the password; exit code 2 when the server does not run.',
        adopt: 'Take over data that an earlier version kept in the project.',
      },
    },
  }),
  command(
    'jobs',
    'Show the jobs of jobs.yml with their last and their next run.',
    ['profiles_dir', 'project_dir', 'target_path', 'vars', 'show_output'],
    {
      argument: {
        name: 'action',
        help: 'What to do instead.',
        choices: {
          pause: 'Start the job at none of its times until it is resumed, on any host.',
          resume: 'Let a paused job go on.',
          run: 'Ask the hosts that serve to run the job now.',
          check: 'Hold the file against the project as serve does, without a database.',
        },
        second: { name: 'name', help: 'Name of the job.', after: ['pause', 'resume', 'run'] },
      },
    },
  ),
  command(
    'serve-jobs',
    'Run the jobs of jobs.yml at their times, until a signal.',
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
    'Show the newest runs of jobs, or one of them.',
    ['profiles_dir', 'project_dir', 'target_path', 'vars', 'run_job', 'run_status', 'run_limit', 'show_output'],
    {
      argument: {
        name: 'action',
        help: 'What to do instead.',
        choices: { show: 'Show the nodes of a run, why it failed, and what had changed since the last good one.' },
        second: { name: 'id', help: 'The run, or how its id begins.', after: ['show'] },
      },
    },
  ),
  command('completion', 'Print the script that completes command lines in a shell.', [], {
    argument: {
      name: 'shell',
      help: 'For which shell.',
      choices: {
        bash: 'source <(tsdbt completion bash)',
        zsh: 'source <(tsdbt completion zsh)',
        fish: 'tsdbt completion fish | source',
        nodes: 'Names for --select, as the last command left them; the scripts ask for them.',
      },
      second: { name: 'folder', help: 'Of the project, or a folder in it.', after: ['nodes'] },
    },
  }),
  command('produce', 'Write the records of a file into a topic.', [
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
    'Load topics into the source tables that name them.',
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
          status: 'Show how far each partition is loaded.',
          pause: 'Stop the selected tables until they are resumed, also in running loaders.',
          resume: 'Let paused tables go on.',
          rewind: 'Go on from another place, which --to names.',
          'replay-dlq': 'Load the dead letters once more.',
          compact: 'Join the small files of closed days of archives.',
          repair: 'Say what keeps archives from going on, and what is lost then; with --yes they go on.',
          check: 'Check the settings without loading.',
        },
      },
    },
  ),
];

/** The command with that `which`, or undefined. */
export function commandSpec(which: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.which === which);
}
