{#- Chooses an incremental model's strategy, and builds what strategies share: the table of new rows. An additional
    strategy is one more branch of clickhouse__run_incremental_strategy, and a name in the adapter's list
    (validate_incremental_strategy). Not in dbt-clickhouse. -#}

{#- Writes the rows of the query into the table. @returns whether intermediate_relation has the whole new table, to be
    published -#}
{% macro clickhouse__run_incremental_strategy(existing_relation, intermediate_relation, is_distributed=False) %}
  {%- set unique_key = clickhouse__unique_key() -%}
  {%- set named = adapter.calculate_incremental_strategy(config.get('incremental_strategy')) -%}
  {#- without a key to find old rows, dbt-clickhouse adds rows, whatever the strategy -#}
  {%- set keyless = unique_key is none and (named in ['append', 'legacy'] or not (is_distributed or named
      in ['insert_overwrite', 'microbatch', 'atomic_upsert'])) -%}
  {%- set adds_only = config.get('inserts_only') or keyless -%}
  {%- set strategy = 'append' if adds_only else named -%}
  {%- do warn_of_merge_columns(strategy) -%}
  {%- set predicates = (config.get('predicates', none) or config.get('incremental_predicates', none) or []) | list -%}
  {%- set partition_by = config.get('partition_by') -%}
  {%- if not adds_only -%}
    {%- do adapter.validate_incremental_strategy(strategy, predicates, unique_key, partition_by) -%}
  {%- endif -%}

  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- set changes = none -%}
  {%- if on_schema_change != 'ignore' -%}
    {%- set compared = load_cached_relation(clickhouse__local_relation(existing_relation)) or existing_relation
        if is_distributed else existing_relation -%}
    {#- if rows are only added, values of another type are converted when they are written -#}
    {%- if not adds_only or clickhouse__column_names(adapter.get_columns_in_relation(
        compared)) != clickhouse__column_names(adapter.get_column_schema_from_query(sql)) -%}
      {%- set changes = adapter.check_incremental_schema_changes(on_schema_change, compared, sql,
          query_settings=config.get('query_settings', {})) -%}
    {%- endif -%}
    {%- if changes and adapter.audited() and strategy in ['append', 'insert_overwrite'] -%}
      {%- do clickhouse__refuse_audit(existing_relation, 'its columns change first. A full refresh builds it anew') -%}
    {%- endif -%}
    {%- if changes and strategy not in ['legacy', 'atomic_upsert', 'microbatch'] and not adapter.audited() -%}
      {%- do clickhouse__apply_column_changes(changes, existing_relation, is_distributed) -%}
    {%- endif -%}
  {%- endif -%}

  {%- if strategy == 'legacy' -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
    {%- do clickhouse__incremental_legacy(existing_relation, intermediate_relation, changes, unique_key,
        is_distributed) -%}
    {{ return(True) }}
  {%- elif strategy == 'append' -%}
    {%- do clickhouse__incremental_append(existing_relation, on_schema_change != 'ignore') -%}
  {%- elif strategy == 'atomic_upsert' -%}
    {%- do clickhouse__incremental_atomic_upsert(existing_relation, unique_key, predicates, changes) -%}
  {%- elif strategy == 'delete_insert' and adapter.audited() -%}
    {#- like microbatch: the rows are put into a shadow, which is audited -#}
    {%- do clickhouse__incremental_microbatch(existing_relation, unique_key, predicates, changes, is_distributed) -%}
  {%- elif strategy == 'delete_insert' -%}
    {%- do clickhouse__incremental_delete_insert(existing_relation, unique_key, predicates, is_distributed) -%}
  {%- elif strategy == 'microbatch' -%}
    {%- do clickhouse__incremental_microbatch(existing_relation, unique_key, predicates
        + clickhouse__batch_predicates(), changes, is_distributed) -%}
  {%- elif strategy == 'insert_overwrite' -%}
    {%- do clickhouse__incremental_insert_overwrite(existing_relation, partition_by, is_distributed) -%}
  {%- endif -%}
  {{- return(False) -}}
{% endmacro %}

{#- As one text, for a tuple in SQL; none if there is none. -#}
{% macro clickhouse__unique_key() %}
  {%- set key = config.get('unique_key') -%}
  {%- if key is none or key | length == 0 -%}
    {{ return(none) }}
  {%- endif -%}
  {{- return(key if key is string or key is mapping else key | join(', ')) -}}
{% endmacro %}

{#- The nullable columns of the key, quoted. -#}
{% macro clickhouse__nullable_in_key(columns, unique_key) %}
  {%- set names = [] -%}
  {%- for column in columns if column.is_nullable and column.name in unique_key -%}
    {%- do names.append(adapter.quote(column.name)) -%}
  {%- endfor -%}
  {{- return(names) -}}
{% endmacro %}

{% macro clickhouse__column_names(columns) %}{{ return(columns | map(attribute='name') | sort | list) }}{% endmacro %}

{#- The window of a microbatch, as conditions. The source's rows are limited by the same timestamps. -#}
{% macro clickhouse__batch_predicates() %}
  {%- set conditions = [] -%}
  {%- for sign, moment in [('>=', config.get('__dbt_internal_microbatch_event_time_start')),
      ('<', config.get('__dbt_internal_microbatch_event_time_end'))] if moment -%}
    {%- set column = config.get('event_time') -%}
    {%- do conditions.append(column ~ ' ' ~ sign ~ ' ' ~ adapter.event_time_bound(column, moment)) -%}
  {%- endfor -%}
  {{- return(conditions) -}}
{% endmacro %}

{#- Named after the invocation: two runs never share one, and leftovers of a killed run are recognized. -#}
{% macro clickhouse__new_data_relation(existing_relation) %}
{{- return(clickhouse__make_intermediate_relation(existing_relation, '__dbt_new_data')) -}}
{% endmacro %}

{#- Puts the rows of the query into a new table. @returns the relation to read them from: with a cluster the Distributed
    table over new_data -#}
{% macro clickhouse__stage_new_data(existing_relation, new_data, is_distributed) %}
  {{- drop_relation_if_exists(new_data) -}}
  {%- if is_distributed -%}
    {%- set distributed = existing_relation.incorporate(path={'identifier': existing_relation.identifier
        ~ '__dbt_distributed_new_data'}) -%}
    {{- create_distributed_local_table(distributed, new_data, existing_relation, sql) -}}
    {{- return(distributed) -}}
  {%- endif -%}
  {%- call statement('main') %}
    {{- get_create_table_as_sql(False, new_data, sql) }}
  {%- endcall -%}
  {{- return(new_data) -}}
{% endmacro %}

{% macro clickhouse__drop_new_data(new_data, source) %}
  {%- do adapter.drop_relation(new_data) -%}
  {%- if source != new_data -%}
    {%- do adapter.drop_relation(source) -%}
  {%- endif -%}
{% endmacro %}
