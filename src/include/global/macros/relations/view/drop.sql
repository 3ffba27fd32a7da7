{#- SQL that drops a view; drop_relation and get_drop_sql both end here. -#}
{% macro drop_view(relation) %}
    {{- adapter.dispatch('drop_view', 'dbt')(relation) -}}
{% endmacro %}

{% macro default__drop_view(relation) -%} drop view if exists {{ relation.render() }} cascade {%- endmacro %}
