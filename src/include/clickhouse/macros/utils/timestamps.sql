{#- The current timestamp, and a timestamp given as text. -#}
{% macro clickhouse__current_timestamp() -%}
  now()
{%- endmacro %}

{% macro clickhouse__snapshot_string_as_time(timestamp) %}
{{- return("toDateTime('" ~ timestamp ~ "')") -}}
{% endmacro %}
