{#- SQL that creates a table from a query. -#}
{% macro get_create_table_as_sql(temporary, relation, sql) %}
  {{- adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) -}}
{% endmacro %}

{% macro default__get_create_table_as_sql(temporary, relation, sql) %}{{
  return(create_table_as(temporary, relation, sql))
}}{% endmacro %}

{#- The older name, which projects and packages override. Not every override knows the argument `language`. -#}
{% macro create_table_as(temporary, relation, compiled_code, language='sql') %}
  {%- if language == 'sql' -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
  {%- else -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language) }}
  {%- endif -%}
{% endmacro %}

{% macro default__create_table_as(temporary, relation, sql) %}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- set kept = not temporary -%}
  {{- sql_header if sql_header is not none }}
  create {{ 'temporary' if temporary }} table {{ relation.include(database=kept, schema=kept) }}
  {%- if kept and config.get('contract').enforced -%}
    {{ get_assert_columns_equivalent(sql) }}
    {{ get_table_columns_and_constraints() }}
    {%- set sql = get_select_subquery(sql) -%}
  {%- endif %}
  as (
    {{ sql }}
  );
{% endmacro %}

{#- The names of the declared columns, for an insert into a table with a contract. -#}
{% macro default__get_column_names() %}
  {%- for column in model['columns'].values() -%}
    {{ adapter.quote(column['name']) if column.get('quote')
        else adapter.quote_written(column['name']) }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}

{#- The query with its columns in the declared order. -#}
{% macro get_select_subquery(sql) %}{{ return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) }}{% endmacro %}

{% macro default__get_select_subquery(sql) %}
    select {{ adapter.dispatch('get_column_names', 'dbt')() }}
    from (
        {{ sql }}
    ) as model_subq
{% endmacro %}
