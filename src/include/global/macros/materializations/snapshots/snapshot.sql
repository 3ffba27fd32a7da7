{#- The materialization `snapshot`: keeps every version of every row. The first run creates the table, a later one
    stages the changes and merges them. One transaction from the lock to the commit. -#}
{% materialization snapshot, default %}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set target_relation_exists, target_relation = get_or_create_relation(
          database=model.database, schema=model.schema, identifier=model.get('alias', model.get('name')),
          type='table') -%}
  {%- if not target_relation.is_table -%}
    {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set unique_key = config.get('unique_key') -%}
  {%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data',
      model['config'], target_relation_exists) -%}

  {%- if not target_relation_exists -%}
      {%- set select_sql = build_snapshot_table(strategy, model['compiled_code']) -%}
      {%- set final_sql = create_table_as(False, target_relation, select_sql) -%}
  {%- else -%}
      {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
      {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) -%}
      {%- set select_sql = snapshot_staging_table(strategy, sql, target_relation) -%}
      {%- set staging_table = build_snapshot_staging_table(strategy, sql, target_relation) -%}
      {%- do snapshot_check_changes(staging_table, target_relation, strategy) -%}
      {%- do adapter.expand_target_column_types(from_relation=staging_table, to_relation=target_relation) -%}
      {%- do widen_rounded_columns(staging_table, target_relation) -%}

      {#- columns of the staging table that the snapshot does not get -#}
      {%- set working = ['dbt_change_type', 'DBT_CHANGE_TYPE', 'dbt_unique_key', 'DBT_UNIQUE_KEY'] -%}
      {%- for part in (unique_key if unique_key | is_list else []) -%}
          {%- do working.extend(['dbt_unique_key_' ~ loop.index, 'DBT_UNIQUE_KEY_' ~ loop.index]) -%}
      {%- endfor -%}
      {%- do create_columns(target_relation, adapter.get_missing_columns(staging_table, target_relation)
                                             | rejectattr('name', 'in', working) | list) -%}
      {%- set inserted = [] -%}
      {%- for column in adapter.get_columns_in_relation(staging_table) | rejectattr('name', 'in', working) -%}
        {%- do inserted.append(adapter.quote(column.name)) -%}
      {%- endfor -%}
      {%- set final_sql = snapshot_merge_sql(target=target_relation, source=staging_table, insert_cols=inserted) -%}
  {%- endif -%}

  {{- check_time_data_types(select_sql) -}}
  {%- if not target_relation_exists -%}
      {%- do snapshot_require_time(strategy, select_sql) -%}
  {%- endif -%}

  {%- call statement('main') %}
    {{- final_sql }}
  {%- endcall -%}
  {%- do adapter.audit(target_relation) -%}

  {%- set revoke = should_revoke(target_relation_exists, full_refresh_mode=False) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if not target_relation_exists -%}
    {%- do create_indexes(target_relation) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- if staging_table is defined -%}
    {#- the connection goes back to the pool, where a temporary table would live on -#}
    {%- do adapter.drop_relation(staging_table) -%}
  {%- endif -%}
  {%- do adapter.commit() -%}
  {%- if staging_table is defined -%}
    {%- do post_snapshot(staging_table) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
