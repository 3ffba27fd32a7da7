{#- The set operator: rows of the first query that the second does not have. -#}
{% macro except() %}{{ return(adapter.dispatch('except', 'dbt')()) }}{% endmacro %}

{% macro default__except() %}

    except

{% endmacro %}
