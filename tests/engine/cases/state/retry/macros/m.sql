{% macro fails(n) %}{% do run_query('select 1 / ' ~ n) %}{% endmacro %}
