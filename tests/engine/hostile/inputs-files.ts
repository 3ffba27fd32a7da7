// Hostile files beside templates and YAML: what an earlier run left, seeds, fixtures, docs, .env, names that become
// paths, and what is no file at all.
import { type FileContent, HARMLESS, type HostileInput, MODEL, PROJECT, times } from './input.ts';
import { COMMANDS } from './inputs-commands.ts';

const BROKEN: Readonly<Record<string, FileContent>> = {
  null: 'null',
  'a list': '[]',
  'an empty object': '{}',
  'a number': '5',
  'a text': '"x"',
  nothing: '',
  'half of it': '{"metadata": {"dbt_schema_ver',
  binary: new Uint8Array([0, 255, 254, 1, 2, 10, 0, 10]),
  'a folder': { put: 'folder' },
  'a FIFO': { put: 'fifo' },
  '/proc/self/mem': { link: '/proc/self/mem' },
  '/dev/zero': { link: '/dev/zero' },
  'a link to itself': { link: 'itself' },
  'lists in lists': times('[', 100_000) + times(']', 100_000),
  'lines of null': 'null\nnull\nnull\nnull\n',
  'keys of no object': '{"__proto__": {"polluted": 1}}',
};
const version = (kind: string, v: number, rest: string): string =>
  `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/${kind}/v${v}.json", "generated_at": ` +
  `"2024-01-01T00:00:00Z"}${rest}}`;
const odd = (kind: string, v: number, keys: readonly string[]): Record<string, string> =>
  Object.fromEntries([
    ['nothing but metadata', version(kind, v, '')],
    ...keys.flatMap((key) =>
      ['null', '5', '[]', '{}', '[null]', '{"a": null}', '[{}]', '{"model.p.a": {}}', '{"model.p.a": 5}', '"x"'].map(
        (value) => [`${key} that is ${value}`, version(kind, v, `, "${key}": ${value}`)],
      ),
    ),
  ]);

/**
 * Which file, in which commands, and more forms than the broken ones. A file that the user names must be named in the
 * error; one that is ours is made anew.
 */
