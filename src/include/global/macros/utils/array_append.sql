{#- The array with one more element, of the same type as the others. -#}
{% macro array_append(array, new_element) %}{{
  return(adapter.dispatch('array_append', 'dbt')(array, new_element))
}}{% endmacro %}

{% macro default__array_append(array, new_element) -%} array_append({{ array }}, {{ new_element }}) {%- endmacro %}
