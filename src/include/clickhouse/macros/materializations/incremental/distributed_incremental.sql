{#- The materialization `distributed_incremental`: like `incremental`, with a local table on each host and a Distributed
    table above them. -#}
{% materialization distributed_incremental, adapter='clickhouse' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- do clickhouse__require_distributed(target_relation, 'distributed materializations') -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set local_relation = clickhouse__local_relation(target_relation) -%}
  {%- set existing_local = load_cached_relation(local_relation) -%}
  {%- set full_refresh_mode = should_full_refresh() or (existing_relation is not none
      and not existing_relation.is_table) -%}
  {%- set intermediate_local = make_temp_relation(local_relation) -%}
  {%- set intermediate_relation = make_temp_relation(target_relation) -%}
  {%- set view_relation = default__make_temp_relation(target_relation, '__dbt_view_tmp') -%}
  {%- set has_contract = config.get('contract').enforced -%}
  {%- if full_refresh_mode -%}
    {%- do clickhouse__require_exchange(existing_local) -%}
  {%- endif -%}

  {{- create_schema(local_relation) -}}
  {#- left by a run that was killed -#}
  {{- drop_relation_if_exists(load_cached_relation(intermediate_local)) -}}
  {{- drop_relation_if_exists(load_cached_relation(make_temp_relation(local_relation, '__dbt_backup'))) -}}
  {{- drop_relation_if_exists(view_relation) -}}
  {{- drop_relation_if_exists(intermediate_relation) -}}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}
  {%- do clickhouse__drop_own_views(target_relation) -%}

  {%- call statement('main') %}
    {{- create_view_as(view_relation, sql) }}
  {%- endcall -%}

  {%- set staged = False -%}
  {%- if existing_local is none -%}
    {{- create_distributed_local_table(target_relation, local_relation, view_relation, sql, has_contract) -}}
  {%- elif full_refresh_mode -%}
    {{- create_distributed_local_table(intermediate_relation, intermediate_local, view_relation, sql, has_contract) -}}
    {%- do adapter.drop_relation(intermediate_relation) -%}
    {%- set staged = True -%}
  {%- else -%}
    {%- if existing_relation is none -%}
      {%- do run_query(create_distributed_table(target_relation, local_relation)) -%}
    {%- endif -%}
    {%- set staged = clickhouse__run_incremental_strategy(target_relation, intermediate_local, is_distributed=True) -%}
  {%- endif -%}
  {%- if staged -%}
    {{- clickhouse__publish_local(intermediate_local, existing_local, target_relation, local_relation) -}}
  {%- endif -%}
  {%- do adapter.drop_relation(view_relation) -%}

  {%- set revoke = should_revoke(existing_relation, full_refresh_mode) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do apply_grants(local_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if existing_relation is none or full_refresh_mode -%}
    {%- do create_indexes(target_relation) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if staged -%}
    {%- do adapter.drop_relation(intermediate_local) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
