{#- Dropping a materialized view, and what depends on it. -#}
{% macro postgres__drop_materialized_view(relation) -%} drop materialized view if exists {{ relation }} cascade
{%- endmacro %}
