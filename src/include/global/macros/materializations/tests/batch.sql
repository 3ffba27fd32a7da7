{#- Tests of one relation in one statement: for each, whether there are any failures. Not in dbt. -#}

{#- One row: `failures_<n>`, `should_warn_<n>`, `should_error_<n>` of the nth test. failures is zero if the test's own
    count would be, and more than zero otherwise. tests: dicts of kind, the result of test-shapes.ts, warn_if, error_if.
    For a reference, parent is a relation. -#}
{% macro get_batched_tests_sql(relation, tests) %}
  {{- adapter.dispatch('get_batched_tests_sql', 'dbt')(relation, tests) -}}
{% endmacro %}

{% macro default__get_batched_tests_sql(relation, tests) %}
  {%- set rows, uniques, wholes, conditions = [], [], [], [] -%}
  {%- set types = batched_test_types(relation, tests) -%}
  {%- for test in tests -%}
    {%- set name = 'dbt_failures_' ~ loop.index0 -%}
    {%- set condition = batched_test_condition(test, relation, types) -%}
    {%- if condition -%}
      {%- do conditions.append(condition) -%}
      {%- do rows.append(batched_test_count(condition) ~ ' as ' ~ name) -%}
    {%- elif test.kind == 'unique' -%}
      {%- do uniques.append(batched_test_repeated(test.columns, test.where, test.single, types[relation | string])
          ~ ' as ' ~ name) -%}
    {%- else -%}
      {%- do wholes.append({'name': name, 'sql': test.sql}) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set parts = [] -%}
  {%- if rows -%}
    {#- only rows that fail some test are counted -#}
    {%- do parts.append('(\n  select ' ~ rows | join(',\n    ') ~ '\n  from ' ~ relation ~ '\n  where '
        ~ conditions | join('\n    or ') ~ '\n) dbt_rows') -%}
  {%- endif -%}
  {%- do parts.extend(batched_test_parts(relation, uniques, wholes)) %}
select
  {%- for test in tests %}
  {%- set name = 'dbt_failures_' ~ loop.index0 %}
  {{ name }} as failures_{{ loop.index0 }}, {{ name }} {{ test.warn_if }} as should_warn_{{ loop.index0 }}, {{ name
      }} {{ test.error_if }} as should_error_{{ loop.index0 }}{{ ',' if not loop.last }}
  {%- endfor %}
from {{ parts | join('\ncross join ') }}
{% endmacro %}

{#- Entries of from next to the scan of rows. uniques: expressions with their names; wholes: dicts of name and sql,
    which is counted. -#}
{% macro batched_test_parts(relation, uniques, wholes) %}
  {{- return(adapter.dispatch('batched_test_parts', 'dbt')(relation, uniques, wholes)) -}}
{% endmacro %}
{#- Each separately. For several unique tests in one select, Postgres 16 and later sort whole rows by the first of them;
    a subquery of the select list is evaluated again wherever its column is named: by warn_if and by error_if. -#}
{% macro default__batched_test_parts(relation, uniques, wholes) %}
  {%- set parts = [] -%}
  {%- for unique in uniques -%}
    {%- do parts.append('(\n  select ' ~ unique ~ '\n  from ' ~ relation ~ '\n) dbt_unique_' ~ loop.index0) -%}
  {%- endfor -%}
  {%- for whole in wholes -%}
    {%- do parts.append('(\n  select count(*) as ' ~ whole.name ~ ' from (\n' ~ whole.sql ~
        '\n) dbt_internal_test\n) dbt_whole_' ~ loop.index0) -%}
  {%- endfor -%}
  {{- return(parts) -}}
{% endmacro %}

{#- The condition of failing rows, for a test that checks rows one by one; none for any other. -#}
{% macro batched_test_condition(test, relation, types) %}
  {{- return(adapter.dispatch('batched_test_condition', 'dbt')(test, relation, types)) -}}
{% endmacro %}
{% macro default__batched_test_condition(test, relation, types) %}
  {{- return(test.condition if test.kind == 'rows' else none) -}}
{% endmacro %}

{% macro batched_test_count(condition) %}
  {{- return(adapter.dispatch('batched_test_count', 'dbt')(condition)) -}}
{% endmacro %}
{% macro default__batched_test_count(condition) %}
  {{- return('count(*) filter (where ' ~ condition ~ ')') -}}
{% endmacro %}

{#- Rows beyond the first of each value; for a single expression, NULL is not a value. -#}
{% macro batched_test_repeated(columns, where, single, types) %}
  {{- return(adapter.dispatch('batched_test_repeated', 'dbt')(columns, where, single, types)) -}}
{% endmacro %}
{#- Equal values have equal hashes: as many hashes as values prove that none occurs twice. Sorting hashes is cheaper
    than a hash table of texts. -#}
{% macro default__batched_test_repeated(columns, where, single, types) %}
  {%- set conditions = ([columns ~ ' is not null'] if single else []) + (['(' ~ where ~ ')'] if where else []) -%}
  {%- set filter = ' filter (where ' ~ conditions | join(' and ') ~ ')' if conditions else '' -%}
  {%- set value = columns if single and types.get(columns) in ['smallint', 'integer', 'bigint', 'date',
      'timestamp without time zone', 'timestamp with time zone']
      else 'hashtextextended(' ~ columns ~ ', 0)' if single and types.get(columns, '').split('(')[0] in ['text',
      'character varying']
      else 'hash_record_extended(row(' ~ columns ~ '), 0)' -%}
  {{- return('count(*)' ~ filter ~ ' - count(distinct ' ~ value ~ ')' ~ filter) -}}
{% endmacro %}

{#- Types of columns of the relations for which they are needed, by a relation's text and a column's name, bare and
    quoted. -#}
{% macro batched_test_types(relation, tests) %}
  {{- return(adapter.dispatch('batched_test_types', 'dbt')(relation, tests)) -}}
{% endmacro %}
{% macro default__batched_test_types(relation, tests) %}
  {%- set types = {} -%}
  {%- if tests | selectattr('kind', 'equalto', 'unique') | list -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do types.update({column.name: column.data_type, adapter.quote(column.name): column.data_type}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return({relation | string: types}) -}}
{% endmacro %}
