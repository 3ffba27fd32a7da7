{#- The SQL of a seed: its table, and its rows. -#}
{% macro create_csv_table(model, agate_table) %}
  {{- adapter.dispatch('create_csv_table', 'dbt')(model, agate_table) -}}
{% endmacro %}

{#- Types are those configured in column_types, otherwise inferred from the file. -#}
{% macro default__create_csv_table(model, agate_table) %}
  {%- set types = model['config'].get('column_types', {}) -%}
  {%- set quoted = model['config'].get('quote_columns', None) -%}
  {%- set sql %}
    create table {{ this.render() }} (
      {%- for name in agate_table.column_names -%}
        {{ adapter.quote_seed_column(name | string, quoted) }} {{ types.get(name, adapter.convert_type(agate_table,
            loop.index0)) }}{{ ', ' if not loop.last }}
      {%- endfor -%}
    )
  {% endset -%}
  {%- call statement('_') %}
    {{- sql }}
  {%- endcall -%}
  {{- return(sql) -}}
{% endmacro %}

{% macro reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {{- adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table) -}}
{% endmacro %}

{#- A full refresh renames the old table, creates the new one and drops the old one, with its readers recorded; they are
    recreated once the rows are inserted. Otherwise the rows are deleted, not truncated: see seed.sql. A project's own
    macro for either is called. -#}
{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {%- if full_refresh and adapter.overridden('drop_relation', 'get_drop_sql', 'drop_' ~ old_relation.type) -%}
        {%- do drop_dependants(old_relation) -%}
        {%- do adapter.drop_relation(old_relation) -%}
        {{ return(create_csv_table(model, agate_table)) }}
    {%- elif full_refresh -%}
        {%- call statement('reset_csv_table') %}
            {{- get_create_backup_sql(old_relation) }};
            {{ get_drop_backup_sql(old_relation) }}
        {%- endcall -%}
        {{ return(create_csv_table(model, agate_table)) }}
    {%- endif -%}
    {%- if adapter.overridden('truncate_relation') -%}
        {%- do adapter.truncate_relation(old_relation) -%}
        {{ return('truncate table ' ~ old_relation.render()) }}
    {%- endif -%}
    {%- set sql = 'delete from ' ~ old_relation.render() -%}
    {%- call statement('reset_csv_table') %}
        {{- sql }}
    {%- endcall -%}
    {{- return(sql) -}}
{% endmacro %}

{#- What target/run shows of a seed. -#}
{% macro get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{- adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql) -}}
{% endmacro %}

{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ create_or_truncate_sql }};
    -- dbt seed --
    {{ insert_sql }}
{% endmacro %}

{#- The dialect driver's syntax for a bound value. -#}
{% macro get_binding_char() %}
  {{- adapter.dispatch('get_binding_char', 'dbt')() -}}
{% endmacro %}

{% macro default__get_binding_char() %}{{ return('%s') }}{% endmacro %}

{#- The number of rows per insert. -#}
{% macro get_batch_size() %}{{ return(adapter.dispatch('get_batch_size', 'dbt')()) }}{% endmacro %}

{% macro default__get_batch_size() %}{{ return(10000) }}{% endmacro %}

{% macro get_seed_column_quoted_csv(model, column_names) %}
    {%- set setting = model['config'].get('quote_columns', None) -%}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}
        {%- do quoted.append(adapter.quote_seed_column(name, setting)) -%}
    {%- endfor -%}
    {{- return(quoted | join(', ')) -}}
{% endmacro %}

{#- Inserts the rows by the adapter's fastest method; returns the first insert that would do the same, for display. -#}
{% macro load_csv_rows(model, agate_table) %}
  {{- adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table) -}}
{% endmacro %}

{% macro default__load_csv_rows(model, agate_table) %}
  {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- do adapter.load_table(this, agate_table, columns) -%}
  {%- set row_sql = '(' ~ ([get_binding_char()] * (agate_table.column_names | length)) | join(',') ~ ')' -%}
  {%- set shown = [agate_table.rows | length, get_batch_size()] | min %}
    insert into {{ this.render() }} ({{ columns }}) values
    {{ ([row_sql] * shown) | join(',') }}
{% endmacro %}
