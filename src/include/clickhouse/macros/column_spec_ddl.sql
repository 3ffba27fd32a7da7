{#- Contracts: the query's columns must match those declared in YAML, by name, with types as the server writes them. -#}
{% macro clickhouse__get_assert_columns_equivalent(sql) %}
  {%- set declared = model['columns'].values() | list -%}
  {%- if not declared -%}
    {%- do exceptions.raise_contract_error([], []) -%}
  {%- endif -%}
  {#- with the settings that the query will run with: join_use_nulls, for example, changes types -#}
  {%- set given = adapter.get_column_schema_from_query(sql, query_settings=config.get('query_settings', {}) or {}) -%}
  {%- set found = adapter.format_columns(given) -%}
  {%- set types = {} -%}
  {%- for column in declared if column['name'] not in types -%}
    {%- do types.update({column['name']: column['data_type']}) -%}
  {%- endfor -%}
  {%- if found | length != declared | length -%}
    {%- do exceptions.raise_contract_error(declared, found) -%}
  {%- endif -%}
  {#- data_type is String for FixedString(n), too -#}
  {%- for column in given if types.get(column.name) not in [column.data_type, column.expanded_data_type] -%}
    {%- do exceptions.raise_contract_error(declared, found) -%}
  {%- endfor -%}
{% endmacro %}
