// Hostile YAML in every file that is YAML, and values of the wrong shape under the keys that dbt knows.
import { HARMLESS, type HostileInput, PROJECT, times } from './input.ts';

const ALIASES = Array.from(
  { length: 9 },
  (_, i) =>
    `${'abcdefghi'[i]}: &${'abcdefghi'[i]} [${i === 0 ? times('x,', 9) : times(`*${'abcdefghi'[i - 1]},`, 9)}]\n`,
).join('');
const MERGES = Array.from(
  { length: 40 },
  (_, i) => `k${i}: &k${i} {${i === 0 ? 'x: 1' : `<<: [*k${i - 1}, *k${i - 1}], y${i}: 1`}}\n`,
).join('');
const NEST = 20_000;

/** Texts that a reader of YAML may choke on. */
const SHAPES: Readonly<Record<string, string | Uint8Array>> = {
  'lists in lists': `a: ${times('[', NEST)}${times(']', NEST)}\n`,
  'lists never closed': `a: ${times('[', NEST)}\n`,
  'mappings in mappings': `a: ${times('{a: ', NEST)}1${times('}', NEST)}\n`,
  'block lists in block lists': `a:\n  ${times('- ', NEST)}1\n`,
  'block mappings in block mappings': Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
  'question marks': `${times('? ', NEST)}a\n`,
  'an alias bomb': ALIASES,
  'a merge bomb': MERGES,
  'an anchor in itself': 'a: &a [*a]\nname: p\n',
  'an anchor merged with itself': 'a: &a {<<: *a, b: 1}\nname: p\n',
  'two anchors in each other': 'a: &a {b: &b {c: *a, <<: *a}}\n',
  'an anchor that is the whole': '&a {name: p, models: *a}\n',
  'an anchor as its own key': '&a {*a : 1}\n',
  'an alias to nothing': 'a: *nothing\n',
  'a merge of nothing': 'a: {<<: 1}\n',
  'a merge of a list of itself': 'a: &a [{<<: *a}]\n',
  'ten thousand anchors': Array.from(
    { length: 10_000 },
    (_, i) => `k${i}: &k${i} ${i === 0 ? 1 : `*k${i - 1}`}\n`,
  ).join(''),
  'a long chain of anchors': Array.from(
    { length: 10_000 },
    (_, i) => `k${i}: &k${i} [${i === 0 ? 1 : `*k${i - 1}`}]\n`,
  ).join(''),
  'a tab': 'a:\n\t- b\n',
  'a NUL byte': 'a: b\u0000\n',
  'bytes that are no UTF-8': new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a]),
  'UTF-16': new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0, 0x20, 0, 0x31, 0]),
  'a Python object': 'a: !!python/object/apply:os.system [ls]\n',
  'a binary tag': 'a: !!binary "@@@"\n',
  'a tag of its own': 'a: !x [1]\n',
  'a set, an ordered map and pairs': 'a: !!set {b}\nc: !!omap [d: 1]\ne: !!pairs [f: 1]\n',
  'an int of a million digits': `a: ${times('9', 1_000_000)}\n`,
  'a float beyond all': 'a: 1.0e+999999\nb: .inf\nc: .nan\n',
  'absurd sexagesimal': `a: ${times('1:', 10_000)}1\n`,
  'absurd dates': 'a: 9999-99-99\nb: 0000-00-00 99:99:99\n',
  'a list as a key': '? [a, b]\n: 1\n',
  'a mapping as a key': '{a: 1}: 2\n',
  'two documents': 'a: 1\n---\nb: 2\n',
  'a directive': '%YAML 9.9\n---\na: 1\n',
  'quotes never closed': 'a: "b\n',
  nothing: '',
  'only a comment': '# a\n',
  null: 'null\n',
  'a number': '5\n',
  'a text': 'hello\n',
  'a list': '[1, 2]\n',
  '__proto__ and constructor': '__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n',
};

