// Builds completion scripts for bash, zsh and fish: commands, actions, options and allowed values, from the tables of
// the command line. The shell completes files; node names are not completed.
import { type CommandSpec, COMMANDS } from '../project/command-table.ts';
import { GLOBAL_OPTIONS } from '../project/global-options.ts';
import type { OptionSpec } from '../project/option-spec.ts';

const NAME = 'tsdbt';

/** A word that may follow, and its description. */
interface Choice {
  readonly word: string;
  readonly help: string;
}

/** @returns the script for the shell, with a final newline; null for an unsupported shell */
export function completionScript(shell: string): string | null {
  return shell === 'bash' ? bash() : shell === 'zsh' ? zsh() : shell === 'fish' ? fish() : null;
}

function visible(options: readonly OptionSpec[]): readonly OptionSpec[] {
  return options.filter((option) => option.hidden !== true);
}

/** Spellings of options, including `--no-x`. */
function spellings(options: readonly OptionSpec[]): Choice[] {
  return visible(options).flatMap(({ names, kind, help }) => {
    const long = names.filter((name) => name.startsWith('--')).slice(0, 1);
    const short = names.filter((name) => !name.startsWith('--')).slice(0, 1);
    const negative = kind === 'pair' ? long.map((name) => `--no-${name.slice(2)}`) : [];
    return [...short, ...long, ...negative].map((word) => ({ word, help }));
  });
}

const EVERYWHERE: readonly Choice[] = [
  ...spellings(GLOBAL_OPTIONS),
  { word: '--help', help: 'Show this message.' },
  { word: '--version', help: 'Show the version.' },
];

/** Every prefix of words that names a command or a group, with the words that may follow. */
function places(): {
  readonly path: readonly string[];
  readonly next: readonly Choice[];
  readonly spec?: CommandSpec;
}[] {
  const roots: Choice[] = COMMANDS.flatMap(({ path: [first = '', second], aliases = [], summary }) =>
    second === undefined
      ? [first, ...aliases].map((word) => ({ word, help: summary }))
      : [{ word: first, help: first === 'docs' ? 'Write or serve the documentation.' : 'Work with sources.' }],
  ).filter(({ word }, i, all) => all.findIndex((other) => other.word === word) === i);
  const groups = [...new Set(COMMANDS.filter(({ path }) => path.length > 1).map(({ path: [first = ''] }) => first))];
  return [
    { path: [], next: roots },
    ...groups.map((group) => ({
      path: [group],
      next: COMMANDS.filter(({ path }) => path.length > 1 && path[0] === group).map(({ path, summary }) => ({
        word: path[1] ?? '',
        help: summary,
      })),
    })),
    ...COMMANDS.flatMap((spec) =>
      [spec.path, ...(spec.aliases ?? []).map((alias) => [...spec.path.slice(0, -1), alias])].map((path) => ({
        path,
        spec,
        next: Object.entries(spec.argument?.choices ?? {}).map(([word, help]) => ({ word, help })),
      })),
    ),
  ];
}

/** Options with a list of allowed values, by spelling; the union where commands differ. */
function allowedWords(): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const option of visible([...GLOBAL_OPTIONS, ...COMMANDS.flatMap(({ options }) => options)]))
    if (option.choices !== undefined)
      for (const name of option.names) words.set(name, [...new Set([...(words.get(name) ?? []), ...option.choices])]);
  return words;
}

/** Options whose value is not completed here: a path, a number, a text. */
function freeValues(): string[] {
  const options = visible([...GLOBAL_OPTIONS, ...COMMANDS.flatMap((spec) => spec.options)]);
  const free = options.filter(({ kind, choices }) => kind !== 'switch' && kind !== 'pair' && choices === undefined);
  return [...new Set(free.flatMap(({ names }) => names))];
}

const wordsOf = (choices: readonly Choice[]): string => choices.map(({ word }) => word).join(' ');
/** Escapes for single quotes in every shell; brackets and colons are special in zsh. */
const quoted = (text: string): string => text.replaceAll("'", '').replaceAll(/[[\]:\\]/g, ' ');

