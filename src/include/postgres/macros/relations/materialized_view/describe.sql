{#- The properties of a materialized view that can be changed without a rebuild: its indexes. -#}
{% macro postgres__describe_materialized_view(relation) %}
    {{- return({'indexes': run_query(get_show_indexes_sql(relation))}) -}}
{% endmacro %}
