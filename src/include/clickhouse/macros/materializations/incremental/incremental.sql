{#- The materialization `incremental`, and the strategies that stage the new rows in a table of their own. Without a table, or on a full
    refresh, the model is built as a table is. How a strategy is chosen and called is in strategies.sql. -#}
{% materialization incremental, adapter='clickhouse' %}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set full_refresh_mode = existing_relation is not none and (should_full_refresh() or not existing_relation.is_table) -%}
  {%- if full_refresh_mode -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set staged = full_refresh_mode -%}
  {%- if existing_relation is none -%}
    {%- call statement('main') %}
      {{- get_create_table_as_sql(False, intermediate_relation, sql) }}
    {%- endcall -%}
    {%- do clickhouse__publish_first(intermediate_relation, target_relation) -%}
  {%- elif full_refresh_mode -%}
    {%- call statement('main') %}
      {{- get_create_table_as_sql(False, intermediate_relation, sql) }}
    {%- endcall -%}
  {%- else -%}
    {%- set staged = clickhouse__run_incremental_strategy(existing_relation, intermediate_relation) -%}
  {%- endif -%}

  {%- if staged -%}
    {%- do clickhouse__publish(intermediate_relation, target_relation) -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if existing_relation is none or full_refresh_mode -%}
    {%- do create_indexes(target_relation) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if staged -%}
    {%- do adapter.drop_relation(intermediate_relation.incorporate(type=existing_relation.type)) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- The table is written anew into the intermediate one: what is there without the new keys, then the new rows. The caller publishes it. -#}
{% macro clickhouse__incremental_legacy(existing_relation, intermediate_relation, column_changes, unique_key, is_distributed=False) %}
    {%- set new_data = existing_relation.incorporate(path={'identifier': existing_relation.identifier ~ '__dbt_new_data'}) -%}
    {%- set source, written = new_data, intermediate_relation -%}
    {{- drop_relation_if_exists(new_data) -}}
    {%- if is_distributed -%}
      {%- if column_changes -%}
        {%- do exceptions.raise_compiler_error('Schema changes not supported with Distributed tables ') -%}
      {%- endif -%}
      {%- set source = existing_relation.incorporate(path={'identifier': existing_relation.identifier ~ '__dbt_distributed_new_data'}) -%}
      {{- create_distributed_local_table(source, new_data, existing_relation, sql) -}}
      {%- set written = make_temp_relation(existing_relation) -%}
      {{- create_distributed_local_table(written, intermediate_relation, existing_relation) -}}
    {%- else -%}
      {%- call statement('create_new_data_temp') %}
        {{- get_create_table_as_sql(False, new_data, sql) }}
      {%- endcall -%}
      {%- call statement('main') %}
        create table {{ intermediate_relation }} {{ on_cluster_clause(existing_relation) }} as {{ new_data }}
      {%- endcall -%}
    {%- endif -%}

    {%- set kept = get_quoted_csv(adapter.get_columns_in_relation(existing_relation) | map(attribute='name')) -%}
    {%- set given = get_quoted_csv(adapter.get_columns_in_relation(new_data) | map(attribute='name')) if column_changes else kept -%}
    {%- call statement('insert_existing_data') %}
      insert into {{ written }} ({{ kept }})
      select {{ kept }}
      from {{ existing_relation }}
      where ({{ unique_key }}) not in (
        select {{ unique_key }}
        from {{ source }}
      )
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}
    {%- call statement('insert_new_data') %}
      insert into {{ written }} ({{ given }})
      select {{ given }}
      from {{ source }}
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}

    {%- do adapter.drop_relation(new_data) -%}
    {%- if is_distributed -%}
      {{- drop_relation_if_exists(source) -}}
      {{- drop_relation_if_exists(written) -}}
    {%- endif -%}
{% endmacro %}

{#- dbt-clickhouse's strategy as it is: a lightweight delete of the new keys, then an insert. Between the two readers see neither version of
    those rows. Without a unique_key, which microbatch allows, the predicates alone say what goes. -#}
{% macro clickhouse__incremental_delete_insert(existing_relation, unique_key, incremental_predicates, is_distributed=False) %}
    {%- set new_data = clickhouse__new_data_relation(existing_relation) -%}
    {%- set source = clickhouse__stage_new_data(existing_relation, new_data, is_distributed) -%}
    {%- set conditions = [] -%}
    {%- if unique_key -%}
      {#- The replica that deletes may not have the new rows yet, where storage is shared. -#}
      {%- set fresh = ' settings select_sequential_consistency = 1' if target.database_engine == 'Shared' else '' -%}
      {%- do conditions.append('(' ~ unique_key ~ ') in (select ' ~ unique_key ~ ' from ' ~ source ~ fresh ~ ')') -%}
    {%- endif -%}
    {%- do conditions.extend(incremental_predicates or []) -%}
    {%- call statement('delete_existing_data') %}
      delete from {{ clickhouse__local_relation(existing_relation) ~ ' ' ~ on_cluster_clause(existing_relation) if is_distributed else existing_relation }}
      where {{ conditions | join('\n        and ') }}
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}

    {%- set columns = get_quoted_csv(adapter.get_columns_in_relation(existing_relation) | map(attribute='name')) -%}
    {%- call statement('insert_new_data') %}
      insert into {{ existing_relation }} ({{ columns }})
      select {{ columns }}
      from {{ source }}
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}
    {{- clickhouse__drop_new_data(new_data, source) -}}
{% endmacro %}

{#- Partitions that the new rows are in take the place of those of the table; others stay. -#}
{% macro clickhouse__incremental_insert_overwrite(existing_relation, partition_by, is_distributed=False) %}
    {%- set new_data = clickhouse__new_data_relation(existing_relation) -%}
    {%- set source = clickhouse__stage_new_data(existing_relation, new_data, is_distributed) -%}
    {#- of all hosts: a host without new rows in a partition has to lose its old ones -#}
    {%- set partitions = run_query(
        'select distinct partition_id from ' ~ ('cluster(' ~ adapter.get_clickhouse_cluster_name() ~ ', system.parts)' if is_distributed else 'system.parts')
        ~ " where active and database = '" ~ new_data.schema ~ "' and table = '" ~ new_data.identifier ~ "'").rows -%}
    {%- if partitions -%}
      {%- call statement('replace_partitions') %}
        alter table {{ clickhouse__local_relation(existing_relation) ~ ' ' ~ on_cluster_clause(existing_relation) if is_distributed else existing_relation }}
        {%- for partition in partitions %}
        replace partition id '{{ partition['partition_id'] }}' from {{ new_data }}{{ ',' if not loop.last }}
        {%- endfor %}
        {#- needed since 26.6 for the hosts without new rows; older servers do not know it #}
        {{ 'settings allow_replace_partition_from_empty_source = 1' if adapter.is_at_or_after_version('26.6') }}
      {%- endcall -%}
    {%- endif -%}
    {{- clickhouse__drop_new_data(new_data, source) -}}
{% endmacro %}