const FILES: Readonly<Record<string, { command: readonly string[]; files?: HostileInput['files']; prefix?: string }>> =
  {
    'dbt_project.yml': { command: ['parse'] },
    'profiles.yml': { command: ['parse'] },
    'models/s.yml': { command: ['parse'] },
    'packages.yml': { command: ['deps'] },
    'package-lock.yml': { command: ['parse'], files: { 'packages.yml': 'packages: [{local: x}]\n' } },
    'dependencies.yml': { command: ['deps'] },
    'selectors.yml': { command: ['ls', '--selector', 'a'] },
    'jobs.yml': { command: ['jobs'] },
    'connections.yml': {
      command: ['load', 'status'],
      files: {
        'models/a.yml':
          'sources: [{name: r, tables: [{name: t, config: {meta: {tsdbt: {load: {topic: t, connection: c}}}}, ' +
          'columns: [{name: a, data_type: text}]}]}]\n',
      },
    },
  };

const shapes: HostileInput[] = Object.entries(FILES).flatMap(([path, { command, files }]) =>
  Object.entries(SHAPES).map(
    ([what, text]): HostileInput => ({
      name: `${path} with ${what}`,
      command,
      files: { ...files, [path]: text },
      exit: HARMLESS,
    }),
  ),
);

/** Behind keys that make the file a valid one up to there, so that the value goes further than the first check. */
const INSIDE: Readonly<Record<string, (value: string) => [string, string]>> = {
  'vars of dbt_project.yml': (value) => ['dbt_project.yml', `${PROJECT}vars:\n  v: ${value}\n`],
  'models of dbt_project.yml': (value) => ['dbt_project.yml', `${PROJECT}models:\n  p:\n    +meta: ${value}\n`],
  'a meta': (value) => ['models/s.yml', `models:\n  - name: a\n    config:\n      meta: {m: ${value}}\n`],
  'the arguments of a test': (value) => [
    'models/s.yml',
    `models:\n  - name: a\n    data_tests:\n      - t: {x: ${value}}\n`,
  ],
  'rows of a unit test': (value) => [
    'models/s.yml',
    `unit_tests:\n  - name: u\n    model: a\n    given: []\n    expect: {rows: ${value}}\n`,
  ],
};
const VALUES: Readonly<Record<string, string>> = {
  'lists in lists': `${times('[', NEST)}${times(']', NEST)}`,
  'mappings in mappings': `${times('{a: ', NEST)}1${times('}', NEST)}`,
  'lists in lists, 900 deep': `${times('[', 900)}${times(']', 900)}`,
  'an alias bomb': `{${ALIASES.replaceAll('\n', ', ')}}`,
  'an anchor in itself': '&a [*a]',
  'an anchor merged with itself': '&a {<<: *a, b: 1}',
  'an absurd number': times('9', 100_000),
};
const inside: HostileInput[] = Object.entries(INSIDE).flatMap(([where, make]) =>
  Object.entries(VALUES).map(([what, value]): HostileInput => {
    const [path, text] = make(value);
    return {
      name: `${what} in ${where}`,
      command: ['compile', '--no-introspect'],
      exit: HARMLESS,
      files: {
        'models/a.sql': "select {{ var('v', 1) | string | length }}",
        'tests/generic/t.sql': '{% test t(model, x) %}select {{ x | string | length }}{% endtest %}',
        [path]: text,
      },
    };
  }),
);

