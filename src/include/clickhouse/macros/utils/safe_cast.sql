{#- A cast. The text `null`, which a unit test's fixture has for a column that it omits, becomes the default of the
    type: most ClickHouse types have no null. -#}
{% macro clickhouse__safe_cast(field, dtype) %}
  {%- set default = "defaultValueOfTypeName('" ~ dtype | replace("'", "\\'") ~ "')" -%}
    CAST({{ default if field == 'null' else field }} AS {{ dtype }})
{%- endmacro %}
