{#- A text escaped for single quotes. -#}
{% macro escape_single_quotes(expression) %}{{
  return(adapter.dispatch('escape_single_quotes', 'dbt')(expression))
}}{% endmacro %}

{% macro default__escape_single_quotes(expression) -%} {{ expression | replace("'", "''") }} {%- endmacro %}
