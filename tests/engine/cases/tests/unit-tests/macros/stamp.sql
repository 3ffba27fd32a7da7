{% macro stamp() %}real{% endmacro %}
