{#- Computing a materialized view's rows again. -#}
{% macro postgres__refresh_materialized_view(relation) -%} refresh materialized view {{ relation }} {%- endmacro %}
