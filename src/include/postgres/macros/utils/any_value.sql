{#- Postgres has `any_value` only since version 16; the least value is one, too. -#}
{% macro postgres__any_value(expression) -%} min({{ expression }}) {%- endmacro %}
