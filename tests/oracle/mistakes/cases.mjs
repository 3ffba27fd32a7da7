// Typical mistakes: what a person types, as the difference to a project of one model that builds. Leaves playing and
// judging to mistakes.mjs.
// A case: name; files (path: text, null takes one away); run, a command line (`build`) or its words; output,
// other credentials; sql, run on the server before; env; accept, why ours may say less or leave with another code.

import { RARER } from './rarer.mjs';

export const PROJECT = {
  'dbt_project.yml':
    "name: shop\nversion: '1.0'\nprofile: shop\n" + 'flags: {send_anonymous_usage_stats: false, use_colors: false}\n',
  'models/orders.sql': 'select 1 as id, 10 as amount\n',
};

const columns = (more) =>
  `models:\n  - name: orders\n    columns:\n      - name: id\n        data_type: integer\n${more}`;
const incremental = (config) => `{{ config(materialized='incremental', ${config}) }}\nselect 1 as id\n`;
const snapshot = (config) =>
  `{% snapshot kept %}\n{{ config(target_schema='kept', ${config}) }}\nselect * from {{ ref('orders') }}\n` +
  '{% endsnapshot %}\n';
const model = (sql) => ({ 'models/report.sql': sql });
const yaml = (text) => ({ 'models/schema.yml': text });

const REFERENCES = [
  { name: 'ref of a name that is misspelt', files: model("select *\nfrom {{ ref('order') }}\n") },
  {
    name: 'ref of a disabled model',
    files: {
      ...model("select * from {{ ref('orders') }}\n"),
      'models/orders.sql': '{{ config(enabled=false) }}\nselect 1 as id\n',
    },
  },
  { name: 'ref without quotes', files: model('select * from {{ ref(orders) }}\n') },
  { name: 'ref with no argument', files: model('select * from {{ ref() }}\n') },
  { name: 'a source that nobody declares', files: model("select * from {{ source('raw', 'orders') }}\n") },
  {
    name: 'a table that its source does not have',
    files: {
      ...yaml('sources:\n  - name: raw\n    tables:\n      - name: orders\n'),
      ...model("select * from {{ source('raw', 'order') }}\n"),
    },
  },
  { name: 'source with one argument', files: model("select * from {{ source('raw') }}\n") },
  {
    name: 'models that read each other',
    files: { 'models/a.sql': "select * from {{ ref('b') }}\n", 'models/b.sql': "select * from {{ ref('a') }}\n" },
  },
  { name: 'a model that reads itself', files: model("select * from {{ ref('report') }}\n") },
  { name: 'two models of one name', files: { 'models/old/orders.sql': 'select 2 as id\n' } },
  {
    name: 'a test of a model that does not exist',
    files: yaml('models:\n  - name: order\n    columns:\n      - name: id\n        data_tests: [unique]\n'),
  },
  {
    name: 'an exposure that depends on nothing known',
    files: yaml(
      'exposures:\n  - name: board\n    type: dashboard\n    owner: {email: a@b.c}\n' +
        "    depends_on: [ref('order')]\n",
    ),
  },
  {
    name: 'a source table that the database does not have',
    files: {
      ...yaml('sources:\n  - name: raw\n    tables:\n      - name: orders\n'),
      ...model("select * from {{ source('raw', 'orders') }}\n"),
    },
  },
];

const SQL = [
  { name: 'a missing comma', files: model('select\n  1 as a\n  2 as b\n') },
  { name: 'a comma before from', files: model("select\n  id,\n  amount,\nfrom {{ ref('orders') }}\n") },
  { name: 'a column that does not exist', files: model("select id, amout\nfrom {{ ref('orders') }}\n") },
  { name: 'a column that group by forgets', files: model("select id, sum(amount)\nfrom {{ ref('orders') }}\n") },
  { name: 'a function that does not exist', files: model('select datediff(1, 2) as a\n') },
  { name: 'a semicolon at the end', files: model('select 1 as a;\n') },
  { name: 'an empty model', files: model('\n') },
  {
    name: 'a division by zero',
    files: { 'models/orders.sql': "{{ config(materialized='table') }}\nselect 1/0 as a\n" },
  },
  { name: 'a bracket that is never closed', files: model("select * from (\n  select * from {{ ref('orders') }}\n") },
  { name: 'a text that is no number', files: model("select 'ten'::int as a\n") },
  { name: 'a column twice', files: model('select 1 as a, 2 as a\n') },
];

