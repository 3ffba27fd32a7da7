// Writes those parts of docs/ that repeat tables of the code: commands.md from the options, the tables of errors.md,
// the exports in artifacts.md. `node scripts/docs.mjs` writes, `--check` compares and exits 1. Prose is written by
// hand.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportsOf as load, loadSettings, settingsTables } from './settings.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Environment variables that belong to no option. A new one in src/ must be added here; a test compares. */
export const VARIABLES = [
  ['Secrets and templates', null],
  [
    'DBT_ENV_SECRET…',
    'Available to `env_var` only in `profiles.yml`, `packages.yml` and `connections.yml`; masked in all output',
  ],
  ['DBT_ENV_CUSTOM_ENV_…', "Copied to the artifacts' metadata, under the name without this prefix"],
  [
    'TSDBT_HASH_KEY',
    'Key for `hash` and for encrypted dead letters. Required if a source has `hash` or `drop`: ' +
      '[hash and drop](settings.md#hash-and-drop)',
  ],
  ['Packages', null],
  ['DBT_PACKAGE_HUB_URL', "Package hub to use instead of dbt's"],
  ['DBT_HTTP_TIMEOUT', 'Seconds after which a download without data is aborted'],
  ['DBT_ENV_PRIVATE_GIT_PROVIDER_INFO', 'Tokens for `private:` packages, as in dbt'],
  ['HTTP_PROXY, HTTPS_PROXY, NO_PROXY', 'Proxy for downloads; lower case is accepted too'],
  ['Postgres', null],
  [
    'PGPASSWORD',
    "Password if the profile has none. Not sent to remote servers named in the project's own `profiles.yml`",
  ],
  ['PGSSLMODE, PGSSLCERT, PGSSLKEY, PGSSLROOTCERT, PGREQUIRESSL', 'TLS settings missing in the profile, as in libpq'],
  ['PGTARGETSESSIONATTRS', 'Server to choose if the profile has no `target_session_attrs`, as in libpq'],
  ['PGTZ, PGOPTIONS', 'Time zone and settings of the session, as in libpq'],
  ['ClickHouse', null],
  [
    'TSDBT_ALLOW_EXTERNAL_ACCESS',
    '`1` allows SQL on the embedded ClickHouse to access files, programs and other servers: ' +
      '[ClickHouse](clickhouse.md#what-sql-may-reach)',
  ],
  ['System', null],
  ['DO_NOT_TRACK', 'Sets `send_anonymous_usage_stats` to false; nothing is sent either way'],
  ['NO_COLOR', 'Any value disables colors; the option `--use-colors` and its variable take precedence'],
  ['HOME, USERPROFILE', 'Folder that contains `.dbt/profiles.yml` and `.postgresql`'],
  ['SUDO_UID', 'Set by `sudo`: root also reads a `.env` that belongs to this user'],
  [
    'XDG_STATE_HOME',
    'Folder whose `tsdbt` folder contains the signing key and the data of embedded servers; default `~/.local/state`',
  ],
  ['TSDBT_ENDS_WITH_PARENT', 'Set by `tsdbt mcp` for the commands that it starts: they end when it ends'],
  ['TSDBT_NO_LINK', '`1`: `npm start` does not link `tsdbt` as a global program'],
  ['Serving and lineage', null],
  ['TSDBT_SERVE_TOKEN', 'Token required to pause, resume and start jobs on the web page of `tsdbt serve`'],
  [
    'TSDBT_SERVE_READ_TOKEN',
    'Token required by `tsdbt serve` for everything except metrics and health; generated if not set',
  ],
  [
    'OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT, OPENLINEAGE_API_KEY, OPENLINEAGE_NAMESPACE, OPENLINEAGE_DISABLED, ' +
      'OPENLINEAGE_DBT_JOB_NAME, OPENLINEAGE__TRANSPORT__TYPE, OPENLINEAGE__TRANSPORT__LOG_FILE_PATH, ' +
      'OPENLINEAGE__TRANSPORT__URL, OPENLINEAGE__TRANSPORT__ENDPOINT',
    'Destination of [OpenLineage events](openlineage.md)',
  ],
  ['For tests of tsdbt', null],
  ['TSDBT_ASK_AFTER', 'Seconds without a response after which the server is asked about a statement (20)'],
  ['TSDBT_LEASE', 'Length of the leases of `tsdbt serve` in seconds (30); must be equal on all hosts'],
  ['TSDBT_FAULT_POINT', 'Kills a loader at a named point of a flush'],
];

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('{{', '`{{').replaceAll('}}', '}}`');
const code = (text) => `\`${text}\``;

