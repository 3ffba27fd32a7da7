{#- A snapshot keeps one current row per key. These checks read the staged changes before the table is changed, and stop
    the snapshot if they would break that. -#}

{#- staging: the table of build_snapshot_staging_table. strategy.unique_key: SQL of the key, in the table. -#}
{% macro snapshot_check_changes(staging, target, strategy) %}
  {{- adapter.dispatch('snapshot_check_changes', 'dbt')(staging, target, strategy) -}}
{% endmacro %}

{% macro default__snapshot_check_changes(staging, target, strategy) %}
  {%- set names = adapter.get_columns_in_relation(staging) | map(attribute='name') | list -%}
  {%- set keys = snapshot_key_names(strategy.unique_key) -%}
  {#- a staging table of the project's own macros may lack them -#}
  {%- if keys | reject('in', names) | list | length == 0 -%}
    {%- do snapshot_refuse(target, run_query(snapshot_broken_keys(staging, target, strategy)).rows) -%}
  {%- endif -%}
{% endmacro %}

{#- The columns of unique_key_fields. -#}
{% macro snapshot_key_names(unique_key) %}
  {%- if unique_key is string -%}
    {{ return(['dbt_unique_key']) }}
  {%- endif -%}
  {%- set names = [] -%}
  {%- for _ in unique_key -%}
    {%- do names.append('dbt_unique_key_' ~ loop.index) -%}
  {%- endfor -%}
  {{- return(names) -}}
{% endmacro %}

{#- A query of the first keys that would not have one current row: the reason, how many rows, when they end, the key.
    `no key` applies without a condition on the key; a partly null key matches if `equals` says so. -#}
{% macro snapshot_broken_keys(staging, target, strategy) %}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set names = snapshot_key_names(strategy.unique_key) -%}
  {%- set key, valid_to, current = names | join(', '), columns.dbt_valid_to, config.get('dbt_valid_to_current') -%}
  {%- set no_key = [] -%}
  {%- for name in (names[:1] if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn else names) -%}
    {%- do no_key.append(name ~ ' is null') -%}
  {%- endfor -%}
  {#- A past version ended in the past. A number or a text is compared with the new row's, as no clock returns one. -#}
  {%- set end = namespace(is_open='1 = 0') -%}
  {%- for column in adapter.get_columns_in_relation(target) if column.name | lower == valid_to | trim | lower -%}
    {%- set type = column.dtype | lower -%}
    {%- if 'date' in type or 'timestamp' in type -%}
      {%- set end.is_open = 'snapshotted_data.' ~ valid_to ~ ' > ' ~ snapshot_get_time() -%}
    {%- elif column.is_string() or column.is_number() -%}
      {%- set end.is_open = 'snapshotted_data.' ~ valid_to ~ ' > source_data.starts_at' -%}
    {%- endif -%}
  {%- endfor %}
    (
      select 'no key' as problem, count(*) as number_of_rows, '' as ends_at, {{ key }}
      from {{ staging }}
      where dbt_change_type = 'insert' and ({{ no_key | join(' or ') }})
      group by {{ key }}
      limit 3
    )
    union all
    (
      select 'several rows' as problem, count(*) as number_of_rows, '' as ends_at, {{ key }}
      from {{ staging }}
      where dbt_change_type = 'insert' and not ({{ no_key | join(' or ') }})
      group by {{ key }}
      having count(*) > 1
      limit 3
    )
    union all
    (
      select 'no end' as problem, count(*) as number_of_rows, '' as ends_at, {{ key }}
      from {{ staging }}
      where dbt_change_type in ('update', 'delete') and {{ valid_to }} is null
      group by {{ key }}
      limit 3
    )
    union all
    (
      select 'other end' as problem, count(*) as number_of_rows,
        cast(min(snapshotted_data.{{ valid_to }}) as {{ type_string() }}) as ends_at,
        {{ snapshot_prefixed('source_data', names) }}
      from (
        select {{ key }}, min({{ columns.dbt_valid_from }}) as starts_at
        from {{ staging }}
        group by {{ key }}
        having count(*) = 1 and min(dbt_change_type) = 'insert'
      ) as source_data
      join (
        select {{ valid_to }}, {{ unique_key_fields(strategy.unique_key) }}
        from {{ target }}
        where {{ valid_to }} is not null
        {%- if current %} and not ({{ equals(valid_to | trim, current | trim) }}){% endif %}
      ) as snapshotted_data
        on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
      where {{ end.is_open }}
      group by {{ snapshot_prefixed('source_data', names) }}
      limit 3
    )
{% endmacro %}

{% macro snapshot_prefixed(relation, names) -%}
  {%- for name in names -%} {{ relation }}.{{ name }}{{ ', ' if not loop.last }} {%- endfor -%}
{%- endmacro %}

{#- broken: rows of snapshot_broken_keys. -#}
{% macro snapshot_refuse(target, broken) %}
  {%- if broken | length == 0 -%}
    {{ return('') }}
  {%- endif -%}
  {%- set problem, keys, name = broken[0][0], [], target.identifier -%}
  {%- for row in broken if row[0] == problem -%}
    {%- set key = [] -%}
    {%- for part in (row.values() | list)[3:] -%}
      {%- do key.append('NULL' if part is none else part | string) -%}
    {%- endfor -%}
    {%- do keys.append(key | join(', ') ~ (' (' ~ row[1] ~ ' rows)' if row[1] | int > 1 else '')) -%}
  {%- endfor -%}
  {%- set unchanged = keys | join('; ') ~ '. The table was not changed. ' -%}
  {%- if problem == 'no key' -%}
    {%- do exceptions.raise_compiler_error('Snapshot ' ~ name ~ ': the unique_key of a row is NULL, so that each run '
        'would add the row again: ' ~ unchanged ~ 'Leave such rows out of its query, or give them a key.') -%}
  {%- elif problem == 'several rows' -%}
    {%- do exceptions.raise_compiler_error('Snapshot ' ~ name ~ ' would have several current rows for one unique_key: '
        ~ unchanged ~ 'Expected one row per key from its query, and one current row per key in the table.') -%}
  {%- elif problem == 'no end' -%}
    {%- do exceptions.raise_compiler_error('Snapshot ' ~ name ~ ': rows have changed, but their updated_at is NULL, '
        'so that their old versions would stay current: ' ~ unchanged ~ 'Give them an updated_at, or remove the '
        'config updated_at: the strategy `check` then uses the time of the run.') -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error('Snapshot ' ~ name ~ ': versions in the table end at ' ~ broken[0][2]
        ~ ', which is not over and not dbt_valid_to_current (' ~ (config.get('dbt_valid_to_current') or 'not set')
        ~ '). Their keys would get a second current row: ' ~ unchanged ~ 'Set dbt_valid_to_current back, or first '
        'change these values of ' ~ (config.get('snapshot_table_column_names')
        or get_snapshot_table_column_names()).dbt_valid_to ~ ' in the table.') -%}
  {%- endif -%}
{% endmacro %}
