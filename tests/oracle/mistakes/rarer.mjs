// Mistakes that are rarer than those of cases.mjs, or that have several causes. The form of a case is said there.

const project = (more) =>
  `name: shop\nversion: '1.0'\nprofile: shop\nflags: {send_anonymous_usage_stats: false, use_colors: false}\n${more}\n`;
const model = (sql) => ({ 'models/report.sql': sql });
const yaml = (text) => ({ 'models/schema.yml': text });
const ofOrders = (text) => yaml(`models:\n  - name: orders\n${text}`);
const test = (text) => ofOrders(`    columns:\n      - name: id\n        data_tests:\n${text}`);
const unit = (text, sql = "select id, amount * 2 as twice from {{ ref('orders') }}\n") => ({
  ...model(sql),
  ...yaml(`unit_tests:\n  - name: doubled\n    model: report\n${text}`),
});
const given = '    given:\n      - {input: "ref(\'orders\')", rows: [{id: 1, amount: 2}]}\n';
const incremental = (config, sql) => model(`{{ config(materialized='incremental', ${config}) }}\n${sql}\n`);
const snapshot = (config) => ({
  'snapshots/kept.yml': `snapshots:\n  - name: kept\n    relation: ref('orders')\n    config: ${config}\n`,
});
const macro = (text) => ({ 'macros/m.sql': text });

const REFERENCES = [
  {
    name: 'ref of a version that does not exist',
    files: {
      ...model("select * from {{ ref('prices', v=3) }}\n"),
      'models/prices.sql': 'select 1 as id\n',
      ...yaml('models:\n  - name: prices\n    latest_version: 1\n    versions:\n      - {v: 1, defined_in: prices}\n'),
    },
  },
  { name: 'ref of a package that does not exist', files: model("select * from {{ ref('shp', 'orders') }}\n") },
  { name: 'ref of a name of schema and table', files: model("select * from {{ ref('shop.orders') }}\n") },
  {
    name: 'ref of a private model of another group',
    files: {
      ...model("select * from {{ ref('orders') }}\n"),
      ...yaml(
        'groups:\n  - {name: sales, owner: {name: S}}\n' +
          'models:\n  - name: orders\n    config: {group: sales, access: private}\n',
      ),
    },
  },
  { name: 'a group that nobody declares', files: model("{{ config(group='sale') }}\nselect 1 as id\n") },
  {
    name: 'ref where only a run sees it',
    files: model("select 1 as id {% if execute %} from {{ ref('orders') }} {% endif %}\n"),
  },
  {
    name: 'a source twice',
    files: {
      ...yaml('sources:\n  - name: raw\n    tables: [{name: orders}]\n'),
      'models/more.yml': 'sources:\n  - name: raw\n    tables: [{name: orders}]\n',
    },
  },
  { name: 'a source table without a name', files: yaml('sources:\n  - name: raw\n    tables: [{description: x}]\n') },
  { name: 'tables of a source as texts', files: yaml('sources:\n  - name: raw\n    tables: [orders]\n') },
  { name: 'an exposure without an owner', files: yaml('exposures:\n  - {name: board, type: dashboard}\n') },
  {
    name: 'an exposure of an unknown type',
    files: yaml('exposures:\n  - {name: board, type: dashbord, owner: {email: a@b.c}}\n'),
  },
  {
    name: 'an exposure that depends on a name without ref',
    files: yaml('exposures:\n  - {name: board, type: dashboard, owner: {email: a@b.c}, depends_on: [orders]}\n'),
  },
];