const LEFT: readonly {
  readonly path: string;
  readonly commands: readonly (readonly string[])[];
  readonly more?: Readonly<Record<string, string>>;
  readonly named?: boolean;
  readonly setting?: HostileInput['files'];
}[] = [
  {
    path: 'prod/manifest.json',
    named: true,
    commands: [
      ['ls', '--select', 'state:modified+', '--state', 'prod'],
      ['compile', '--no-introspect', '--defer', '--state', 'prod', '--favor-state'],
    ],
    more: odd('manifest', 12, ['nodes', 'sources', 'macros', 'metadata', 'parent_map', 'semantic_models']),
  },
  {
    path: 'prod/run_results.json',
    named: true,
    commands: [
      ['ls', '--select', 'result:error', '--state', 'prod'],
      ['retry', '--state', 'prod'],
    ],
    more: odd('run-results', 6, ['results', 'args']),
  },
  {
    path: 'prod/sources.json',
    named: true,
    commands: [['ls', '--select', 'source_status:fresher+', '--state', 'prod']],
    more: odd('sources', 3, ['results']),
  },
  {
    path: 'prod/run.journal',
    commands: [
      ['retry', '--state', 'prod'],
      ['ls', '--select', 'result:error', '--state', 'prod'],
    ],
    more: {
      'an odd start': '{"k":"start"}\n',
      'a start of nothing': '{"k":"start","args":null,"selected":5,"pid":"x"}\n',
      'odd lines':
        '{"k":"start","invocation_id":"x","command":"run","args":{"which":"run"},"started_at":"x",' +
        '"pid":999999999,"selected":["model.p.a"]}\n{"k":"result"}\n{"k":"batches"}\n{"k":"batch","id":1}\n' +
        '{"k":"begin"}\n',
    },
  },
  {
    path: 'target/run.journal',
    commands: [['parse'], ['compile', '--no-introspect']],
    more: {
      'an odd start': '{"k":"start"}\n',
      'odd lines':
        '{"k":"start","invocation_id":"x","command":"run","args":{},"started_at":"x","pid":999999999,' +
        '"selected":[5]}\n{"k":"result","result":null}\n{"k":"batches","id":"a","all":5}\n',
    },
  },
  { path: 'target/run_results.json', commands: [['retry']], named: true },
  { path: 'target/partial_parse.msgpack', commands: [['parse']] },
  { path: 'target/manifest.json', commands: [['parse']] },
  { path: 'target/semantic_manifest.json', commands: [['parse']] },
  { path: 'target/graph_summary.json', commands: [['ls']] },
  { path: 'kept.cache', commands: [['parse', '--partial-parse-file-path', 'kept.cache']] },
  { path: 'dbt_project.yml', named: true, commands: [['parse']] },
  { path: 'profiles.yml', named: true, commands: [['parse']] },
  { path: 'packages.yml', commands: [['deps']] },
  { path: 'package-lock.yml', commands: [['deps'], ['parse']] },
  { path: 'selectors.yml', commands: [['ls', '--selector', 'a']] },
  { path: '.env', commands: [['parse']] },
  { path: '.dbtignore', commands: [['parse']] },
  { path: 'models/b.sql', commands: [['parse']] },
  { path: 'models/s.yml', commands: [['parse']] },
  { path: 'models/d.md', commands: [['parse']] },
  { path: 'macros/m.sql', commands: [['parse']] },
  { path: 'seeds/c.csv', commands: [['parse'], ['ls', '--resource-type', 'seed']] },
  {
    path: 'tests/fixtures/f.csv',
    commands: [['parse']],
    setting: {
      'models/s.yml':
        'unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: f}], expect: {rows: []}}]',
    },
  },
  { path: 'logs/dbt.log', commands: [['parse']] },
  { path: 'logs', commands: [['parse']] },
  { path: 'target', commands: [['parse'], ['compile', '--no-introspect']] },
  { path: 'models', commands: [['parse']] },
  { path: 'target/compiled', commands: [['compile', '--no-introspect']] },
  { path: 'target/compiled/p/models/a.sql', commands: [['compile', '--no-introspect']] },
];
const left: HostileInput[] = LEFT.flatMap(({ path, commands, more, named, setting }) =>
  Object.entries({ ...BROKEN, ...more }).flatMap(([what, content]) =>
    commands.map(
      (command): HostileInput => ({
        name: `${path} is ${what}: ${command.join(' ')}`,
        command,
        files: { ...MODEL, ...setting, [path]: content },
        exit: HARMLESS,
        ...(named && what !== 'a link to itself' ? { names: path.split('/').at(-1)! } : {}),
      }),
    ),
  ),
);
/** Parts of a kept parse that this program has not written. */
const caches: HostileInput[] = ['null\n[]\n{}', '{}\n{}\n{}', '{"files": null}\n[]\n5'].map((body) => ({
  name: `a kept parse of ${body.replaceAll('\n', ' ')}`,
  command: ['parse'],
  files: { ...MODEL, 'target/partial_parse.msgpack': `${'0'.repeat(64)}\n${body}` },
  exit: HARMLESS,
}));

const DATABASE_STATE = ['null', '[]', '{}', '5', '{"x": null}', '', 'half {', '[[1]]'];
const states: HostileInput[] = [
  ...[
    'view_state.json',
    'test_state.json',
    'freshness.json',
    'run_results.json',
    'catalog.json',
    'sources.json',
    'run.journal',
  ].flatMap((file) =>
    DATABASE_STATE.map(
      (content): HostileInput => ({
        name: `target/${file} is ${content || 'empty'}: build`,
        command: ['build'],
        database: true,
        exit: [0],
        files: { ...MODEL, [`target/${file}`]: content },
      }),
    ),
  ),
  ...['a folder', 'a FIFO', 'a link to itself', '/dev/zero', 'binary'].flatMap((what) =>
    ['view_state.json', 'test_state.json', 'run_results.json', 'run.journal', 'catalog.json'].map(
      (file): HostileInput => ({
        name: `target/${file} is ${what}: build, docs generate`,
        command: file === 'catalog.json' ? ['docs', 'generate'] : ['build'],
        database: true,
        exit: HARMLESS,
        files: { ...MODEL, [`target/${file}`]: BROKEN[what]! },
      }),
    ),
  ),
];

