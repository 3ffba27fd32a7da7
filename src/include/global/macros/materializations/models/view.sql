{#- The materialization `view`. Everything between the lock and the commit is one transaction: nobody sees the model without its view.
    A view whose columns stay is replaced where it stands, so that views on top of it are not touched; any other is swapped. -#}
{% materialization view, default %}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, 'view' if existing_relation is none else existing_relation.type) -%}
  {#- left by another tool's run that was killed -#}
  {{- drop_relation_if_exists(load_cached_relation(intermediate_relation)) -}}
  {{- drop_relation_if_exists(load_cached_relation(backup_relation)) -}}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- call statement('main') %}
    {{- get_create_view_as_sql(intermediate_relation, sql) }}
  {%- endcall -%}

  {%- set in_place = existing_relation is not none and existing_relation.is_view and adapter.can_replace_view(existing_relation, intermediate_relation) -%}
  {%- if in_place -%}
    {%- call statement('publish') %}
      {{- get_drop_sql(intermediate_relation) }};
      {{ get_replace_view_sql(target_relation, sql) }}
    {%- endcall -%}
  {%- elif existing_relation is not none -%}
    {%- call statement('publish') %}
      {{- get_rename_sql(existing_relation, backup_relation.identifier) }};
      {{ get_rename_intermediate_sql(target_relation) }};
      {{ get_drop_backup_sql(existing_relation) }}
    {%- endcall -%}
    {%- do adapter.restore_dependants() -%}
  {%- else -%}
    {%- do adapter.rename_relation(intermediate_relation, target_relation) -%}
  {%- endif -%}

  {%- set revoke = in_place or should_revoke(existing_relation, full_refresh_mode=True) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
