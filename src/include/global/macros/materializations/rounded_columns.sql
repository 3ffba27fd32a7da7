{#- Columns of a table that would round the values of its new rows: the database does so silently if types differ; 1.6
    becomes 2 in an integer column. -#}

{#- source: a table of new rows. Dicts of name, type (the table's), new_type (that of the rows). -#}
{% macro rounded_columns(source, target) %}
  {{- return(adapter.dispatch('rounded_columns', 'dbt')(source, target)) -}}
{% endmacro %}

{#- A dialect whose types round overrides this. -#}
{% macro default__rounded_columns(source, target) %}{{ return([]) }}{% endmacro %}

{% macro warn_of_rounded_columns(source, target) %}
  {%- for column in rounded_columns(source, target) -%}
    {%- do exceptions.warn('Values of the column ' ~ column.name ~ ' of ' ~ target ~ ' are rounded: it is '
        ~ column.type ~ ', but the query returns ' ~ column.new_type ~ '. Set on_schema_change to sync_all_columns, or '
        'cast the column in the query.') -%}
  {%- endfor -%}
{% endmacro %}

{#- A snapshot compares its rows with those of the query: a rounded one would change in each run. -#}
{% macro widen_rounded_columns(source, target) %}
  {%- for column in rounded_columns(source, target) -%}
    {%- do alter_column_type(target, column.name, column.new_type) -%}
  {%- endfor -%}
{% endmacro %}
