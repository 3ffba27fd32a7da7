{#- The words of ClickHouse for tests that go in one statement. Not in dbt-clickhouse. -#}
{% macro clickhouse__batched_test_count(condition) %}
  {{- return('countIf(' ~ condition ~ ')') -}}
{% endmacro %}

{% macro clickhouse__batched_test_repeated(columns, where, single, types) %}
  {%- set conditions = ([columns ~ ' is not null'] if single else []) + (['(' ~ where ~ ')'] if where else []) -%}
  {%- set condition = conditions | join(' and ') or '1' -%}
  {%- set value = columns if single else 'tuple(' ~ columns ~ ')' -%}
  {{- return('countIf(' ~ condition ~ ') - uniqExactIf(' ~ value ~ ', ' ~ condition ~ ')') -}}
{% endmacro %}