function bash(): string {
  const paths = places();
  const isPath = paths.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(' ')}"`);
  return [
    `# bash completion of ${NAME}: source <(${NAME} completion bash)`,
    `_${NAME}() {`,
    '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" i',
    '  COMPREPLY=()',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case "${path:+$path }${COMP_WORDS[i]}" in',
    `      ${isPath.join('|')}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;`,
    '    esac',
    '  done',
    '  case "$before" in',
    ...[...allowedWords()].map(
      ([option, words]) => `    ${option}) COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$word")); return ;;`,
    ),
    `    ${freeValues().join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;`,
    '  esac',
    '  case "$path" in',
    ...paths.map(
      ({ path, next, spec }) =>
        `    "${path.join(' ')}") words="${wordsOf(next)} ${wordsOf(spellings(spec?.options ?? []))}" ;;`,
    ),
    '  esac',
    `  [[ $word == -* || -n $path ]] && words="$words ${wordsOf(EVERYWHERE)}"`,
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    `complete -o default -F _${NAME} ${NAME}`,
    '',
  ].join('\n');
}

function zsh(): string {
  const paths = places();
  const isPath = paths.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(' ')}"`);
  const described = (choices: readonly Choice[]): string =>
    choices.map(({ word, help }) => `'${word}:${quoted(help)}'`).join(' ');
  return [
    `#compdef ${NAME}`,
    `# zsh completion of ${NAME}: source <(${NAME} completion zsh)`,
    `_${NAME}() {`,
    '  local place="" i',
    '  local -a found',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    case "${place:+$place }${words[i]}" in',
    `      ${isPath.join('|')}) place="\${place:+$place }\${words[i]}" ;;`,
    '    esac',
    '  done',
    '  case "${words[CURRENT-1]}" in',
    ...[...allowedWords()].map(([option, words]) => `    ${option}) compadd -- ${words.join(' ')}; return ;;`),
    `    ${freeValues().join('|')}) _files; return ;;`,
    '  esac',
    '  case "$place" in',
    ...paths.map(
      ({ path, next, spec }) =>
        `    "${path.join(' ')}") found=(${described([...next, ...spellings(spec?.options ?? [])])}) ;;`,
    ),
    '  esac',
    `  [[ \${words[CURRENT]} == -* ]] && found+=(${described(EVERYWHERE)})`,
    `  _describe '${NAME}' found`,
    '}',
    // compinit autoloads the file as the function itself; a sourced script must register it by compdef.
    `if [[ \${funcstack[1]} == _${NAME} ]]; then _${NAME} "$@"; else compdef _${NAME} ${NAME}; fi`,
    '',
  ].join('\n');
}

function fish(): string {
  const at = (path: readonly string[]): string =>
    path.length === 0
      ? '__fish_use_subcommand'
      : path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const options = (specs: readonly OptionSpec[], condition: string): string[] =>
    visible(specs).flatMap(({ names, kind, help, choices }) => {
      const long = names.find((name) => name.startsWith('--'))?.slice(2);
      const short = names.find((name) => !name.startsWith('--'))?.slice(1);
      const value =
        kind === 'switch' || kind === 'pair' ? '' : choices === undefined ? ' -r' : ` -x -a '${choices.join(' ')}'`;
      const line = (name: string | undefined, letter: string | undefined, more: string): string =>
        `complete -c ${NAME}${condition === '' ? '' : ` -n '${condition}'`}` +
        `${letter === undefined ? '' : ` -s ${letter}`}` +
        `${name === undefined ? '' : ` -l ${name}`}${more} -d '${quoted(help)}'`;
      return [
        line(long, short, value),
        ...(kind === 'pair' && long !== undefined ? [line(`no-${long}`, undefined, '')] : []),
      ];
    });
  return [
    `# fish completion of ${NAME}: ${NAME} completion fish | source`,
    `complete -c ${NAME} -f`,
    ...places().flatMap(({ path, next, spec }) => [
      ...next.map(({ word, help }) => `complete -c ${NAME} -n '${at(path)}' -a ${word} -d '${quoted(help)}'`),
      ...options(spec?.options ?? [], at(path)),
    ]),
    ...options(GLOBAL_OPTIONS, ''),
    `complete -c ${NAME} -s h -l help -d 'Show this message.'`,
    `complete -c ${NAME} -s V -l version -d 'Show the version.'`,
    '',
  ].join('\n');
}
