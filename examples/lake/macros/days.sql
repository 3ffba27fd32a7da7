{#- What the two databases write differently. -#}
{% macro utc_day(column) -%}
    {{ 'toDate(' ~ column ~ ')' if target.type == 'clickhouse' else '(' ~ column ~ " at time zone 'utc')::date" }}
{%- endmacro %}

{% macro as_text(column) -%}
    {{ 'toString(' ~ column ~ ')' if target.type == 'clickhouse' else column ~ '::text' }}
{%- endmacro %}

{#- A folder's `+schema` is the schema, letter for letter. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{- target.schema if custom_schema_name is none else custom_schema_name | trim -}}
{%- endmacro %}