const SQL = [
  { name: 'a misspelt keyword', files: model("selct id from {{ ref('orders') }}\n") },
  { name: 'typographic quotes', files: model('select ‘north’ as region\n') },
  { name: 'double quotes around a text', files: model('select id\nfrom {{ ref(\'orders\') }}\nwhere id = "one"\n') },
  {
    name: 'a column of both tables',
    files: model("select id\nfrom {{ ref('orders') }} a\njoin {{ ref('orders') }} b on a.id = b.id\n"),
  },
  { name: 'a union of different widths', files: model('select 1 as a\nunion all\nselect 1, 2\n') },
  { name: 'a union of different types', files: model('select 1 as a\nunion all\nselect now() as a\n') },
  { name: 'an aggregate in where', files: model("select id\nfrom {{ ref('orders') }}\nwhere sum(amount) > 1\n") },
  { name: 'a name of select in where', files: model("select id as x\nfrom {{ ref('orders') }}\nwhere x > 1\n") },
  { name: 'two statements', files: model('select 1 as a;\nselect 2 as a\n') },
  {
    name: 'a comma between with parts that is missing',
    files: model('with a as (select 1 as id)\nb as (select 2 as id)\nselect * from a\n'),
  },
  { name: 'a ref in a comment of SQL', files: model("-- was {{ ref('order') }}\nselect 1 as a\n") },
  {
    name: 'a text compared with a number',
    files: model("select id\nfrom {{ ref('orders') }}\nwhere id = 'x'::text\n"),
  },
  { name: 'a day that does not exist', files: model("select date '2026-02-30' as day\n") },
  { name: 'a number that is too large', files: model('select 3000000000::int as a\n') },
  {
    name: 'a source that may not be read',
    files: {
      ...yaml('sources:\n  - name: raw\n    tables: [{name: pay}]\n'),
      ...model("{{ config(materialized='table') }}\nselect * from {{ source('raw', 'pay') }}\n"),
    },
    output: { user: 'reader' },
    sql:
      'create role reader login; grant create on database shop to reader; create schema raw; ' +
      'create table raw.pay (id int); grant usage on schema raw to reader',
  },
  { name: 'a name that Postgres cuts', files: { [`models/${'long_'.repeat(16)}.sql`]: 'select 1 as a\n' } },
  { name: 'an alias that another model has', files: model("{{ config(alias='orders') }}\nselect 2 as id\n") },
];

const JINJA = [
  { name: 'quotes that do not match', files: model('select *\nfrom {{ ref("orders\') }}\n') },
  { name: 'a quote of ref that is never closed', files: model("select *\nfrom {{ ref('orders) }}\n") },
  { name: 'braces in braces', files: model("select *\nfrom {{ ref({{ var('x') }}) }}\n") },
  { name: 'a tag that is never closed', files: model('{% set a = 1 %\nselect 1 as a\n') },
  { name: 'a loop with of', files: model('{% for a of [1] %}\nselect 1 as a\n{% endfor %}\n') },
  { name: 'one equal sign', files: model("select 1 as a\n{% if target.name = 'dev' %} limit 1 {% endif %}\n") },
  { name: 'two ampersands', files: model('select 1 as a\n{% if true && true %} limit 1 {% endif %}\n') },
  { name: 'an end of another block', files: model('{% for a in [1] %}\nselect 1 as a\n{% endif %}\n') },
  {
    name: 'config without quotes',
    accept: 'dbt stops the whole run and names neither model nor key; here this model fails, and the key is named.',
    files: model('{{ config(materialized=table) }}\nselect 1 as a\n'),
  },
  { name: 'var without quotes', files: model('select {{ var(start) }} as a\n') },
  { name: 'a loop over a number', files: model('{% for a in 3 %}\nselect {{ a }} as a\n{% endfor %}\n') },
  { name: 'a value of an absent key', files: model("select {{ {'a': 1}.b.c }} as a\n") },
  {
    name: 'rows of run_query while parsing',
    files: model("{% set rows = run_query('select 1') %}\nselect {{ rows.columns[0].values() }} as a\n"),
  },
  { name: 'a comment of Jinja that is never closed', files: model('{# all of them\nselect 1 as a\n') },
  {
    name: 'two macros of one name',
    files: { ...macro('{% macro cents() %}1{% endmacro %}\n'), 'macros/n.sql': '{% macro cents() %}2{% endmacro %}\n' },
  },
  {
    name: 'a macro that calls itself for ever',
    files: { ...macro('{% macro cents() %}{{ cents() }}{% endmacro %}\n'), ...model('select {{ cents() }} as a\n') },
  },
  {
    name: 'a macro that fails in a macro',
    files: {
      ...macro('{% macro inner() %}{{ 1 / 0 }}{% endmacro %}\n{% macro outer() %}\n{{ inner() }}\n{% endmacro %}\n'),
      ...model('select {{ outer() }} as a\n'),
    },
  },
  {
    name: 'a macro outside macro-paths',
    files: model('{% macro cents() %}1{% endmacro %}\nselect {{ cent() }} as a\n'),
  },
  { name: 'a filter with a wrong argument', files: model("select {{ [1, 2] | join(', ', 1, 2, 3) }} as a\n") },
];

