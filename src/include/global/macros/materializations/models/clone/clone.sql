{#- The materialization of the command `clone`: the node as in another environment, as a copy if that costs nothing,
    otherwise as a view on it (the SQL of the node is then `select * from` that relation). -#}
{% materialization clone, default %}
  {%- if not defer_relation -%}
      {%- do log('No relation found in state manifest for ' ~ model.unique_id, info=True) -%}
      {{ return({'relations': []}) }}
  {%- endif -%}
  {#- a relation that another run is building is waited for, and then it exists -#}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- if existing_relation and not flags.FULL_REFRESH -%}
      {%- do log('Relation ' ~ existing_relation ~ ' already exists', info=True) -%}
      {{ return({'relations': []}) }}
  {%- endif -%}

  {#- A view on itself would replace the data. Without data, creating it fails. -#}
  {%- if existing_relation and this.database == defer_relation.database and this.schema == defer_relation.schema
      and this.identifier == defer_relation.identifier -%}
    {%- do log('Target relation and defer relation are the same, skipping clone for relation: ' ~ this.render()) -%}
    {{ return({'relations': []}) }}
  {%- endif -%}

  {%- set original = load_cached_relation(defer_relation) -%}
  {%- set can_clone = can_clone_table() -%}
  {%- if not (original and original.type == 'table' and can_clone) -%}
      {%- set name = 'materialization_view_' ~ adapter.type() -%}
      {{ return(context[name if name in context else 'materialization_view_default']()) }}
  {%- endif -%}

  {%- set target_relation = this.incorporate(type='table') -%}
  {%- if existing_relation is not none and not existing_relation.is_table -%}
    {%- do log('Dropping relation ' ~ existing_relation.render() ~ ' because it is of type '
        ~ existing_relation.type) -%}
    {{ drop_relation_if_exists(existing_relation) }}
  {%- endif -%}
  {%- call statement('main') %}
      {{- create_or_replace_clone(target_relation, defer_relation) }}
  {%- endcall -%}
  {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}
  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
