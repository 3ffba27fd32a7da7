{#- Replaces a view in one statement, and a materialization for databases in which that is always possible. -#}
{% macro get_replace_view_sql(relation, sql) %}
    {{- adapter.dispatch('get_replace_view_sql', 'dbt')(relation, sql) -}}
{% endmacro %}

{% macro default__get_replace_view_sql(relation, sql) %}
    {{- exceptions.raise_compiler_error('`get_replace_view_sql` has not been implemented for this adapter.') -}}
{% endmacro %}

{#- Statements, each with its semicolon, that remove from a view what a new one would not have: grants and comments of
    earlier runs. -#}
{% macro get_view_leftovers_sql(existing, new) %}
    {{- return(adapter.dispatch('get_view_leftovers_sql', 'dbt')(existing, new)) -}}
{% endmacro %}

{% macro default__get_view_leftovers_sql(existing, new) %}
    {{- return('') -}}
{% endmacro %}

{#- For adapters whose `create or replace view` may change columns: hooks, view, grants, hooks, without staging. -#}
{% macro create_or_replace_view() %}
  {%- set existing = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
  {%- set target_relation = api.Relation.create(database=database, schema=schema, identifier=model['alias'],
      type='view') -%}
  {%- set grant_config = config.get('grants') -%}
  {{- run_hooks(pre_hooks) -}}
  {%- if existing is not none and existing.is_table -%}
    {{ handle_existing_table(should_full_refresh(), existing) }}
  {%- endif -%}
  {%- call statement('main') %}
    {{- get_create_view_as_sql(target_relation, sql) }}
  {%- endcall -%}
  {%- set revoke = should_revoke(existing is not none and existing.is_view, full_refresh_mode=True) -%}
  {%- do apply_grants(target_relation, grant_config, should_revoke=revoke) -%}
  {{- run_hooks(post_hooks) -}}
  {{- return({'relations': [target_relation]}) -}}
{% endmacro %}

{% macro handle_existing_table(full_refresh, old_relation) %}
    {{- adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation) -}}
{% endmacro %}

{% macro default__handle_existing_table(full_refresh, old_relation) %}
    {%- do log('Dropping relation ' ~ old_relation.render() ~ ' because it is of type ' ~ old_relation.type) -%}
    {%- do adapter.drop_relation(old_relation) -%}
{% endmacro %}
