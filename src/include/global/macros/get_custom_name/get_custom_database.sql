{#- The database of a node's relation. Projects override `generate_database_name`. -#}
{% macro generate_database_name(custom_database_name=none, node=none) %}
{{- return(adapter.dispatch('generate_database_name', 'dbt')(custom_database_name, node)) -}}
{% endmacro %}

{#- The catalog integration's first, then the configured one, then the target's. -#}
{% macro default__generate_database_name(custom_database_name=none, node=none) %}
    {%- if node is not none and node | attr('database') -%}
        {%- set catalog_relation = adapter.build_catalog_relation(node) -%}
        {%- if catalog_relation and catalog_relation | attr('catalog_database') -%}
            {{ return(catalog_relation.catalog_database) }}
        {%- endif -%}
    {%- endif -%}
    {{- target.database if custom_database_name is none else custom_database_name -}}
{% endmacro %}
