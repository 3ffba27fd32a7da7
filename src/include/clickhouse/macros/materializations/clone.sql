{#- `dbt clone`: tables of the MergeTree family share their parts with the original; for other relations it creates a
    view on the original. For a model that is a materialized view only the target table is cloned. -#}
{% macro clickhouse__can_clone_table() %}
{{- return(not config.get('materialized', '').startswith('distributed_') and 'MergeTree' in config.get('engine',
    default='MergeTree()')) -}}
{% endmacro %}

{% macro clickhouse__create_or_replace_clone(this_relation, defer_relation) %}
    create or replace table {{ this_relation }} {{ on_cluster_clause(this_relation) }} clone as {{ defer_relation }}
{% endmacro %}
