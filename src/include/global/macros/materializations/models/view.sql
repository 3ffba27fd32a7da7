{#- The materialization `view`. Everything between the lock and the commit is one transaction: readers always see the
    model with its view. A view that is unchanged since the last run is kept; one whose columns stay is replaced in
    place, so that views on top of it are not touched; any other is swapped. Hooks, grants and comments are applied in
    each case. -#}
{% materialization view, default %}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, 'view' if existing_relation is none
      else existing_relation.type) -%}
  {#- left by another tool's killed run -#}
  {{- drop_relation_if_exists(load_cached_relation(intermediate_relation)) -}}
  {{- drop_relation_if_exists(load_cached_relation(backup_relation)) -}}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {#- everything that determines how the view is created, including overrides; rendered again below, where errors are
      traced to its lines -#}
  {%- set enforced = config.get('contract').enforced -%}
  {%- set definition = sql if enforced else get_create_view_as_sql(target_relation, sql) -%}
  {%- set described = [model.config, model.columns] if enforced else model.config -%}
  {%- set is_view = existing_relation is not none and existing_relation.is_view -%}
  {#- a project's own macro for any of these steps is called, whether something has changed or not -#}
  {%- set own_way = replaced_by_own_macros(backup_relation) -%}
  {%- set unchanged = is_view and not own_way and not adapter.overridden('statement', 'get_create_view_as_sql',
      'create_view_as')
    and adapter.view_unchanged(target_relation, definition, described) -%}

  {%- if unchanged -%}
    {%- call noop_statement('main', 'CREATE VIEW', 'CREATE VIEW', -1) %}
      {{- get_create_view_as_sql(intermediate_relation, sql) }}
    {%- endcall -%}
    {%- set revoke = True -%}
  {%- else -%}
    {%- if existing_relation is none and not adapter.audited() -%}
      {%- do adapter.commit_soon() -%}
    {%- endif -%}
    {%- call statement('main') %}
      {{- get_create_view_as_sql(intermediate_relation, sql) }}
    {%- endcall -%}
    {%- do adapter.audit(intermediate_relation) -%}
    {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
    {%- set in_place = get_replace_view_sql(target_relation, sql) if is_view and not own_way
        and adapter.can_replace_view(existing_relation, intermediate_relation) else '' -%}
    {#- only if that has the same result as the macros for creating, which projects override -#}
    {%- if in_place and in_place.replace('create or replace view', 'create view', 1).split() == get_create_view_as_sql(
        target_relation, sql).split() -%}
      {%- set leftovers_sql = get_view_leftovers_sql(existing_relation, intermediate_relation) -%}
      {%- do adapter.commit_soon() -%}
      {%- call statement('publish') %}
        {{- leftovers_sql }}
        {{ get_drop_sql(intermediate_relation) }};
        {{ in_place }}
      {%- endcall -%}
      {%- set revoke = True -%}
    {%- else -%}
      {%- do publish_intermediate(existing_relation, target_relation, intermediate_relation, backup_relation) -%}
    {%- endif -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- if not unchanged -%}
    {%- do adapter.view_published(target_relation, definition, described) -%}
  {%- endif -%}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
