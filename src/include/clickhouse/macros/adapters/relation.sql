{#- A relation from the cache, or a new one that knows whether its database can exchange tables and whether it is on
    the cluster. -#}
{% macro clickhouse__get_or_create_relation(database, schema, identifier, type) %}
  {%- set present = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
  {%- if present -%}
    {{ return([true, present]) }}
  {%- endif -%}
  {{- return([false, api.Relation.create(
      database=none, schema=schema, identifier=identifier, type=type,
      can_exchange=adapter.can_exchange(schema, type),
      can_on_cluster=adapter.should_on_cluster(config.get('materialized'), engine_clause())
  )]) -}}
{% endmacro %}

{% macro clickhouse__get_database(database) %}
  {%- call statement('get_database', fetch_result=True) %}
    select name, engine, comment from system.databases where name = {{ adapter.quote_text(database) }}
  {%- endcall -%}
  {{- return(load_result('get_database').table) -}}
{% endmacro %}
