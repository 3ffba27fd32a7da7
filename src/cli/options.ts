// Builds the command line on commander: dbt's commands and options and tsdbt's own, with click's usage errors. Handlers
// run the commands; src/project/flags.ts interprets the options.
import { Command, CommanderError, Option } from 'commander';
import { errorOf } from '../error-table.ts';
import { ERROR_KINDS, type ErrorDetails, TsdbtError } from '../errors.ts';
import { type CommandSpec, COMMANDS } from '../project/command-table.ts';
import { GLOBAL_OPTIONS } from '../project/global-options.ts';
import type { OptionSpec } from '../project/option-spec.ts';
import { convertOption } from '../project/option-value.ts';
import type { CliOptions } from '../project/flags.ts';
import { closeMatches } from '../values/close-matches.ts';
import { helpText } from './help-text.ts';

/** A command as typed. */
export interface ParsedCommand {
  /** dbt's name: `run`, `generate` for `docs generate`, `freshness` for `source freshness`. */
  readonly which: string;
  /** The name that was typed: `ls` or `list`. */
  readonly name?: string | undefined;
  /** Converted values of the typed options, by flag name. */
  readonly options: CliOptions;
  readonly positional: readonly string[];
  /** Typed spellings that dbt deprecates: `--models`, `--model`, `-m`. */
  readonly deprecatedSpellings: readonly string[];
}

/** @returns exit code */
export type CommandHandler = (command: ParsedCommand) => Promise<number>;

export interface ProgramOptions {
  /** Text of `--version`. */
  readonly version: string;
  readonly writeOut: (text: string) => void;
  /** Called with the handler's exit code. */
  readonly onExit: (code: number) => void;
}

const NAME = 'tsdbt';
const VERSION: OptionSpec = {
  name: 'version',
  kind: 'switch',
  names: ['--version', '-V', '-v'],
  help: 'Show the version.',
};
const DEPRECATED_SPELLINGS = new Set(['--models', '--model', '-m']);

/** Raw values typed at one level (before or after the command). */
interface Level {
  readonly typed: Map<OptionSpec, string[]>;
  readonly spellings: Set<string>;
}

/**
 * Creates the commander program. `program.parseAsync(argv, { from: 'user' })` throws `usage` errors with click's
 * messages.
 * @param handlers by `which`
 */
export function createProgram(handlers: Readonly<Record<string, CommandHandler>>, options: ProgramOptions): Command {
  const program = prepare(new Command(NAME), [], options);
  program
    .description('Runs dbt projects on Postgres and ClickHouse, with nothing to set up.')
    .enablePositionalOptions();
  const root = addOptions(program, GLOBAL_OPTIONS, options);
  const groups = new Map<string, { command: Command; level: Level }>();
  for (const spec of COMMANDS) {
    const [first = '', second] = spec.path;
    let parent = program;
    const levels = [root];
    if (second !== undefined) {
      let group = groups.get(first);
      if (group === undefined) {
        const command = prepare(program.command(first), [first], options).description(
          first === 'docs' ? 'Write or serve the documentation.' : 'Work with sources.',
        );
        command.enablePositionalOptions();
        group = { command, level: addOptions(command, GLOBAL_OPTIONS, options) };
        groups.set(first, group);
        onUnknownCommand(command, [first]);
      }
      parent = group.command;
      levels.push(group.level);
    }
    const command = prepare(parent.command(second ?? first), spec.path, options)
      .description(spec.summary)
      .aliases([...(spec.aliases ?? [])]);
    for (const { name, help } of argumentsOf(spec)) command.argument(`[${name}]`, help);
    // Options are created lazily, with their command: a table of a thousand options takes longer than a small run.
    const lazy: { level?: Level } = {};
    parent.hook('preSubcommand', (_parent, chosen) => {
      if (chosen === command) lazy.level = addOptions(command, [...GLOBAL_OPTIONS, ...spec.options], options);
    });
    command.action(async () => {
      options.onExit(
        await runHandler(handlers, spec, command, [...levels, ...(lazy.level === undefined ? [] : [lazy.level])]),
      );
    });
  }
  onUnknownCommand(program, []);
  return program;
}

