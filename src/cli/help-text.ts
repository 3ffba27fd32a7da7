// Builds the text of `--help`: a command's own options, starting with node selection, then the global options. Texts
// come from the option tables; options.ts parses the command line.
import { type CommandSpec, COMMANDS } from '../project/command-table.ts';
import { GLOBAL_OPTIONS } from '../project/global-options.ts';
import type { OptionSpec } from '../project/option-spec.ts';

const NAME = 'tsdbt';
/** Maximum width of the name column; longer names get their own line. */
const NAMES_WIDTH = 30;
/** Lines longer than this are hard to read on any terminal. */
const MOST_WIDTH = 110;

/** Placeholder for the value of an option, by kind. */
const VALUES: Readonly<Record<OptionSpec['kind'], string>> = {
  switch: '',
  pair: '',
  text: 'TEXT',
  integer: 'NUMBER',
  choice: 'WORD',
  list: 'VALUE...',
  yaml: 'YAML',
  path: 'PATH',
  datetime: 'TIME',
  package: 'NAME@VERSION',
  sample: 'TIME',
};
const CHOOSING = ['select', 'exclude', 'selector', 'resource_types', 'exclude_resource_types'];
const PLACES = ['threads', 'vars', 'project_dir', 'profiles_dir', 'target_path'];
/** The most common of the global options. */
const OFTEN = ['target', 'profile', 'state', 'defer', 'fail_fast', 'quiet', 'debug', 'warn_error'];
const WITHOUT_EFFECT = /^Accepted for compatibility/;

/** All spellings of an option: short ones first, `--[no-]x` for a pair. */
function spelling({ names, kind, choices }: OptionSpec): string {
  const short = names.filter((name) => !name.startsWith('--'));
  const long = names.filter((name) => name.startsWith('--'));
  const shown = [...short.slice(0, 1), ...long.slice(0, 1)];
  const value = choices === undefined ? VALUES[kind] : kind === 'list' ? 'WORD...' : 'WORD';
  const typed = shown.map((name) => (kind === 'pair' && name.startsWith('--') ? `--[no-]${name.slice(2)}` : name));
  return `${short.length === 0 ? '    ' : ''}${typed.join(', ')}${value === '' ? '' : ` ${value}`}`;
}

function meaning({ help, choices, default: fallback, kind }: OptionSpec): string {
  const words = choices === undefined ? '' : ` One of: ${choices.join(', ')}.`;
  const shown =
    kind === 'yaml' || fallback === undefined || fallback === null || fallback === '' || fallback === false
      ? ''
      : fallback === true
        ? ' Default: on.'
        : Array.isArray(fallback)
          ? ''
          : ` Default: ${String(fallback)}.`;
  return `${help}${words}${/Default:/.test(help) ? '' : shown}`;
}

function rank(name: string): number {
  const chosen = CHOOSING.indexOf(name);
  const place = PLACES.indexOf(name);
  return chosen >= 0 ? chosen : place >= 0 ? 200 + place : 100;
}

function often(name: string): number {
  const at = OFTEN.indexOf(name);
  return at < 0 ? OFTEN.length : at;
}

/** Formats rows in two columns and wraps the second one. */
function columns(rows: readonly (readonly [left: string, right: string])[], width: number): string[] {
  const left = Math.min(NAMES_WIDTH, Math.max(...rows.map(([names]) => names.length))) + 4;
  return rows.flatMap(([names, text]) => {
    const lines = wrap(text, Math.max(24, width - left));
    const head = `  ${names}`;
    const [first = '', ...rest] = head.length + 2 > left ? ['', ...lines] : lines;
    return [`${head.padEnd(left)}${first}`.trimEnd(), ...rest.map((line) => `${' '.repeat(left)}${line}`)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const line = lines[last] ?? '';
    if (line === '') lines[last] = word;
    else if (line.length + 1 + word.length <= width) lines[last] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function optionRows(specs: readonly OptionSpec[], width: number): string[] {
  return columns(
    specs.map((spec) => [spelling(spec), meaning(spec)]),
    width,
  );
}

function everyCommand(width: number): string[] {
  const shown = GLOBAL_OPTIONS.filter((spec) => spec.hidden !== true);
  const used = shown.filter((spec) => !WITHOUT_EFFECT.test(spec.help));
  const idle = shown.filter((spec) => WITHOUT_EFFECT.test(spec.help));
  return [
    'Options of every command:',
    ...optionRows(
      [...used].sort((a, b) => often(a.name) - often(b.name)),
      width,
    ),
    ...columns(
      [
        ['-V, --version', 'Show the version.'],
        ['-h, --help', 'Show this message.'],
      ],
      width,
    ),
    '',
    ...wrap(`Accepted for compatibility, without effect: ${idle.flatMap((spec) => spec.names).join(', ')}.`, width),
  ];
}

/**
 * @param path as typed: [] for the program, ['docs'] for a group, otherwise a command
 * @param terminal width of the terminal in columns
 * @returns the text with a final newline
 */
export function helpText(path: readonly string[], description: string, terminal: number): string {
  const width = Math.min(terminal, MOST_WIDTH);
  const spec = COMMANDS.find((command) => command.path.join(' ') === path.join(' '));
  const lines = spec === undefined ? groupHelp(path, description, width) : commandHelp(spec, width);
  return `${[...lines, '', ...everyCommand(width)].join('\n')}\n`;
}

function commandHelp(spec: CommandSpec, width: number): string[] {
  const { argument, options, summary } = spec;
  const second = argument?.second === undefined ? '' : ` [${argument.second.name.toUpperCase()}]`;
  const action = argument === undefined ? '' : ` [${argument.name.toUpperCase()}]${second}`;
  const own = options.filter((option) => option.hidden !== true);
  const actions = Object.entries(argument?.choices ?? {});
  return [
    `Usage: ${[NAME, ...spec.path].join(' ')} [OPTIONS]${action}`,
    '',
    ...wrap(summary, width),
    ...(spec.aliases === undefined ? [] : ['', `Also: ${spec.aliases.join(', ')}`]),
    ...(argument === undefined
      ? []
      : actions.length === 0
        ? ['', `${argument.name.toUpperCase()}: ${argument.help}`]
        : ['', `${argument.name.toUpperCase()}: ${argument.help}`, ...columns(actions, width)]),
    ...(argument?.second === undefined ? [] : ['', `${argument.second.name.toUpperCase()}: ${argument.second.help}`]),
    ...(own.length === 0
      ? []
      : [
          '',
          'Options:',
          ...optionRows(
            [...own].sort((a, b) => rank(a.name) - rank(b.name)),
            width,
          ),
        ]),
  ];
}

function groupHelp(path: readonly string[], description: string, width: number): string[] {
  const within = COMMANDS.filter((command) => path.every((word, i) => command.path[i] === word));
  return [
    `Usage: ${[NAME, ...path].join(' ')} [OPTIONS] COMMAND [ARGS]...`,
    '',
    ...wrap(description, width),
    '',
    'Commands:',
    ...columns(
      within.map((command) => [command.path.slice(path.length).join(' '), command.summary]),
      width,
    ),
    '',
    `\`${[NAME, ...path].join(' ')} COMMAND --help\` shows the options of a command.`,
  ];
}
