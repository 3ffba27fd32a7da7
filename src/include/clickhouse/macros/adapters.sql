{#- Databases (dbt's schemas), relations and columns of ClickHouse: queries on its system tables, and the statements
    that change them. -#}

{% macro clickhouse__list_schemas(database) %}
  {%- call statement('list_schemas', fetch_result=True, auto_begin=False) %}
    select name from system.databases
  {%- endcall -%}
  {{- return(load_result('list_schemas').table) -}}
{% endmacro %}

{% macro clickhouse__create_schema(relation) %}
  {%- call statement('create_schema') %}
    create database if not exists {{ relation.without_identifier().include(database=False) }}
    {{ on_cluster_clause(relation) }}
    {{ adapter.clickhouse_db_engine_clause() }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__drop_schema(relation) %}
  {%- call statement('drop_schema') %}
    drop database if exists {{ relation.without_identifier().include(database=False) }} {{ on_cluster_clause(
        relation) }}
  {%- endcall -%}
{% endmacro %}

{#- The relations of a database, and which materialized views write into which tables. The adapter queries all databases
    of a run in one statement; this macro handles a single database. Databases on other servers have no views, and an
    unreachable one would cause a wait. `\x3F` is `?`, which some drivers would take for a placeholder. -#}
{% macro clickhouse__list_relations_without_caching(schema_relation) %}
  {%- set cluster = adapter.get_clickhouse_cluster_name() -%}
  {%- set tables = 'clusterAllReplicas(' ~ cluster ~ ', system.tables)' if cluster else 'system.tables' -%}
  {%- call statement('list_relations_without_caching', fetch_result=True) %}
    with writers as (
      select
        database as mv_database,
        name as mv_name,
        any(as_select) as mv_sql,
        any(comment) as mv_comment,
        any(replaceRegexpOne(create_table_query, '.*TO\\s+`\x3F([^`\\s(]+)`\x3F\\.`\x3F([^`\\s(]+)`\x3F.*',
          '\\1.\\2')) as target
      from {{ tables }}
      where engine = 'MaterializedView' and create_table_query like '%TO %'
        and database in (select name from system.databases where engine not in ('PostgreSQL', 'MySQL', 'SQLite',
          'DataLakeCatalog', 'S3', 'HDFS', 'Filesystem', 'Backup'))
      group by mv_database, mv_name
    )
    select
      t.name as name,
      t.database as schema,
      transform(t.engine, ['MaterializedView', 'View', 'Dictionary'], ['materialized_view', 'view', 'dictionary'],
        'table') as type,
      db.engine as db_engine,
      groupArrayIf(map('schema', writers.mv_database, 'name', writers.mv_name, 'sql', writers.mv_sql,
        'comment', writers.mv_comment),
        writers.mv_name != '') as mvs_pointing_to_it,
      max(position(substring(t.create_table_query, 1, position(t.create_table_query, ' TO ')), ' REFRESH ')) > 0
        as is_refreshable,
      max(position(substring(t.create_table_query, 1, position(t.create_table_query, ' TO ')), ' APPEND')) > 0
        as refreshable_append,
      {{ 'count(distinct _shard_num) > 1' if cluster else '0' }} as is_on_cluster
    from {{ tables }} as t
    join system.databases as db on db.name = t.database
    left join writers on writers.target = concat(t.database, '.', t.name)
    where schema = {{ adapter.quote_text(schema_relation.schema) }}
    group by name, schema, type, db_engine
  {%- endcall -%}
  {{- return(load_result('list_relations_without_caching').table) -}}
{% endmacro %}

{#- A temporary table is in no database. -#}
{% macro clickhouse__get_columns_in_relation(relation) %}
  {%- if not relation.schema -%}
    {%- do exceptions.warn('Relations should always come with a defined schema. Missing schema for '
        ~ relation.identifier) -%}
  {%- endif -%}
  {%- call statement('get_columns', fetch_result=True) %}
    select name, type
    from system.columns
    where table = {{ adapter.quote_text(relation.identifier) }}
    {{ "and database = " ~ adapter.quote_text(relation.schema) if relation.schema and not relation.is_temporary }}
    order by position
  {%- endcall -%}
  {{- return(sql_convert_columns_in_relation(load_result('get_columns').table)) -}}
{% endmacro %}

{#- `drop table` drops tables and views, but not dictionaries. -#}
{% macro clickhouse__drop_relation(relation, obj_type='table') %}
  {%- call statement('drop_relation', auto_begin=False) %}
    drop {{ 'dictionary' if relation.type == 'dictionary'
        else obj_type }} if exists {{ relation }} {{ on_cluster_clause(relation, True) }}
  {%- endcall -%}
{% endmacro %}

{#- For a drop that is part of a longer statement. -#}
{% macro clickhouse__drop_table(relation) -%} drop table if exists {{ relation }} {{ on_cluster_clause(relation,
    True) }} {%- endmacro %}

{% macro clickhouse__drop_view(relation) -%} drop view if exists {{ relation }} {{ on_cluster_clause(relation, True) }}
{%- endmacro %}

{% macro clickhouse__rename_relation(from_relation, to_relation, obj_type='table') %}
  {%- call statement('drop_relation') %}
    drop {{ obj_type }} if exists {{ to_relation }} {{ on_cluster_clause(to_relation) }}
  {%- endcall -%}
  {%- call statement('rename_relation') %}
    rename {{ obj_type }} {{ from_relation }} to {{ to_relation }} {{ on_cluster_clause(from_relation) }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__truncate_relation(relation) %}
  {%- call statement('truncate_relation') %}
    truncate table {{ relation }} {{ on_cluster_clause(relation) }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__make_temp_relation(base_relation, suffix) %}
{{- return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix,
    'schema': base_relation.schema})) -}}
{% endmacro %}

{#- There is no level above a ClickHouse database, which is what dbt calls a schema. -#}
{% macro clickhouse__generate_database_name(custom_database_name=none, node=none) %}{{ return('') }}{% endmacro %}

{% macro clickhouse__get_columns_in_query(select_sql) %}{{
  return(default__get_columns_in_query(select_sql))
}}{% endmacro %}

{% macro clickhouse__alter_column_type(relation, column_name, new_column_type) %}
  {%- call statement('alter_column_type') %}
    alter table {{ relation }} {{ on_cluster_clause(relation) }} modify column {{ adapter.quote(
        column_name) }} {{ new_column_type }}
  {%- endcall -%}
{% endmacro %}

{#- Swaps the names of two relations in one step, without an intermediate state for readers. On a cluster the replicas
    of the table that was just filled catch up first. -#}
{% macro exchange_tables_atomic(old_relation, target_relation, obj_types='TABLES') %}
  {%- set on_cluster = on_cluster_clause(target_relation) -%}
  {%- if obj_types == 'TABLES' and 'Replicated' in engine_clause() and adapter.get_clickhouse_cluster_name(
      ) is not none -%}
    {%- do run_query('system sync replica ' ~ on_cluster ~ ' ' ~ adapter.quote_written(target_relation.schema) ~ '.'
        ~ adapter.quote_written(target_relation.identifier)) -%}
  {%- endif -%}
  {%- call statement('exchange_tables_atomic') %}
    {{- 'exchange ' ~ obj_types ~ ' ' ~ old_relation ~ ' and ' ~ target_relation ~ ' ' ~ on_cluster }}
  {%- endcall -%}
{% endmacro %}
