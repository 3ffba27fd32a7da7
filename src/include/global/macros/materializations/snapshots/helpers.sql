{#- The queries of a snapshot: its first table, and the staged changes of a later run. strategies.sql defines what
    counts as a change. -#}

{#- Columns of the query that the table lacks are added to the table. -#}
{% macro create_columns(relation, columns) %}
  {{- adapter.dispatch('create_columns', 'dbt')(relation, columns) -}}
{% endmacro %}

{% macro default__create_columns(relation, columns) %}
  {%- for column in columns -%}
    {%- call statement() %}
      alter table {{ relation.render() }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }};
    {% endcall -%}
  {%- endfor -%}
{% endmacro %}

{#- What a dialect does with the staging table at the end; by default nothing. -#}
{% macro post_snapshot(staging_relation) %}
  {{- adapter.dispatch('post_snapshot', 'dbt')(staging_relation) -}}
{% endmacro %}

{% macro default__post_snapshot(staging_relation) %}{% endmacro %}

{% macro get_true_sql() %}
  {{ adapter.dispatch('get_true_sql', 'dbt')() }}
{% endmacro %}

{% macro default__get_true_sql() %}{{ return('TRUE') }}{% endmacro %}

{#- The names of the snapshot's own columns; `snapshot_meta_column_names` changes them. -#}
{% macro get_snapshot_table_column_names() %}
{{- return({
    'dbt_valid_to': 'dbt_valid_to',
    'dbt_valid_from': 'dbt_valid_from',
    'dbt_scd_id': 'dbt_scd_id',
    'dbt_updated_at': 'dbt_updated_at',
    'dbt_is_deleted': 'dbt_is_deleted'
}) -}}
{% endmacro %}

{% macro snapshot_staging_table(strategy, source_sql, target_relation) %}
  {{- adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) -}}
{% endmacro %}

{#- Every change as a row with its kind in dbt_change_type: `insert` a new version, `update` and `delete` end one. With
    hard_deletes = new_record a deleted row gets a version that says so, which ends if the row comes back. -#}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set key = strategy.unique_key -%}
    {%- set current = config.get('dbt_valid_to_current') -%}
    {%- set record_deletes = strategy.hard_deletes == 'new_record' -%}
    {%- set end_deletes = record_deletes or strategy.hard_deletes == 'invalidate' -%}
    {%- set returned = ' or snapshotted_data.' ~ columns.dbt_is_deleted ~ " = 'True'" if record_deletes else '' -%}
    {%- set same_row = unique_key_join_on(key, 'snapshotted_data', 'source_data') -%}
    {%- set known_as_deleted -%}
            not (
                snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'
                and snapshotted_data.{{ columns.dbt_valid_to }} {{ '= ' ~ current if current else 'is null' }}
            )
    {%- endset %}
    with snapshot_query as (

        {{ source_sql }}

    ),

    snapshotted_data as (

        select *, {{ unique_key_fields(key) }}
        from {{ target_relation }}
        where
        {%- if current %}
            ( {{ equals(columns.dbt_valid_to | trim, current | trim) }} or {{ columns.dbt_valid_to | trim }} is null )
        {%- else %}
            {{ columns.dbt_valid_to }} is null
        {%- endif %}

    ),

    insertions_source_data as (

        select *, {{ unique_key_fields(key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ get_dbt_valid_to_current(strategy, columns) }},
            {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
        from snapshot_query

    ),

    updates_source_data as (

        select *, {{ unique_key_fields(key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
        from snapshot_query

    ),
    {%- if end_deletes %}

    deletes_source_data as (

        select *, {{ unique_key_fields(key) }}
        from snapshot_query

    ),
    {%- endif %}

    insertions as (

        select
            'insert' as dbt_change_type,
            source_data.*
            {{- ",\n            'False' as " ~ columns.dbt_is_deleted if record_deletes }}
        from insertions_source_data as source_data
        left outer join snapshotted_data
            on {{ same_row }}
        where {{ unique_key_is_null(key, 'snapshotted_data') }}
            or ({{ unique_key_is_not_null(key, 'snapshotted_data') }} and (
               {{ strategy.row_changed }}{{ returned }}
            )
        )

    ),

    updates as (

        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.{{ columns.dbt_scd_id }}
            {{- ',\n            snapshotted_data.' ~ columns.dbt_is_deleted if record_deletes }}
        from updates_source_data as source_data
        join snapshotted_data
            on {{ same_row }}
        where (
            {{ strategy.row_changed }}{{ returned }}
        )

    )
    {%- if end_deletes %},

    deletes as (

        select
            'delete' as dbt_change_type,
            no_row.*,
            {{ snapshot_prefixed('snapshotted_data', snapshot_key_names(key)) }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
            snapshotted_data.{{ columns.dbt_scd_id }}
            {{- ',\n            snapshotted_data.' ~ columns.dbt_is_deleted if record_deletes }}
        from snapshotted_data
        left join deletes_source_data as source_data
            on {{ same_row }}
        left join (select * from snapshot_query where 1 = 0) as no_row
            on 1 = 0
        where {{ unique_key_is_null(key, 'source_data') }}
            {{- '\n            and ' ~ known_as_deleted if record_deletes }}

    )
    {%- endif %}
    {%- if record_deletes %},
    {%- set kept_columns = get_list_of_column_names(get_columns_in_relation(target_relation)) %}

    deletion_records as (

        select
            'insert' as dbt_change_type,
            {%- for name in get_columns_in_query(source_sql) %}
            {{ 'snapshotted_data' if name in kept_columns else 'source_data' }}.{{ adapter.quote(name) }},
            {%- endfor %}
            {%- if key | is_list %}
            {%- for part in key %}
            snapshotted_data.{{ part }} as dbt_unique_key_{{ loop.index }},
            {%- endfor %}
            {%- else %}
            snapshotted_data.dbt_unique_key as dbt_unique_key,
            {%- endif %}
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
            {{ snapshot_hash_arguments([columns.dbt_scd_id, snapshot_get_time()]) }} as {{ columns.dbt_scd_id }},
            'True' as {{ columns.dbt_is_deleted }}
        from snapshotted_data
        left join deletes_source_data as source_data
            on {{ same_row }}
        where {{ unique_key_is_null(key, 'source_data') }}
            and {{ known_as_deleted }}

    )
    {%- endif %}

    select * from insertions
    union all
    select * from updates
    {%- if end_deletes %}
    union all
    select * from deletes
    {%- endif %}
    {%- if record_deletes %}
    union all
    select * from deletion_records
    {%- endif %}
{% endmacro %}

{% macro build_snapshot_table(strategy, sql) %}
  {{- adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql) -}}
{% endmacro %}

{#- The first run: every row is a current version. -#}
{% macro default__build_snapshot_table(strategy, sql) %}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}
    select *,
        {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ get_dbt_valid_to_current(strategy, columns) }}
        {{- ",\n        'False' as " ~ columns.dbt_is_deleted if strategy.hard_deletes == 'new_record' }}
    from (
        {{ sql }}
    ) sbq
{% endmacro %}

{#- Puts the changes into a temporary table, and returns it. -#}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) %}
    {%- set staging = make_temp_relation(target_relation) -%}
    {%- set changes = snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- call statement('build_snapshot_staging_relation') %}
        {{- create_table_as(True, staging, changes) }}
    {%- endcall -%}
    {{- return(staging) -}}
{% endmacro %}

{#- The type of dbt_updated_at in a query; none without such a column. -#}
{% macro get_updated_at_column_data_type(snapshot_sql) %}
    {%- set found = get_column_schema_from_query(snapshot_sql) | selectattr('column', 'in',
        ['dbt_updated_at', 'DBT_UPDATED_AT']) | list -%}
    {{- return((found | last).dtype if found else none) -}}
{% endmacro %}

{#- Warns if a snapshot would compare timestamps of two types. -#}
{% macro check_time_data_types(sql) %}
  {%- set of_rows = get_updated_at_column_data_type(sql) -%}
  {%- set of_clock = get_snapshot_get_time_data_type() -%}
  {%- if of_rows is not none and of_clock is not none and of_rows != of_clock
      and exceptions.warn_snapshot_timestamp_data_types -%}
    {%- do exceptions.warn_snapshot_timestamp_data_types(of_clock, of_rows) -%}
  {%- endif -%}
{% endmacro %}

{#- A deleted row ends at the time of the run, which has no common type with a text or number. -#}
{% macro snapshot_require_time(strategy, sql) %}
  {%- if strategy.hard_deletes != 'ignore' -%}
    {%- set of_rows = get_updated_at_column_data_type(sql) -%}
    {%- set of_clock = get_snapshot_get_time_data_type() or '' -%}
    {%- if of_rows is not none and 'DATE' in of_clock | upper and 'DATE' not in of_rows | upper -%}
      {%- do exceptions.raise_compiler_error("'hard_deletes' needs a date or time in 'updated_at', found " ~ of_rows
          ~ '. Nothing was changed. Convert it to a timestamp in the query of the snapshot.') -%}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}

{#- The end of a current version: null or the configured timestamp, in the type of updated_at, which the odd-looking
    nullif preserves. -#}
{% macro get_dbt_valid_to_current(strategy, columns) %}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current')
      or 'null' }})
  as {{ columns.dbt_valid_to }}
{%- endmacro %}

{#- The key as columns with fixed names, so that the queries above are independent of it. -#}
{% macro unique_key_fields(unique_key) %}
    {%- if unique_key | is_list -%}
        {%- for part in unique_key -%} {{ part }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    {%- else -%}
        {{ unique_key }} as dbt_unique_key
    {%- endif -%}
{% endmacro %}

{% macro unique_key_join_on(unique_key, identifier, from_identifier) %}
    {%- if unique_key | is_list -%}
        {%- for part in unique_key -%}
            {%- set name = '.dbt_unique_key_' ~ loop.index -%}
            {{ equals(identifier ~ name, from_identifier ~ name) }}{{ ' and ' if not loop.last }}
        {%- endfor -%}
    {%- else -%}
        {{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
    {%- endif -%}
{% endmacro %}

{% macro unique_key_is_null(unique_key, identifier) -%}
    {{ identifier }}.dbt_unique_key{{ '_1' if unique_key | is_list }} is null
{%- endmacro %}

{% macro unique_key_is_not_null(unique_key, identifier) -%}
    {{ identifier }}.dbt_unique_key{{ '_1' if unique_key | is_list }} is not null
{%- endmacro %}
