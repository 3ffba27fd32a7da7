{#- The materialization `view`: replaced in one step. A view that is unchanged since the last run, over the same
    columns, needs no DDL. -#}
{% materialization view, adapter='clickhouse' %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set definition = get_create_view_as_sql(target_relation, sql) -%}
  {%- set described = [model.config, model.columns, model.description] -%}
  {#- a project's own macro for any of these steps is called, whether something has changed or not -#}
  {%- set own_way = adapter.overridden('statement', 'get_create_view_as_sql', 'create_view_as', 'persist_docs') -%}
  {%- set unchanged = not own_way and existing_relation is not none and existing_relation.is_view
      and adapter.view_unchanged(existing_relation, definition, described, query=sql) -%}
  {%- if unchanged -%}
    {%- call noop_statement('main', 'OK') %}
      {{- definition }}
    {%- endcall -%}
  {%- else -%}
    {%- if existing_relation is none -%}
      {%- do log('Creating new relation ' ~ target_relation.name) -%}
    {%- else -%}
      {%- do log('Relation ' ~ target_relation.name ~ ' already exists, replacing it') -%}
      {%- do clickhouse__require_exchange(existing_relation) -%}
    {%- endif -%}
    {%- if adapter.audited() -%}
      {#- a view is replaced by the statement that creates it, so it is audited under another name before -#}
      {%- do adapter.lock_relation(this) -%}
      {%- set staged_relation = make_intermediate_relation(target_relation) -%}
      {%- call statement('stage_view') %}
        {{- get_create_view_as_sql(staged_relation, sql) }}
      {%- endcall -%}
      {%- do adapter.audit(staged_relation) -%}
      {%- do adapter.drop_relation(staged_relation) -%}
    {%- endif -%}
    {%- if existing_relation is not none -%}
      {{- clickhouse__drop_associated_mv_if_it_was_automatically_created(target_relation) -}}
    {%- endif -%}
    {#- rendered again: errors are traced to the lines of this text -#}
    {%- call statement('main') %}
      {{- get_create_view_as_sql(target_relation, sql) }}
    {%- endcall -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh_mode=True)) -%}
  {%- if not unchanged -%}
    {#- a replaced view has lost its comments -#}
    {%- do persist_docs(target_relation, model) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- if not unchanged -%}
    {%- do adapter.view_published(target_relation, definition, described, query=sql) -%}
  {%- endif -%}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- The user whose privileges the view reads with. -#}
{% macro get_sql_security_clause(relation) %}
  {%- set security = config.get('sql_security') -%}
  {%- if security == 'definer' -%}
    {%- set definer = config.require('definer') -%}
    {%- if not definer -%}
      {%- do exceptions.raise_compiler_error('Invalid config parameter `definer`. No value was provided.') -%}
    {%- endif -%}
    definer = {{ definer }} sql security definer
  {%- elif security == 'invoker' -%}
    sql security invoker
  {%- elif security -%}
    {%- do exceptions.raise_compiler_error('Invalid config parameter `sql_security`. Got: `' ~ security
        ~ '`, but only definer | invoker allowed.') -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__create_view_as(relation, sql) %}
  {%- if config.get('contract').enforced -%}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif -%}
  {{- config.get('sql_header', none) or '' }}
  create or replace view {{ relation.include(database=False) }} {{ on_cluster_clause(
      relation) }} {{ get_sql_security_clause(relation) }} as (
    {{ sql }}
    {{ adapter.get_model_query_settings(model) }}
  )
  {#- the working views of distributed models have the settings of a table, which are not for a view #}
  {{ adapter.get_model_settings(model, config.get('engine', default='MergeTree'))
      if model['config']['materialized'] == 'view' }}
{% endmacro %}
