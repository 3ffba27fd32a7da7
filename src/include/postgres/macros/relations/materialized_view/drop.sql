{#- Drops a materialized view, and its dependants. -#}
{% macro postgres__drop_materialized_view(relation) -%} drop materialized view if exists {{ relation }} cascade
{%- endmacro %}