const UNIT_TESTS = [
  { name: 'a unit test that fails', files: unit(`${given}    expect: {rows: [{id: 1, twice: 5}]}\n`) },
  {
    name: 'a unit test of a model that does not exist',
    files: yaml('unit_tests:\n  - {name: doubled, model: reprt, given: [], expect: {rows: []}}\n'),
  },
  {
    name: 'a unit test with an input that the model does not read',
    files: unit('    given: [{input: "ref(\'order\')", rows: []}]\n    expect: {rows: []}\n'),
  },
  {
    name: 'a unit test without an input that the model reads',
    files: unit('    given: []\n    expect: {rows: [{id: 1, twice: 4}]}\n'),
  },
  {
    name: 'a unit test with a column that the input does not have',
    files: unit(
      '    given: [{input: "ref(\'orders\')", rows: [{id: 1, amout: 2}]}]\n    expect: {rows: [{id: 1, twice: 4}]}\n',
    ),
  },
  {
    name: 'a unit test that expects a column that is not there',
    files: unit(`${given}    expect: {rows: [{id: 1, twise: 4}]}\n`),
  },
  {
    name: 'a unit test with a fixture that is not there',
    files: unit(`${given}    expect: {format: csv, fixture: wanted}\n`),
  },
  {
    name: 'a unit test with rows of another format',
    files: unit(`${given}    expect: {format: csv, rows: [{id: 1}]}\n`),
  },
  { name: 'a unit test without expect', files: unit(given) },
];

const YAML = [
  { name: 'a key twice', files: ofOrders('    description: a\n    description: b\n') },
  { name: 'columns as a text', files: ofOrders('    columns: id\n') },
  { name: 'data_tests as a text', files: ofOrders('    columns:\n      - {name: id, data_tests: unique}\n') },
  { name: 'a test that is indented too far', files: test('          - accepted_values:\n            values: [1]\n') },
  { name: 'accepted_values without values', files: test('          - accepted_values\n') },
  {
    name: 'relationships without a field',
    files: test('          - relationships: {arguments: {to: ref("orders")}}\n'),
  },
  {
    name: 'relationships to a model that does not exist',
    files: test('          - relationships: {arguments: {to: ref("order"), field: id}}\n'),
  },
  { name: 'a severity that does not exist', files: test('          - unique: {config: {severity: critical}}\n') },
  { name: 'error_if that is no comparison', files: test('          - unique: {config: {error_if: many}}\n') },
  { name: 'where of a test with an error', files: test('          - not_null: {config: {where: amout > 1}}\n') },
  { name: 'a test twice', files: test('          - unique\n          - unique\n') },
  { name: 'models as a mapping', files: yaml('models:\n  orders:\n    description: x\n') },
  { name: 'a section that is misspelt', files: yaml('model:\n  - name: orders\n') },
  { name: 'a file of properties that is a list', files: yaml('- name: orders\n') },
  { name: 'tags that are a number', files: ofOrders('    config: {tags: 1}\n') },
  { name: 'meta that is a list', files: ofOrders('    config: {meta: [a]}\n') },
  { name: 'enabled that is a word', files: ofOrders('    config: {enabled: off course}\n') },
  { name: 'a materialization of properties that is misspelt', files: ofOrders('    config: {materialized: viev}\n') },
  { name: 'grants to a role that does not exist', files: ofOrders('    config: {grants: {select: [nobody]}}\n') },
  { name: 'a privilege that does not exist', files: ofOrders('    config: {grants: {selct: [postgres]}}\n') },
  {
    name: 'a constraint of an unknown type',
    files: ofOrders(
      '    config: {materialized: table, contract: {enforced: true}}\n    columns:\n' +
        '      - {name: id, data_type: integer, constraints: [{type: notnull}]}\n' +
        '      - {name: amount, data_type: integer}\n',
    ),
  },
  {
    name: 'a contract with a type that does not exist',
    files: ofOrders(
      '    config: {contract: {enforced: true}}\n    columns:\n' +
        '      - {name: id, data_type: integr}\n      - {name: amount, data_type: integer}\n',
    ),
  },
  {
    name: 'a constraint that the rows break',
    files: {
      'models/orders.sql': 'select null::integer as id\n',
      ...ofOrders(
        '    config: {materialized: table, contract: {enforced: true}}\n    columns:\n' +
          '      - {name: id, data_type: integer, constraints: [{type: not_null}]}\n',
      ),
    },
  },
  {
    name: 'two blocks of docs of one name',
    files: { 'models/a.md': '{% docs x %}a{% enddocs %}\n', 'models/b.md': '{% docs x %}b{% enddocs %}\n' },
  },
  { name: 'a block of docs that is never closed', files: { 'models/a.md': '{% docs x %}\nall of them\n' } },
  {
    name: 'a freshness of an unknown period',
    files: yaml(
      'sources:\n  - name: raw\n    config:\n      loaded_at_field: at\n' +
        '      freshness: {warn_after: {count: 1, period: week}}\n' +
        '    tables: [{name: orders}]\n',
    ),
    run: 'source freshness',
  },
  {
    name: 'a freshness of a column that does not exist',
    files: yaml(
      'sources:\n  - name: raw\n    config: {loaded_at_field: at, freshness: {warn_after: {count: 1, period: day}}}\n' +
        '    tables: [{name: orders}]\n',
    ),
    sql: 'create schema raw; create table raw.orders (id int)',
    run: 'source freshness',
  },
  {
    name: 'a selector of an unknown method',
    files: {
      'selectors.yml': 'selectors:\n  - name: daily\n    definition: {method: tags, value: daily}\n',
    },
    run: 'ls --selector daily',
  },
  {
    name: 'a selector that names another that is not there',
    files: {
      'selectors.yml': 'selectors:\n  - name: daily\n    definition: {method: selector, value: nightly}\n',
    },
    run: 'ls --selector daily',
  },
  {
    name: 'a selector without a definition',
    files: { 'selectors.yml': 'selectors:\n  - name: daily\n' },
    run: 'ls --selector daily',
  },
  {
    name: 'a seed with a quote that is never closed',
    accept: 'dbt loads the rest of the file as one value.',
    files: { 'seeds/regions.csv': 'id,name\n1,"north\n2,south\n' },
  },
  { name: 'a seed that is empty', files: { 'seeds/regions.csv': '' } },
  { name: 'a seed with semicolons', files: { 'seeds/regions.csv': 'id;name\n1;north\n' } },
];

