{#- What a generic test reads: the relation, or with the config `where` a part of it. The engine calls this for the
    argument `model`. -#}
{% macro get_where_subquery(relation) %}{{
  return(adapter.dispatch('get_where_subquery', 'dbt')(relation))
}}{% endmacro %}

{% macro default__get_where_subquery(relation) %}
    {%- set where = config.get('where', '') -%}
    {{- return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery' if where else relation) -}}
{% endmacro %}
