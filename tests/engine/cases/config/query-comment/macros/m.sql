{% macro my_comment(node) %}{{ return('by ' ~ node.name ~ ' of ' ~ target.schema if node else 'no node') }}{% endmacro %}
{% macro long_comment() %}{{ return('first line
second line') }}{% endmacro %}
