{#- The materialization `table`: built next to the old table, then swapped with it. Everything between the lock and the
    commit is one transaction, which also moves the dependants of the old table to the new one. -#}
{% materialization table, default %}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, 'table' if existing_relation is none
      else existing_relation.type) -%}
  {#- left by another tool's killed run -#}
  {{- drop_relation_if_exists(load_cached_relation(intermediate_relation)) -}}
  {{- drop_relation_if_exists(load_cached_relation(backup_relation)) -}}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {#- if nothing follows, it goes to the server together with the statements that publish it -#}
  {%- if not (adapter.audited() or post_hooks or config.get('indexes') or config.get('grants')
      or config.get('persist_docs')) -%}
    {%- do adapter.commit_soon() -%}
  {%- endif -%}
  {%- call statement('main') %}
    {{- get_create_table_as_sql(False, intermediate_relation, sql) }}
  {%- endcall -%}
  {%- do create_indexes(intermediate_relation) -%}
  {%- do adapter.audit(intermediate_relation) -%}

  {%- do publish_intermediate(existing_relation, target_relation, intermediate_relation, backup_relation) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}

  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