function spelling({ kind, names }) {
  const value = { switch: '', pair: '' }[kind] ?? ' VALUE';
  const all = names.map((name) => code(name + (kind === 'list' ? ' VALUE…' : value)));
  const long = names.find((name) => name.startsWith('--'));
  return [...all, ...(kind === 'pair' ? [code(`--no-${long.slice(2)}`)] : [])].join(' ');
}

function fallback({ kind, default: value }) {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0) || value === '{}')
    return kind === 'pair' || kind === 'switch' ? 'no' : '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return code(Array.isArray(value) ? value.join(' ') : value);
}

function row(option) {
  const choices = option.choices === undefined ? '' : ` One of ${option.choices.map(code).join(', ')}.`;
  const env = option.env ? code(option.env) : '';
  return `| ${spelling(option)} | ${env} | ${fallback(option)} | ${cell(option.help)}${choices} |`;
}

const HEAD = ['| Option | Variable | Default | Meaning |', '|---|---|---|---|'];
/** Options that most commands share are listed once, to keep each command's table short. */
const key = (option) => JSON.stringify(option);

/** The text of docs/commands.md. */
export async function commandsPage() {
  const { COMMANDS, GLOBAL_OPTIONS, RENAMED_VARIABLES } = await load(
    'src/project/command-table.ts',
    'src/project/global-options.ts',
    'src/project/option-spec.ts',
  );
  const uses = new Map();
  for (const command of COMMANDS)
    for (const option of command.options)
      uses.set(key(option), [...(uses.get(key(option)) ?? []), command.path.join(' ')]);
  const shared = [...uses].filter(([, commands]) => commands.length > 3);
  const lines = [
    '# Commands, options and variables',
    '',
    '<!-- Written by `node scripts/docs.mjs` from the option tables of src/project/. -->',
    '',
    ...wrap(
      "Names, defaults and meanings are dbt's. `completion`, `db`, `diff`, `impact`, `jobs`, `lineage`, `load`, " +
        '`lsp`, `mcp`, `plan`, `produce`, `publish`, `query`, `runs`, `serve`, `sla`, `--every`, `--if-changed` and ' +
        '`--timeout` exist only in tsdbt.',
    ),
    '',
    ...wrap(
      'An option takes precedence over its environment variable, then `flags:` in `dbt_project.yml`, then `flags:` ' +
        'in `~/.dbt/user_settings.yml`. Each `DBT_…` variable can also be written `DBT_ENGINE_…`, which takes ' +
        'precedence.',
    ),
    '',
    '| Exit code | Meaning |',
    '|---|---|',
    '| 0 | success; for `load` and `--every` also a signal |',
    '| 1 | a node or a test failed, or a check found a problem |',
    '| 2 | invalid project, profile or command line; interrupted by a signal; stdout not writable |',
    '| 130, 143 | stopped immediately by a second signal |',
    '',
    'If the reader of stdout exits, as in `tsdbt build | head`, a command still completes its work, as in',
    'dbt. `list`, `show`, `query`, `diff` and `lineage` stop.',
    '',
    '## Commands',
    '',
    '| Command | What it does |',
    '|---|---|',
    ...COMMANDS.map(({ path, aliases = [], summary, argument }) => {
      const second = argument?.second === undefined ? '' : ` ${argument.second.name.toUpperCase()}`;
      const words =
        argument === undefined
          ? ''
          : argument.choices === undefined
            ? ` ${argument.name.toUpperCase()}`
            : ` ${Object.keys(argument.choices).join('\\|')}${second}`;
      const others = aliases.map((alias) => `, ${code(alias)}`).join('');
      return `| [\`tsdbt ${path.join(' ')}\`](#${path.join('-')})${words}${others} | ${cell(summary)} |`;
    }),
    '',
    '## Shared options',
    '',
    'The sections below list which of these options each command accepts.',
    '',
    ...HEAD,
    ...shared.map(([text]) => row(JSON.parse(text))),
    '',
  ];
  for (const { path, summary, options, argument } of COMMANDS) {
    const own = options.filter((option) => uses.get(key(option)).length <= 3 && option.hidden !== true);
    const common = options.filter((option) => uses.get(key(option)).length > 3 && option.hidden !== true);
    lines.push(`## ${path.join(' ')}`, '', summary, '');
    if (argument?.choices !== undefined)
      lines.push(
        `${argument.help}`,
        '',
        ...Object.entries(argument.choices).map(([word, what]) => `- ${code(word)}: ${cell(what)}`),
        '',
      );
    if (own.length > 0) lines.push(...HEAD, ...own.map(row), '');
    const others = common.map((option) => code(option.names.find((name) => name.startsWith('--'))));
    if (others.length > 0) lines.push(...wrap(`Also: ${others.join(', ')}.`), '');
  }
  lines.push(
    '## Options of every command',
    '',
    'These options can be placed before or after the command.',
    '',
    ...HEAD,
    ...GLOBAL_OPTIONS.filter(({ hidden }) => hidden !== true).map(row),
    '',
    'These options are hidden from `--help`, as in dbt:',
    '',
    ...HEAD,
    ...GLOBAL_OPTIONS.filter(({ hidden }) => hidden === true).map(row),
    '',
    '## Other variables',
    '',
    ...wrap(
      'Variables can also be defined in a `.env` file. The shell takes precedence. tsdbt reads the `.env` in the ' +
        'working directory or the nearest parent, up to the root of the git repository (or of the project). The ' +
        'file must belong to the user who runs tsdbt, or to root.',
    ),
    '',
    ...wrap(
      '`env_var()` can read all variables in `.env`. tsdbt itself reads only options from it: variables that start ' +
        'with `DBT_`, `NO_COLOR` and `DO_NOT_TRACK`.',
    ),
    '',
    ...wrap(
      'Set these in the shell instead: `DBT_PACKAGE_HUB_URL`, `DBT_HOST`, proxies, `PG…`, `GIT_…`, `OPENLINEAGE_…`. ' +
        'Keys and tokens (`TSDBT_HASH_KEY`, `TSDBT_SERVE_TOKEN`, `TSDBT_SERVE_READ_TOKEN`) in `.env` cause a warning.',
    ),
    '',
    '| Variable | Meaning |',
    '|---|---|',
    ...VARIABLES.map(([name, meaning]) =>
      meaning === null ? `| **${name}** | |` : `| ${name.split(', ').map(code).join(', ')} | ${meaning} |`,
    ),
    '',
    'Deprecated names, accepted with a warning:',
    `${RENAMED_VARIABLES.map(({ old }) => code(old)).join(', ')}.`.replace(/(.{60,98},) /g, '$1\n'),
    '',
  );
  return lines.join('\n');
}

