{#- SQL that builds a relation under its intermediate name, next to the one in use. -#}
{% macro get_create_intermediate_sql(relation, sql) %}
    {%- do log('Applying CREATE INTERMEDIATE to: ' ~ relation) -%}
    {{- adapter.dispatch('get_create_intermediate_sql', 'dbt')(relation, sql) -}}
{% endmacro %}

{% macro default__get_create_intermediate_sql(relation, sql) %}
    {%- set intermediate_relation = make_intermediate_relation(relation) -%}
    {{ get_drop_sql(intermediate_relation) }};
    {{ get_create_sql(intermediate_relation, sql) }}
{%- endmacro %}
