{#- What a materialized view is like, as far as it can be changed without building it again: its indexes. -#}
{% macro postgres__describe_materialized_view(relation) %}
    {{- return({'indexes': run_query(get_show_indexes_sql(relation))}) -}}
{% endmacro %}