const ODD_NAMES = [
  '../../escape',
  '../../../escape',
  '/tmp/escape-tsdbt',
  '..',
  '.',
  'a/../../../../escape',
  'x\\..\\..\\escape',
  times('n', 300),
  times('n', 70),
  'a\u0000b',
  'a\nb',
  'a\'b"c;--',
  '__proto__',
  'constructor',
  'toString',
  'ünïcödé',
  '$(touch escape)',
  'CON',
  ' ',
  '',
];
const names: HostileInput[] = ODD_NAMES.flatMap((name): HostileInput[] => {
  const text = JSON.stringify(name);
  const each = (
    what: string,
    command: readonly string[],
    files: HostileInput['files'],
    database = false,
  ): HostileInput => ({
    name: `${what} ${text}`,
    command,
    files: { ...MODEL, ...files },
    exit: HARMLESS,
    ...(database ? { database } : {}),
  });
  return [
    each('a model with the alias', ['compile', '--no-introspect'], {
      'models/a.sql': `{{ config(alias=${text}) }} select 1 as b`,
    }),
    each('a model with the schema', ['run'], { 'models/a.sql': `{{ config(schema=${text}) }} select 1 as b` }, true),
    each(
      'a model built with the alias',
      ['run'],
      { 'models/a.sql': `{{ config(alias=${text}) }} select 1 as b` },
      true,
    ),
    each(
      'a singular test in YAML of a model named',
      ['build'],
      { 'models/s.yml': `models: [{name: a, data_tests: [{unique: {name: ${text}, column_name: b}}]}]` },
      true,
    ),
    each(
      'a unit test named',
      ['build'],
      { 'models/s.yml': `unit_tests: [{name: ${text}, model: a, given: [], expect: {rows: [{b: 1}]}}]` },
      true,
    ),
    each(
      'a snapshot named',
      ['build'],
      {
        'snapshots/s.yml':
          `snapshots: [{name: ${text}, relation: ref('a'), config: {strategy: check, check_cols: all, ` +
          'unique_key: b}}]',
      },
      true,
    ),
    each('a project named', ['compile', '--no-introspect'], { 'dbt_project.yml': `name: ${text}\nprofile: p\n` }),
    each('model-paths', ['compile', '--no-introspect'], { 'dbt_project.yml': `${PROJECT}model-paths: [${text}]\n` }),
    each('macro-paths', ['parse'], { 'dbt_project.yml': `${PROJECT}macro-paths: [${text}]\n` }),
    each('seed-paths', ['parse'], { 'dbt_project.yml': `${PROJECT}seed-paths: [${text}]\n` }),
    each('docs-paths', ['parse'], { 'dbt_project.yml': `${PROJECT}docs-paths: [${text}]\n` }),
    each('asset-paths', ['docs', 'generate'], { 'dbt_project.yml': `${PROJECT}asset-paths: [${text}]\n` }, true),
    { ...each('target-path', ['parse'], { 'dbt_project.yml': `${PROJECT}target-path: ${text}\n` }), anywhere: true },
    { ...each('log-path', ['parse'], { 'dbt_project.yml': `${PROJECT}log-path: ${text}\n` }), anywhere: true },
    {
      ...each('packages-install-path', ['deps'], {
        'dbt_project.yml': `${PROJECT}packages-install-path: ${text}\n`,
        'packages.yml': 'packages: [{local: other}]\n',
        'other/dbt_project.yml': "name: o\nversion: '1.0'\n",
      }),
      anywhere: true,
    },
    each('a package named', ['deps'], {
      'packages.yml': 'packages: [{local: other}]\n',
      'other/dbt_project.yml': `name: ${text}\nversion: '1.0'\n`,
    }),
    each('clean-targets', ['clean'], { 'dbt_project.yml': `${PROJECT}clean-targets: [${text}]\n` }),
    each('a source named', ['compile', '--no-introspect'], {
      'models/s.yml':
        `sources: [{name: ${text}, ` + `tables: [{name: ${text}, columns: [{name: ${text}, data_tests: [unique]}]}]}]`,
    }),
    each('a target named', ['compile', '--no-introspect', '--target', name], {}),
    each('a profile named', ['compile', '--no-introspect', '--profile', name], {}),
    each('a selector named', ['ls', '--selector', name], {
      'selectors.yml': `selectors: [{name: ${text}, definition: ${text}}]`,
    }),
    each('a macro called', ['run-operation', name], {}),
    each('a group, a semantic model and a metric named', ['parse'], {
      'models/s.yml':
        `groups: [{name: ${text}, owner: {name: x}}]\nmetrics: [{name: ${text}, label: x, type: simple, ` +
        `type_params: {measure: ${text}}}]\nexposures: [{name: ${text}, type: dashboard, owner: {email: x}}]`,
    }),
    each('a state in', ['ls', '--select', 'state:new', '--state', name], {}),
    each('a fixture named', ['parse'], {
      'models/s.yml':
        `unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: ${text}}], expect: {rows: ` +
        '[]}}]',
    }),
  ];
});
const paths: HostileInput[] = [
  'model.with.dots',
  'model with spaces',
  '__proto__',
  'constructor',
  'toString',
  '-',
  '--select',
  '*',
  '[a',
  'ö',
  times('n', 250),
  "a'b",
  '{{ 1 }}',
  '%s',
  '$x',
].map((name) => ({
  name: `a file named ${name}.sql`,
  command: ['compile', '--no-introspect'],
  files: {
    [`models/${name}.sql`]: "select '{{ this }}' as b",
    [`macros/${name}.sql`]: '{% macro x() %}{% endmacro %}',
    [`tests/${name}.sql`]: 'select 1',
  },
  exit: HARMLESS,
}));