function wrap(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const next = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`;
    if (next.length > 98) lines.push(word);
    else lines[lines.length - 1] = next;
  }
  return lines;
}

/** The table of log events, by code. */
async function eventTable() {
  const { EVENTS } = await load('src/events/index.ts');
  const rows = Object.entries(EVENTS).map(([name, { code: id, level }]) => [id, name, level]);
  return [
    '| Code | Event | Level |',
    '|---|---|---|',
    ...rows
      .sort(([a, name], [b, other]) => a.localeCompare(b, 'en') || name.localeCompare(other, 'en'))
      .map(
        ([id, name, level]) => `| ${code(id)} | ${name} | ${typeof level === 'function' ? 'by its result' : level} |`,
      ),
  ];
}

const begin = (part) => `<!-- Written by \`node scripts/docs.mjs\` (${part}): from here … -->`;
const END = '<!-- … to here. -->';

/** A page with one of its tables replaced. */
function withTable(page, part, table) {
  const [before, rest] = page.split(begin(part));
  if (rest === undefined) throw new Error(`no place for ${part}`);
  const after = rest.slice(rest.indexOf(END));
  return [`${before}${begin(part)}`, '', ...table, '', after].join('\n');
}

/** A message in a table cell: facts appear as `<name>`, lines are joined. */
const said = (text) =>
  text === null
    ? ''
    : text
        .replace(/\s*\n\s*/g, ' ')
        .trim()
        // A backslash in a code span is literal; there only `|` needs an escape.
        .replace(/`[^`]*`|[\\|<>*_[\]`]/g, (part) => (part.length > 1 ? part.replaceAll('|', '\\|') : `\\${part}`));

