{#- Is this run to add to a table that is there? The question that incremental models ask. -#}
{% macro is_incremental() %}
    {%- if not execute -%}
        {{ return(False) }}
    {%- endif -%}
    {%- set present = adapter.get_relation(this.database, this.schema, this.table) -%}
    {{- return(present is not none
               and present.type == 'table'
               and model.config.materialized in ['incremental', 'distributed_incremental']
               and not should_full_refresh()) -}}
{% endmacro %}
