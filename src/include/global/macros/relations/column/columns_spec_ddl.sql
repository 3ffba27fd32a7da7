{#- Contracts: the column list of a table's DDL, and the comparison of a query's columns with those declared in YAML.
    -#}
{% macro get_table_columns_and_constraints() %}
  {{- adapter.dispatch('get_table_columns_and_constraints', 'dbt')() -}}
{% endmacro %}

{% macro default__get_table_columns_and_constraints() %}{{ return(table_columns_and_constraints()) }}{% endmacro %}

{% macro table_columns_and_constraints() %}
    {%- set parts = adapter.render_raw_columns_constraints(raw_columns=model['columns'])
                  + adapter.render_raw_model_constraints(raw_constraints=model['constraints']) %}
    (
      {{ parts | join(',\n      ') }}
    )
{% endmacro %}

{% macro get_assert_columns_equivalent(sql) %}
  {{- adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) -}}
{% endmacro %}

{% macro default__get_assert_columns_equivalent(sql) %}{{ return(assert_columns_equivalent(sql)) }}{% endmacro %}

{#- Raises a contract error unless both sides have the same names with the same types; the order is ignored. Renders as
    nothing. -#}
{% macro assert_columns_equivalent(sql) %}
  {%- if not model['columns'] -%}
    {%- do exceptions.raise_contract_error([], []) -%}
  {%- endif -%}
  {%- set given = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
  {%- set declared = format_columns(get_column_schema_from_query(get_empty_schema_sql(model['columns']))) -%}
  {%- set declared_types = {} -%}
  {%- for column in declared if column['name'] not in declared_types -%}
    {%- do declared_types.update({column['name']: column['formatted']}) -%}
  {%- endfor -%}
  {%- if given | length != declared | length -%}
    {%- do exceptions.raise_contract_error(declared, given) -%}
  {%- endif -%}
  {%- for column in given if declared_types.get(column['name']) != column['formatted'] -%}
    {%- do exceptions.raise_contract_error(declared, given) -%}
  {%- endfor -%}
{% endmacro %}

{% macro format_columns(columns) %}
  {%- set formatted = [] -%}
  {%- for column in columns -%}
    {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
  {%- endfor -%}
  {{- return(formatted) -}}
{% endmacro %}

{% macro default__format_column(column) %}
{{- return({'name': column.name, 'data_type': column.dtype, 'formatted': column.column.lower() ~ ' '
    ~ column.dtype}) -}}
{% endmacro %}
