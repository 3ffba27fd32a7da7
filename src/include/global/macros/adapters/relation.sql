{#- Relations: the names used while building, emptying one, and finding one in the cache. -#}
{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') %}
{{- return(adapter.dispatch('make_intermediate_relation', 'dbt')(base_relation, suffix)) -}}
{% endmacro %}

{% macro default__make_intermediate_relation(base_relation, suffix) %}
{{- return(default__make_temp_relation(base_relation, suffix)) -}}
{% endmacro %}

{#- The batches of one model may run at the same time, so each has a separate name. -#}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {%- if model.batch and suffix == '__dbt_tmp' -%}
    {%- set suffix = suffix ~ '_' ~ model.batch.id -%}
  {%- endif -%}
  {{- return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) -}}
{% endmacro %}

{% macro default__make_temp_relation(base_relation, suffix) %}
{{- return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) -}}
{% endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') %}
{{- return(adapter.dispatch('make_backup_relation', 'dbt')(base_relation, backup_relation_type, suffix)) -}}
{% endmacro %}

{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix) %}
{{- return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix},
    type=backup_relation_type)) -}}
{% endmacro %}

{% macro truncate_relation(relation) %}{{
  return(adapter.dispatch('truncate_relation', 'dbt')(relation))
}}{% endmacro %}

{% macro default__truncate_relation(relation) %}
  {%- call statement('truncate_relation') %}
    truncate table {{ relation.render() }}
  {%- endcall -%}
{% endmacro %}

{#- A pair: whether it existed, and the relation. -#}
{% macro get_or_create_relation(database, schema, identifier, type) %}
{{- return(adapter.dispatch('get_or_create_relation', 'dbt')(database, schema, identifier, type)) -}}
{% endmacro %}

{% macro default__get_or_create_relation(database, schema, identifier, type) %}
  {%- set present = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
  {%- if present -%}
    {{ return([true, present]) }}
  {%- endif -%}
  {{- return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) -}}
{% endmacro %}

{#- The relation from the cache, with its type; none if there is no such relation. -#}
{% macro load_cached_relation(relation) %}
{{- return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) -}}
{% endmacro %}

{#- An older name of load_cached_relation. -#}
{% macro load_relation(relation) %}{{ return(load_cached_relation(relation)) }}{% endmacro %}
