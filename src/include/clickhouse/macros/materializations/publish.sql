{#- How a relation that is ready takes the place of the one that readers see: one EXCHANGE, which readers see nothing
    of. ClickHouse has no transaction to fall back on, so what cannot be exchanged is refused before anything is
    touched. Not in dbt-clickhouse. -#}

{#- existing_relation: what is to be replaced, or none. -#}
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

{#- After it staged_relation names what was replaced. Both are there, of whatever type. -#}
{% macro clickhouse__publish(staged_relation, target_relation) %}
  {%- do adapter.audit(staged_relation) -%}
  {%- do clickhouse__new_rows_consume(staged_relation) -%}
  {%- do exchange_tables_atomic(staged_relation, target_relation) -%}
{% endmacro %}

{#- What is new is built under another name, too: a CREATE … AS that is cut off leaves a part of the rows, which the
    next run would take for all. -#}
{% macro clickhouse__publish_first(staged_relation, target_relation) %}
  {%- do adapter.audit(staged_relation) -%}
  {%- do clickhouse__new_rows_consume(staged_relation) -%}
  {%- call statement('publish') %}
    rename table {{ staged_relation }} to {{ target_relation }} {{ on_cluster_clause(target_relation) }}
  {%- endcall -%}
{% endmacro %}

{#- Names that no other run has: a statement of a dead run that arrives late finds nothing. Who locks the relation next
    drops what is left. -#}
{% macro clickhouse__make_intermediate_relation(base_relation, suffix) %}
  {%- set base = base_relation.incorporate(path={'identifier': adapter.working_stem(base_relation.identifier)}) -%}
  {{- return(make_temp_relation(base, suffix ~ '_' ~ (invocation_id | replace('-', '')))) -}}
{% endmacro %}

{% macro clickhouse__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {{- return(clickhouse__make_intermediate_relation(base_relation, suffix).incorporate(type=backup_relation_type)) -}}
{% endmacro %}