/** docs/errors.md with its tables regenerated. */
export async function errorsPage(page) {
  const { ERROR_KINDS, documentedErrors } = await load('src/errors.ts', 'src/error-table.ts');
  const kinds = Object.entries(ERROR_KINDS).map(
    ([kind, row]) => `| ${code(row.code)} | ${kind} | ${row.heading} | ${row.exitCode} |`,
  );
  const errors = documentedErrors()
    .toSorted((a, b) => a.code.localeCompare(b.code, 'en'))
    .map(({ code: id, text, hint }) => `| ${code(id)} | ${said(text)} | ${said(hint)} |`);
  const tables = {
    kinds: ['| Code | Kind | Heading | Exit code |', '|---|---|---|---|', ...kinds.sort()],
    errors: ['| Code | Message | Hint |', '|---|---|---|', ...errors],
    events: await eventTable(),
  };
  return Object.entries(tables).reduce((text, [part, table]) => withTable(text, part, table), page);
}

/** Names that src/index.ts exports, types among them. */
export function libraryExports() {
  const text = readFileSync(join(root, 'src/index.ts'), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) =>
    names
      .split(',')
      .map((name) =>
        name
          .trim()
          .replace(/^type /, '')
          .replace(/^\w+ as /, ''),
      )
      .filter((name) => name !== ''),
  );
  const declared = [...text.matchAll(/^export (?:async )?(?:function|const|interface|class|type) (\w+)/gm)];
  return [...new Set([...listed, ...declared.map(([, name]) => name)])].sort();
}

/** docs/artifacts.md with the exports that its table does not explain. */
export function artifactsPage(page) {
  const rows = new Set([...page.matchAll(/^\| (`\w+[(`][^|]*)/gm)].flatMap(([, cell]) => cell.match(/(?<=`)\w+/g)));
  const others = libraryExports().filter((name) => !rows.has(name));
  return withTable(page, 'exports', ['```text', ...wrap(others.join(', ')), '```']);
}

/** Pages with tables of settings, by path. */
export async function settingsPages() {
  return Object.entries(settingsTables(await loadSettings())).map(([name, tables]) => {
    const path = join(root, 'docs', name);
    return [
      path,
      Object.entries(tables).reduce((text, [part, rows]) => withTable(text, part, rows), readFileSync(path, 'utf8')),
    ];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const errors = join(root, 'docs', 'errors.md');
  const pages = [
    [join(root, 'docs', 'commands.md'), await commandsPage()],
    [join(root, 'docs', 'artifacts.md'), artifactsPage(readFileSync(join(root, 'docs', 'artifacts.md'), 'utf8'))],
    ...(existsSync(errors) ? [[errors, await errorsPage(readFileSync(errors, 'utf8'))]] : []),
    ...(await settingsPages()),
  ];
  for (const [path, text] of pages) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    if (!process.argv.includes('--check')) writeFileSync(path, text);
    else {
      process.stderr.write(`${path} is not what the code says: run node scripts/docs.mjs\n`);
      process.exitCode = 1;
    }
  }
}