const MILLION = 1_000_000;
const TEXTS: readonly [string, string, FileContent, HostileInput['files']?][] = [
  ['a model of 30 MB without Jinja', 'models/b.sql', () => times('select 1 as a union all\n', 1_300_000)],
  ['a model with 200,000 tags', 'models/b.sql', () => times('{{ 1 }}\n', 200_000)],
  ['a line of 10 MB with an error', 'models/b.sql', () => `${times('x', 10 * MILLION)}{{ 1 / 0 }}`],
  ['a line of 10 MB with a broken tag', 'models/b.sql', () => `${times('x', 10 * MILLION)}{% if %}`],
  [
    '20,000 macros',
    'macros/b.sql',
    () => Array.from({ length: 20_000 }, (_, i) => `{% macro m${i}() %}{{ m${i + 1}() }}{% endmacro %}`).join('\n'),
  ],
  ['20 MB of docs', 'models/b.md', () => times('{% docs a %}x{% enddocs %}\n', 700_000)],
  ['one docs block of 30 MB', 'models/b.md', () => `{% docs a %}${times('x', 30 * MILLION)}{% enddocs %}`],
  ['a seed of 30 MB', 'seeds/b.csv', () => `a,b\n${times('1,2\n', 7_000_000)}`],
  ['a seed of a million columns', 'seeds/b.csv', () => `${times('a,', MILLION)}\n${times('1,', MILLION)}\n`],
  ['a seed of quotes', 'seeds/b.csv', () => times('"', MILLION + 1)],
  ['a seed of one cell', 'seeds/b.csv', () => `a\n"${times('x\n', 5 * MILLION)}"\n`],
  [
    'YAML of 10 MB in a scalar',
    'models/s.yml',
    () => `models:\n  - name: a\n    description: "${times('x', 10 * MILLION)}"\n`,
  ],
  [
    'YAML of 20,000 models',
    'models/s.yml',
    () => `models:\n${Array.from({ length: 20_000 }, (_, i) => `  - name: m${i}\n    description: x\n`).join('')}`,
  ],
  ['flow YAML of 200,000 items', 'models/s.yml', () => `models: [{name: a, meta: {x: [${times('1,', 200_000)}]}}]`],
  ['a million empty lines of YAML', 'models/s.yml', () => times('\n', MILLION)],
  ['a million spaces before a key', 'models/s.yml', () => `models:\n${times(' ', MILLION)}- name: a\n`],
  ['a million dashes', 'models/s.yml', () => times('-', MILLION)],
  ['a million quotes', 'models/s.yml', () => `a: ${times("'", MILLION)}`],
  ['.env of 20 MB', '.env', () => times('A=1\n', 5 * MILLION)],
  ['.env of one line', '.env', () => `A=${times('x', 10 * MILLION)}`],
  ['.env of quotes', '.env', () => `A="${times('\\"', 200_000)}`],
  ['.env of references', '.env', () => `A=1\n${Array.from({ length: 60 }, () => 'A=${A}${A}\n').join('')}`],
  ['.dbtignore of 20,000 patterns', '.dbtignore', () => times('**/a*b*c*d*e*f*g*h/**\n', 20_000)],
  [
    '.dbtignore that backtracks',
    '.dbtignore',
    `${times('*a', 40)}\n`,
    { [`models/${times('a', 200)}.sql`]: 'select 1' },
  ],
  ['.dbtignore of spans', '.dbtignore', `${times('**/', 40)}b\n`, { [`models/${times('a/', 40)}c.sql`]: 'select 1' }],
  ['.dbtignore with broken classes', '.dbtignore', '[z-a]\n[\n[!]\n\\\n!\n/\n[[:foo:]]\n'],
  ['fixtures of 10 MB', 'tests/fixtures/f.csv', () => times('1,2\n', 2 * MILLION)],
  ['a comment never closed of 10 MB', 'models/b.sql', () => `{# ${times('-', 10 * MILLION)}`],
  ['spaces in a tag', 'models/b.sql', () => `{{ 1${times(' ', 2 * MILLION)}}}`],
  [
    'dashes and spaces before a tag',
    'models/b.sql',
    () => `${times(' \n', MILLION)}{%- if 1 -%}${times(' \n', MILLION)}{%- endif -%}`,
  ],
  ['a string never closed in a tag', 'models/b.sql', () => `{{ '${times('\\\\', MILLION)}`],
  [
    'a config of 100,000 keys',
    'models/b.sql',
    () => `{{ config(${Array.from({ length: 100_000 }, (_, i) => `k${i}=1`).join(',')}) }}select 1`,
  ],
  ['5,000 refs', 'models/b.sql', () => times("{{ ref('a') }}", 5_000)],
  ['a test block never closed', 'tests/generic/b.sql', '{% test a(model) %}'],
  ['a snapshot block in a model', 'models/b.sql', '{% snapshot a %}select 1{% endsnapshot %}'],
  ['words that open a block', 'models/b.sql', () => times('{% snapshot ', 100_000)],
  ['words that open a comment', 'macros/b.sql', () => times('{# ', 300_000)],
  [
    'a source of 20,000 tables',
    'models/s.yml',
    () => `sources: [{name: s, tables: [${Array.from({ length: 20_000 }, (_, i) => `{name: t${i}}`).join(',')}]}]`,
  ],
  ['with clauses never closed', 'models/b.sql', () => `with ${times('a as (', 100_000)}`],
  ['comments of SQL never closed', 'models/b.sql', () => `select 1 ${times('/* ', 200_000)}`],
  ['spaces at the end of 2 MB', 'models/b.sql', () => `select 1${times(' ', 2 * MILLION)}x`],
  ['semicolons', 'models/b.sql', () => times(';', 2 * MILLION)],
];
const large: HostileInput[] = TEXTS.flatMap(([name, path, content, more]) =>
  [['parse'], ...(/^models\/b\.sql|ephemeral/.test(path) ? [['compile', '--no-introspect']] : [])].map(
    (command): HostileInput => ({
      name: `${name}: ${command[0]}`,
      command,
      files: { ...MODEL, ...more, [path]: content },
      exit: HARMLESS,
      // A warning each for 20,000 names
      says: 3 * MILLION,
    }),
  ),
);

export const FILES: readonly HostileInput[] = [
  ...left,
  ...caches,
  ...names,
  ...paths,
  ...large,
  ...COMMANDS,
  ...states,
];