/**
 * @returns the exit code if commander stopped after help or version was shown, otherwise null. Any other error of
 *   commander is thrown as a `usage` error.
 */
export function exitAfterHelp(error: unknown): number | null {
  return error instanceof CommanderError ? error.exitCode : null;
}

function prepare(command: Command, path: readonly string[], options: ProgramOptions): Command {
  return command
    .helpOption('-h, --help', 'Show this message.')
    .helpCommand(false)
    .allowExcessArguments(true)
    .configureHelp({
      formatHelp: (shown, helper) => helpText(path, shown.description(), helper.helpWidth ?? 80),
    })
    .configureOutput({ writeOut: options.writeOut, writeErr: options.writeOut, outputError: () => undefined })
    .exitOverride((error) => {
      if (error.exitCode === 0 || error.code === 'commander.help') throw error;
      throw usageError(error, command, path);
    });
}

/** Reached if no command of a group matches. */
function onUnknownCommand(group: Command, path: readonly string[]): void {
  group.action(() => {
    const [typed] = group.args;
    if (typed === undefined) {
      group.outputHelp();
      throw new CommanderError(path.length === 0 ? 0 : ERROR_KINDS.usage.exitCode, 'commander.help', '(outputHelp)');
    }
    const names = group.commands.map((command) => command.name());
    throw refused(path, group, `No such command '${typed}'.${didYouMean(closeMatches(typed, names))}`);
  });
}

function addOptions(command: Command, specs: readonly OptionSpec[], options: ProgramOptions): Level {
  const level: Level = { typed: new Map(), spellings: new Set() };
  for (const spec of specs) {
    const value =
      spec.kind === 'switch' || spec.kind === 'pair' ? '' : spec.kind === 'list' ? ' <value...>' : ' <value>';
    spec.names.forEach((name, i) => {
      const option = new Option(name + value, spec.help);
      option.hidden = spec.hidden === true || i > 0;
      addOption(command, option, (raw) => {
        record(level, spec, raw ?? 'true');
        if (DEPRECATED_SPELLINGS.has(name)) level.spellings.add(name);
      });
      if (spec.kind === 'pair' && name.startsWith('--')) {
        const negative = new Option(`--no-${name.slice(2)}`, spec.help);
        negative.hidden = true;
        addOption(command, negative, () => record(level, spec, 'false'));
      }
    });
  }
  for (const [i, name] of VERSION.names.entries()) {
    const option = new Option(name, VERSION.help);
    option.hidden = i > 0;
    addOption(command, option, () => {
      options.writeOut(`${options.version}\n`);
      throw new CommanderError(0, 'commander.version', options.version);
    });
  }
  return level;
}

function addOption(command: Command, option: Option, listener: (raw: string | undefined) => void): void {
  command.addOption(option);
  command.on(`option:${option.name()}`, listener);
}

function record(level: Level, spec: OptionSpec, raw: string): void {
  const typed = level.typed.get(spec);
  // The last value wins, except for options that collect values.
  if (typed !== undefined && spec.kind === 'list') typed.push(raw);
  else level.typed.set(spec, [raw]);
}

