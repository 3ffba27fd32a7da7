{#- The current timestamp in each dialect. -#}
{% macro current_timestamp() %}
    {{- adapter.dispatch('current_timestamp', 'dbt')() -}}
{% endmacro %}

{% macro default__current_timestamp() %}
  {{- exceptions.raise_not_implemented('current_timestamp macro not implemented for adapter ' + adapter.type()) -}}
{% endmacro %}

{#- The timestamp that a snapshot writes into its columns. -#}
{% macro snapshot_get_time() %}
    {{- adapter.dispatch('snapshot_get_time', 'dbt')() -}}
{% endmacro %}

{% macro default__snapshot_get_time() %}
    {{ current_timestamp() }}
{% endmacro %}

{#- The type of that timestamp, queried from the database. -#}
{% macro get_snapshot_get_time_data_type() %}
    {%- set moment = adapter.dispatch('snapshot_get_time', 'dbt')() -%}
    {%- set columns = get_column_schema_from_query('select ' ~ moment ~ ' as dbt_snapshot_time') -%}
    {{- return(columns[0].dtype or none) -}}
{% endmacro %}

{#- For old projects: the former meaning of these names in dbt_utils. -#}
{% macro current_timestamp_backcompat() %}{{
  return(adapter.dispatch('current_timestamp_backcompat', 'dbt')())
}}{% endmacro %}

{% macro default__current_timestamp_backcompat() %}
    current_timestamp::timestamp
{% endmacro %}

{% macro current_timestamp_in_utc_backcompat() %}
{{- return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) -}}
{% endmacro %}

{% macro default__current_timestamp_in_utc_backcompat() %}
{{- return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) -}}
{% endmacro %}