const ODD = [
  'null',
  '[]',
  '{}',
  '5',
  '"x"',
  '[null]',
  '{a: {b: [1]}}',
  'true',
  '-1.5',
  '[[1]]',
  '2020-01-01',
  '"{{ 1 / 0 }}"',
  '"{{ nosuch() }}"',
  '{__proto__: 1}',
  '.nan',
];
/** Keys of properties: the value stands in the place of `@`. */
const KEYS: readonly string[] = [
  'models: @',
  'models: [@]',
  'models: [{name: @}]',
  'models: [{name: a, columns: @}]',
  'models: [{name: a, columns: [@]}]',
  'models: [{name: a, columns: [{name: @}]}]',
  'models: [{name: a, columns: [{name: b, data_tests: @}]}]',
  'models: [{name: a, columns: [{name: b, data_tests: [@]}]}]',
  'models: [{name: a, columns: [{name: b, data_tests: [{unique: @}]}]}]',
  'models: [{name: a, columns: [{name: b, data_tests: [{unique: {config: @}}]}]}]',
  'models: [{name: a, columns: [{name: b, constraints: @}]}]',
  'models: [{name: a, columns: [{name: b, constraints: [@]}]}]',
  'models: [{name: a, columns: [{name: b, data_type: @}]}]',
  'models: [{name: a, config: @}]',
  'models: [{name: a, config: {tags: @}}]',
  'models: [{name: a, config: {meta: @}}]',
  'models: [{name: a, config: {contract: @}}]',
  'models: [{name: a, config: {grants: @}}]',
  'models: [{name: a, config: {pre_hook: @}}]',
  'models: [{name: a, config: {schema: @}}]',
  'models: [{name: a, config: {alias: @}}]',
  'models: [{name: a, config: {enabled: @}}]',
  'models: [{name: a, config: {materialized: @}}]',
  'models: [{name: a, config: {docs: @}}]',
  'models: [{name: a, config: {event_time: @}}]',
  'models: [{name: a, config: {batch_size: @, materialized: incremental, incremental_strategy: microbatch, ' +
    'event_time: b, begin: "2020-01-01"}}]',
  'models: [{name: a, config: {begin: @, materialized: incremental, incremental_strategy: microbatch, ' +
    'event_time: b, batch_size: day}}]',
  'models: [{name: a, config: {lookback: @, materialized: incremental, incremental_strategy: microbatch, ' +
    'event_time: b, batch_size: day, begin: "2020-01-01"}}]',
  'models: [{name: a, versions: @}]',
  'models: [{name: a, versions: [@]}]',
  'models: [{name: a, latest_version: @, versions: [{v: 1}]}]',
  'models: [{name: a, versions: [{v: @}]}]',
  'models: [{name: a, versions: [{v: 1, columns: [@]}]}]',
  'models: [{name: a, access: @}]',
  'models: [{name: a, group: @}]',
  'models: [{name: a, deprecation_date: @}]',
  'models: [{name: a, constraints: [@]}]',
  'models: [{name: a, time_spine: @}]',
  'models: [{name: a, description: @}]',
  'models: [{name: a, docs: @}]',
  'sources: @',
  'sources: [@]',
  'sources: [{name: @}]',
  'sources: [{name: s, tables: @}]',
  'sources: [{name: s, tables: [@]}]',
  'sources: [{name: s, tables: [{name: @}]}]',
  'sources: [{name: s, tables: [{name: t, freshness: @}]}]',
  'sources: [{name: s, tables: [{name: t, freshness: {warn_after: @}}]}]',
  'sources: [{name: s, quoting: @}]',
  'sources: [{name: s, tables: [{name: t, loaded_at_field: @}]}]',
  'sources: [{name: s, schema: @}]',
  'sources: [{name: s, overrides: @}]',
  'sources: [{name: s, tables: [{name: t, config: {meta: {tsdbt: {load: @}}}}]}]',
  'seeds: [{name: a, config: {column_types: @}}]',
  'snapshots: @',
  'snapshots: [@]',
  'snapshots: [{name: n, relation: @}]',
  'snapshots: [{name: n, relation: ref("a"), config: @}]',
  'snapshots: [{name: n, relation: ref("a"), config: {strategy: @, unique_key: a}}]',
  'exposures: [@]',
  'exposures: [{name: e, type: @, owner: {email: x}}]',
  'exposures: [{name: e, type: dashboard, owner: @}]',
  'exposures: [{name: e, type: dashboard, owner: {email: x}, depends_on: @}]',
  'groups: [@]',
  'groups: [{name: g, owner: @}]',
  'macros: [@]',
  'macros: [{name: m, arguments: @}]',
  'metrics: [@]',
  'metrics: [{name: m, label: m, type: @, type_params: {}}]',
  'metrics: [{name: m, label: m, type: simple, type_params: @}]',
  'semantic_models: [@]',
  'semantic_models: [{name: m, model: @}]',
  'semantic_models: [{name: m, model: ref("a"), entities: @, dimensions: @, measures: @}]',
  'saved_queries: [@]',
  'saved_queries: [{name: q, query_params: @}]',
  'saved_queries: [{name: q, query_params: {metrics: @}, exports: @}]',
  'unit_tests: @',
  'unit_tests: [@]',
  'unit_tests: [{name: u, model: @, given: [], expect: {rows: []}}]',
  'unit_tests: [{name: u, model: a, given: @, expect: {rows: []}}]',
  'unit_tests: [{name: u, model: a, given: [@], expect: {rows: []}}]',
  'unit_tests: [{name: u, model: a, given: [{input: @, rows: []}], expect: {rows: []}}]',
  'unit_tests: [{name: u, model: a, given: [], expect: @}]',
  'unit_tests: [{name: u, model: a, given: [], expect: {rows: @}}]',
  'unit_tests: [{name: u, model: a, given: [], expect: {format: @, rows: x}}]',
  'unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: @}], expect: {rows: []}}]',
  'unit_tests: [{name: u, model: a, overrides: @, given: [], expect: {rows: []}}]',
  'functions: [@]',
  'functions: [{name: f, arguments: @, returns: @}]',
  'analyses: [@]',
  'data_tests: [@]',
  'version: @',
  '@: 1',
];
/** Every key with some of the odd values, each value with some of the keys; all of them in the long form. */
const odd: HostileInput[] = KEYS.flatMap((key, i) =>
  ODD.map(
    (value, j): HostileInput => ({
      name: `properties ${key.replaceAll('@', value)}`,
      command: ['parse'],
      exit: HARMLESS,
      ...((i + j) % 7 === 0 ? {} : { long: true }),
      files: {
        'models/a.sql': 'select 1 as b',
        'seeds/a2.csv': 'a\n1\n',
        'models/s.yml': `${key.replaceAll('@', value)}\n`,
      },
    }),
  ),
);