async function runHandler(
  handlers: Readonly<Record<string, CommandHandler>>,
  spec: CommandSpec,
  command: Command,
  levels: readonly Level[],
): Promise<number> {
  const [first, name] = command.args;
  const second = first !== undefined && spec.argument?.second?.after.includes(first) ? spec.argument.second : undefined;
  if (first !== undefined && spec.argument?.choices !== undefined && !Object.hasOwn(spec.argument.choices, first)) {
    throw refused(
      spec.path,
      command,
      `Invalid value for '[${spec.argument.name.toUpperCase()}]': '${first}' is not one of ` +
        `${Object.keys(spec.argument.choices)
          .map((choice) => `'${choice}'`)
          .join(', ')}.`,
    );
  }
  const allowed = spec.argument === undefined ? 0 : second === undefined ? 1 : 2;
  const extra = command.args.slice(allowed);
  if (extra.length > 0)
    throw refused(
      spec.path,
      command,
      `Got unexpected extra argument${extra.length > 1 ? 's' : ''} (${extra.join(' ')})`,
    );
  if (second !== undefined && name === undefined)
    throw refused(spec.path, command, `Missing argument '${second.name.toUpperCase()}'.`);
  const values: Record<string, unknown> = {};
  const spellings: string[] = [];
  for (const level of levels) {
    spellings.push(...level.spellings);
    for (const [option, raw] of level.typed) {
      if (option.name in values) {
        throw refused(
          spec.path,
          command,
          `${option.name} was provided both before and after the subcommand, it can only be set either before ` +
            'or after.',
        );
      }
      try {
        values[option.name] = convertOption(option, option.kind === 'list' ? raw : (raw[0] ?? ''));
      } catch (error) {
        if (!(error instanceof TsdbtError) || error.kind !== 'usage') throw error;
        throw refused(spec.path, command, error.message, { code: error.details.code });
      }
    }
  }
  const needed = spec.argument?.only;
  if (first !== undefined && needed !== undefined && values[needed] !== true)
    throw refused(spec.path, command, `Got unexpected extra argument (${first})`);
  const handler = handlers[spec.which];
  if (handler === undefined) throw errorOf('unknownCommand', { command: spec.path.join(' ') });
  return handler({
    which: spec.which,
    name: command.parent?.args[0],
    options: values,
    positional: command.args,
    deprecatedSpellings: spellings,
  });
}

/** The words that may follow the command, in order. */
function argumentsOf({ argument }: CommandSpec): { readonly name: string; readonly help: string }[] {
  if (argument === undefined) return [];
  return argument.second === undefined ? [argument] : [argument, argument.second];
}

function usageError(error: CommanderError, command: Command, path: readonly string[]): TsdbtError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const known = [
    ...GLOBAL_OPTIONS,
    ...(COMMANDS.find((spec) => spec.path.join(' ') === path.join(' '))?.options ?? []),
  ];
  switch (error.code) {
    case 'commander.unknownOption': {
      const [name = ''] = quoted.split('=');
      const spec = known.find((option) => option.names.includes(name));
      if (spec !== undefined && quoted.includes('=')) return errorOf('optionTakesNoValue', { option: name });
      const names = known.flatMap((option) => [
        ...option.names.filter((long) => long.startsWith('--')),
        ...(option.kind === 'pair'
          ? option.names.filter((long) => long.startsWith('--')).map((long) => `--no-${long.slice(2)}`)
          : []),
      ]);
      return refused(
        path,
        command,
        'No such option ' +
          `'${name}'.${name.startsWith('--') ? didYouMean(closeMatches(name, ['--help', '--version', ...names])) : ''}`,
      );
    }
    case 'commander.optionMissingArgument': {
      const name = quoted.split(/[ ,]/)[0] ?? '';
      return errorOf('optionNeedsArgument', { option: name });
    }
    default:
      return refused(path, command, error.message.replace(/^error: /, ''));
  }
}

function refused(path: readonly string[], command: Command, message: string, details: ErrorDetails = {}): TsdbtError {
  const typed = command.parent?.args[0];
  const words = typed !== undefined && command.aliases().includes(typed) ? [...path.slice(0, -1), typed] : path;
  const full = [NAME, ...words].join(' ');
  const usage =
    command.commands.length > 0
      ? '[OPTIONS] COMMAND [ARGS]...'
      : `[OPTIONS]${command.registeredArguments.map((argument) => ` [${argument.name().toUpperCase()}]`).join('')}`;
  return errorOf('commandLineRefused', { usage: `${full} ${usage}`, command: full, why: message }, details);
}

function didYouMean(matches: readonly string[]): string {
  const [only] = matches;
  if (only === undefined) return '';
  const list = [...matches]
    .sort()
    .map((match) => `'${match}'`)
    .join(', ');
  return matches.length === 1 ? ` Did you mean ${list}?` : ` (Did you mean one of: ${list}?)`;
}
