// Builds completion scripts for bash, zsh and fish: commands, actions, options and allowed values from the option
// tables. Scripts request node names with `tsdbt completion nodes`; the shell completes files.
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

/** What follows an option: allowed words, node names, or files; one of them, or several. */
interface Follows {
  readonly kind: 'words' | 'nodes' | 'free';
  readonly many: boolean;
  readonly words: readonly string[];
}

/** Options whose value is a selection. */
const SELECTIONS: ReadonlySet<string> = new Set(['select', 'exclude', 'models']);

function follows({ name, kind, choices }: OptionSpec): Follows | null {
  if (kind === 'switch' || kind === 'pair') return null;
  const many = kind === 'list';
  if (choices !== undefined) return { kind: 'words', many, words: choices };
  return { kind: SELECTIONS.has(name) ? 'nodes' : 'free', many, words: [] };
}

/**
 * Shell cases for what follows each option with a value: `*" --state"` if it means the same everywhere, `"ls --output"`
 * if commands differ, as for `-f`.
 */
function cases(): { readonly patterns: readonly string[]; readonly what: Follows }[] {
  const meanings = new Map<string, Map<string, { what: Follows | null; paths: string[] }>>();
  const add = (path: string, options: readonly OptionSpec[]): void => {
    for (const option of visible(options)) {
      const what = follows(option);
      for (const name of option.names) {
        const found = meanings.get(name) ?? new Map<string, { what: Follows | null; paths: string[] }>();
        const key = JSON.stringify(what);
        found.set(key, { what, paths: [...(found.get(key)?.paths ?? []), path] });
        meanings.set(name, found);
      }
    }
  };
  add('*', GLOBAL_OPTIONS);
  for (const { path, spec } of places()) if (spec !== undefined) add(path.join(' '), spec.options);
  const byMeaning = new Map<string, { patterns: string[]; what: Follows }>();
  for (const [name, found] of meanings) {
    for (const [key, { what, paths }] of found) {
      if (what === null) continue;
      const patterns = found.size === 1 ? [`*" ${name}"`] : paths.map((path) => `"${path} ${name}"`);
      const known = byMeaning.get(key);
      byMeaning.set(key, { what, patterns: [...(known?.patterns ?? []), ...patterns] });
    }
  }
  return [...byMeaning.values()];
}

const wordsOf = (choices: readonly Choice[]): string => choices.map(({ word }) => word).join(' ');
const isPath = (): string[] =>
  places()
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `"${path.join(' ')}"`);

/** In single quotes. */
const shellText = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const fishText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;

/**
 * Functions for bash and zsh that read the words before the cursor. They set `place` (the command), `kind` and `values`
 * (what is expected there), and `folder` (the project's).
 */
function reader(): string[] {
  return [
    `_${NAME}_option() {`,
    '  kind="" many="" values=""',
    '  case "$1" in',
    ...cases().map(
      ({ patterns, what }) =>
        `    ${patterns.join('|')}) kind=${what.kind}${what.many ? ' many=1' : ''}` +
        `${what.words.length > 0 ? ` values="${what.words.join(' ')}"` : ''} ;;`,
    ),
    '  esac',
    '}',
    `_${NAME}_read() {`,
    '  local each wanted=""',
    '  place="" kind="" many="" values="" folder="."',
    '  for each in "$@"; do',
    '    if [[ $each == "=" ]]; then continue; fi',
    '    if [[ $each == -* ]]; then',
    `      wanted="$each"; _${NAME}_option "$place $each"`,
    '      case "$each" in --project-dir=*) folder="${each#*=}" ;; esac',
    '    elif [[ -n $kind ]]; then',
    '      [[ $wanted == --project-dir ]] && folder="$each"',
    '      [[ -z $many ]] && kind=""',
    '    else',
    '      case "${place:+$place }$each" in',
    `        ${isPath().join('|')}) place="\${place:+$place }$each" ;;`,
    '      esac',
    '    fi',
    '  done',
    '  case "$folder" in "~/"*) folder="$HOME/${folder#"~/"}" ;; esac',
    '}',
  ];
}

function bash(): string {
  return [
    `# bash completion of ${NAME}: source <(${NAME} completion bash)`,
    ...reader(),
    `_${NAME}() {`,
    '  local word="${COMP_WORDS[COMP_CWORD]}" place kind many values folder words="" whole prefix="" each',
    "  local IFS=$' \\t\\n'",
    '  COMPREPLY=()',
    `  _${NAME}_read "\${COMP_WORDS[@]:1:COMP_CWORD-1}"`,
    '  [[ $word == "=" ]] && word=""',
    // Words are as typed, including quotes.
    '  folder="${folder//[\\"\\\'\\\\]/}"',
    '  case "$kind" in',
    '    words) [[ -z $many || $word != -* ]] && { COMPREPLY=($(compgen -W "$values" -- "$word")); return; } ;;',
    '    free) [[ -z $many || $word != -* ]] && return ;;',
    '    nodes)',
    '      if [[ $word != -* ]]; then',
    // bash splits words at colons: the whole word is read from the line, and suggestions begin after the last colon.
    '        whole="${COMP_LINE:0:COMP_POINT}"; whole="${whole##*[ =]}"',
    '        [[ $whole == [+@]* ]] && { prefix="${whole:0:1}"; whole="${whole:1}"; }',
    `        COMPREPLY=($(compgen -P "$prefix" -W "$(${NAME} completion nodes "$folder" 2>/dev/null)" -- "$whole"))`,
    '        if [[ $whole == *:* && $COMP_WORDBREAKS == *:* ]]; then',
    '          for each in "${!COMPREPLY[@]}"; do COMPREPLY[each]="${COMPREPLY[each]#"$prefix${whole%:*}:"}"; done',
    '        fi',
    '        return',
    '      fi ;;',
    '  esac',
    '  case "$place" in',
    ...places().map(
      ({ path, next, spec }) =>
        `    "${path.join(' ')}") words="${wordsOf(next)} ${wordsOf(spellings(spec?.options ?? []))}" ;;`,
    ),
    '  esac',
    `  [[ $word == -* || -n $place ]] && words="$words ${wordsOf(EVERYWHERE)}"`,
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    `complete -o default -F _${NAME} ${NAME}`,
    '',
  ].join('\n');
}