const PROJECT_KEYS = [
  'name: @',
  `${PROJECT}version: @`,
  `${PROJECT}config-version: @`,
  `name: p\nprofile: @`,
  `${PROJECT}model-paths: @`,
  `${PROJECT}model-paths: [@]`,
  `${PROJECT}target-path: @`,
  `${PROJECT}log-path: @`,
  `${PROJECT}clean-targets: @`,
  `${PROJECT}on-run-start: @`,
  `${PROJECT}vars: @`,
  `${PROJECT}vars: {p: @}`,
  `${PROJECT}models: @`,
  `${PROJECT}models: {p: @}`,
  `${PROJECT}models: {+schema: @}`,
  `${PROJECT}models: {+tags: @}`,
  `${PROJECT}flags: @`,
  `${PROJECT}flags: {warn_error_options: @}`,
  `${PROJECT}flags: {printer_width: @}`,
  `${PROJECT}quoting: @`,
  `${PROJECT}dispatch: @`,
  `${PROJECT}dispatch: [@]`,
  `${PROJECT}query-comment: @`,
  `${PROJECT}packages-install-path: @`,
  `${PROJECT}require-dbt-version: @`,
  `${PROJECT}docs-paths: @`,
  `${PROJECT}asset-paths: @`,
  `${PROJECT}restrict-access: @`,
  `${PROJECT}dbt-cloud: @`,
  `${PROJECT}@: 1`,
];
const oddProjects: HostileInput[] = PROJECT_KEYS.flatMap((key, i) =>
  ODD.map(
    (value, j): HostileInput => ({
      name: `dbt_project.yml ${key.replace(PROJECT, '').replaceAll('@', value)}`,
      command: ['parse'],
      exit: HARMLESS,
      ...((i + j) % 7 === 0 ? {} : { long: true }),
      files: { 'dbt_project.yml': `${key.replaceAll('@', value)}\n`, 'models/a.sql': 'select 1' },
    }),
  ),
);
const PROFILE_KEYS = [
  'p: @',
  'p: {outputs: @}',
  'p: {target: @, outputs: {dev: {type: postgres}}}',
  'p: {target: dev, outputs: {dev: @}}',
  'p: {target: dev, outputs: {dev: {type: @}}}',
  'config: @',
  ...[
    'host',
    'port',
    'user',
    'password',
    'dbname',
    'schema',
    'threads',
    'sslmode',
    'keepalives_idle',
    'search_path',
    'retries',
    'connect_timeout',
    'role',
  ].map(
    (key) =>
      'p: {target: dev, outputs: {dev: {type: postgres, host: h, port: 1, user: u, password: p, dbname: d, ' +
      `schema: s, ${key}: @}}}`,
  ),
];
const oddProfiles: HostileInput[] = PROFILE_KEYS.flatMap((key, i) =>
  ODD.map(
    (value, j): HostileInput => ({
      name: `profiles.yml ${key.replaceAll('@', value)}`,
      command: ['parse'],
      exit: HARMLESS,
      ...((i + j) % 7 === 0 ? {} : { long: true }),
      files: { 'profiles.yml': `${key.replaceAll('@', value)}\n` },
    }),
  ),
);

export const YAML: readonly HostileInput[] = [...shapes, ...inside, ...odd, ...oddProjects, ...oddProfiles];
