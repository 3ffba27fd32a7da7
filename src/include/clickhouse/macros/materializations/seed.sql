{#- The table and the rows of a seed. -#}
{% macro clickhouse__load_csv_rows(model, agate_table) %}
  {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- set rows = adapter.get_csv_data(agate_table) -%}
  {%- if rows -%}
    {%- set sql -%}
      insert into {{ this.render() }} ({{ columns }})
      {{ adapter.get_model_query_settings(model) }}
      format CSV
      {{ rows }}
    {%- endset -%}
    {%- do adapter.add_query(sql, bindings=agate_table, abridge_sql_log=True) -%}
  {%- endif -%}
{% endmacro %}

{#- Types are those configured in column_types, else those inferred from the file. -#}
{% macro clickhouse__create_csv_table(model, agate_table) %}
  {%- set types = model['config'].get('column_types', {}) -%}
  {%- set quoted = model['config'].get('quote_columns', none) -%}
  {%- set sql %}
    create table {{ this.render() }} {{ on_cluster_clause(this) }} (
      {%- for name in agate_table.column_names -%}
        {{ adapter.quote_seed_column(name | string, quoted) }} {{ types.get(name, adapter.convert_type(agate_table, loop.index0)) }}{{ ', ' if not loop.last }}
      {%- endfor -%}
    )
    {{ engine_clause() }}
    {{ order_cols(label='order by') }}
    {{ partition_cols(label='partition by') }}
  {% endset -%}
  {%- call statement('_') %}
    {{- sql }}
  {%- endcall -%}
  {{- return(sql) -}}
{% endmacro %}
