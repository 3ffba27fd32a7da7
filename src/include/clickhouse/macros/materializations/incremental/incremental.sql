{#- The materialization `incremental`, and the strategies that stage the new rows in a separate table. Without a table,
    or on a full refresh, the model is built like a table. strategies.sql chooses and calls strategies. -#}
{% materialization incremental, adapter='clickhouse' %}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set full_refresh_mode = existing_relation is not none and (should_full_refresh()
      or not existing_relation.is_table) -%}
  {%- if full_refresh_mode -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- do clickhouse__drop_own_views(target_relation) -%}
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

  {%- if full_refresh_mode -%}
    {%- set writers = clickhouse__get_dbt_mvs_for_target(existing_relation) -%}
    {%- if writers -%}
      {%- do clickhouse__drop_filling_views(target_relation, writers) -%}
    {%- endif -%}
  {%- endif -%}
  {%- if staged -%}
    {%- do clickhouse__publish(intermediate_relation, target_relation) -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh_mode)) -%}
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

{#- Writes the whole table into the intermediate one: existing rows without the new keys, then the new rows. The caller
    publishes it. -#}
{% macro clickhouse__incremental_legacy(existing_relation, intermediate_relation, column_changes, unique_key,
    is_distributed=False) %}
    {%- set new_data = existing_relation.incorporate(path={'identifier': existing_relation.identifier
        ~ '__dbt_new_data'}) -%}
    {%- set source, written = new_data, intermediate_relation -%}
    {{- drop_relation_if_exists(new_data) -}}
    {%- if is_distributed -%}
      {%- if column_changes -%}
        {%- do exceptions.raise_compiler_error('Schema changes not supported with Distributed tables ') -%}
      {%- endif -%}
      {%- set source = existing_relation.incorporate(path={'identifier': existing_relation.identifier
          ~ '__dbt_distributed_new_data'}) -%}
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

    {%- set present, added = adapter.get_columns_in_relation(existing_relation),
        adapter.get_columns_in_relation(new_data) -%}
    {%- set names = present | map(attribute='name') | list -%}
    {%- set given = added | map(attribute='name') | list if column_changes else names -%}
    {%- set kept, given = names | select('in', given) | list, get_quoted_csv(given) -%}
    {%- set exact = adapter.exact_columns(present, added, kept) -%}
    {%- call statement('insert_existing_data') %}
      insert into {{ written }} ({{ get_quoted_csv(kept) }})
      {%- if clickhouse__nullable_in_key(present, unique_key) %}
      {#- without it, rows whose key is NULL are lost #}
      settings transform_null_in = 1
      {%- endif %}
      select {{ exact | join(', ') }}
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

{#- dbt-clickhouse's strategy unchanged: a lightweight delete of the new keys, then an insert. In between, readers see
    neither version of those rows. Without a unique_key, which microbatch allows, the predicates alone determine the
    deleted rows. -#}
{% macro clickhouse__incremental_delete_insert(existing_relation, unique_key, incremental_predicates,
    is_distributed=False) %}
    {%- do clickhouse__refuse_audit(existing_relation, 'rows are deleted from it') -%}
    {%- set new_data = clickhouse__new_data_relation(existing_relation) -%}
    {%- set source = clickhouse__stage_new_data(existing_relation, new_data, is_distributed) -%}
    {%- set wanted = adapter.get_columns_in_relation(existing_relation) -%}
    {%- set names = wanted | map(attribute='name') | list -%}
    {%- set exact = adapter.exact_columns(adapter.get_columns_in_relation(new_data), wanted, names) -%}
    {%- if exact | join(', ') != get_quoted_csv(names) -%}
      {#- before anything is deleted -#}
      {%- do run_query('select countIf(ignore(' ~ exact | join(', ') ~ ')) from ' ~ source) -%}
    {%- endif -%}
    {%- if not unique_key -%}
      {%- do clickhouse__warn_of_rows_outside(existing_relation, source, incremental_predicates) -%}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- if unique_key -%}
      {#- If storage is shared, the replica that deletes may not have the new rows yet. -#}
      {%- set fresh = ' settings select_sequential_consistency = 1' if target.database_engine == 'Shared' else '' -%}
      {%- set same_key = '(' ~ unique_key ~ ') in (select ' ~ unique_key ~ ' from ' ~ source ~ fresh ~ ')' -%}
      {%- set nulls = clickhouse__nullable_in_key(wanted, unique_key) -%}
      {%- if nulls -%}
        {#- NULL is a key like others. A mutation ignores transform_null_in. -#}
        {%- set is_null, text = nulls | join(' is null or ') ~ ' is null', 'toJSONString(tuple(' ~ unique_key ~ '))' -%}
        {%- set same_key = '(' ~ same_key ~ ' or ((' ~ is_null ~ ') and ' ~ text ~ ' in (select ' ~ text ~ ' from '
            ~ source ~ ' where ' ~ is_null ~ fresh ~ ')))' -%}
      {%- endif -%}
      {%- do conditions.append(same_key) -%}
    {%- endif -%}
    {%- for predicate in incremental_predicates or [] -%}
      {%- do conditions.append('(' ~ predicate ~ '\n)') -%}
    {%- endfor -%}
    {%- call statement('delete_existing_data') %}
      delete from {{ clickhouse__local_relation(existing_relation) ~ ' ' ~ on_cluster_clause(existing_relation)
          if is_distributed else existing_relation }}
      where {{ conditions | join('\n        and ') }}
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}

    {%- call statement('insert_new_data') %}
      insert into {{ existing_relation }} ({{ get_quoted_csv(names) }})
      select {{ exact | join(', ') }}
      from {{ source }}
      {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}
    {{- clickhouse__drop_new_data(new_data, source) -}}
{% endmacro %}

{#- A batch replaces the table's rows in its window (with a unique_key: those with its keys) at once. If whole
    partitions cannot be moved, or the batch's window is unknown, it works like dbt-clickhouse. -#}
{% macro clickhouse__incremental_microbatch(existing_relation, unique_key, predicates, changes=none,
    is_distributed=False) %}
  {%- set columns, types = [], {} -%}
  {%- set obstacle = 'a Distributed table is written host by host' if is_distributed
      else 'it has no unique_key and no window' if not (unique_key or predicates)
      else 'clickhouse__incremental_delete_insert is overridden'
      if adapter.overridden('clickhouse__incremental_delete_insert')
      else clickhouse__publish_obstacle(existing_relation, columns, types) -%}
  {%- if obstacle is none -%}
    {%- do clickhouse__publish_query(existing_relation, unique_key, clickhouse__publish_quoted(columns), predicates,
        changes, types, repeated=True) -%}
    {{ return('') }}
  {%- endif -%}
  {%- do clickhouse__refuse_audit(existing_relation, obstacle) -%}
  {%- do log('The batch is written to ' ~ existing_relation
      ~ ' by DELETE and INSERT, between which readers miss rows: ' ~ obstacle) -%}
  {%- if changes -%}
    {%- do clickhouse__apply_column_changes(changes, existing_relation, is_distributed) -%}
  {%- endif -%}
  {%- do clickhouse__incremental_delete_insert(existing_relation, unique_key, predicates, is_distributed) -%}
{% endmacro %}

{#- Rows of a batch without a key that its window does not replace: the next run of the batch adds them again. -#}
{% macro clickhouse__warn_of_rows_outside(target, new_rows, predicates) %}
  {%- set inside = '(' ~ predicates | join('\n) and (') ~ '\n)' -%}
  {#- By a setting of the profile, the result has no row if it would be 0. -#}
  {%- set outside = run_query('select toString(count()) from ' ~ new_rows ~ ' where not ifNull(' ~ inside
      ~ ', 0) having count() > 0').rows -%}
  {%- if outside -%}
    {%- do exceptions.warn('The batch of ' ~ target ~ ' contains ' ~ outside[0][0]
        ~ ' rows that are not in its window (' ~ predicates | join(' and ')
        ~ '). Running it again adds them again. Limit the query to the window: set '
        'event_time on its inputs. Or set a unique_key.') -%}
  {%- endif -%}
{% endmacro %}

{#- The new rows' partitions replace those of the table; others are kept. Several are replaced by one EXCHANGE, because
    the server replaces one partition after another. -#}
{% macro clickhouse__incremental_insert_overwrite(existing_relation, partition_by, is_distributed=False) %}
    {%- set new_data = clickhouse__new_data_relation(existing_relation) -%}
    {%- set source = clickhouse__stage_new_data(existing_relation, new_data, is_distributed) -%}
    {%- if is_distributed -%}
      {#- of all hosts: a host without new rows in a partition must drop its old ones -#}
      {%- set partitions = run_query(
          'select distinct partition_id from cluster(' ~ adapter.get_clickhouse_cluster_name()
          ~ ", system.parts) where active and database = " ~ adapter.quote_text(new_data.schema) ~ " and table = "
          ~ adapter.quote_text(new_data.identifier)
        ).rows | map(attribute='partition_id') | list -%}
    {%- else -%}
      {%- set look = clickhouse__publish_look([existing_relation, new_data]) -%}
      {%- set partitions = look[new_data.identifier].blocks | list -%}
    {%- endif -%}
    {%- set actions = [] -%}
    {%- for partition in partitions -%}
      {%- do actions.append("replace partition id '" ~ partition ~ "' from " ~ new_data) -%}
    {%- endfor -%}
    {%- set obstacle = 'a Distributed table is written host by host' if is_distributed
        else clickhouse__publish_obstacle(existing_relation) if actions | length > 1 or adapter.audited() -%}
    {%- set beside = actions | length > 1 or (actions and adapter.audited()) -%}
    {%- if obstacle -%}
      {%- do clickhouse__refuse_audit(existing_relation, obstacle) -%}
    {%- endif -%}
    {%- if beside and not obstacle -%}
      {%- do clickhouse__publish_actions(existing_relation, actions, look[existing_relation.identifier]) -%}
    {%- elif actions -%}
      {%- if actions | length > 1 -%}
        {%- do log('Partitions of ' ~ existing_relation ~ ' are replaced one after the other: ' ~ obstacle) -%}
      {%- endif -%}
      {%- call statement('replace_partitions') %}
        alter table {{ clickhouse__local_relation(existing_relation) ~ ' ' ~ on_cluster_clause(existing_relation)
            if is_distributed else existing_relation }}
        {{ actions | join(',\n        ') }}
        {#- needed since 26.6 for the hosts without new rows; older servers do not know it #}
        {{ 'settings allow_replace_partition_from_empty_source = 1' if adapter.is_at_or_after_version('26.6') }}
      {%- endcall -%}
    {%- endif -%}
    {{- clickhouse__drop_new_data(new_data, source) -}}
{% endmacro %}
