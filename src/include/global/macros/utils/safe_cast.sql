{#- A cast that returns null instead of an error, in databases that have one; an ordinary cast in the others. -#}
{% macro safe_cast(field, type) %}{{ return(adapter.dispatch('safe_cast', 'dbt')(field, type)) }}{% endmacro %}

{% macro default__safe_cast(field, type) %}
    {# standard SQL has no such cast #}
    cast({{ field }} as {{ type }})
{% endmacro %}
