{% macro default__mine() %}'root'{% endmacro %}
