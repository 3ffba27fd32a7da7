{#- Tests of one relation in one statement: for each whether there is anything that it looks for. Not in dbt. -#}

{#- One row: `failures_<n>`, `should_warn_<n>`, `should_error_<n>` of the nth test. failures is zero where the test's
    own would be, and more than zero where that would be. tests: dicts of kind, what test-shapes.ts has found, warn_if,
    error_if. -#}
{% macro get_batched_tests_sql(relation, tests) %}
  {{- adapter.dispatch('get_batched_tests_sql', 'dbt')(relation, tests) -}}
{% endmacro %}

{% macro default__get_batched_tests_sql(relation, tests) %}
  {%- set rows, alone, conditions = [], [], [] -%}
  {%- set types = batched_test_types(relation) if tests | selectattr('kind', 'equalto', 'unique') | list else {} -%}
  {%- for test in tests -%}
    {%- set name = 'dbt_failures_' ~ loop.index0 -%}
    {%- if test.kind == 'rows' -%}
      {%- do conditions.append(test.condition) -%}
      {%- do rows.append(batched_test_count(test.condition) ~ ' as ' ~ name) -%}
    {%- elif test.kind == 'unique' -%}
      {#- each by itself: for several, Postgres 16 and later sort whole rows by the first of them -#}
      {%- do alone.append('select ' ~ batched_test_repeated(test.columns, test.where, test.single, types) ~ ' as '
          ~ name ~ '\n  from ' ~ relation) -%}
    {%- else -%}
      {%- do alone.append('select count(*) as ' ~ name ~ ' from (\n' ~ test.sql ~ '\n) dbt_internal_test') -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set parts = [] -%}
  {%- if rows -%}
    {#- only rows that fail some test come to the counting -#}
    {%- do parts.append('(\n  select ' ~ rows | join(',\n    ') ~ '\n  from ' ~ relation ~ '\n  where '
        ~ conditions | join('\n    or ') ~ '\n) dbt_rows') -%}
  {%- endif -%}
  {#- Postgres asks a subquery of the select list wherever its column is named: again by warn_if, by error_if -#}
  {%- for query in alone -%}
    {%- do parts.append('(\n  ' ~ query ~ '\n) dbt_alone_' ~ loop.index0) -%}
  {%- endfor %}
select
  {%- for test in tests %}
  {%- set name = 'dbt_failures_' ~ loop.index0 %}
  {{ name }} as failures_{{ loop.index0 }}, {{ name }} {{ test.warn_if }} as should_warn_{{ loop.index0 }}, {{ name
      }} {{ test.error_if }} as should_error_{{ loop.index0 }}{{ ',' if not loop.last }}
  {%- endfor %}
from {{ parts | join('\ncross join ') }}
{% endmacro %}

{% macro batched_test_count(condition) %}
  {{- return(adapter.dispatch('batched_test_count', 'dbt')(condition)) -}}
{% endmacro %}
{% macro default__batched_test_count(condition) %}
  {{- return('count(*) filter (where ' ~ condition ~ ')') -}}
{% endmacro %}

{#- Rows beyond the first of each value; where one expression is looked at, NULL is no value. -#}
{% macro batched_test_repeated(columns, where, single, types) %}
  {{- return(adapter.dispatch('batched_test_repeated', 'dbt')(columns, where, single, types)) -}}
{% endmacro %}
{#- Equal values have equal hashes: as many hashes as values prove that none occurs twice. Sorting hashes is less work
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

{#- Types of columns, by name as it stands and in quotes. -#}
{% macro batched_test_types(relation) %}
  {%- set types = {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do types.update({column.name: column.data_type, adapter.quote(column.name): column.data_type}) -%}
  {%- endfor -%}
  {{- return(types) -}}
{% endmacro %}
