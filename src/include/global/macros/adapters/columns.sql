{#- Columns of a relation and of a query, and changes to those of a relation. -#}

{% macro get_columns_in_relation(relation) %}{{
  return(adapter.dispatch('get_columns_in_relation', 'dbt')(relation))
}}{% endmacro %}

{% macro default__get_columns_in_relation(relation) %}
  {{- exceptions.raise_not_implemented('get_columns_in_relation macro not implemented for adapter '
      + adapter.type()) -}}
{% endmacro %}

{#- Column objects from rows (name, type, length, precision, scale, and in some dialects the type in DDL). -#}
{% macro sql_convert_columns_in_relation(table) %}
  {%- set columns = [] -%}
  {%- for row in table -%}
    {%- do columns.append(api.Column(*row)) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{% macro get_list_of_column_names(columns) %}{{ return(columns | map(attribute='name') | list) }}{% endmacro %}

{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) %}
{{- return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) -}}
{% endmacro %}

{#- A query with the columns of another one, and no rows: the database plans it and reads nothing. -#}
{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
    {{- select_sql_header if select_sql_header is not none }}
    select * from (
        {{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}

{% macro get_empty_schema_sql(columns) %}{{
  return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns))
}}{% endmacro %}

{#- A query of nulls with the columns declared in YAML, so that the database itself resolves the types. -#}
{% macro default__get_empty_schema_sql(columns) %}
    {%- set untyped, loose = [], [] %}
    select
    {% for column in columns.values() %}
      {%- if column['data_type'] is not defined -%}
        {%- do untyped.append(column['name']) -%}
      {%- elif column['data_type'].strip().lower() in ('numeric', 'decimal', 'number') -%}
        {%- do loose.append(column['name']) -%}
      {%- endif -%}
      {{ cast('null', column['data_type']) }} as {{ adapter.quote(column['name']) if column.get('quote')
          else adapter.quote_written(column['name']) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
    {%- if untyped -%}
      {{ exceptions.column_type_missing(column_names=untyped) }}
    {%- elif loose -%}
      {{ exceptions.warn('Detected columns with numeric type and unspecified precision/scale, this can lead to '
          'unintended rounding: ' ~ loose ~ '`') }}
    {%- endif -%}
{% endmacro %}

{#- The columns of a query as the driver reports them. -#}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) %}
{{- return(adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))) -}}
{% endmacro %}

{% macro get_columns_in_query(select_sql) %}{{
  return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql))
}}{% endmacro %}

{#- The names of a query's columns. -#}
{% macro default__get_columns_in_query(select_sql) %}
    {%- call statement('get_columns_in_query', fetch_result=True, auto_begin=False) %}
        {{- get_empty_subquery_sql(select_sql) }}
    {%- endcall -%}
    {{- return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) -}}
{% endmacro %}

{% macro alter_column_type(relation, column_name, new_column_type) %}
{{- return(adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type)) -}}
{% endmacro %}

{#- By a second column, which every database supports, whatever the two types are. Relations that read the table are
    dropped by name and recreated, not lost by CASCADE. -#}
{% macro default__alter_column_type(relation, column_name, new_column_type) %}
  {%- set table, column, changed = relation.render(), adapter.quote(column_name), adapter.quote(column_name
      + '__dbt_alter') -%}
  {%- call statement('alter_column_type') %}
    {%- for dependant in adapter.dependants(relation, altered=True) %}
    {{ dependant.drop_sql }};
    {%- endfor %}
    alter table {{ table }} add column {{ changed }} {{ new_column_type }};
    update {{ table }} set {{ changed }} = {{ column }};
    alter table {{ table }} drop column {{ column }} cascade;
    alter table {{ table }} rename column {{ changed }} to {{ column }}
  {% endcall -%}
  {%- do adapter.restore_dependants() -%}
{% endmacro %}

{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) %}
{{- return(adapter.dispatch('alter_relation_add_remove_columns', 'dbt')(relation, add_columns, remove_columns)) -}}
{% endmacro %}

{#- A column cannot be dropped while a relation reads it: its dependants are dropped first and restored without it. -#}
{% macro default__alter_relation_add_remove_columns(relation, add_columns, remove_columns) %}
  {%- set actions = [] -%}
  {%- for column in add_columns or [] -%}
    {%- do actions.append('add column ' ~ column.quoted ~ ' ' ~ column.expanded_data_type) -%}
  {%- endfor -%}
  {%- for column in remove_columns or [] -%}
    {%- do actions.append('drop column ' ~ column.quoted) -%}
  {%- endfor -%}
  {%- set sql -%}
    {%- for dependant in (adapter.dependants(relation, altered=True) if remove_columns else []) %}
    {{ dependant.drop_sql }};
    {%- endfor %}
    alter {{ relation.type }} {{ relation.render() }} {{ actions | join(',\n      ') }}
  {%- endset -%}
  {%- do run_query(sql) -%}
  {%- do adapter.restore_dependants() -%}
{% endmacro %}
