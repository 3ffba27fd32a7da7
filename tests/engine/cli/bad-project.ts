// Projects that cannot be read, parsed or selected from, and what is said of each.
import { PROJECT, type Row, stopped, text } from './bad-input.ts';

export const PARSING: readonly Row[] = [
  {
    name: 'a ref to nothing, with the nearest name',
    exit: 2,
    files: { 'models/orders.sql': 'select 1 as a', 'models/b.sql': "select *\nfrom {{ ref('ordres') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'ordres' which was not found",
      '    line 2, column 13',
      "      from {{ ref('ordres') }}",
      '                  ^',
      "  did you mean 'orders'?",
    ),
  },
  {
    name: 'a ref with the schema in the name',
    exit: 2,
    files: { 'models/orders.sql': 'select 1 as a', 'models/b.sql': "select *\nfrom {{ ref('p.orders') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'p.orders' which was not found",
      '    line 2, column 13',
      "      from {{ ref('p.orders') }}",
      '                  ^',
      "  did you mean 'orders'? ref() takes the name alone",
    ),
  },
  {
    name: 'a ref of another package',
    exit: 2,
    files: { 'models/orders.sql': 'select 1 as a', 'models/b.sql': "select * from {{ ref('q', 'orders') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'orders' in package or project 'q' which was " +
        'not found',
      '    line 1, column 27',
      "      select * from {{ ref('q', 'orders') }}",
      '                                ^',
      "  'orders' is in the package 'p'",
    ),
  },
  {
    name: 'a ref of a version that is not there, with those that are',
    exit: 2,
    files: {
      'models/orders_v1.sql': 'select 1 as a',
      'models/orders_v2.sql': 'select 1 as a',
      'models/s.yml': 'models:\n  - name: orders\n    versions: [{v: 1}, {v: 2}]\n',
      'models/b.sql': "select * from {{ ref('orders', v=3) }}\n",
    },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'orders' with version '3' which was not found",
      '    line 1, column 22',
      "      select * from {{ ref('orders', v=3) }}",
      '                           ^',
      "  'orders' has the versions 1, 2",
    ),
  },
  {
    name: 'a period of freshness that does not exist, in the config of a source',
    exit: 2,
    files: {
      'models/s.yml':
        'sources:\n  - name: raw\n    config: {freshness: {warn_after: {count: 1, period: dya}}}\n' +
        '    tables: [{name: events}]\n',
    },
    says: stopped(
      'Parsing Error',
      "  Invalid sources config given in models/s.yml @ sources: {'name': 'raw', 'config': {'freshness': " +
        "{'warn_after': {'count': 1, 'period': 'dya'}}}, 'tables': [{'name': 'events'}]} - at path " +
        "['config']['freshness']['warn_after']['period']: 'dya' is not one of ['minute', 'hour', 'day']",
      '    models/s.yml line 3, column 49',
      '          config: {freshness: {warn_after: {count: 1, period: dya}}}',
      '                                                      ^',
    ),
  },
  {
    name: 'packages.yml that is a list',
    exit: 2,
    files: { 'packages.yml': '- package: dbt-labs/dbt_utils\n  version: 1.3.0\n' },
    says: stopped(
      'Runtime Error',
      '  packages.yml does not parse to a dictionary',
      '  packages.yml has a list below one key:',
      '  packages:',
      '    - package: dbt-labs/dbt_utils',
      '      version: 1.3.0',
    ),
  },
  {
    name: '--if-changed alone',
    command: 'build --if-changed',
    exit: 2,
    files: {},
    says: stopped('Usage Error', "  Error: '--if-changed' changes nothing without '--every'."),
  },
  {
    name: 'a value that an option does not have, of a command called by its other name',
    command: 'ls --output jsn',
    exit: 2,
    files: {},
    says: text(
      'Usage: tsdbt ls [OPTIONS]',
      "Try 'tsdbt ls --help' for help.",
      "Error: Invalid value for '--output': 'jsn' is not one of 'json', 'name', 'path', 'selector'.",
    ),
  },
  {
    name: 'a source that no file declares',
    exit: 2,
    files: {
      'models/b.sql': "select * from {{ source('raw', 'evnts') }}",
      'models/s.yml': 'sources:\n  - name: raw\n    tables:\n      - name: events\n',
    },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a source named 'raw.evnts' which was not found",
      '    line 1, column 32',
      "      select * from {{ source('raw', 'evnts') }}",
      '                                     ^',
      "  did you mean 'raw.events'?",
    ),
  },
  {
    name: 'a cycle, in order',
    exit: 2,
    files: {
      'models/a.sql': "select * from {{ ref('c') }}",
      'models/b.sql': "select * from {{ ref('a') }}",
      'models/c.sql': "select * from {{ ref('b') }}",
    },
    says: stopped('Compilation Error', '  Found a cycle: model.p.a --> model.p.b --> model.p.c'),
  },
  {
    name: 'two models of one name',
    exit: 2,
    files: { 'models/x/a.sql': 'select 1', 'models/y/a.sql': 'select 2' },
    says: stopped(
      'Compilation Error in models/y/a.sql',
      '  dbt found two models with the name "a".',
      '  ',
      '  Since these resources have the same name, dbt will be unable to find the correct resource',
      '  when looking for ref("a").',
      '  ',
      '  To fix this, change the name of one of these resources:',
      '  - model.p.a (models/y/a.sql)',
      '  - model.p.a (models/x/a.sql)',
    ),
  },
  {
    name: 'a tab in YAML',
    exit: 2,
    files: { 'models/s.yml': 'models:\n\t- name: a\n' },
    says: stopped(
      'Parsing Error',
      '  Error reading p: s.yml - Runtime Error',
      '    Syntax error near line 2',
      '    ------------------------------',
      '    1  | models:',
      '    2  | \t- name: a',
      '    ',
      '    Raw Error:',
      '    ------------------------------',
      '    found character that cannot start any token',
      '      in "<unicode string>", line 2, column 1',
      '    models/s.yml line 2, column 1',
    ),
  },
  {
    name: 'a ref to nothing below empty lines',
    exit: 2,
    files: { 'models/b.sql': "\n\nselect *\nfrom {{ ref('ordres') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'ordres' which was not found",
      '    line 4, column 13',
      "      from {{ ref('ordres') }}",
      '                  ^',
    ),
  },
  {
    name: 'a list where YAML wants models',
    exit: 2,
    files: { 'models/s.yml': 'models: 5\n' },
    says: stopped(
      'Parsing Error',
      "  The schema file at models/s.yml is invalid because the value of 'models' is not a list",
      '    models/s.yml line 1, column 1',
      '      models: 5',
      '      ^',
    ),
  },
  {
    name: 'a model entry without a name',
    exit: 2,
    files: { 'models/s.yml': 'models:\n  - description: a\n' },
    says: stopped(
      'Parsing Error',
      "  The schema file at models/s.yml is invalid because a list element for 'models' does not have a name " +
        'attribute.',
      '    models/s.yml line 2, column 5',
      '        - description: a',
      '          ^',
    ),
  },
  {
    name: 'a query comment that no statement has asked for yet',
    command: 'ls',
    exit: 2,
    files: { 'dbt_project.yml': `${PROJECT}query-comment: "{{ nope() }}"\n`, 'models/a.sql': 'select 1 as a' },
    says: stopped(
      'Compilation Error',
      "  'nope' is undefined",
      '    dbt_project.yml line 2',
      '      {{ nope() }}',
      '  ',
      '  > in macro query_comment_macro (dbt_project.yml) line 2',
    ),
  },
  {
    name: 'a key that dbt_project.yml does not have',
    exit: 2,
    files: { 'dbt_project.yml': `${PROJECT}modls: {}\n` },
    says: stopped(
      'Runtime Error',
      "  at path []: Additional properties are not allowed ('modls' was unexpected)",
      "  did you mean 'models'?",
      'Error encountered in DIR/dbt_project.yml',
    ),
  },
  {
    name: 'an environment variable that is not set',
    exit: 2,
    files: { 'models/a.sql': "select\n{{ env_var('TSDBT_NO_SUCH') }}" },
    says: stopped(
      'Parsing Error in model a (models/a.sql)',
      "  Env var required but not provided: 'TSDBT_NO_SUCH'",
      '    models/a.sql line 2',
      "      {{ env_var('TSDBT_NO_SUCH') }}",
    ),
  },
  {
    name: 'broken YAML in dbt_project.yml',
    exit: 2,
    files: { 'dbt_project.yml': 'name: p\n\tversion: 1\n' },
    says: stopped(
      'Runtime Error',
      '  Syntax error near line 2',
      '  ------------------------------',
      '  1  | name: p',
      '  2  | \tversion: 1',
      '  ',
      '  Raw Error:',
      '  ------------------------------',
      '  found character that cannot start any token',
      '    in "<unicode string>", line 2, column 1',
      '    DIR/dbt_project.yml line 2, column 1',
    ),
  },
  {
    name: 'broken YAML in profiles.yml, without the password that stands there',
    exit: 2,
    files: { 'profiles.yml': 'p:\n  password: s3cr3t\n\tx: 1\n' },
    says: stopped(
      'Runtime Error',
      '  ',
      '  dbt encountered an error while trying to read your profiles.yml file.',
      '  ',
      '  Syntax error near line 3',
      '  ------------------------------',
      '  1  | p:',
      '  2  |   password: *****',
      '  3  | \tx: 1',
      '  4  | ',
      '  ',
      '  Raw Error:',
      '  ------------------------------',
      '  found character that cannot start any token',
      '    in "<unicode string>", line 3, column 1',
      '  ',
      '    DIR/profiles.yml line 3, column 1',
    ),
  },
  {
    name: 'an environment variable of profiles.yml that is not set',
    exit: 2,
    files: {
      'profiles.yml':
        'p:\n  target: dev\n  outputs:\n    dev: {type: postgres, password: s3cr3t, host: "{{ ' +
        "env_var('TSDBT_NO_SUCH') }}\"}\n",
    },
    says: stopped(
      'Parsing Error',
      "  Env var required but not provided: 'TSDBT_NO_SUCH'",
      '    DIR/profiles.yml line 4',
      "      {{ env_var('TSDBT_NO_SUCH') }}",
    ),
  },
  {
    name: 'a password from a variable that is not set: its text is taken, as dbt does, and that is said',
    exit: 0,
    files: {},
    output: { password: "{{ env_var('TSDBT_NO_SUCH') }}" },
    says: "The password of target 'dev' is taken as it is written: Env var required but not provided: 'TSDBT_NO_SUCH'",
  },
  {
    name: 'a folder without a project',
    command: 'parse --project-dir ..',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  No dbt_project.yml found at expected path BASE/dbt_project.yml',
      '  Verify that each entry within packages.yml (and their transitive dependencies) contains a file named ' +
        'dbt_project.yml',
      '  ',
      '  Run from the folder of a project, or name it with --project-dir; `tsdbt init NAME` makes a new one.',
    ),
  },
  {
    name: 'a state that is not there',
    command: 'ls --select state:modified --state prod',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  Got a state selector method, but no comparison manifest',
      '  There is no manifest.json in the folder prod that --state names.',
    ),
  },
  {
    name: 'a target folder that cannot be made',
    command: 'parse --target-path dbt_project.yml/sub',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  Could not write DIR/dbt_project.yml/sub/manifest.json: DIR/dbt_project.yml/sub: a part of its path is ' +
        'not a folder',
      '  Is there room, and may this user write there? --target-path names another folder.',
    ),
  },
  {
    name: 'a folder of packages that cannot be made',
    command: 'deps',
    exit: 2,
    files: {
      'dbt_project.yml': `${PROJECT}packages-install-path: profiles.yml/sub\n`,
      'packages.yml': 'packages: [{local: other}]\n',
      'other/dbt_project.yml': "name: o\nversion: '1.0'\n",
    },
    says: text(
      'Updating lock file in file path: DIR/package-lock.yml',
      stopped('Runtime Error', '  DIR/profiles.yml: a part of its path is not a folder'),
    ),
  },
  {
    name: 'a profile that is not there',
    exit: 2,
    files: { 'dbt_project.yml': PROJECT.replace('profile: p', 'profile: q') },
    says: stopped(
      'Runtime Error',
      "  Could not find profile named 'q'",
      '  Profiles in DIR/profiles.yml: p. `tsdbt init` in the folder of the project adds one.',
    ),
  },
  {
    name: 'a target that is not there',
    command: 'parse --target prd',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      "  The profile 'p' does not have a target named 'prd'. The valid target names for this profile are:",
      '   - dev',
    ),
  },
  {
    name: 'a loop without end',
    exit: 2,
    files: { 'models/a.sql': '{% set xs = [1] %}{% for x in xs %}{% do xs.append(x) %}{% endfor %}' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  the template has gone through more than 5000000 rounds of its loops: it does not seem to end',
      '    models/a.sql line 1',
      '      {% set xs = [1] %}{% for x in xs %}{% do xs.append(x) %}{% endfor %}',
    ),
  },
  {
    name: 'a macro that calls itself for ever, said in two lines',
    exit: 2,
    files: { 'macros/m.sql': '{% macro m() %}\n{{ m() }}\n{% endmacro %}', 'models/a.sql': 'select\n{{ m() }}' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  maximum recursion depth exceeded: macros are nested more than 700 deep',
      '    macros/m.sql line 2',
      '      {{ m() }}',
      '  ',
      '  > in macro m (macros/m.sql) line 2',
      '  > … called by itself 698 times …',
    ),
  },
  {
    name: 'Python that is out of bounds',
    exit: 2,
    files: { 'models/a.sql': "select {{ ''.__class__.__mro__ }}" },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      "  access to attribute '__class__' of 'str' object is unsafe.",
      '    models/a.sql line 1',
      "      select {{ ''.__class__.__mro__ }}",
    ),
  },
  {
    name: 'JavaScript that is out of bounds',
    command: 'compile',
    exit: 2,
    files: { 'models/a.sql': "select {{ this.constructor.constructor('return process.env')() }}" },
    says: stopped(
      'Runtime Error',
      '  Compilation Error in model a (models/a.sql)',
      "    'dbt.adapters.postgres.relation.PostgresRelation object' has no attribute 'constructor'. This can " +
        'happen when calling a macro that does not exist. Check for typos and/or install package dependencies ' +
        'with "dbt deps".',
      '      models/a.sql line 1',
      "        select {{ this.constructor.constructor('return process.env')() }}",
    ),
  },
  {
    name: 'config keys one letter from known ones, which pass with a notice',
    exit: 0,
    files: { 'models/a.sql': "{{ config(materialised='table', unique_ky='a', foo_bar=1) }} select 1 as a" },
    says: text(
      "Config 'materialised' of model p.a is kept as a custom one; did you mean 'materialized'?",
      "Config 'unique_ky' of model p.a is kept as a custom one; did you mean 'unique_key'?",
    ),
  },
  {
    name: 'an error raised in the second macro of a file, through the stack',
    exit: 2,
    files: {
      'macros/m.sql':
        '{% macro outer() %}\n{{ inner() }}\n{% endmacro %}\n{% macro inner() %}\n\n{{ ' +
        'exceptions.raise_compiler_error("my words") }}\n{% endmacro %}',
      'models/a.sql': 'select 1\n\n{{ outer() }}',
    },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  my words',
      '    macros/m.sql line 6',
      '      {{ exceptions.raise_compiler_error("my words") }}',
      '  ',
      '  > in macro inner (macros/m.sql) line 6',
      '  > called by macro outer (macros/m.sql) line 2',
    ),
  },
  {
    name: 'a macro that nobody wrote',
    command: 'compile',
    exit: 2,
    files: { 'models/a.sql': 'select 1,\n {{ nosuch(1) }}' },
    says: stopped(
      'Runtime Error',
      '  Compilation Error in model a (models/a.sql)',
      "    'nosuch' is undefined. This can happen when calling a macro that does not exist. Check for typos " +
        'and/or install package dependencies with "dbt deps".',
      '      models/a.sql line 2',
      '         {{ nosuch(1) }}',
    ),
  },
  {
    name: 'a file that is not UTF-8',
    exit: 2,
    files: { 'models/a.sql': Buffer.from([0x73, 0xe9]) },
    says: stopped('Runtime Error in DIR/models/a.sql', '  DIR/models/a.sql is not UTF-8 text'),
  },
  {
    name: 'a block that is never closed',
    exit: 2,
    files: { 'models/a.sql': 'select 1\n{% if x %}\nfoo' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      "  Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. " +
        "The innermost block that needs to be closed is 'if'.",
      '    models/a.sql line 2, column 11',
      '      {% if x %}',
      '                ^',
    ),
  },
  {
    name: 'a doc block that does not exist, by its line of YAML',
    exit: 2,
    files: {
      'models/a.sql': 'select 1 as id',
      'models/s.yml': 'models:\n  - name: a\n    description: "{{ doc(\'x\') }}"\n',
    },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      "  Documentation for 'model.p.a' depends on doc 'x'  which was not found",
      '    models/s.yml line 3, column 19',
      '          description: "{{ doc(\'x\') }}"',
      '                        ^',
    ),
  },
  {
    name: 'an argument that a test does not have, by its line of YAML',
    exit: 2,
    files: {
      'models/a.sql': 'select 1 as id',
      'models/s.yml':
        'models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          - unique\n' +
        '          - accepted_values: {arguments: {value: [1]}}\n',
    },
    says: stopped(
      'Compilation Error in test accepted_values_a_id__1 (models/s.yml)',
      "  macro 'dbt_macro__test_accepted_values' takes no keyword argument 'value'",
      '    models/s.yml line 7, column 13',
      '                - accepted_values: {arguments: {value: [1]}}',
      '                  ^',
    ),
  },
];
