{#- The name of a node's relation. Projects override `generate_alias_name` to name relations their own way. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) %}
{{- return(adapter.dispatch('generate_alias_name', 'dbt')(custom_alias_name, node)) -}}
{% endmacro %}

{#- The configured alias, otherwise the name, with its version if it has one. -#}
{% macro default__generate_alias_name(custom_alias_name=none, node=none) %}
    {%- if custom_alias_name -%}
        {{ custom_alias_name | trim }}
    {%- elif node.version -%}
        {{ return(node.name ~ '_v' ~ (node.version | replace('.', '_'))) }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{% endmacro %}
