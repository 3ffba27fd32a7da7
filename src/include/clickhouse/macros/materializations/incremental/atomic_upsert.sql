{#- The strategy `atomic_upsert`: rows of the query take the place of those with the same key, and a reader sees the table before or after, never
    between. No DELETE and no mutation: partitions that hold old or new versions are built anew beside. Not in dbt-clickhouse. -#}

{#- changes: what on_schema_change asks for, or none. It is done to the new table only, which readers see when it is ready. -#}
{% macro clickhouse__incremental_atomic_upsert(existing_relation, unique_key, incremental_predicates, changes=none) %}
  {%- set target = existing_relation -%}
  {%- if not unique_key -%}
    {%- do exceptions.raise_compiler_error("The strategy 'atomic_upsert' needs a unique_key: the columns by which a new row takes the place of an old one.") -%}
  {%- endif -%}
  {%- do clickhouse__require_publishing(target, "The strategy 'atomic_upsert'", "'delete_insert' works there, with a moment in which readers miss rows") -%}
  {%- set new_rows = clickhouse__upsert_new_rows(target, unique_key, changes) -%}
  {%- do clickhouse__publish_upsert(target, new_rows, unique_key, incremental_predicates, changes) -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
{% endmacro %}

{#- new_rows, of the target's structure with the changes, take the place of the target's rows that have their keys and fulfil the predicates. -#}
{% macro clickhouse__publish_upsert(target, new_rows, key, incremental_predicates=none, changes=none) %}
  {%- set before = clickhouse__publish_blocks(target) -%}
  {%- set touched = clickhouse__upsert_touched(target, new_rows, key, incremental_predicates) -%}
  {%- set stage = clickhouse__publish_relation(target, 'stage') -%}
  {%- set done = namespace(published=touched | length == 0 and not changes) -%}

  {%- if touched | length == 1 and not changes -%}
    {%- set only = touched[0] -%}
    {%- if not only.old -%}
      {%- do clickhouse__publish_alter(target, ["attach partition id '" ~ only.id ~ "' from " ~ new_rows]) -%}
      {%- set done.published = True -%}
    {%- elif not target.mvs_pointing_to_it -%}
      {%- do clickhouse__upsert_stage(stage, target, new_rows, touched, key, incremental_predicates) -%}
      {#- REPLACE would take rows that somebody has inserted meanwhile -#}
      {%- if clickhouse__publish_blocks(target).get(only.id) == before.get(only.id) -%}
        {%- do clickhouse__publish_alter(target, ["replace partition id '" ~ only.id ~ "' from " ~ stage]) -%}
        {%- set done.published = True -%}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}

  {%- for attempt in range(5) if not done.published -%}
    {%- set shadow = clickhouse__publish_relation(target, 'shadow') -%}
    {%- do clickhouse__publish_create_like(shadow, target, again=attempt > 0) -%}
    {%- if attempt > 0 -%}
      {#- a merge has mixed what was cloned with what came later -#}
      {%- do adapter.stop_merges(target) -%}
    {%- endif -%}
    {%- set blocks = clickhouse__publish_clone(target, shadow) -%}
    {%- if changes -%}
      {%- do clickhouse__apply_column_changes(changes, shadow) -%}
    {%- endif -%}
    {%- set touched = clickhouse__upsert_touched(shadow, new_rows, key, incremental_predicates) -%}
    {%- set staged = clickhouse__upsert_stage(stage, shadow, new_rows, touched, key, incremental_predicates, again=True) -%}
    {%- set actions = [] -%}
    {%- for partition in touched -%}
      {%- if not partition.old -%}
        {%- do actions.append("attach partition id '" ~ partition.id ~ "' from " ~ new_rows) -%}
      {%- elif partition.id in staged -%}
        {%- do actions.append("replace partition id '" ~ partition.id ~ "' from " ~ stage) -%}
      {%- else -%}
        {%- do actions.append("drop partition id '" ~ partition.id ~ "'") -%}
      {%- endif -%}
    {%- endfor -%}
    {%- do clickhouse__publish_alter(shadow, actions) -%}
    {%- set done.published = clickhouse__publish_exchange(target, shadow, blocks) -%}
  {%- endfor -%}
  {%- if not done.published -%}
    {%- do clickhouse__publish_unsettled(target) -%}
  {%- endif -%}
  {%- do clickhouse__publish_drop(stage) -%}
{% endmacro %}

{#- The rows of the query in a table of the target's structure, by name, one a key. -#}
{% macro clickhouse__upsert_new_rows(target, key, changes) %}
  {%- set new_rows = clickhouse__publish_relation(target, 'new') -%}
  {%- do clickhouse__publish_create_like(new_rows, target) -%}
  {%- set absent = [] -%}
  {%- if changes -%}
    {%- do clickhouse__apply_column_changes(changes, new_rows) -%}
    {%- for column in changes.columns_to_drop -%}
      {%- do absent.append(column.name) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set columns = clickhouse__publish_columns(new_rows, without=absent) -%}
  {%- call statement('main') %}
    insert into {{ new_rows }} ({{ columns }})
    settings async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0
    select {{ columns }}
    from (
      {{ sql }}
    )
    {{ adapter.get_model_query_settings(model) }}
  {%- endcall -%}
  {%- if clickhouse__upsert_doubles(new_rows, key) | length == 0 -%}
    {{ return(new_rows) }}
  {%- endif -%}

  {#- the same row twice is one row -#}
  {%- set once = clickhouse__publish_relation(target, 'once') -%}
  {%- do clickhouse__publish_create_like(once, new_rows) -%}
  {%- set all_columns = clickhouse__publish_columns(once) -%}
  {%- call statement('leave_out_repeated_rows') %}
    insert into {{ once }} ({{ all_columns }})
    select distinct {{ all_columns }}
    from {{ new_rows }}
    {{ clickhouse__publish_settings() }}
  {% endcall -%}
  {%- set doubles = clickhouse__upsert_doubles(once, key) -%}
  {%- if doubles | length > 0 -%}
    {%- set shown = [] -%}
    {%- for row in doubles -%}
      {%- do shown.append(row[0] ~ ' (' ~ row[1] ~ ' rows)') -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error('The query gives several different rows for one unique_key (' ~ key ~ '): ' ~ shown | join(', ')
        ~ '. Nothing was changed. Which of them counts must be said by the query, for example by `order by … desc limit 1 by ' ~ key ~ '`.') -%}
  {%- endif -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
  {{- return(once) -}}
{% endmacro %}

{#- The first keys that more than one row has. -#}
{% macro clickhouse__upsert_doubles(relation, key) %}
  {{- return(run_query(
      'select toString(tuple(' ~ key ~ ')), toString(count()) from ' ~ relation ~ ' group by ' ~ key ~ ' having count() > 1 order by ' ~ key ~ ' limit 3').rows) -}}
{% endmacro %}

{#- Is a row an old version? -#}
{% macro clickhouse__upsert_is_old(new_rows, key, incremental_predicates) -%}
  ({{ key }}) in (select {{ key }} from {{ new_rows }})
  {%- for predicate in incremental_predicates or [] %}
      and ({{ predicate }})
  {%- endfor -%}
{%- endmacro %}

{#- The partitions of new rows and those that hold old versions of their keys: dicts of id, old (has old versions), fresh (has new rows). -#}
{% macro clickhouse__upsert_touched(relation, new_rows, key, incremental_predicates) %}
  {%- set touched = {} -%}
  {%- for id in clickhouse__publish_partitions(new_rows) -%}
    {%- do touched.update({id: {'id': id, 'old': False, 'fresh': True}}) -%}
  {%- endfor -%}
  {%- if touched -%}
    {%- set found %}
      select distinct _partition_id
      from {{ relation }}
      where {{ clickhouse__upsert_is_old(new_rows, key, incremental_predicates) }}
      settings transform_null_in = 1
    {%- endset -%}
    {%- for row in run_query(found).rows -%}
      {%- do touched.update({row[0]: {'id': row[0], 'old': True, 'fresh': row[0] in touched}}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(touched.values() | list) -}}
{% endmacro %}

{#- Builds the partitions that hold old versions: what stays of them, and the new rows. Gives the ids of those that have rows. -#}
{% macro clickhouse__upsert_stage(stage, relation, new_rows, touched, key, incremental_predicates, again=False) %}
  {%- set old = touched | selectattr('old') | map(attribute='id') | list -%}
  {%- do clickhouse__publish_create_like(stage, relation, again) -%}
  {%- if old -%}
    {%- set columns = clickhouse__publish_columns(stage) -%}
    {%- call statement('stage_what_stays') %}
      insert into {{ stage }} ({{ columns }})
      select {{ columns }}
      from {{ relation }}
      where _partition_id in ('{{ old | join("', '") }}')
        and not ifNull({{ clickhouse__upsert_is_old(new_rows, key, incremental_predicates) }}, 0)
      {{ clickhouse__publish_settings() }}
    {% endcall -%}
    {%- set actions = [] -%}
    {%- for partition in touched if partition.old and partition.fresh -%}
      {%- do actions.append("attach partition id '" ~ partition.id ~ "' from " ~ new_rows) -%}
    {%- endfor -%}
    {%- do clickhouse__publish_alter(stage, actions) -%}
  {%- endif -%}
  {{- return(clickhouse__publish_partitions(stage)) -}}
{% endmacro %}
