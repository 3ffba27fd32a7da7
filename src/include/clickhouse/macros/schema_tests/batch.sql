{#- The words of ClickHouse for tests that go in one statement. Not in dbt-clickhouse. -#}
{% macro clickhouse__batched_test_count(condition) %}
  {{- return('countIf(' ~ condition ~ ')') -}}
{% endmacro %}

{% macro clickhouse__batched_test_repeated(columns, where, single, types) %}
  {%- set conditions = ([columns ~ ' is not null'] if single else []) + (['(' ~ where ~ ')'] if where else []) -%}
  {%- set condition = conditions | join(' and ') or '1' -%}
  {#- Equal texts have equal hashes: as many hashes as rows prove that none is there twice, with less work. -#}
  {%- set value = 'cityHash64(' ~ columns ~ ')' if single and types.get(columns) in ['String', 'Nullable(String)',
      'LowCardinality(String)', 'LowCardinality(Nullable(String))']
      else columns if single else 'tuple(' ~ columns ~ ')' -%}
  {{- return('countIf(' ~ condition ~ ') - uniqExactIf(' ~ value ~ ', ' ~ condition ~ ')') -}}
{% endmacro %}

{#- As few as can be: the time to plan grows faster than the number of joins. -#}
{% macro clickhouse__batched_test_parts(relation, uniques, wholes) %}
  {%- set parts = [] -%}
  {%- if uniques -%}
    {%- do parts.append('(\n  select ' ~ uniques | join(',\n    ') ~ '\n  from ' ~ relation ~ '\n) dbt_uniques') -%}
  {%- endif -%}
  {%- set counts = [] -%}
  {%- for whole in wholes -%}
    {%- do counts.append('(select count(*) from (\n' ~ whole.sql ~ '\n) dbt_internal_test) as ' ~ whole.name) -%}
  {%- endfor -%}
  {%- if counts -%}
    {%- do parts.append('(\n  select ' ~ counts | join(',\n    ') ~ '\n) dbt_wholes') -%}
  {%- endif -%}
  {{- return(parts) -}}
{% endmacro %}