const CONFIG = [
  { name: 'model-paths as a text', files: { 'dbt_project.yml': project('model-paths: models') } },
  {
    name: 'model-paths of a folder that does not exist',
    files: { 'dbt_project.yml': project('model-paths: [model]') },
  },
  {
    name: 'a project name with a hyphen',
    files: { 'dbt_project.yml': 'name: my-shop\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n' },
  },
  { name: 'a project file that is a list', files: { 'dbt_project.yml': '- name: shop\n' } },
  { name: 'a project file without a profile', files: { 'dbt_project.yml': 'name: shop\n' } },
  {
    name: 'a config of dbt_project.yml without its plus',
    files: { 'dbt_project.yml': project('models: {shop: {materialised: table}}') },
  },
  {
    name: 'an unknown flag of dbt_project.yml',
    files: {
      'dbt_project.yml': 'name: shop\nprofile: shop\nflags: {send_anonymous_usage_stats: false, fail_fats: true}\n',
    },
  },
  { name: 'a hook with an unknown macro', files: { 'dbt_project.yml': project('on-run-start: "{{ grant_all() }}"') } },
  {
    name: 'a pre-hook with an error of SQL',
    files: model("{{ config(pre_hook='delete from nowhere') }}\nselect 1 as a\n"),
  },
  {
    name: 'an on_schema_change that does not exist',
    files: incremental("on_schema_change='sync'", 'select 1 as id'),
    again: true,
  },
  {
    name: 'a column that is new under on_schema_change fail',
    files: incremental("on_schema_change='fail'", 'select 1 as id {% if is_incremental() %}, 2 as b {% endif %}'),
    again: true,
  },
  {
    name: 'a column that is gone in an incremental run',
    files: incremental("unique_key='id'", 'select 1 as id {% if not is_incremental() %}, 2 as b {% endif %}'),
    again: true,
  },
  {
    name: 'a microbatch without event_time',
    files: incremental("incremental_strategy='microbatch', batch_size='day', begin='2026-01-01'", 'select 1 as id'),
  },
  {
    name: 'a microbatch of an unknown size',
    files: incremental(
      "incremental_strategy='microbatch', event_time='at', batch_size='week', begin='2026-01-01'",
      'select now() as at',
    ),
  },
  {
    name: 'a microbatch without begin',
    files: incremental("incremental_strategy='microbatch', event_time='at', batch_size='day'", 'select now() as at'),
  },
  { name: 'a snapshot of an unknown strategy', files: snapshot('{unique_key: id, strategy: chek}') },
  { name: 'a snapshot that checks nothing', files: snapshot('{unique_key: id, strategy: check}') },
  {
    name: 'a snapshot that checks a column that does not exist',
    files: snapshot('{unique_key: id, strategy: check, check_cols: [total]}'),
  },
  { name: 'a snapshot without a unique key', files: snapshot('{strategy: check, check_cols: all}') },
  {
    name: 'a snapshot of a model that does not exist',
    files: {
      'snapshots/kept.yml':
        "snapshots:\n  - name: kept\n    relation: ref('order')\n    config: {unique_key: id, strategy: check, " +
        'check_cols: all}\n',
    },
  },
];

