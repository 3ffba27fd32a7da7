// Projects that fail while they run, at the server or by what it answers, and what is said of each.
import { PROJECT, type Row, stopped, text } from './bad-input.ts';

const MACROS =
  '{% macro outer() %}\n{{ inner() }}\n{% endmacro %}\n{% macro inner() %}\n\n amout + 1\n{% endmacro %}\n{% ' +
  'macro hk() %}\nselect\n  nope\n{% endmacro %}';

export const RUNNING: readonly Row[] = [
  {
    name: 'nobody listens: host and port, not the password',
    command: 'run',
    exit: 2,
    files: { 'models/a.sql': 'select 1' },
    output: { host: '127.0.0.1', port: 1, password: 's3cr3t' },
    says: stopped(
      'Database Error',
      '  connection to server at "127.0.0.1", port 1 failed: Connection refused',
      '  \tIs the server running on that host and accepting TCP/IP connections?',
    ),
  },
  {
    name: 'a materialization without quotes',
    command: 'run',
    exit: 1,
    files: { 'models/a.sql': '{{ config(materialized=table) }} select 1 as a' },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Compilation Error in model a (models/a.sql)',
      "  No materialization '' was found for adapter postgres! (searched types 'default' and 'postgres')",
      '  `materialized` has no value. Is a word of `config(…)` without quotes?',
    ),
  },
  {
    name: 'a database error two macros deep',
    command: 'run',
    exit: 1,
    files: { 'macros/m.sql': MACROS, 'models/a.sql': 'select 1 as b,\n\n{{ outer() }}' },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "amout" does not exist',
      '    macros/m.sql line 6, column 2',
      '       amout + 1',
      '       ^',
      '  ',
      '  > in macro inner (macros/m.sql) line 6',
      '  > called by macro outer (macros/m.sql) line 2',
      '  > called by model a (models/a.sql)',
    ),
  },
  {
    name:
      "a database error behind the model's code names its last line, one in a built-in macro the line that calls " +
      'it',
    command: 'run',
    exit: 1,
    files: {
      'models/a.sql': 'select 1 as b\nfrom {{ this }} where',
      'models/b.sql': "select 1 as b,\n  {{ dbt.dateadd('day', 1, 'nope') }} as c",
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  syntax error at or near ")"',
      '  LINE 6:   );',
      '            ^',
      '    models/a.sql line 2, column 22',
      '      from {{ this }} where',
      '                           ^',
      '[ERROR]: in model b (models/b.sql)',
      '  Database Error in model b (models/b.sql)',
      '  column "nope" does not exist',
      '    models/b.sql line 2, column 29',
      "        {{ dbt.dateadd('day', 1, 'nope') }} as c",
      '                                  ^',
    ),
  },
  {
    name: 'a database error in an ephemeral parent',
    command: 'run',
    exit: 1,
    files: {
      'models/e.sql': '{{ config(materialized="ephemeral") }}\nselect 1 as a,\n  nope',
      'models/a.sql': "select 1 as b\nfrom {{ ref('e') }}",
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "nope" does not exist',
      '    models/e.sql line 3, column 3',
      '        nope',
      '        ^',
    ),
  },
  {
    name: 'a database error in on-run-end',
    command: 'run',
    exit: 1,
    files: {
      'dbt_project.yml': `${PROJECT}on-run-end: "{{ hk() }}"\n`,
      'macros/m.sql': MACROS,
      'models/a.sql': 'select 1 as a',
    },
    says: text(
      '[ERROR]: in operation p-on-run-end-0 (./dbt_project.yml)',
      '  p.on-run-end.0 failed, error:',
      ' column "nope" does not exist',
      '    macros/m.sql line 10, column 3',
      '        nope',
      '        ^',
      '  ',
      '  > in macro hk (macros/m.sql) line 10',
      '  > called by operation p-on-run-end-0 (./dbt_project.yml)',
    ),
  },
  {
    name: 'a database error in a hook of the properties',
    command: 'run',
    exit: 1,
    files: {
      'models/a.sql': 'select 1 as a',
      'models/s.yml': 'models:\n  - name: a\n    config:\n      pre_hook:\n        - select nope\n',
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "nope" does not exist',
      '    models/s.yml line 5, column 18',
      '              - select nope',
      '                       ^',
    ),
  },
  {
    name:
      'database errors in what run_query sends, in a hook outside the transaction, in an argument of a test, in ' +
      'a hook of many lines and in unit tests',
    command: 'build',
    exit: 1,
    files: {
      'dbt_project.yml': `${PROJECT}on-run-end:\n  - |\n    select 1,\n      no_end\n`,
      'macros/m.sql':
        '{% macro rq() %}\n{% set q %}\nselect 1,\n  no_query\n{% endset %}\n{% if execute %}{% do ' +
        'run_query(q) %}{% endif %}\n{% endmacro %}\n{% macro hk(t) %}\ninsert into {{ t }} values (1)\n{% ' +
        'endmacro %}',
      'models/a.sql': '{{ rq() }} select 1 as a',
      'models/b.sql':
        "{{ config(pre_hook={'sql': \"{{ hk('no_such_table') }}\", 'transaction': false}) }} select 1 as b",
      'models/c.sql': 'select 1 as c',
      'models/d.sql': "\n\nselect c,\n  no_unit as d from {{ ref('c') }}",
      'models/e.sql': 'select 1 as e',
      'models/s.yml':
        'models:\n  - name: e\n    columns:\n      - name: e\n        data_tests:\n          - ' +
        'accepted_values: {arguments: {values: [no_value], quote: false}}\n' +
        "unit_tests:\n  - name: u\n    model: d\n    given: [{input: ref('c'), rows: [{c: 1}]}]\n    expect: " +
        '{rows: [{d: 1}]}\n',
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "no_query" does not exist',
      '    macros/m.sql line 4, column 3',
      '        no_query',
      '        ^',
      '  ',
      '  > in macro rq (macros/m.sql) line 4',
      '  > called by model a (models/a.sql)',
      '[ERROR]: in model b (models/b.sql)',
      '  Database Error in model b (models/b.sql)',
      '  relation "no_such_table" does not exist',
      '  LINE 3:         insert into no_such_table values (1)',
      '                              ^',
      '    macros/m.sql line 9, column 13',
      '      insert into {{ t }} values (1)',
      '                  ^',
      '  ',
      '  > in macro hk (macros/m.sql) line 9',
      '  > called by macro run_hooks (macros/materializations/hooks.sql) line 12',
      '  > called by macro materialization_view_default (macros/materializations/models/view.sql) line 6',
      '  > called by model b (models/b.sql)',
      '[ERROR]: in unit_test u (models/s.yml)',
      '  Runtime Error in unit_test u (models/s.yml)',
      "  An error occurred during execution of unit test 'u'. There may be an error in the unit test " +
        'definition: check the data types.',
      '   Database Error',
      '    column "no_unit" does not exist',
      '      models/d.sql line 4, column 3',
      "          no_unit as d from {{ ref('c') }}",
      '          ^',
      '[ERROR]: in test accepted_values_e_e__False__no_value (models/s.yml)',
      '  Database Error in test accepted_values_e_e__False__no_value (models/s.yml)',
      '  column "no_value" does not exist',
      '    models/s.yml line 6, column 52',
      '                - accepted_values: {arguments: {values: [no_value], quote: false}}',
      '                                                         ^',
      '[ERROR]: in operation p-on-run-end-0 (./dbt_project.yml)',
      '  p.on-run-end.0 failed, error:',
      ' column "no_end" does not exist',
      '    ./dbt_project.yml line 7, column 7',
      '            no_end',
      '            ^',
    ),
  },
  {
    name: 'a table that a test reads is not there: the line of the table, not of the name of its database',
    command: 'test',
    exit: 1,
    files: {
      'models/s.yml':
        'sources:\n  - name: raw\n    tables:\n      - name: no_such_table\n        columns: ' +
        '[{name: id, data_tests: [not_null]}]\n',
    },
    says: text(
      '[ERROR]: in test source_not_null_raw_no_such_table_id (models/s.yml)',
      '  Database Error in test source_not_null_raw_no_such_table_id (models/s.yml)',
      '  relation "raw.no_such_table" does not exist',
      '  LINE 12: from "DB"."raw"."no_such_table"',
      '                ^',
      '    models/s.yml line 4',
      '            - name: no_such_table',
    ),
  },
  {
    name: 'a test that does not exist',
    command: 'test',
    exit: 1,
    files: { 'models/a.sql': 'select 1 as a', 'models/s.yml': 'models:\n  - name: a\n    data_tests: [uniqu]\n' },
    says: text(
      '[ERROR]: in test uniqu_a_ (models/s.yml)',
      '  Compilation Error in test uniqu_a_ (models/s.yml)',
      "  'test_uniqu' is undefined. This can happen when calling a macro that does not exist. Check for " +
        'typos and/or install package dependencies with "dbt deps".',
      "  did you mean 'unique'?",
    ),
  },
  {
    name: 'a name of more than 63 bytes',
    command: 'run',
    exit: 1,
    files: { 'models/a.sql': `{{ config(alias='${'ü'.repeat(32)}') }} select 1 as a` },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Runtime Error in model a (models/a.sql)',
      `  Relation name '${'ü'.repeat(32)}' is longer than 63 bytes`,
    ),
  },
  {
    name: 'a seed with a zero byte',
    command: 'seed',
    exit: 1,
    files: { 'seeds/s.csv': 'a,b\n1,"q\nq"\nx\0y,2\n' },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Database Error in seed s (seeds/s.csv)',
      '  A string literal cannot contain NUL (0x00) characters (column "a", row 2).',
      '    seeds/s.csv line 4',
    ),
  },
  {
    name: 'a seed with a value that is not of the configured type',
    command: 'seed',
    exit: 1,
    files: {
      'seeds/s.csv': '\ufeffa,b\n1,"q\nq"\nx,2\n',
      'dbt_project.yml': `${PROJECT}seeds:\n  p:\n    +column_types: {a: integer}\n`,
    },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Database Error in seed s (seeds/s.csv)',
      '  invalid input syntax for type integer: "x"',
      '  CONTEXT:  COPY s, line 2, column a: "x"',
      '    seeds/s.csv line 4',
      '    in the statement',
      '      copy "SCHEMA"."s" ("a", "b") from stdin',
    ),
  },
  {
    name: 'a seed with a row that is too long',
    command: 'seed',
    exit: 1,
    files: { 'seeds/s.csv': 'a,b\n1,2\n3,4,5\n' },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Compilation Error in seed s (seeds/s.csv)',
      '  Row 1 has 3 values, but Table only has 2 columns.',
      '    seeds/s.csv line 3',
      '  A value with the delimiter in it must stand in double quotes.',
    ),
  },
  {
    name: 'a database error without a position names the statement',
    command: 'run',
    exit: 1,
    files: { 'models/a.sql': "{{ config(materialized='table') }}\nselect 1/(x-1) as a from (values (1)) v(x)" },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  division by zero',
      '    in the statement',
      '      create  table "DB"."SCHEMA"."a__dbt_tmp"',
      '        as',
      '        (',
      '      select 1/(x-1) as a from (values (1)) v(x)',
      '        );',
    ),
  },
  {
    name: 'an interval that no timer can hold',
    command: 'run --every 30d',
    exit: 2,
    files: { 'models/a.sql': 'select 1 as a' },
    says: stopped('Usage Error', "  Error: Invalid value for '--every': '30d' is longer than 24 days."),
  },
  {
    name: 'a contract that is not kept, and one without types: the model, no built-in macro',
    command: 'run',
    exit: 1,
    files: {
      'models/a.sql': 'select 1 as id',
      'models/b.sql': 'select 1 as id',
      'models/s.yml':
        'models:\n  - name: a\n    config: {contract: {enforced: true}}\n    columns:\n' +
        '      - {name: id, data_type: text}\n  - name: b\n    config: {contract: {enforced: true}}\n' +
        '    columns:\n      - name: id\n',
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Compilation Error in model a (models/a.sql)',
      '  This model has an enforced contract that failed.',
      '  Please ensure the name, data_type, and number of columns in your contract match the columns in your ' +
        "model's definition.",
      '  ',
      '  | column_name | definition_type | contract_type | mismatch_reason    |',
      '  | ----------- | --------------- | ------------- | ------------------ |',
      '  | id          | INTEGER         | TEXT          | data type mismatch |',
      '[ERROR]: in model b (models/b.sql)',
      '  Compilation Error in model b (models/b.sql)',
      '  Contracted models require data_type to be defined for each column. Please ensure that the column name and ' +
        "data_type are defined within the YAML configuration for the ['id'] column(s).",
    ),
  },
];
