{% macro default__greet(name) %}'root greets {{ name }}'{% endmacro %}

{% macro postgres__shout(name) %}upper({{ helper.greet(name) }}){% endmacro %}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name -%} {{ target.schema }}__{{ custom_schema_name }} {%- else -%} {{ target.schema }} {%- endif -%}
{%- endmacro %}
