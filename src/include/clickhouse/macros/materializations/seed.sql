{#- The materialization `seed`, with the table and rows of a seed. The new rows are put into a staging table, which is
    then swapped in: dbt empties the table first, which readers see. If tables cannot be exchanged (see
    clickhouse__publish_obstacle), it works like dbt. -#}
{% materialization seed, adapter='clickhouse' %}
  {#- a project's own macros for a seed are called when dbt calls them -#}
  {%- if adapter.overridden('materialization_seed_default', 'create_csv_table', 'reset_csv_table', 'load_csv_rows') -%}
    {{ return(materialization_seed_default()) }}
  {%- endif -%}
  {%- set agate_table = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}
  {%- do adapter.lock_relation(this) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set staging_relation = make_intermediate_relation(target_relation) -%}
  {%- set full_refresh = should_full_refresh() -%}
  {%- if existing_relation is not none and not existing_relation.is_table -%}
    {%- do exceptions.raise_compiler_error("Cannot seed to '{}', it is a {}".format(existing_relation.render(),
        existing_relation.type | replace('_', ' '))) -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}
  {%- do clickhouse__drop_own_views(target_relation) -%}

  {%- set in_place = existing_relation is not none and clickhouse__publish_obstacle(existing_relation) is not none -%}
  {%- if in_place -%}
    {%- set create_sql = reset_csv_table(model, full_refresh, existing_relation, agate_table) -%}
    {%- set insert_sql = load_csv_rows(model, agate_table) -%}
  {%- else -%}
    {%- if existing_relation is none or full_refresh -%}
      {%- set create_sql = clickhouse__create_seed_table(staging_relation, model, agate_table) -%}
    {%- else -%}
      {#- the existing columns: a file with others is an error, as in dbt -#}
      {%- set create_sql = 'create table ' ~ staging_relation ~ ' as ' ~ existing_relation -%}
      {%- do run_query(create_sql) -%}
    {%- endif -%}
    {%- set insert_sql = clickhouse__load_seed_rows(staging_relation, model, agate_table) -%}
    {%- if existing_relation is none -%}
      {%- do clickhouse__publish_first(staging_relation, target_relation) -%}
    {%- else -%}
      {%- do clickhouse__publish(staging_relation, target_relation) -%}
    {%- endif -%}
  {%- endif -%}

  {%- set rows_affected = agate_table.rows | length -%}
  {%- set code = 'CREATE' if full_refresh else 'INSERT' -%}
  {%- call noop_statement('main', code ~ ' ' ~ rows_affected, code, rows_affected) %}
    {{- get_csv_sql(create_sql, insert_sql) }};
  {%- endcall -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh)) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if existing_relation is not none and not in_place -%}
    {%- do adapter.drop_relation(staging_relation) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{% macro clickhouse__load_csv_rows(model, agate_table) %}
  {{- return(clickhouse__load_seed_rows(this, model, agate_table)) -}}
{% endmacro %}

{% macro clickhouse__create_csv_table(model, agate_table) %}
  {{- return(clickhouse__create_seed_table(this, model, agate_table)) -}}
{% endmacro %}

{#- In place: no transaction could hide the time without rows. -#}
{% macro clickhouse__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {%- if full_refresh -%}
    {%- do adapter.drop_relation(old_relation) -%}
    {{ return(create_csv_table(model, agate_table)) }}
  {%- endif -%}
  {%- do adapter.truncate_relation(old_relation) -%}
  {{- return('truncate table ' ~ old_relation.render()) -}}
{% endmacro %}

{#- Types are those configured in column_types, otherwise inferred from the file. -#}
{% macro clickhouse__create_seed_table(relation, model, agate_table) %}
  {%- set types = model['config'].get('column_types', {}) -%}
  {%- set quoted = model['config'].get('quote_columns', none) -%}
  {%- set sql %}
    create table {{ relation.render() }} {{ on_cluster_clause(relation) }} (
      {%- for name in agate_table.column_names -%}
        {{ adapter.quote_seed_column(name | string, quoted) }} {{ types.get(name, adapter.convert_type(agate_table,
            loop.index0)) }}{{ ', ' if not loop.last }}
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

{#- Uses the adapter's insert; with settings of the model a statement that contains the rows. Returns what target/run
    shows. -#}
{% macro clickhouse__load_seed_rows(relation, model, agate_table) %}
  {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- set settings = adapter.get_model_query_settings(model) -%}
  {%- set insert = 'insert into ' ~ relation.render() ~ ' (' ~ columns ~ ')' ~ settings -%}
  {%- if agate_table.rows | length > 0 -%}
    {%- if settings -%}
      {%- do adapter.add_query(insert ~ '\nformat CSV\n' ~ adapter.get_csv_data(agate_table), abridge_sql_log=True) -%}
    {%- else -%}
      {%- do adapter.load_table(relation, agate_table, columns) -%}
    {%- endif -%}
  {%- endif -%}
  {{- return(insert) -}}
{% endmacro %}
