{#- The materialization `distributed_table`: a local table on each host of the cluster, and a Distributed table over
    them for reads and writes. A new local table is filled as a staging table and exchanged with the old one on every
    host. -#}
{% materialization distributed_table, adapter='clickhouse' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- do clickhouse__require_distributed(target_relation, 'distributed materialization') -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set local_relation = clickhouse__local_relation(target_relation) -%}
  {%- set existing_local = load_cached_relation(local_relation) -%}
  {%- do clickhouse__require_exchange(existing_local) -%}
  {%- set staging_local = make_temp_relation(local_relation, '__dbt_backup') -%}
  {%- set staging_relation = make_temp_relation(target_relation, '__dbt_distributed_tmp') -%}
  {%- set view_relation = default__make_temp_relation(target_relation, '__dbt_tmp') -%}
  {%- set has_contract = config.get('contract').enforced -%}
  {#- left by a run that was killed -#}
  {{- drop_relation_if_exists(view_relation) -}}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {#- the view determines the columns of the query -#}
  {%- call statement('main') %}
    {{- create_view_as(view_relation, sql) }}
  {%- endcall -%}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}
  {%- do clickhouse__drop_own_views(target_relation) -%}

  {%- if existing_relation is none and existing_local is none -%}
    {{- create_distributed_local_table(target_relation, local_relation, view_relation, none, has_contract) -}}
    {%- do run_query(clickhouse__insert_into(target_relation, sql, has_contract)) -%}
  {%- else -%}
    {{- create_distributed_local_table(staging_relation, staging_local, view_relation, none, has_contract) -}}
    {%- do run_query(clickhouse__insert_into(staging_relation, sql, has_contract)) -%}
    {%- do adapter.drop_relation(staging_relation) -%}
    {{- clickhouse__publish_local(staging_local, existing_local, target_relation, local_relation) -}}
  {%- endif -%}
  {%- do adapter.drop_relation(view_relation) -%}

  {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
  {%- do apply_grants(local_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if existing_local is not none -%}
    {%- do adapter.drop_relation(staging_local) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- The requirements of the distributed materializations, checked before anything is dropped. -#}
{% macro clickhouse__require_distributed(target_relation, title) %}
  {%- set sync = run_query("select value from system.settings where name = 'insert_distributed_sync'")[0][0] -%}
  {%- if sync != '1' -%}
     {%- do exceptions.raise_compiler_error('To use ' ~ title
         ~ ' setting insert_distributed_sync should be set to 1') -%}
  {%- endif -%}
  {%- if on_cluster_clause(target_relation) | trim == '' -%}
     {%- do exceptions.raise_compiler_error('To use ' ~ title ~ ' cluster setting in dbt profile must be set') -%}
  {%- endif -%}
  {%- do validate_projections() -%}
{% endmacro %}

{#- The table on each host below a Distributed table: local_suffix and local_db_prefix of the profile determine its
    name. -#}
{% macro clickhouse__local_relation(relation) %}
{{- return(relation.incorporate(path={
    'identifier': this.identifier ~ adapter.get_clickhouse_local_suffix(),
    'schema': adapter.get_clickhouse_local_db_prefix() ~ this.schema
})) -}}
{% endmacro %}

{#- Swaps in a filled local table, and gives the Distributed table its columns. -#}
{% macro clickhouse__publish_local(staging_local, existing_local, target_relation, local_relation) %}
  {%- if existing_local is none -%}
    {%- do adapter.rename_relation(staging_local, local_relation) -%}
  {%- else -%}
    {%- do clickhouse__publish(staging_local, local_relation) -%}
  {%- endif -%}
  {%- do run_query(create_distributed_table(target_relation, local_relation)) -%}
{% endmacro %}

{#- Replaces any relation of that name, in one step. -#}
{% macro create_distributed_table(relation, local_relation) %}
  {%- set cluster = adapter.get_clickhouse_cluster_name() -%}
  {%- if cluster is none -%}
    {%- do exceptions.raise_compiler_error('Cluster name should be defined for using distributed materializations, '
        'current is None') -%}
  {%- endif -%}
  {%- set sharding = config.get('sharding_key') %}
    create or replace table {{ relation }} {{ on_cluster_clause(relation) }} as {{ local_relation }}
    engine = Distributed('{{ cluster[1:-1] }}', {{ adapter.quote_text(local_relation.schema) }}, {{
        adapter.quote_text(local_relation.name) }}, {{ sharding
        if sharding is not none and sharding.strip() != '' else 'rand()' }})
{% endmacro %}

{#- An empty table with the columns of a query, or of another relation, and with the model's storage. -#}
{% macro create_empty_table_from_relation(relation, source_relation, sql=none) %}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- if sql -%}
    {%- set columns = adapter.get_column_schema_from_query(sql, query_settings=config.get('query_settings', {})) -%}
  {%- else -%}
    {%- set columns = adapter.get_columns_in_relation(source_relation) -%}
  {%- endif -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- do parts.append(adapter.quote(column.name) ~ ' ' ~ column.expanded_data_type) -%}
  {%- endfor -%}
  {%- for projection in config.get('projections') or [] -%}
    {%- do parts.append(clickhouse_projection_ddl(projection)) -%}
  {%- endfor -%}
  {{- sql_header if sql_header is not none }}
  create table {{ relation.include(database=False) }} {{ on_cluster_clause(relation) }} (
    {{ parts | join(', ') }}
  )
  {{ engine_clause() }}
  {{ order_cols(label='order by') }}
  {{ primary_key_clause(label='primary key') }}
  {{ partition_cols(label='partition by') }}
  {{ ttl_config(label='ttl') }}
  {{ adapter.get_model_settings(model, config.get('engine', default='MergeTree')) }}
{% endmacro %}

{#- Creates both tables again; with a query also its rows. -#}
{% macro create_distributed_local_table(distributed_relation, shard_relation, structure_relation, sql_query=none,
    has_contract=false) %}
  {{- drop_relation_if_exists(shard_relation) -}}
  {{- drop_relation_if_exists(distributed_relation) -}}
  {{- create_schema(shard_relation) -}}
  {%- do run_query(create_empty_table_from_relation(shard_relation, structure_relation, sql_query)) -%}
  {%- do run_query(create_distributed_table(distributed_relation, shard_relation)) -%}
  {%- if sql_query is not none -%}
    {%- do run_query(clickhouse__insert_into(distributed_relation, sql_query, has_contract)) -%}
  {%- endif -%}
{% endmacro %}
