{#- The materialization `unit`: like the default one, but the types of the model's columns come from its query, which
    needs no temporary table. -#}
{% materialization unit, adapter='clickhouse' %}
  {%- set expected_rows = config.get('expected_rows') -%}
  {%- set types, quoted, names = {}, {}, [] -%}
  {%- for column in adapter.get_column_schema_from_query(get_empty_subquery_sql(sql)) -%}
    {%- do names.append(column.name) -%}
    {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- do quoted.update({column.name | lower: column.quoted}) -%}
  {%- endfor -%}
  {%- set tested_quoted = [] -%}
  {%- for name in (expected_rows[0].keys() if expected_rows | length > 0 else names) -%}
    {%- do tested_quoted.append(quoted[name | lower]) -%}
  {%- endfor -%}

  {%- set expected_sql = config.get('expected_sql') or get_expected_sql(expected_rows, types, quoted) -%}
  {%- set unit_test_sql = get_unit_test_sql(sql, expected_sql, tested_quoted) -%}
  {%- call statement('main', fetch_result=True) %}
    {{- unit_test_sql }}
  {%- endcall -%}

  {{- return({'relations': []}) -}}
{% endmaterialization %}

{#- A YAML list is an array, or a tuple if the column is one; a dict is a map. -#}
{% macro clickhouse__fixture_collection(value, type) %}
  {%- set parts = [] -%}
  {%- for part in value -%}
    {%- do parts.append(fixture_literal(part, type[6:-1] if type.startswith('Array(') else '')) -%}
    {%- if value is mapping -%}
      {%- do parts.append(fixture_literal(value[part], '')) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set function = 'map' if value is mapping else 'tuple' if type.startswith('Tuple(') else 'array' -%}
  {{- return(function ~ '(' ~ parts | join(', ') ~ ')') -}}
{% endmacro %}