const JINJA = [
  { name: 'a block that is never closed', files: model('{% if true %}\nselect 1 as a\n') },
  { name: 'an end without a block', files: model('select 1 as a\n{% endif %}\n') },
  { name: 'braces that are never closed', files: model("select *\nfrom {{ ref('orders') }\n") },
  { name: 'a bracket of a call that is never closed', files: model("select *\nfrom {{ ref('orders' }}\n") },
  { name: 'a tag that does not exist', files: model('{% iff true %}\nselect 1 as a\n{% endif %}\n') },
  { name: 'a filter that does not exist', files: model("select '{{ 'a' | uper }}' as a\n") },
  { name: 'a macro that does not exist', files: model('select {{ cents(1) }} as a\n') },
  { name: 'a package that is not installed', files: model('select {{ dbt_utils.star(1) }} as a\n') },
  {
    name: 'a macro called with too many arguments',
    files: {
      ...model('select {{ cents(1, 2) }} as a\n'),
      'macros/m.sql': '{% macro cents(a) %}{{ a }}{% endmacro %}\n',
    },
  },
  {
    name: 'a macro called with an argument that it does not have',
    files: {
      ...model('select {{ cents(b=2) }} as a\n'),
      'macros/m.sql': '{% macro cents(a) %}{{ a }}{% endmacro %}\n',
    },
  },
  { name: 'a macro that is never closed', files: { 'macros/m.sql': '{% macro cents(a) %}\n{{ a }}\n' } },
  { name: 'a variable that nobody sets', files: model("select {{ var('start') }} as a\n") },
  { name: 'an environment variable that is not set', files: model("select '{{ env_var('SHOP_REGION') }}' as a\n") },
  { name: 'an attribute of None', files: model('select {{ none.name }} as a\n') },
  { name: 'text and number added', files: model("select {{ 'a' + 1 }} as a\n") },
  { name: 'an error that a macro raises', files: model("{{ exceptions.raise_compiler_error('no such region') }}\n") },
  { name: 'config of an unknown materialization', files: model("{{ config(materialized='tabel') }}\nselect 1 as a\n") },
  { name: 'config of an unknown key', files: model("{{ config(materialised='table') }}\nselect 1 as a\n") },
];

const YAML = [
  { name: 'YAML with a wrong indent', files: yaml('models:\n  - name: orders\n   description: x\n') },
  { name: 'YAML with a tab', files: yaml('models:\n\t- name: orders\n') },
  {
    name: 'YAML with a colon in a text',
    files: yaml('models:\n  - name: orders\n    description: note: all of them\n'),
  },
  { name: 'YAML with a quote that is never closed', files: yaml('models:\n  - name: orders\n    description: "all\n') },
  {
    name: 'YAML with Jinja without quotes',
    files: yaml('models:\n  - name: orders\n    description: {{ doc("x") }}\n'),
  },
  {
    name: 'a doc block that does not exist',
    files: yaml('models:\n  - name: orders\n    description: "{{ doc(\'x\') }}"\n'),
  },
  { name: 'a misspelt key', files: yaml('models:\n  - name: orders\n    colums:\n      - name: id\n') },
  { name: 'columns as a mapping', files: yaml('models:\n  - name: orders\n    columns:\n      name: id\n') },
  { name: 'a model entry without a name', files: yaml('models:\n  - description: x\n') },
  { name: 'two entries of one model', files: yaml('models:\n  - name: orders\n  - name: orders\n') },
  {
    name: 'a test that does not exist',
    files: yaml(columns('        data_tests: [uniqe]\n')),
  },
  {
    name: 'a test with an argument that it does not have',
    files: yaml(columns('        data_tests:\n          - accepted_values: {arguments: {value: [1]}}\n')),
  },
  {
    name: 'a test of a column that does not exist',
    files: yaml('models:\n  - name: orders\n    columns:\n      - name: ident\n        data_tests: [unique]\n'),
  },
  {
    name: 'a test that fails',
    files: yaml(
      'models:\n  - name: orders\n    columns:\n      - name: amount\n        data_tests:\n' +
        '          - accepted_values: {arguments: {values: [1]}}\n',
    ),
  },
];

