{#- A folder's `+schema` is the database, letter for letter. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{- target.schema if custom_schema_name is none else custom_schema_name | trim -}}
{%- endmacro %}
