{#- SQL that drops a table; drop_relation and get_drop_sql both end here. -#}
{% macro drop_table(relation) %}
    {{- adapter.dispatch('drop_table', 'dbt')(relation) -}}
{% endmacro %}

{% macro default__drop_table(relation) -%} drop table if exists {{ relation.render() }} cascade {%- endmacro %}