const CONFIG = [
  {
    name: 'a contract that a model does not keep',
    files: yaml(
      'models:\n  - name: orders\n    config: {contract: {enforced: true}}\n    columns:\n' +
        '      - {name: id, data_type: text}\n      - {name: total, data_type: integer}\n',
    ),
  },
  {
    name: 'a contract without data types',
    files: yaml(
      'models:\n  - name: orders\n    config: {contract: {enforced: true}}\n    columns:\n      - name: id\n',
    ),
  },
  {
    name: 'an incremental strategy without its unique key',
    files: model(incremental("incremental_strategy='delete+insert'")),
    run: 'build',
    again: true,
  },
  { name: 'an unknown incremental strategy', files: model(incremental("incremental_strategy='upsert'")), again: true },
  {
    name: 'a unique key that the model does not have',
    files: model(incremental("unique_key='ident'")),
    again: true,
  },
  { name: 'a snapshot without a strategy', files: { 'snapshots/kept.sql': snapshot("unique_key='id'") } },
  {
    name: 'a snapshot without its updated_at',
    files: { 'snapshots/kept.sql': snapshot("unique_key='id', strategy='timestamp'") },
  },
  {
    name: 'an on-run-end hook with an error of Jinja',
    files: { 'dbt_project.yml': `${PROJECT['dbt_project.yml']}on-run-end: "{{ nothing() }}"\n` },
  },
  {
    name: 'an on-run-end hook with an error of SQL',
    files: { 'dbt_project.yml': `${PROJECT['dbt_project.yml']}on-run-end: select nope\n` },
  },
  {
    name: 'a missing column with --fail-fast',
    files: { 'models/orders.sql': 'select nope\n' },
    run: 'build --fail-fast',
  },
  { name: 'a model that calls for a Python file', files: { 'models/py.py': 'def model(dbt, session):\n  return 1\n' } },
  {
    name: 'an unknown key of dbt_project.yml',
    files: { 'dbt_project.yml': `${PROJECT['dbt_project.yml']}model-path: [models]\n` },
  },
  {
    name: 'a configuration of a folder that does not exist',
    files: { 'dbt_project.yml': `${PROJECT['dbt_project.yml']}models: {shop: {marts: {+materialized: table}}}\n` },
  },
  { name: 'a project file without a name', files: { 'dbt_project.yml': "version: '1.0'\nprofile: shop\n" } },
  {
    name: 'a project file that asks for another dbt',
    files: { 'dbt_project.yml': `${PROJECT['dbt_project.yml']}require-dbt-version: '>=2.0.0'\n` },
  },
  {
    name: 'a seed with a row that is too long',
    files: { 'seeds/regions.csv': 'id,name\n1,north\n2,south,x\n' },
  },
  { name: 'a seed with a row that is too short', files: { 'seeds/regions.csv': 'id,name\n1,north\n2\n' } },
  {
    name: 'a seed with a column twice',
    files: { 'seeds/regions.csv': 'id,id\n1,2\n' },
  },
  {
    name: 'a seed with a value that is not of its type',
    files: {
      'seeds/regions.csv': 'id,name\n1,north\nx,south\n',
      'dbt_project.yml': `${PROJECT['dbt_project.yml']}seeds: {shop: {regions: {+column_types: {id: integer}}}}\n`,
    },
  },
];

const COMMANDS = [
  { name: 'a folder without a project', files: { 'dbt_project.yml': null } },
  { name: 'a profile that profiles.yml does not have', files: { 'dbt_project.yml': 'name: shop\nprofile: shp\n' } },
  { name: 'a target that the profile does not have', run: 'build --target prod' },
  { name: 'a profile without a user', output: { user: undefined } },
  {
    name: 'a type of database that is not known',
    output: { type: 'postgre' },
    accept: 'dbt names a module of Python; this program says which types there are.',
  },
  { name: 'a wrong password', output: { user: 'guarded', password: 'wrong' }, guarded: true },
  { name: 'a port where nobody listens', output: { port: 1 } },
  { name: 'a host that does not exist', output: { host: 'db.invalid' } },
  { name: 'a database that does not exist', output: { dbname: 'warehouse' } },
  {
    name: 'a schema that may not be made',
    output: { user: 'reader' },
    sql: 'create role reader login; revoke create on database shop from public',
  },
  {
    name: 'a schema that may not be written',
    output: { user: 'writer', schema: 'locked' },
    sql: 'create role writer login; create schema locked; grant usage on schema locked to writer',
  },
  { name: 'a selector method that does not exist', run: 'ls --select tagged:x' },
  { name: 'a selection that finds nothing', run: 'build --select order' },
  { name: 'a selector that no file has', run: 'ls --selector daily' },
  { name: 'an option that does not exist', run: 'build --selct orders' },
  { name: 'a command that does not exist', run: 'biuld' },
  { name: '--vars that are no YAML', run: 'build --vars {start:' },
  { name: 'threads that are no number', run: 'build --threads many' },
  { name: 'a state that is not there', run: 'build --select state:modified --state nowhere' },
  { name: 'run-operation of a macro that does not exist', run: 'run-operation clean_up' },
  { name: 'retry with nothing before', run: 'retry' },
  {
    name: 'a package version that does not exist',
    files: { 'packages.yml': 'packages:\n  - package: dbt-labs/dbt_utils\n    version: 0.0.0\n' },
    run: 'deps',
    hub: true,
  },
  {
    name: 'a package that is not installed yet',
    files: { 'packages.yml': 'packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n' },
  },
  {
    name: 'a package of a folder that does not exist',
    files: { 'packages.yml': 'packages:\n  - local: ../else\n' },
    run: 'deps',
  },
];

export const MISTAKES = [...REFERENCES, ...SQL, ...JINJA, ...YAML, ...CONFIG, ...COMMANDS, ...RARER];
