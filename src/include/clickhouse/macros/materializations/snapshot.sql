{#- Snapshots: every version of every row. The versions that end and those that begin are staged, checked, and published
    at once, like rows of the strategy atomic_upsert; so a killed run leaves the table unchanged. -#}
{% materialization snapshot, adapter='clickhouse' %}
  {#- a project's macro wins, as in dbt, which has none for this adapter -#}
  {%- if adapter.overridden('materialization_snapshot_default') -%}
    {{ return(materialization_snapshot_default()) }}
  {%- endif -%}
  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set target_relation_exists, target_relation = get_or_create_relation(
          database=model.database, schema=model.schema, identifier=model.get('alias', model.get('name')),
          type='table') -%}
  {%- if not target_relation.is_table -%}
    {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
  {%- endif -%}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}
  {%- do clickhouse__drop_own_views(target_relation) -%}

  {%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data',
      model['config'], target_relation_exists) -%}

  {%- if not target_relation_exists -%}
      {%- set new_table = clickhouse__publish_relation(target_relation, 'new') -%}
      {%- set select_sql = build_snapshot_table(strategy, model['compiled_code']) -%}
      {{- check_time_data_types(select_sql) -}}
      {%- do snapshot_require_time(strategy, select_sql) -%}
      {%- call statement('main') %}
        {{- create_table_as(False, new_table, select_sql) }}
      {%- endcall -%}
      {%- do clickhouse__snapshot_require_one_current(new_table, strategy) -%}
      {%- do adapter.audit(new_table) -%}
      {%- call statement('publish') %}
        rename table {{ new_table }} to {{ target_relation }}
      {% endcall -%}
  {%- else -%}
      {%- do clickhouse__require_publishing(target_relation, 'A snapshot', 'Expected a table of its own') -%}
      {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
      {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) -%}
      {#- The query runs once, with its own settings; the comparison of its rows with the table's has others. -#}
      {%- set queried = clickhouse__publish_relation(target_relation, 'once') -%}
      {%- call statement('run_snapshot_query') %}
        create table {{ queried }} engine = MergeTree order by tuple()
        as (
          {{ sql }}
        )
        {{ adapter.get_model_query_settings(model) }}
      {%- endcall -%}
      {%- do clickhouse__snapshot_require_one_row(clickhouse__upsert_doubles(queried,
          clickhouse__snapshot_key(strategy.unique_key))) -%}
      {%- set source_sql = 'select * from ' ~ queried -%}
      {%- do snapshot_require_time(strategy, build_snapshot_table(strategy, source_sql)) -%}
      {%- set staging_table = build_snapshot_staging_table(strategy, source_sql, target_relation) -%}
      {%- do snapshot_check_changes(staging_table, target_relation,
          dict(strategy, unique_key=clickhouse__snapshot_key(strategy.unique_key))) -%}
      {#- columns of the staging table that the snapshot does not get -#}
      {%- set working = ['dbt_change_type', 'dbt_unique_key'] -%}
      {%- set missing = adapter.get_missing_columns(staging_table, target_relation)
          | rejectattr('name', 'in', working) | list -%}
      {%- if adapter.audited() -%}
        {%- do clickhouse__snapshot_refuse_audit(target_relation, staging_table, missing) -%}
      {%- endif -%}
      {%- do adapter.expand_target_column_types(from_relation=staging_table, to_relation=target_relation) -%}
      {%- do create_columns(target_relation, missing) -%}
      {%- set inserted = [] -%}
      {%- for column in adapter.get_columns_in_relation(staging_table) | rejectattr('name', 'in', working) -%}
        {%- do inserted.append(adapter.quote(column.name)) -%}
      {%- endfor -%}
      {{- check_time_data_types(source_sql) -}}
      {%- set final_sql = snapshot_merge_sql(target=target_relation, source=staging_table, insert_cols=inserted) -%}
      {%- call statement('main') %}
        {{- final_sql }}
      {%- endcall -%}
      {%- do clickhouse__publish_drop(queried) -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(target_relation_exists,
      full_refresh_mode=False)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if not target_relation_exists -%}
    {%- do create_indexes(target_relation) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if staging_table is defined -%}
    {%- do post_snapshot(staging_table) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- Adds and widens columns of the table itself before its rows change. missing: those to be added. -#}
{% macro clickhouse__snapshot_refuse_audit(target, staging_table, missing) %}
  {%- set changing = missing | map(attribute='name') | list -%}
  {%- set there = adapter.get_columns_in_relation(target) -%}
  {%- for column in adapter.get_columns_in_relation(staging_table) -%}
    {%- for old in there if old.name == column.name and old.can_expand_to(column) -%}
      {%- do changing.append(column.name) -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- if changing -%}
    {%- do clickhouse__refuse_audit(target, 'its columns change first (' ~ changing | join(', ') ~ ')') -%}
  {%- endif -%}
{% endmacro %}

{#- The id of a version, as in dbt-clickhouse: existing tables contain such ids. A key may be NULL. -#}
{% macro clickhouse__snapshot_hash_arguments(args) -%}
  halfMD5(
  {%- for arg in args -%}
    coalesce(cast({{ arg }} as Nullable(String)), '')
    {%- if not loop.last %} || '|' || {% endif -%}
  {%- endfor -%})
{%- endmacro %}

{% macro clickhouse__post_snapshot(staging_relation) %}
    {%- do clickhouse__publish_drop(staging_relation) -%}
{% endmacro %}

{#- Without a transaction the changes need a table that outlives the statement. Its name contains the run's id:
    leftovers of another run are never used. Tuples of deleted rows would be NULL, which no table can store. -#}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) %}
    {%- set staging = clickhouse__publish_relation(target_relation, 'changes') -%}
    {%- set changes = snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- set tuples = [] -%}
    {%- for column in (adapter.get_column_schema_from_query(sql) if strategy.hard_deletes != 'ignore' else [])
        if column.dtype == 'Point' or column.dtype.startswith('Tuple(') -%}
      {%- set type = adapter.quote_text(column.dtype) -%}
      {%- do tuples.append('cast(ifNull(' ~ column.quoted ~ ', defaultValueOfTypeName(' ~ type ~ ')), ' ~ type ~ ') as '
          ~ column.quoted) -%}
    {%- endfor -%}
    {%- call statement('build_snapshot_staging_relation') %}
      create table {{ staging }} engine = MergeTree order by tuple()
      as {{ changes if not tuples else 'select * replace (' ~ tuples | join(', ') ~ ')\n      from (\n' ~ changes
          ~ '\n      )' }}
      settings join_use_nulls = 1
    {% endcall -%}
    {{- return(staging) -}}
{% endmacro %}

{#- The end of a current version. A text combined with a time would make the column a Variant, so it becomes a time that
    is not limited to the years of DateTime. -#}
{% macro get_dbt_valid_to_current(strategy, columns) %}
  {%- set current, starts = config.get('dbt_valid_to_current') or 'null', strategy.updated_at -%}
  {%- if current | trim | first == "'" and current | trim | last == "'" -%}
    {%- set current = 'cast(' ~ current ~ ', if(toTypeName(' ~ starts ~ ") like '%Date%', 'DateTime64(0)', toTypeName("
        ~ starts ~ ')))' -%}
  {%- endif -%}
  coalesce(nullif({{ starts }}, {{ starts }}), {{ current }})
  as {{ columns.dbt_valid_to }}
{%- endmacro %}

{#- Expects join_use_nulls: rows without a partner are found by NULL. -#}
{% macro clickhouse__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {%- if strategy.updated_at is string and 'now()' in strategy.updated_at -%}
        {{- clickhouse__snapshot_staging_table_check_strategy(strategy, source_sql, target_relation) -}}
    {%- else -%}
        {{- clickhouse__snapshot_staging_table_timestamp_strategy(strategy, source_sql, target_relation) -}}
    {%- endif -%}
{% endmacro %}

{#- now() is constant throughout a statement. -#}
{% macro clickhouse__snapshot_staging_table_check_strategy(strategy, source_sql, target_relation) %}
    {{- clickhouse__snapshot_staging_table_timestamp_strategy(strategy, source_sql, target_relation) -}}
{% endmacro %}

{% macro clickhouse__snapshot_staging_table_timestamp_strategy(strategy, source_sql, target_relation) %}
    {%- set null_safe = dict(strategy, unique_key=clickhouse__snapshot_key(strategy.unique_key)) -%}
    {{- default__snapshot_staging_table(null_safe, source_sql, target_relation) -}}
{% endmacro %}

{#- The key as one text that is never NULL. -#}
{% macro clickhouse__snapshot_key(unique_key) -%}
  toJSONString(tuple({{ unique_key if unique_key is string else unique_key | join(', ') }}))
{%- endmacro %}

{#- NaN is not equal to itself there: each run would consider such a row changed. -#}
{% macro clickhouse__snapshot_differs(old, new) %}
  {{- return('(' ~ old ~ ' != ' ~ new ~ ' and not (toTypeName(' ~ new ~ ") like '%Float%' and toString(" ~ old
      ~ ') = toString(' ~ new ~ ')))') -}}
{% endmacro %}

{#- Whether a version is the current one of its key. -#}
{% macro clickhouse__snapshot_is_current(column) -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  ({{ column }} is null{{ ' or ' ~ column ~ ' = ' ~ current if current }})
{%- endmacro %}

{#- Stops if a key has several current versions. new_rows: versions that replace those with the same id; only their keys
    are checked. -#}
{% macro clickhouse__snapshot_require_one_current(relation, strategy, new_rows=none) %}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set key, current = clickhouse__snapshot_key(strategy.unique_key),
        clickhouse__snapshot_is_current(columns.dbt_valid_to) -%}
    {%- set doubles %}
      select version_key, toString(count())
      from (
        select {{ key }} as version_key
        from {{ relation }}
        where {{ current }}
        {%- if new_rows is not none %}
          and version_key in (select {{ key }} from {{ new_rows }})
          and ({{ columns.dbt_scd_id }}, version_key) not in (
            select {{ columns.dbt_scd_id }}, {{ key }}
            from {{ new_rows }}
          )
        union all
        select {{ key }} as version_key
        from {{ new_rows }}
        where {{ current }}
        {%- endif %}
      )
      group by version_key
      having count() > 1
      order by version_key
      limit 3
    {%- endset -%}
    {%- do clickhouse__snapshot_require_one_row(run_query(doubles).rows) -%}
{% endmacro %}

{#- doubles: rows of a key and how often it occurs. -#}
{% macro clickhouse__snapshot_require_one_row(doubles) %}
    {%- set shown = [] -%}
    {%- for row in doubles -%}
      {%- do shown.append(row[0] ~ ' (' ~ row[1] ~ ' rows)') -%}
    {%- endfor -%}
    {%- if shown -%}
      {%- do exceptions.raise_compiler_error('The snapshot would have several current rows for one unique_key: '
          ~ shown | join(', ')
          ~ '. Nothing was changed. Expected one row per key from its query, and one current row per key in the table.')
      -%}
    {%- endif -%}
{% endmacro %}

{#- Puts the staged changes into the table. Returns the text that represents them as the main statement. -#}
{% macro clickhouse__snapshot_merge_sql(target, source, insert_cols) %}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set new_rows = clickhouse__publish_relation(target, 'new') -%}
  {%- do clickhouse__publish_create_like(new_rows, target) -%}
  {%- set kept = clickhouse__publish_columns(target) -%}
  {%- set valid_to = adapter.quote(columns.dbt_valid_to) -%}
  {#- Keys may share an id, as dbt computes it: NULL and '', or ('a|b', 'c') and ('a', 'b|c'). A deleted key is not in
      the query. -#}
  {%- set key, queried = clickhouse__snapshot_key(config.get('unique_key')),
      clickhouse__publish_relation(target, 'once') -%}
  {%- call statement('stage_versions_that_end') %}
    insert into {{ new_rows }} ({{ kept | join(', ') }})
    select
      {%- for column in kept %}
      {{ 'changes.ends_at' if column == valid_to else 'versions.' ~ column }} as {{ column }}{{ ',' if not loop.last }}
      {%- endfor %}
    from {{ target }} as versions
    inner join (
      select {{ columns.dbt_scd_id }} as ended_id, max({{ columns.dbt_valid_to }}) as ends_at,
          if(dbt_change_type = 'update', dbt_unique_key, '') as ended_key
      from {{ source }}
      where dbt_change_type in ('update', 'delete')
      group by ended_id, ended_key
    ) as changes on changes.ended_id = versions.{{ columns.dbt_scd_id }}
    where {{ clickhouse__snapshot_is_current('versions.' ~ columns.dbt_valid_to) }}
      and if(ended_key = '', {{ key }} not in (select {{ key }} from {{ queried }}), {{ key }} = ended_key)
    {{ clickhouse__publish_settings() }}
  {% endcall -%}
  {#- The table's types are those of its first run. -#}
  {%- set names = [] -%}
  {%- for column in adapter.get_columns_in_relation(source) if adapter.quote(column.name) in insert_cols -%}
    {%- do names.append(column.name) -%}
  {%- endfor -%}
  {%- set exact = adapter.exact_columns(adapter.get_columns_in_relation(source),
      adapter.get_columns_in_relation(target), names, digits=True) -%}
  {%- call statement('stage_versions_that_begin') %}
    insert into {{ new_rows }} ({{ get_quoted_csv(names) }})
    select {{ exact | join(', ') }}
    from {{ source }}
    where dbt_change_type = 'insert'
    limit 1 by {{ columns.dbt_scd_id }}, dbt_unique_key
    {{ clickhouse__publish_settings() }}
  {% endcall -%}
  {%- do clickhouse__snapshot_require_one_current(target, {'unique_key': config.get('unique_key')}, new_rows) -%}
  {%- do clickhouse__publish_upsert(target, new_rows, columns.dbt_scd_id ~ ', ' ~ key, kept,
      [clickhouse__snapshot_is_current(columns.dbt_valid_to)]) -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
  {{- return('select 1') -}}
{% endmacro %}
