{#- The strategy `atomic_upsert`: rows of the query replace those with the same key, and a reader sees the table before
    or after, never in between. No DELETE and no mutation: partitions with old or new versions are rebuilt in a staging
    table. Not in dbt-clickhouse. -#}

{#- changes: those required by on_schema_change, or none. They are applied only to the new table, which becomes visible
    when it is ready. -#}
{% macro clickhouse__incremental_atomic_upsert(existing_relation, unique_key, incremental_predicates, changes=none) %}
  {%- set target = existing_relation -%}
  {%- if not unique_key -%}
    {%- do exceptions.raise_compiler_error("The strategy 'atomic_upsert' needs a unique_key: the columns by which a "
        "new row takes the place of an old one.") -%}
  {%- endif -%}
  {%- set types = {} -%}
  {%- set columns = clickhouse__require_publishing(target, "The strategy 'atomic_upsert'",
      "'delete_insert' works there, with a moment in which readers miss rows", types) -%}
  {%- do clickhouse__publish_query(target, unique_key, columns, incremental_predicates, changes, types) -%}
{% endmacro %}

{#- Replaces the rows that have the keys of the query's rows, or without a key all rows that match the predicates.
    columns: the writable ones of the target; types: their types; repeated: whether a key may occur twice. -#}
{% macro clickhouse__publish_query(target, key, columns, predicates, changes, types, repeated=False) %}
  {%- set new_rows = clickhouse__publish_relation(target, 'new') -%}
  {%- do clickhouse__publish_create_like(new_rows, target) -%}
  {%- set absent = [] -%}
  {%- if changes -%}
    {%- do clickhouse__apply_column_changes(changes, new_rows) -%}
    {%- for column in changes.columns_to_drop -%}
      {%- do absent.append(adapter.quote(column.name)) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set columns = clickhouse__publish_columns(new_rows) if changes else columns -%}
  {%- set given = columns | reject('in', absent) | list -%}
  {%- if changes -%}
    {%- for column in adapter.get_columns_in_relation(new_rows) -%}
      {%- do types.update({column.name: column.expanded_data_type}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set names = [] -%}
  {%- for name in types if adapter.quote(name) in given -%}
    {%- do names.append(name) -%}
  {%- endfor -%}
  {%- set exact = adapter.exact_columns(adapter.get_column_schema_from_query(sql,
      query_settings=config.get('query_settings', {}) or {}), types, names) -%}
  {%- call statement('main') %}
    insert into {{ new_rows }} ({{ get_quoted_csv(names) }})
    settings async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0
    select {{ exact | join(', ') }}
    from (
      {{ sql }}
    )
    {{ adapter.get_model_query_settings(model) }}
  {%- endcall -%}
  {%- if not key -%}
    {%- do clickhouse__warn_of_rows_outside(target, new_rows, predicates) -%}
  {%- endif -%}
  {%- set rows = new_rows if repeated else clickhouse__upsert_once(target, new_rows, key, columns) -%}
  {%- do clickhouse__publish_upsert(target, rows, key, columns, predicates, changes) -%}
  {%- do clickhouse__publish_drop(rows) -%}
{% endmacro %}

{#- new_rows, which has the target's structure with the changes, replaces the target's rows with the same keys that
    match the predicates; without a key, all rows that match them. columns: all writable ones. -#}
{% macro clickhouse__publish_upsert(target, new_rows, key, columns, predicates=none, changes=none) %}
  {%- set look = clickhouse__publish_look([target, new_rows]) -%}
  {%- set before, fresh = look[target.identifier], look[new_rows.identifier].blocks -%}
  {%- set stage = clickhouse__publish_relation(target, 'stage') -%}
  {%- set seen = namespace(touched=clickhouse__upsert_touched(target, new_rows, fresh, key, predicates),
      published=False, staged=False) -%}
  {%- set seen.published = seen.touched | length == 0 and not changes -%}

  {%- if seen.touched | length == 1 and not changes and not adapter.audited() -%}
    {%- set only = seen.touched[0] -%}
    {%- if not only.old -%}
      {%- do clickhouse__publish_alter(target, ["attach partition id '" ~ only.id ~ "' from " ~ new_rows]) -%}
      {%- set seen.published = True -%}
    {%- elif not target.mvs_pointing_to_it -%}
      {%- do clickhouse__upsert_stage(stage, target, new_rows, seen.touched, key, columns, predicates) -%}
      {%- set seen.staged = True -%}
      {#- REPLACE would delete rows that others have inserted meanwhile -#}
      {%- set now = clickhouse__publish_look([target, stage]) -%}
      {%- if now[target.identifier].uuid == before.uuid and now[target.identifier].blocks.get(
          only.id) == before.blocks.get(only.id) -%}
        {%- set holds_rows = only.id in now[stage.identifier].blocks -%}
        {%- do clickhouse__publish_alter(target, [("replace partition id '" ~ only.id ~ "' from " ~ stage)
            if holds_rows else ("drop partition id '" ~ only.id ~ "'")]) -%}
        {%- set seen.published = True -%}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}

  {%- if not seen.published -%}
    {%- call(shadow, held) clickhouse__publish_shadow(target, before) -%}
      {%- if changes -%}
        {%- do clickhouse__apply_column_changes(changes, shadow) -%}
      {%- endif -%}
      {%- if changes or held != before -%}
        {%- set seen.touched = clickhouse__upsert_touched(shadow, new_rows, fresh, key, predicates) -%}
      {%- endif -%}
      {%- do clickhouse__upsert_stage(stage, shadow, new_rows, seen.touched, key, columns, predicates,
          again=seen.staged) -%}
      {%- set seen.staged = True -%}
      {#- a partition with new rows has rows in any case -#}
      {%- set emptied = seen.touched | rejectattr('fresh') | list -%}
      {%- set filled = clickhouse__publish_look([stage])[stage.identifier].blocks if emptied else {} -%}
      {%- set actions = [] -%}
      {%- for partition in seen.touched -%}
        {%- if not partition.old -%}
          {%- do actions.append("attach partition id '" ~ partition.id ~ "' from " ~ new_rows) -%}
        {%- elif partition.fresh or partition.id in filled -%}
          {%- do actions.append("replace partition id '" ~ partition.id ~ "' from " ~ stage) -%}
        {%- else -%}
          {%- do actions.append("drop partition id '" ~ partition.id ~ "'") -%}
        {%- endif -%}
      {%- endfor -%}
      {%- do clickhouse__publish_alter(shadow, actions) -%}
    {%- endcall -%}
  {%- endif -%}
  {%- if seen.staged -%}
    {%- do clickhouse__publish_drop(stage) -%}
  {%- endif -%}
{% endmacro %}

{#- Equal rows are merged into one; different rows with one key are rejected. @returns the relation that then has the
    rows -#}
{% macro clickhouse__upsert_once(target, new_rows, key, columns) %}
  {%- if clickhouse__upsert_doubles(new_rows, key) | length == 0 -%}
    {{ return(new_rows) }}
  {%- endif -%}
  {%- set once = clickhouse__publish_relation(target, 'once') -%}
  {%- do clickhouse__publish_create_like(once, new_rows) -%}
  {%- call statement('leave_out_repeated_rows') %}
    insert into {{ once }} ({{ columns | join(', ') }})
    select distinct {{ columns | join(', ') }}
    from {{ new_rows }}
    {{ clickhouse__publish_settings() }}
  {% endcall -%}
  {%- set doubles = clickhouse__upsert_doubles(once, key) -%}
  {%- if doubles | length > 0 -%}
    {%- set shown = [] -%}
    {%- for row in doubles -%}
      {%- do shown.append(row[0] ~ ' (' ~ row[1] ~ ' rows)') -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error('The query gives several different rows for one unique_key (' ~ key ~ '): '
        ~ shown | join(', ')
        ~ '. Nothing was changed. Which of them counts must be said by the query, for example by `order by … desc '
        'limit 1 by ' ~ key ~ '`.') -%}
  {%- endif -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
  {{- return(once) -}}
{% endmacro %}

{#- The first keys that more than one row has. -#}
{% macro clickhouse__upsert_doubles(relation, key) %}
  {{- return(run_query(
      'select toString(tuple(' ~ key ~ ')), toString(count()) from ' ~ relation ~ ' group by ' ~ key
      ~ ' having count() > 1 order by ' ~ key ~ ' limit 3').rows) -}}
{% endmacro %}

{#- Whether a row is an old version. -#}
{% macro clickhouse__upsert_is_old(new_rows, key, predicates) -%}
  {%- set conditions = ['(' ~ key ~ ') in (select ' ~ key ~ ' from ' ~ new_rows ~ ')'] if key else [] -%}
  {%- for predicate in predicates or [] -%}
    {%- do conditions.append('(' ~ predicate ~ '\n)') -%}
  {%- endfor -%}
  {{- conditions | join('\n      and ') -}}
{%- endmacro %}

{#- The partitions with new rows and those with old versions: dicts of id, old (has old versions), fresh (has new rows).
    fresh: those with new rows. -#}
{% macro clickhouse__upsert_touched(relation, new_rows, fresh, key, predicates) %}
  {%- set touched = {} -%}
  {%- for id in fresh -%}
    {%- do touched.update({id: {'id': id, 'old': False, 'fresh': True}}) -%}
  {%- endfor -%}
  {%- if touched or not key -%}
    {%- set found %}
      select distinct _partition_id
      from {{ relation }}
      where {{ clickhouse__upsert_is_old(new_rows, key, predicates) }}
      settings transform_null_in = 1
    {%- endset -%}
    {%- for row in run_query(found).rows -%}
      {%- do touched.update({row[0]: {'id': row[0], 'old': True, 'fresh': row[0] in touched}}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(touched.values() | list) -}}
{% endmacro %}

{#- Builds the partitions with old versions: their remaining rows, and the new ones. -#}
{% macro clickhouse__upsert_stage(stage, relation, new_rows, touched, key, columns, predicates, again=False) %}
  {%- set old = touched | selectattr('old') | map(attribute='id') | list -%}
  {%- do clickhouse__publish_create_like(stage, relation, again) -%}
  {%- if old -%}
    {%- call statement('stage_what_stays') %}
      insert into {{ stage }} ({{ columns | join(', ') }})
      select {{ columns | join(', ') }}
      from {{ relation }}
      where _partition_id in ('{{ old | join("', '") }}')
        and not ifNull({{ clickhouse__upsert_is_old(new_rows, key, predicates) }}, 0)
      {{ clickhouse__publish_settings() }}
    {% endcall -%}
    {%- set actions = [] -%}
    {%- for partition in touched if partition.old and partition.fresh -%}
      {%- do actions.append("attach partition id '" ~ partition.id ~ "' from " ~ new_rows) -%}
    {%- endfor -%}
    {%- do clickhouse__publish_alter(stage, actions) -%}
  {%- endif -%}
{% endmacro %}
