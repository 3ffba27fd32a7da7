{#- The materialization `test`: counts the rows of the test's query. With store_failures those rows are stored in a
    relation first, and counted there. -#}
{% materialization test, default %}
  {%- set relations = [] -%}
  {%- set sql_header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none -%}
  {#- the limit applies to the stored rows, so it is inside -#}
  {%- set main_sql = get_limit_subquery_sql(sql, config.get('limit')) -%}

  {%- if should_store_failures() -%}
    {%- set kind = config.get('store_failures_as') or 'table' -%}
    {%- if kind not in ['table', 'view'] -%}
        {%- do exceptions.raise_compiler_error("'" ~ kind ~ "' is not a valid value for `store_failures_as`. "
            "Accepted values are: ['ephemeral', 'table', 'view']") -%}
    {%- endif -%}
    {%- set target_relation = api.Relation.create(database=database, schema=schema, identifier=model['alias'],
        type=kind) -%}
    {%- do adapter.lock_relation(target_relation) -%}
    {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
    {%- if old_relation -%}
        {%- do drop_dependants(old_relation) -%}
        {%- do adapter.drop_relation(old_relation) -%}
    {%- endif -%}
    {%- call statement(auto_begin=True) %}
        {{- sql_header if sql_header }}
        {{ get_create_sql(target_relation, main_sql) }}
    {%- endcall -%}
    {%- do adapter.restore_dependants() -%}
    {%- do relations.append(target_relation) -%}
    {%- set main_sql = 'select *\nfrom ' ~ target_relation -%}
    {%- do adapter.commit() -%}
  {%- endif -%}

  {%- call statement('main', fetch_result=True, auto_begin=False) %}
    {{- sql_header if sql_header }}
    {{ get_test_sql(main_sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
  {%- endcall -%}

  {{- return({'relations': relations}) -}}
{% endmaterialization %}
