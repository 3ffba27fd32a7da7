{#- The set operator: rows of the first query that are not in the second. -#}
{% macro except() %}{{ return(adapter.dispatch('except', 'dbt')()) }}{% endmacro %}

{% macro default__except() %}

    except

{% endmacro %}