const COMMANDS = [
  { name: 'a resource type that does not exist', run: 'ls --resource-type modl' },
  { name: 'an output of ls that does not exist', run: 'ls --output jsn' },
  { name: 'a log level that does not exist', run: 'build --log-level loud' },
  { name: 'a folder of the project that does not exist', run: 'build --project-dir nowhere' },
  { name: 'a folder of profiles that does not exist', run: 'build --profiles-dir nowhere' },
  { name: '--select without a value', run: 'build --select' },
  { name: 'no threads', run: 'build --threads 0' },
  { name: 'show of nothing', run: 'show' },
  { name: 'show of a text with an error of SQL', run: ['show', '--inline', 'select nope'] },
  { name: 'show of a text with a ref that is misspelt', run: ['show', '--inline', "select * from {{ ref('order') }}"] },
  { name: 'compile of a text with an error of Jinja', run: ['compile', '--inline', "{{ ref('orders' }}"] },
  { name: 'a selector beside --select', run: 'ls --select orders --selector daily' },
  {
    name: 'run-operation with arguments that are no YAML',
    files: macro('{% macro cents(a) %}1{% endmacro %}\n'),
    run: 'run-operation cents --args {a:',
  },
  {
    name: 'run-operation with an argument that the macro does not have',
    files: macro('{% macro cents(a) %}1{% endmacro %}\n'),
    run: ['run-operation', 'cents', '--args', '{b: 1}'],
  },
  {
    name: 'run-operation with an error of SQL',
    files: macro("{% macro clean() %}{% do run_query('drop table nowhere') %}{% endmacro %}\n"),
    run: 'run-operation clean',
  },
  { name: 'clone without a state', run: 'clone' },
  { name: '--defer without a state', run: 'build --defer' },
  { name: 'a subcommand that does not exist', run: 'docs generat' },
  { name: 'a start of batches without an end', run: 'run --event-time-start 2026-01-01' },
  { name: 'a time of batches that is none', run: 'run --event-time-start yesterday --event-time-end 2026-01-02' },
  { name: '--vars that are a list', run: ['build', '--vars', '[1]'] },
  { name: 'a graph operator that is wrong', run: 'ls --select orders+x' },
  { name: 'a path that selects nothing', run: 'ls --select path:models/nowhere' },
  { name: '--indirect-selection that does not exist', run: 'build --indirect-selection eagr' },
  {
    name: 'a package entry without a version',
    files: { 'packages.yml': 'packages:\n  - package: dbt-labs/dbt_utils\n' },
    run: 'deps',
    hub: true,
  },
  {
    name: 'a package that the hub does not have',
    files: { 'packages.yml': 'packages:\n  - package: dbt-labs/dbt_util\n    version: 1.0.0\n' },
    run: 'deps',
    hub: true,
  },
  {
    name: 'a package of an unknown kind',
    accept: 'dbt shows a key that it adds itself.',
    files: { 'packages.yml': 'packages:\n  - pakage: dbt-labs/dbt_utils\n    version: 1.3.0\n' },
    run: 'deps',
    hub: true,
  },
  {
    name: 'a package file that is a list',
    accept: 'dbt shows an error of Python; this program says what the file should hold.',
    files: { 'packages.yml': '- package: dbt-labs/dbt_utils\n  version: 1.3.0\n' },
    run: 'deps',
    hub: true,
  },
  {
    name: 'a package of git that is not there',
    accept: 'dbt shows None for the revision, and the folder that it clones into.',
    files: { 'packages.yml': 'packages:\n  - git: file:///nowhere/at/all.git\n    revision: main\n' },
    run: 'deps',
  },
];

export const RARER = [...REFERENCES, ...SQL, ...JINJA, ...UNIT_TESTS, ...YAML, ...CONFIG, ...COMMANDS];
