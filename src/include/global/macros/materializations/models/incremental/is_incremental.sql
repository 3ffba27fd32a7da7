{#- Whether this run adds to an existing table, as incremental models ask. -#}
{% macro is_incremental() %}
    {%- if not execute -%}
        {{ return(False) }}
    {%- endif -%}
    {%- set present = adapter.get_relation(this.database, this.schema, this.table) -%}
    {{- return(present is not none
               and present.type == 'table'
               and model.config.materialized == 'incremental'
               and not should_full_refresh()) -}}
{% endmacro %}
