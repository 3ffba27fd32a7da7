{#- A text between single quotes; see escape_single_quotes for its escapes. -#}
{% macro string_literal(value) %}{{ return(adapter.dispatch('string_literal', 'dbt')(value)) }}{% endmacro %}

{% macro default__string_literal(value) -%} '{{ value }}' {%- endmacro %}
