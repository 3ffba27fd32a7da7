{#- The changes of a snapshot as an update and an insert: `merge` came to Postgres only with version 15. -#}
{% macro postgres__snapshot_merge_sql(target, source, insert_cols) %}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set valid_to = target ~ '.' ~ columns.dbt_valid_to -%}
    {%- set key, current = config.get('unique_key'), config.get('dbt_valid_to_current') %}
    update {{ target }}
    set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }}::text = {{ target }}.{{ columns.dbt_scd_id }}::text
      and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
      {%- if current %}
      and ({{ valid_to }} = {{ current }} or {{ valid_to }} is null)
      {%- else %}
      and {{ valid_to }} is null
      {%- endif %}
      {%- if postgres__snapshot_keys_are_staged() %}
      {#- keys may share an id: ('a|', 'b') and ('a', '|b'), or NULL and '' #}
      and (
        select
          {%- for part in ([key] if key is string else key) %}
          DBT_INTERNAL_SOURCE.{{ snapshot_key_names(key)[loop.index0] }} is not distinct from ({{ part }})
          {{- ' and' if not loop.last }}
          {%- endfor %}
        from (select {{ target }}.*) as DBT_INTERNAL_DEST
      )
      {%- endif %};

    insert into {{ target }} ({{ insert_cols | join(', ') }})
    select {% for column in insert_cols %}DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;
{% endmacro %}

{#- Does the staging table have the keys of the versions that end, as the config says them? The project's own macros may
    leave out those of deleted rows, as dbt does, or make another key. -#}
{% macro postgres__snapshot_keys_are_staged() %}
  {{- return(config.get('unique_key') and config.get('strategy') in ['check', 'timestamp']
      and not adapter.overridden('snapshot_staging_table', 'build_snapshot_staging_table', 'unique_key_fields',
      'snapshot_check_strategy', 'snapshot_timestamp_strategy')) -}}
{% endmacro %}
