{#- A folder's `+schema` is the schema, letter for letter: the seeds must land in `raw`, where source('raw', …) looks,
    and a BI tool should read `marts`, not `<target schema>_marts`. Two people who share one database therefore need
    two databases. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{- target.schema if custom_schema_name is none else custom_schema_name | trim -}}
{%- endmacro %}
