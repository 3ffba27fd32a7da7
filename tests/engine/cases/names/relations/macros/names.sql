{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%} {{ custom_alias_name | trim }}
    {%- elif node.version -%} {{ node.name ~ '__' ~ node.version }}
    {%- else -%} {{ node.name ~ ('_x' if 'suffixed' in node.tags else '') }} {%- endif -%}
{%- endmacro %}
