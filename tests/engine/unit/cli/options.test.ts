// Tests how the command line is parsed, and click's messages for what is rejected.
import { describe, expect, it } from 'vitest';
import { createProgram, exitAfterHelp, type ParsedCommand } from '../../../../src/cli/options.ts';
import { COMMANDS } from '../../../../src/project/command-table.ts';

async function parse(
  argv: readonly string[],
): Promise<{ command?: ParsedCommand; output: string; error?: string; exitCode: number }> {
  let output = '';
  let exitCode = 0;
  const seen: ParsedCommand[] = [];
  const handler = async (command: ParsedCommand): Promise<number> => {
    seen.push(command);
    return 0;
  };
  const handlers = Object.fromEntries(COMMANDS.map((spec) => [spec.which, handler]));
  const program = createProgram(handlers, {
    version: 'the version',
    writeOut: (text) => {
      output += text;
    },
    onExit: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return { ...(seen[0] === undefined ? {} : { command: seen[0] }), output, exitCode };
  } catch (error) {
    const shown = exitAfterHelp(error);
    if (shown !== null) return { output, exitCode: shown };
    return { output, error: (error as Error).message, exitCode: 2 };
  }
}

const values: [argv: string[], which: string, options: Record<string, unknown>][] = [
  [['run'], 'run', {}],
  [['run', '-s', 'a', 'b+', '--exclude', 'c d', '-m', 'e'], 'run', { select: ['a', 'b+', 'e'], exclude: ['c', 'd'] }],
  [['--target', 'x', 'run', '--vars', '{a: 1, b: [yes]}'], 'run', { target: 'x', vars: { a: 1, b: [true] } }],
  [['run', '-t', 'x', '-fxqd'], 'run', { target: 'x', full_refresh: true, fail_fast: true, quiet: true, debug: true }],
  [
    ['--no-use-colors', 'build', '--no-partial-parse', '--threads', '8'],
    'build',
    { use_colors: false, partial_parse: false, threads: 8 },
  ],
  [
    ['build', '--resource-type', 'model', 'TEST', '--exclude-resource-types', 'seed'],
    'build',
    { resource_types: ['model', 'test'], exclude_resource_types: ['seed'] },
  ],
  [
    ['ls', '--output', 'json', '--output-keys', 'name config.x'],
    'list',
    { output: 'json', output_keys: ['name', 'config.x'] },
  ],
  [['list', '--models', 'a'], 'list', { models: ['a'] }],
  [['docs', 'generate', '--no-compile', '--static'], 'generate', { compile: false, static: true }],
  [['docs', '--target', 'x', 'serve', '--port', '1'], 'serve', { target: 'x', port: 1 }],
  [['source', 'freshness', '-o', 'x.json'], 'freshness', { output: 'x.json' }],
  [['source', 'snapshot-freshness'], 'freshness', {}],
  [['show', '--inline', 'select 1', '--limit', '-1'], 'show', { inline: 'select 1', limit: -1 }],
  [
    ['run', '--event-time-start', '2024-01-02', '--event-time-end', '2024-01-03T04:05:06'],
    'run',
    { event_time_start: '2024-01-02T00:00:00', event_time_end: '2024-01-03T04:05:06' },
  ],
  [
    ['deps', '--add-package', 'dbt-labs/x@1.0', '--source', 'git'],
    'deps',
    { add_package: { name: 'dbt-labs/x', version: '1.0' }, source: 'git' },
  ],
  [
    ['run', '--every', '5m', '--indirect-selection', 'CAUTIOUS'],
    'run',
    { every: '5m', indirect_selection: 'cautious' },
  ],
];

const refused: [argv: string[], error: string][] = [
  [['run', '--foo'], "Usage: tsdbt run [OPTIONS]\nTry 'tsdbt run --help' for help.\n\nError: No such option '--foo'."],
  [['run', '--selct', 'a'], "No such option '--selct'. (Did you mean one of: '--help', '--select', '--selector'?)"],
  [['run', '-z'], "No such option '-z'."],
  [['rn'], "Error: No such command 'rn'. (Did you mean one of: 'run', 'runs'?)"],
  [
    ['docs', 'foo'],
    "Usage: tsdbt docs [OPTIONS] COMMAND [ARGS]...\nTry 'tsdbt docs --help' for help.\n\nError: No such command 'foo'.",
  ],
  [['run', '--threads', 'abc'], "Invalid value for '--threads': 'abc' is not a valid integer."],
  [
    ['run', '--indirect-selection', 'foo'],
    "Invalid value for '--indirect-selection': 'foo' is not one of 'eager', 'cautious', 'buildable', 'empty'.",
  ],
  [['run', '--vars', '[1]'], "Invalid value for '--vars': String '[1]' is not valid YAML"],
  [['run', '--select'], "Error: Option '--select' requires an argument."],
  [['run', '--full-refresh=1'], "Error: Option '--full-refresh' does not take a value."],
  [['debug', 'events'], 'Got unexpected extra argument (events)'],
  [['run', 'extra', 'more'], 'Got unexpected extra arguments (extra more)'],
  [['run', '--project-dir', '/nowhere'], "Invalid value for '--project-dir': Path '/nowhere' does not exist."],
  [
    ['run', '--event-time-start', 'xyz'],
    "'xyz' does not match the formats '%Y-%m-%d', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S'.",
  ],
  [
    ['--target', 'x', 'run', '--target', 'y'],
    'target was provided both before and after the subcommand, it can only be set either before or after.',
  ],
  [['db', 'destroy'], "'destroy' is not one of 'start', 'stop', 'status', 'url', 'adopt'."],
];

describe('the command line', () => {
  it.each([['ls'], ['list']])('knows that %s was typed', async (name) => {
    const { command } = await parse(['--quiet', name, '--output', 'json']);
    expect(command).toMatchObject({ which: 'list', name });
  });

  it.each(values)('parses %j', async (argv, which, options) => {
    const { command } = await parse(argv);
    expect({ which: command?.which, options: command?.options }).toEqual({ which, options });
  });

  it.each(refused)('rejects %j in the words of click', async (argv, message) => {
    const { error, exitCode } = await parse(argv);
    expect(error).toContain(message);
    expect(exitCode).toBe(2);
  });

  it('passes the name of a macro on', async () => {
    expect((await parse(['run-operation', 'grant_all', '--args', '{to: x}'])).command).toMatchObject({
      positional: ['grant_all'],
      options: { args: { to: 'x' } },
    });
  });

  it('records spellings that dbt deprecates', async () => {
    expect((await parse(['run', '-m', 'a', '--models', 'b'])).command?.deprecatedSpellings).toEqual(['-m', '--models']);
  });

  it("lists a command's own options first, beginning with node selection", async () => {
    const { output } = await parse(['build', '--help']);
    const order = [
      'Usage: tsdbt build [OPTIONS]\n',
      '\nOptions:\n  -s, --select VALUE...',
      '--exclude VALUE...',
      '--full-refresh',
      '--threads NUMBER',
      '\nOptions of every command:\n  -t, --target TEXT',
      '-d, --[no-]debug',
      'One of: eager, cautious,',
      '\nAccepted for compatibility, without effect: --send-anonymous-usage-stats',
    ];
    const found = order.map((part) => output.indexOf(part));
    expect(found.filter((at, i) => at < 0 || at < (found[i - 1] ?? 0))).toEqual([]);
    expect(Math.max(...output.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await parse(['db', '--help'])).output).toContain('ACTION: What to do.\n  start   Start the server');
    expect((await parse(['--help'])).output).toContain('\n  docs serve        Serve the generated documentation.\n');
  });

  it('prints the version and the help at any position', async () => {
    expect(await parse(['run', '--version'])).toMatchObject({ output: 'the version\n', exitCode: 0 });
    expect((await parse(['seed', '--help'])).output).toContain('--full-refresh');
    for (const group of ['docs', 'source'])
      expect(await parse([group])).toMatchObject({
        output: expect.stringContaining(`Usage: tsdbt ${group}`) as string,
        exitCode: 2,
      });
  });
});
