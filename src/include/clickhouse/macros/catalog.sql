{#- The catalog of `docs generate`: one row per column, for whole databases or for relations by name. -#}

{% macro clickhouse__get_catalog(information_schema, schemas) %}
  {%- call statement('catalog', fetch_result=True) %}
    {{- clickhouse__get_catalog_results_sql(clickhouse__get_catalog_schemas_where_clause_sql(schemas)) }}
  {%- endcall -%}
  {{- return(load_result('catalog').table) -}}
{% endmacro %}

{% macro clickhouse__get_catalog_relations(information_schema, relations) %}
  {%- call statement('catalog', fetch_result=True) %}
    {{- clickhouse__get_catalog_results_sql(clickhouse__get_catalog_relations_where_clause_sql(relations)) }}
  {%- endcall -%}
  {{- return(load_result('catalog').table) -}}
{% endmacro %}

{% macro clickhouse__get_catalog_results_sql(where_clause) %}
    select
      '' as table_database, tables.database as table_schema, tables.name as table_name,
      if(tables.engine in ('View', 'MaterializedView'), 'view', 'table') as table_type, nullIf(tables.comment, '')
        as table_comment,
      columns.name as column_name, columns.position as column_index, columns.type as column_type,
        nullIf(columns.comment, '') as column_comment,
      null::Nullable(String) as table_owner
    from system.tables as tables
    join system.columns as columns on columns.database = tables.database and columns.table = tables.name
    {{ where_clause }}
    order by table_schema, table_name, column_index
{% endmacro %}

{% macro clickhouse__get_catalog_schemas_where_clause_sql(schemas) %}
    where columns.database in ({% for schema in schemas %}{{ adapter.quote_text(schema) }}{{
        ', ' if not loop.last }}{% endfor %}) and columns.database != 'system'
{% endmacro %}

{#- A relation without a name stands for its whole database. -#}
{% macro clickhouse__get_catalog_relations_where_clause_sql(relations) %}
    {%- set conditions = ['1 = 0'] -%}
    {%- for relation in relations -%}
      {%- if not relation.schema -%}
        {%- do exceptions.raise_compiler_error('`get_catalog_relations` requires a list of relations, each with a '
            'schema') -%}
      {%- endif -%}
      {%- set by_name = " and columns.table = " ~ adapter.quote_text(relation.identifier)
          if relation.identifier else '' -%}
      {%- do conditions.append("columns.database = " ~ adapter.quote_text(relation.schema) ~ by_name) -%}
    {%- endfor %}
    where columns.database != 'system' and ({{ conditions | join(' or ') }})
{% endmacro %}
