{#- The materialization `incremental`: the rows of the query are put into the existing table by the strategy. Without a
    table, or on a full refresh, it is built like the materialization `table`. One transaction from the lock to the
    commit. -#}
{% materialization incremental, default %}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set temp_relation = make_temp_relation(target_relation) -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, 'table' if existing_relation is none
      else existing_relation.type) -%}
  {#- left by another tool's killed run -#}
  {{- drop_relation_if_exists(load_cached_relation(intermediate_relation)) -}}
  {{- drop_relation_if_exists(load_cached_relation(backup_relation)) -}}

  {%- set unique_key = config.get('unique_key') -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- set strategy_sql = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')
      or 'default') -%}
  {%- set full_refresh = should_full_refresh() -%}
  {%- set rebuild = existing_relation is not none and (full_refresh or not existing_relation.is_table) -%}
  {%- set add_rows = existing_relation is not none and not rebuild -%}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set strategy = config.get('incremental_strategy') or ('delete+insert' if unique_key else 'append') -%}
  {%- if strategy in ['append', 'delete+insert'] and not adapter.overridden('get_incremental_default_sql',
      'get_incremental_append_sql', 'get_incremental_delete_insert_sql') -%}
    {%- do warn_of_merge_columns(strategy) -%}
  {%- endif -%}

  {%- if add_rows -%}
    {%- do run_query(get_create_table_as_sql(True, temp_relation, sql)) -%}
    {%- if not config.get('contract').enforced -%}
      {%- do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) -%}
    {%- endif -%}
    {%- set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation)
                           or adapter.get_columns_in_relation(existing_relation) -%}
    {%- if not config.get('contract').enforced -%}
      {%- do warn_of_rounded_columns(temp_relation, target_relation) -%}
    {%- endif -%}
    {%- set written = prepare_partitions(target_relation, temp_relation) -%}
    {%- set build_sql = strategy_sql({
        'target_relation': target_relation if written is none else written.relation,
        'temp_relation': temp_relation,
        'unique_key': unique_key,
        'dest_columns': dest_columns,
        'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none)
    }) -%}
  {%- else -%}
    {%- set build_sql = get_create_table_as_sql(False, intermediate_relation if rebuild else target_relation, sql) -%}
  {%- endif -%}

  {#- if nothing follows, it goes to the server together with the commit -#}
  {%- if not (adapter.audited() or post_hooks or config.get('indexes') or config.get('grants')
      or config.get('persist_docs') or config.get('partition_by')) -%}
    {%- do adapter.commit_soon() -%}
  {%- endif -%}
  {%- call statement('main') %}
    {{- build_sql }}
  {%- endcall -%}

  {%- if add_rows -%}
    {%- do finish_partitions(target_relation, written) -%}
  {%- else -%}
    {%- do create_indexes(intermediate_relation if rebuild else target_relation) -%}
  {%- endif -%}
  {#- added rows are in the table itself, and not yet visible to others -#}
  {%- do adapter.audit(intermediate_relation if rebuild else target_relation) -%}
  {%- if rebuild -%}
    {%- do publish_intermediate(existing_relation, target_relation, intermediate_relation, backup_relation) -%}
  {%- endif -%}

  {%- set revoke = should_revoke(existing_relation, rebuild) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- if add_rows -%}
    {#- the connection goes back to the pool, where a temporary table would live on -#}
    {%- do adapter.commit_soon() -%}
    {%- do adapter.drop_relation(temp_relation) -%}
  {%- endif -%}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
