{#- Postgres: tables, indexes, schemas, the catalogue queries of the package `dbt`, names of working relations,
    comments, grants. -#}

{#- A table with a contract is created empty and then filled: `create table as` accepts no constraints. -#}
{% macro postgres__create_table_as(temporary, relation, sql) %}
  {%- set partition_by = none if temporary else postgres_partition_by() -%}
  {%- if partition_by is not none -%}
    {{- return(create_partitioned_table_as(relation, sql, partition_by)) -}}
  {%- endif -%}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- set enforced = config.get('contract').enforced -%}
  {%- set kind = 'temporary' if temporary else 'unlogged' if config.get('unlogged', default=false) else '' -%}
  {{- sql_header if sql_header is not none }}
  {%- if enforced -%}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif %}
  create {{ kind }} table {{ relation }}
  {%- if enforced and not temporary -%}
    {{ get_table_columns_and_constraints() }};
    insert into {{ relation }} (
      {{ adapter.dispatch('get_column_names', 'dbt')() }}
    )
    {%- set sql = get_select_subquery(sql) -%}
  {%- else %}
  as
  {%- endif %}
  (
    {{ sql }}
  );
{% endmacro %}

{#- The name is built from the columns and the time, so that the new table's index never conflicts with that of the old
    one. -#}
{% macro postgres__get_create_index_sql(relation, index_dict) %}
  {%- set index = adapter.parse_index(index_dict) %}
  create {{ 'unique' if index.unique }} index if not exists {{ adapter.quote(index.render(relation)) }}
  on {{ relation }} {{ 'using ' ~ index.type if index.type }} ({{ index.columns | join(', ') }})
{%- endmacro %}

{% macro postgres__create_schema(relation) %}
  {%- do adapter.verify_database(relation.database) if relation.database -%}
  {%- call statement('create_schema') %}
    create schema if not exists {{ relation.without_identifier().include(database=False) }}
  {%- endcall -%}
{% endmacro %}

{% macro postgres__drop_schema(relation) %}
  {%- do adapter.verify_database(relation.database) if relation.database -%}
  {%- call statement('drop_schema') %}
    drop schema if exists {{ relation.without_identifier().include(database=False) }} cascade
  {%- endcall -%}
{% endmacro %}

{#- The content of information_schema.columns, which takes several times as long to plan, and the type in DDL. A domain
    is shown as its base type. A relation without a schema is a temporary table. -#}
{% macro postgres__get_columns_in_relation(relation) %}
  {%- do adapter.verify_database(relation.database) if relation.database -%}
  {%- call statement('get_columns_in_relation', fetch_result=True) %}
    {%- set kept = 'information_schema._pg_truetypid(a, t), information_schema._pg_truetypmod(a, t)' %}
    select a.attname as column_name,
      case when coalesce(b.typelem, t.typelem) <> 0 and coalesce(b.typlen, t.typlen) = -1 then 'ARRAY'
        when coalesce(b.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace
          then pg_catalog.format_type(coalesce(b.oid, t.oid), null)
        else 'USER-DEFINED' end as data_type,
      information_schema._pg_char_max_length({{ kept }}) as character_maximum_length,
      information_schema._pg_numeric_precision({{ kept }}) as numeric_precision,
      information_schema._pg_numeric_scale({{ kept }}) as numeric_scale,
      pg_catalog.format_type(a.atttypid, a.atttypmod) as full_type
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
    where c.relname = {{ adapter.quote_text(relation.identifier) }} and c.relkind in ('r', 'p', 'v', 'f')
    and {{ "c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = "
        ~ adapter.quote_text(relation.schema) ~ ")"
        if relation.schema else 'not pg_catalog.pg_is_other_temp_schema(c.relnamespace)' }}
    and (pg_catalog.pg_has_role(c.relowner, 'USAGE') or pg_catalog.has_column_privilege(c.oid, a.attnum,
      'SELECT, INSERT, UPDATE, REFERENCES'))
    order by a.attnum
  {% endcall -%}
  {{- return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) -}}
{% endmacro %}

{#- In place, so that indexes, constraints, default, triggers, comment, grants and policies of the column are kept.
    Without USING, the server casts as in an assignment, and rejects a text that is too long. ALTER would reset a
    collation of the column to that of the new type. -#}
{% macro postgres__alter_column_type(relation, column_name, new_column_type) %}
  {%- call statement('column_collation', fetch_result=True) %}
    select pg_catalog.format('%I.%I', n.nspname, l.collname)
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    join pg_catalog.pg_collation l on l.oid = a.attcollation
    join pg_catalog.pg_namespace n on n.oid = l.collnamespace
    join pg_catalog.pg_type w on w.oid = pg_catalog.to_regtype({{ adapter.quote_text(new_column_type) }})
    where a.attrelid = {{ adapter.quote_text(relation.render()) }}::regclass
      and a.attname = {{ adapter.quote_text(column_name) }} and a.attcollation <> t.typcollation
      and w.typcollation <> 0
  {%- endcall -%}
  {%- set collations = load_result('column_collation').table.rows if execute else [] -%}
  {%- call statement('alter_column_type') %}
    {%- for dependant in adapter.dependants(relation, altered=True) %}
    {{ dependant.drop_sql }};
    {%- endfor %}
    alter table {{ relation.render() }} alter column {{ adapter.quote(column_name) }} type {{ new_column_type }}
      {{- ' collate ' ~ collations[0][0] if collations }}
  {% endcall -%}
  {%- do adapter.restore_dependants() -%}
{% endmacro %}

{% macro postgres__list_relations_without_caching(schema_relation) %}
  {%- call statement('list_relations_without_caching', fetch_result=True) %}
    {%- for catalogue, name, schema, type in [
        ('pg_tables', 'tablename', 'schemaname', 'table'),
        ('pg_views', 'viewname', 'schemaname', 'view'),
        ('pg_matviews', 'matviewname', 'schemaname', 'materialized_view'),
        ('pg_proc join pg_namespace as ns on pronamespace = ns.oid', 'proname', 'ns.nspname', 'function')
    ] %}
    select {{ 'distinct' if type == 'function' }}
      {{ adapter.quote_text(schema_relation.database) }} as database, {{ name }} as name, {{ schema }} as schema, '{{
        type }}' as type
    from {{ catalogue }}
    where {{ schema }} ilike {{ adapter.quote_text(schema_relation.schema | replace('\\', '\\\\')) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
  {% endcall -%}
  {{- return(load_result('list_relations_without_caching').table) -}}
{% endmacro %}

{% macro postgres__information_schema_name(database) -%} information_schema {%- endmacro %}

{% macro postgres__list_schemas(database) %}
  {%- do adapter.verify_database(database) if database -%}
  {%- call statement('list_schemas', fetch_result=True, auto_begin=False) %}
    select distinct nspname from pg_namespace
  {% endcall -%}
  {{- return(load_result('list_schemas').table) -}}
{% endmacro %}

{% macro postgres__check_schema_exists(information_schema, schema) %}
  {%- do adapter.verify_database(information_schema.database) if information_schema.database -%}
  {%- call statement('check_schema_exists', fetch_result=True, auto_begin=False) %}
    select count(*) from pg_namespace where nspname = {{ adapter.quote_text(schema) }}
  {% endcall -%}
  {{- return(load_result('check_schema_exists').table) -}}
{% endmacro %}

{#- Postgres silently truncates a longer name, and then two relations could conflict; so the name is truncated here,
    before the suffix. dstring: whether it contains the time of day. -#}
{% macro postgres__make_relation_with_suffix(base_relation, suffix, dstring) %}
    {%- set suffix = suffix ~ modules.datetime.datetime.now().strftime('%H%M%S%f') if dstring else suffix -%}
    {%- set longest = base_relation.relation_max_name_length() -%}
    {%- if suffix | length > longest -%}
        {%- do exceptions.raise_compiler_error('Relation suffix is too long (' ~ suffix | length
            ~ ' characters). Maximum length is ' ~ longest ~ ' characters.') -%}
    {%- endif -%}
    {{- return(base_relation.incorporate(path={'identifier': base_relation.identifier[:longest - suffix | length]
        ~ suffix})) -}}
{% endmacro %}

{% macro postgres__make_intermediate_relation(base_relation, suffix) %}
{{- return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False)) -}}
{% endmacro %}

{#- Temporary tables have no schema of ours. -#}
{% macro postgres__make_temp_relation(base_relation, suffix) %}
{{- return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=True).incorporate(path={'schema': none,
    'database': none})) -}}
{% endmacro %}

{% macro postgres__make_backup_relation(base_relation, backup_relation_type, suffix) %}
{{- return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False).incorporate(
    type=backup_relation_type)) -}}
{% endmacro %}

