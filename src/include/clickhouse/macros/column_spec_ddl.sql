{#- Contracts: what the query gives must be what YAML declares, name by name, with types as the server writes them. -#}
{% macro clickhouse__get_assert_columns_equivalent(sql) %}
  {%- set declared = model['columns'].values() | list -%}
  {%- if not declared -%}
    {%- do exceptions.raise_contract_error([], []) -%}
  {%- endif -%}
  {#- under the settings that the query will run with: join_use_nulls, for one, changes types -#}
  {%- set found = adapter.format_columns(adapter.get_column_schema_from_query(sql,
      query_settings=config.get('query_settings', {}) or {})) -%}
  {%- set types = {} -%}
  {%- for column in declared if column['name'] not in types -%}
    {%- do types.update({column['name']: column['data_type']}) -%}
  {%- endfor -%}
  {%- if found | length != declared | length -%}
    {%- do exceptions.raise_contract_error(declared, found) -%}
  {%- endif -%}
  {%- for column in found if column['name'] not in types or types[column['name']] != column['data_type'] -%}
    {%- do exceptions.raise_contract_error(declared, found) -%}
  {%- endfor -%}
{% endmacro %}
