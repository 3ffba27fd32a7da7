{#- Swaps a finished relation with the one that readers see: one EXCHANGE, which readers do not notice. ClickHouse has
    no transaction to roll back, so what cannot be exchanged is rejected before anything is changed. Not in
    dbt-clickhouse. -#}

{#- existing_relation: the one to replace, or none. -#}
{% macro clickhouse__require_exchange(existing_relation) %}
  {%- if existing_relation is not none and not existing_relation.can_exchange
      and not adapter.can_exchange(existing_relation.schema, 'table') -%}
    {%- do exceptions.raise_compiler_error(
        'Cannot replace ' ~ existing_relation ~ ' without a moment in which readers find nothing: the database "'
        ~ existing_relation.schema
        ~ '" or its file system has no EXCHANGE TABLES. Nothing was changed. Expected a database with the engine '
        'Atomic, Replicated or Shared; '
        ~ 'move the relation to one, or drop it yourself and run again.') -%}
  {%- endif -%}
{% endmacro %}

{#- Afterwards staged_relation is the replaced one. Both must exist, of any type. -#}
{% macro clickhouse__publish(staged_relation, target_relation) %}
  {%- do adapter.audit(staged_relation) -%}
  {%- do clickhouse__new_rows_consume(staged_relation) -%}
  {%- do exchange_tables_atomic(staged_relation, target_relation) -%}
{% endmacro %}

{#- A new relation is also built under another name: an interrupted CREATE … AS leaves a part of the rows, which the
    next run would take for all. -#}
{% macro clickhouse__publish_first(staged_relation, target_relation) %}
  {%- do adapter.audit(staged_relation) -%}
  {%- do clickhouse__new_rows_consume(staged_relation) -%}
  {%- call statement('publish') %}
    rename table {{ staged_relation }} to {{ target_relation }} {{ on_cluster_clause(target_relation) }}
  {%- endcall -%}
{% endmacro %}

{#- Names that no other run has: a late statement of a killed run finds nothing. The next run that locks the relation
    drops leftovers. -#}
{% macro clickhouse__make_intermediate_relation(base_relation, suffix) %}
  {%- set base = base_relation.incorporate(path={'identifier': adapter.working_stem(base_relation.identifier)}) -%}
  {{- return(make_temp_relation(base, suffix ~ '_' ~ (invocation_id | replace('-', '')))) -}}
{% endmacro %}

{% macro clickhouse__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {{- return(clickhouse__make_intermediate_relation(base_relation, suffix).incorporate(type=backup_relation_type)) -}}
{% endmacro %}