function zsh(): string {
  const described = (choices: readonly Choice[]): string =>
    choices.map(({ word, help }) => shellText(`${word}:${help}`)).join(' ');
  return [
    `#compdef ${NAME}`,
    `# zsh completion of ${NAME}: source <(${NAME} completion zsh)`,
    ...reader(),
    `_${NAME}() {`,
    '  local place kind many values folder',
    '  local -a found',
    `  _${NAME}_read "\${(@Q)words[2,CURRENT-1]}"`,
    `  if [[ \${words[CURRENT]} == --*=* ]]; then _${NAME}_option "$place \${words[CURRENT]%%=*}"; compset -P '*='; fi`,
    '  if [[ -n $kind && ( -z $many || ${words[CURRENT]} != -* ) ]]; then',
    '    case "$kind" in',
    '      words) compadd -- ${=values} ;;',
    `      nodes) compset -P '[+@]'; compadd -- \${(f)"$(${NAME} completion nodes "$folder" 2>/dev/null)"} ;;`,
    '      *) _files ;;',
    '    esac',
    '    return',
    '  fi',
    '  case "$place" in',
    ...places().map(
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
  const valued = visible([...GLOBAL_OPTIONS, ...COMMANDS.flatMap(({ options }) => options)]).filter(
    (option) => follows(option) !== null && follows(option)?.many === false,
  );
  const takesValue = [...new Set(valued.flatMap(({ names }) => names.filter((name) => name.startsWith('--'))))];
  const options = (specs: readonly OptionSpec[], condition: string): string[] =>
    visible(specs).flatMap((option) => {
      const { names, kind, help } = option;
      const long = names.find((name) => name.startsWith('--'))?.slice(2);
      const short = names.find((name) => !name.startsWith('--'))?.slice(1);
      const what = follows(option);
      const value =
        what === null
          ? ''
          : what.kind === 'words'
            ? ` -x -a '${what.words.join(' ')}'`
            : what.kind === 'nodes'
              ? ` -x -a '(__${NAME}_nodes)'`
              : ' -rF';
      const line = (name: string | undefined, letter: string | undefined, more: string): string =>
        `complete -c ${NAME}${condition}` +
        `${letter === undefined ? '' : ` -s ${letter}`}` +
        `${name === undefined ? '' : ` -l ${name}`}${more} -d ${fishText(help)}`;
      return [
        line(long, short, value),
        ...(kind === 'pair' && long !== undefined ? [line(`no-${long}`, undefined, '')] : []),
      ];
    });
  const at = (path: readonly string[]): string => ` -n '__${NAME}_at ${path.join(' ')}'`;
  return [
    `# fish completion of ${NAME}: ${NAME} completion fish | source`,
    `function __${NAME}_at`,
    '  set -l place',
    '  set -l before',
    '  for word in (commandline -opc)[2..-1]',
    `    if not contains -- "$before" ${takesValue.join(' ')}`,
    '      set -l joined (string join " " -- $place $word)',
    `      contains -- $joined ${isPath().join(' ')}; and set place $place $word`,
    '    end',
    '    set before $word',
    '  end',
    '  test "$place" = "$argv"',
    'end',
    `function __${NAME}_nodes`,
    '  set -l folder .',
    '  set -l before',
    '  for word in (commandline -opc)',
    '    test "$before" = --project-dir; and set folder (string replace -r "^~/" "$HOME/" -- $word)',
    '    string match -q -- "--project-dir=*" $word; and set folder (string replace -- --project-dir= "" $word)',
    '    set before $word',
    '  end',
    '  set -l prefix (string match -r "^[+@]" -- (commandline -ct | string replace -r "^--\\w+=" ""))',
    `  ${NAME} completion nodes $folder 2>/dev/null | string replace -r '^' "$prefix"`,
    'end',
    `complete -c ${NAME} -f`,
    ...places().flatMap(({ path, next, spec }) => [
      ...next.map(({ word, help }) => `complete -c ${NAME}${at(path)} -a ${word} -d ${fishText(help)}`),
      ...options(spec?.options ?? [], at(path)),
    ]),
    ...options(GLOBAL_OPTIONS, ''),
    `complete -c ${NAME} -s h -l help -d 'Show this message.'`,
    `complete -c ${NAME} -s V -l version -d 'Show the version.'`,
    '',
  ].join('\n');
}
