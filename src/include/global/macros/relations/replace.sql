{#- SQL that replaces an existing relation with a new one, in the least disruptive way that the two kinds allow. Readers
    are dropped by name; the caller recreates them with adapter.restore_dependants. -#}
{% macro get_replace_sql(existing_relation, target_relation, sql) %}
    {%- do log('Applying REPLACE to: ' ~ existing_relation) -%}
    {{- adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql) -}}
{% endmacro %}

{% macro default__get_replace_sql(existing_relation, target_relation, sql) %}
    {%- set in_place = existing_relation.type == target_relation.type and existing_relation.can_be_replaced -%}
    {%- if in_place and existing_relation.is_view -%}
        {{ get_replace_view_sql(target_relation, sql) }}
    {%- elif in_place and existing_relation.is_table -%}
        {{ get_replace_table_sql(target_relation, sql) }}
    {%- elif in_place and existing_relation.is_materialized_view -%}
        {{ get_replace_materialized_view_sql(target_relation, sql) }}
    {%- elif target_relation.can_be_renamed and existing_relation.can_be_renamed -%}
        {{ get_create_intermediate_sql(target_relation, sql) }};
        {{ get_create_backup_sql(existing_relation) }};
        {{ get_rename_intermediate_sql(target_relation) }};
        {{ get_drop_backup_sql(existing_relation) }}
    {%- elif existing_relation.can_be_renamed -%}
        {{ get_create_backup_sql(existing_relation) }};
        {{ get_create_sql(target_relation, sql) }};
        {{ get_drop_backup_sql(existing_relation) }}
    {%- elif target_relation.can_be_renamed -%}
        {{ get_create_intermediate_sql(target_relation, sql) }};
        {%- for dependant in adapter.dependants(existing_relation) %}
        {{ dependant.drop_sql }};
        {%- endfor %}
        {{ get_drop_sql(existing_relation) }};
        {{ get_rename_intermediate_sql(target_relation) }}
    {%- else -%}
        {%- for dependant in adapter.dependants(existing_relation) %}
        {{ dependant.drop_sql }};
        {%- endfor %}
        {{ get_drop_sql(existing_relation) }};
        {{ get_create_sql(target_relation, sql) }}
    {%- endif -%}
{% endmacro %}

{#- Gives the new relation its final name; an existing one is moved away, and its readers are dropped and recreated. In
    one message, unless a project overrides what dbt calls there: then its macros are called. -#}
{% macro publish_intermediate(existing_relation, target_relation, intermediate_relation, backup_relation) %}
  {%- if replaced_by_own_macros(backup_relation) -%}
    {%- if existing_relation is not none -%}
      {%- do drop_dependants(existing_relation) -%}
      {%- do adapter.rename_relation(existing_relation, backup_relation) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(intermediate_relation, target_relation) -%}
    {%- do drop_relation_if_exists(backup_relation) -%}
    {%- do adapter.restore_dependants() -%}
  {%- elif existing_relation is none -%}
    {%- do adapter.commit_soon() -%}
    {%- do adapter.rename_relation(intermediate_relation, target_relation) -%}
  {%- else -%}
    {%- do adapter.commit_soon() -%}
    {%- call statement('publish') %}
      {{- get_publish_sql(existing_relation, target_relation, backup_relation) }}
    {%- endcall -%}
    {%- do adapter.restore_dependants() -%}
  {%- endif -%}
{% endmacro %}

{#- SQL that gives the new relation its final name, and renames the existing one. -#}
{% macro get_publish_sql(existing_relation, target_relation, backup_relation) -%}
      {{ get_rename_sql(existing_relation, backup_relation.identifier) }};
      {{ get_rename_intermediate_sql(target_relation) }};
      {{ get_drop_backup_sql(existing_relation) }}
{%- endmacro %}

{#- Whether a project or package overrides a macro that dbt calls when it replaces a relation. -#}
{% macro replaced_by_own_macros(old_relation) %}
  {{- return(adapter.overridden('rename_relation', 'drop_relation', 'drop_relation_if_exists', 'get_drop_sql', 'drop_'
      ~ old_relation.type)) -}}
{% endmacro %}

{#- Drops the readers of a relation, by name; adapter.restore_dependants recreates them. -#}
{% macro drop_dependants(relation) %}
  {%- set dependants = adapter.dependants(relation) -%}
  {%- if dependants -%}
    {%- call statement('drop_dependants') %}
      {%- for dependant in dependants %}
      {{ dependant.drop_sql }};
      {%- endfor %}
    {%- endcall -%}
  {%- endif -%}
{% endmacro %}
