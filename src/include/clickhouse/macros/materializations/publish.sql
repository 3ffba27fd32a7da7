{#- How a relation that is ready takes the place of the one that readers see: one EXCHANGE, which readers see nothing of. ClickHouse has no
    transaction to fall back on, so what cannot be exchanged is refused before anything is touched. Not in dbt-clickhouse. -#}

{#- existing_relation: what is to be replaced, or none. -#}
{% macro clickhouse__require_exchange(existing_relation) %}
  {%- if existing_relation is not none and not existing_relation.can_exchange and not adapter.can_exchange(existing_relation.schema, 'table') -%}
    {%- do exceptions.raise_compiler_error(
        'Cannot replace ' ~ existing_relation ~ ' without a moment in which readers find nothing: the database "' ~ existing_relation.schema
        ~ '" or its file system has no EXCHANGE TABLES. Nothing was changed. Expected a database with the engine Atomic, Replicated or Shared; '
        ~ 'move the relation to one, or drop it yourself and run again.') -%}
  {%- endif -%}
{% endmacro %}

{#- After it staged_relation names what was replaced. Both are there, of whatever type. -#}
{% macro clickhouse__publish(staged_relation, target_relation) %}
  {%- do exchange_tables_atomic(staged_relation, target_relation) -%}
{% endmacro %}