{#- A comment between dollar quotes, which may enclose anything but that one quote. -#}
{% macro postgres_escape_comment(comment) %}
  {%- set mark = '$dbt_comment_literal_block$' -%}
  {%- if comment is not string -%}
    {%- do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) -%}
  {%- elif mark in comment -%}
    {%- do exceptions.raise_compiler_error('The string ' ~ mark ~ ' is not allowed in comments.') -%}
  {%- endif -%}
  {{- mark ~ comment ~ mark -}}
{% endmacro %}

{% macro postgres__alter_relation_comment(relation, comment) %}
  comment on {{ relation.type | replace('_', ' ') }} {{ relation }} is {{ postgres_escape_comment(comment) }};
{% endmacro %}

{% macro postgres__alter_column_comment(relation, column_dict) %}
  {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
  {%- for name in column_dict if name in present %}
  comment on column {{ relation }}.{{ adapter.quote(name) if column_dict[name]['quote']
      else adapter.quote_written(name) }} is {{ postgres_escape_comment(column_dict[name]['description']) }};
  {%- endfor -%}
{% endmacro %}

{% macro postgres__get_show_grant_sql(relation) -%}
  select grantee, privilege_type
  from {{ relation.information_schema('role_table_grants') }}
  where grantor = current_role
    and grantee != current_role
    and table_schema = {{ adapter.quote_text(relation.schema) }}
    and table_name = {{ adapter.quote_text(relation.identifier) }}
{%- endmacro %}

{#- A new table replaces the old one, without its grants. -#}
{% macro postgres__copy_grants() %}{{ return(False) }}{% endmacro %}

{% macro postgres__get_show_indexes_sql(relation) %}
    select
        index_class.relname as name,
        method.amname as method,
        index.indisunique as "unique",
        array_to_string(array_agg(attribute.attname), ',') as column_names
    from pg_index index
    join pg_class index_class on index_class.oid = index.indexrelid
    join pg_am method on method.oid = index_class.relam
    join pg_class table_class on table_class.oid = index.indrelid
    join pg_namespace namespace on namespace.oid = table_class.relnamespace
    join pg_attribute attribute on attribute.attrelid = table_class.oid and attribute.attnum = any(index.indkey)
    where table_class.relname = {{ adapter.quote_text(relation.identifier) }}
      and namespace.nspname = {{ adapter.quote_text(relation.schema) }}
      and table_class.relkind in ('r', 'm')
    group by 1, 2, 3
    order by 1, 2, 3
{% endmacro %}

{% macro postgres__get_drop_index_sql(relation, index_name) -%}
    drop index if exists {{ adapter.quote(relation.schema) }}.{{ adapter.quote(index_name) }}
{%- endmacro %}
