{#- The materialization `unit`: the rows of a model on given inputs, with the expected rows. A temporary table without
    rows provides the types of the model's columns, to which the expected values are cast. -#}
{% materialization unit, default %}
  {%- set sql_header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none -%}
  {%- set expected_rows = config.get('expected_rows') -%}
  {%- set tested_columns = expected_rows[0].keys() if expected_rows | length > 0 else get_columns_in_query(sql) -%}

  {%- set temp_relation = make_temp_relation(this.incorporate(type='table')) -%}
  {%- do run_query(get_create_table_as_sql(True, temp_relation, get_empty_subquery_sql(sql))) -%}
  {%- set types, quoted = {}, {} -%}
  {%- for column in adapter.get_columns_in_relation(temp_relation) -%}
    {%- do types.update({column.name | lower: fixture_type(column)}) -%}
    {%- do quoted.update({column.name | lower: column.quoted}) -%}
  {%- endfor -%}
  {%- set tested_quoted = [] -%}
  {%- for name in tested_columns -%}
    {%- do tested_quoted.append(quoted[name | lower]) -%}
  {%- endfor -%}

  {%- set expected_sql = config.get('expected_sql') or get_expected_sql(expected_rows, types, quoted) -%}
  {%- set unit_test_sql = get_unit_test_sql(sql, expected_sql, tested_quoted) -%}
  {%- call statement('main', fetch_result=True) %}
    {{- sql_header if sql_header }}
    {{ unit_test_sql }}
  {%- endcall -%}
  {%- do adapter.drop_relation(temp_relation) -%}

  {{- return({'relations': []}) -}}
{% endmaterialization %}
