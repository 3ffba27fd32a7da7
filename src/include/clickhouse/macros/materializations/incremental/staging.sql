{#- Publishes rows into a table that is being read, by one statement: shared by the strategies atomic_upsert, append,
    microbatch and insert_overwrite and by snapshots. New content is built in tables named with the run's id, which
    share the target's structure and so its partitions; a whole partition is published by REPLACE or ATTACH PARTITION
    FROM, several by a shadow and EXCHANGE. Not in dbt-clickhouse. -#}

{#- A table that this run needs while it builds the target. The next run that locks the target drops leftovers of its
    name. -#}
{% macro clickhouse__publish_relation(target, kind) %}
  {{- return(target.incorporate(path={'identifier': adapter.working_stem(target.identifier) ~ '__tsdbt_' ~ kind ~ '_'
      ~ (invocation_id | replace('-', ''))}, type='table')) -}}
{% endmacro %}

{#- An empty table with columns, order, partitions, indexes, projections, TTL and settings of another one. -#}
{#- again: this run may have created it before. -#}
{% macro clickhouse__publish_create_like(relation, model_relation, again=False) %}
  {%- if again -%}
    {%- do clickhouse__publish_drop(relation) -%}
  {%- endif -%}
  {%- call statement('create_working_table') %}
    create table {{ relation }} as {{ model_relation }}
  {% endcall -%}
{% endmacro %}

{% macro clickhouse__publish_drop(relation) %}
  {%- call statement('drop_working_table') %}
    drop table if exists {{ relation }}
    {{ clickhouse__publish_of_any_size('table') }}
  {% endcall -%}
{% endmacro %}

{#- Since 24.1, a statement can lift the server's limit of 50 GB for drops. -#}
{% macro clickhouse__publish_of_any_size(what) -%}
  {{ 'settings max_' ~ what ~ '_size_to_drop = 0' if adapter.is_at_or_after_version('24.1') }}
{%- endmacro %}

{#- Why rows cannot be published into a table by whole partitions; none if they can. columns: receives the names of the
    copyable columns; types: receives their types by name. -#}
{% macro clickhouse__publish_obstacle(target, columns=[], types={}) %}
  {%- if on_cluster_clause(target) | trim -%}
    {{ return('it is built on a cluster, where working tables would lie on every server') }}
  {%- endif -%}
  {%- if not target.can_exchange and not adapter.can_exchange(target.schema, 'table') -%}
    {{ return('the database `' ~ target.schema ~ '` has no EXCHANGE TABLES: expected one with the engine Atomic, '
        'Replicated or Shared') }}
  {%- endif -%}
  {%- set facts = run_query(clickhouse__publish_facts_sql(target)).rows -%}
  {%- if facts | length == 0 -%}
    {{ return('it is not there') }}
  {%- endif -%}
  {%- set engine, readers, mutations = facts[0][0], facts[0][1], facts[0][2] | int -%}
  {%- for name, type in fromjson(facts[0][3]) -%}
    {%- do columns.append(name) -%}
    {%- do types.update({name: type}) -%}
  {%- endfor -%}
  {%- if not engine.endswith('MergeTree') -%}
    {{ return('its engine is ' ~ engine ~ ', expected one of the MergeTree family') }}
  {%- elif readers -%}
    {{ return('materialized views read it (' ~ readers ~ '): they see rows of an INSERT only') }}
  {%- elif mutations > 0 -%}
    {{ return('a mutation of it is not done (see system.mutations)') }}
  {%- endif -%}
  {{- return(none) -}}
{% endmacro %}

{#- @returns the columns that can be copied, quoted -#}
{% macro clickhouse__require_publishing(target, what, instead, types={}) %}
  {%- set columns = [] -%}
  {%- set obstacle = clickhouse__publish_obstacle(target, columns, types) -%}
  {%- if obstacle is not none -%}
    {%- do exceptions.raise_compiler_error(what ~ ' cannot write to ' ~ target ~ ': ' ~ obstacle
        ~ '. Nothing was changed. ' ~ instead ~ '.') -%}
  {%- endif -%}
  {{- return(clickhouse__publish_quoted(columns)) -}}
{% endmacro %}

{#- What is written to the table directly, without a shadow, cannot be audited before. -#}
{% macro clickhouse__refuse_audit(target, obstacle) %}
  {%- if adapter.audited() -%}
    {%- do exceptions.raise_compiler_error('meta.tsdbt.audit: ' ~ target ~ ' cannot be audited before it is changed: '
        ~ obstacle ~ '. Nothing was changed.') -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__publish_quoted(names) %}
  {%- set quoted = [] -%}
  {%- for name in names -%}
    {%- do quoted.append(adapter.quote(name)) -%}
  {%- endfor -%}
  {{- return(quoted) -}}
{% endmacro %}

{% macro clickhouse__publish_facts_sql(target) %}
  select engine,
      arrayStringConcat(arrayMap((of_database, of_table) -> concat(of_database, '.', of_table),
        dependencies_database, dependencies_table), ', '),
      (select toString(count()) from system.mutations where database = {{
          adapter.quote_text(target.schema) }} and table = {{ adapter.quote_text(target.identifier) }} and not is_done),
      (select toJSONString(arrayMap(column -> [column.2, column.3], arraySort(groupArray((position, name, type))))) {{
          clickhouse__publish_columns_from(target) }})
  from system.tables
  where database = {{ adapter.quote_text(target.schema) }} and name = {{ adapter.quote_text(target.identifier) }}
{% endmacro %}

{#- Columns that can be copied, in order, quoted. -#}
{% macro clickhouse__publish_columns(relation) %}
  {{- return(clickhouse__publish_quoted(run_query('select name ' ~ clickhouse__publish_columns_from(relation)
      ~ ' order by position').columns[0].values())) -}}
{% endmacro %}

{% macro clickhouse__publish_columns_from(relation) -%}
  from system.columns where database = {{ adapter.quote_text(relation.schema) }} and table = {{
      adapter.quote_text(relation.identifier) }} and default_kind not in ('MATERIALIZED', 'ALIAS', 'EPHEMERAL')
{%- endmacro %}

{#- For statements that copy existing rows: none may be taken for a duplicate, and NULL is a key like others. -#}
{% macro clickhouse__publish_settings() -%}
  settings async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0, transform_null_in = 1
{%- endmacro %}

{#- The state of tables in one query: dicts by name, with their uuid (none: it does not exist), the highest block number
    of each partition with rows, and whether a lightweight UPDATE or DELETE has left patch parts. Later writes have
    higher numbers; a patch part counts for the partition that it changes. -#}
{% macro clickhouse__publish_look(relations) %}
  {%- set found, names = {}, [] -%}
  {%- for relation in relations -%}
    {%- do found.update({relation.identifier: {'uuid': none, 'blocks': {}, 'patched': False}}) -%}
    {%- do names.append(adapter.quote_text(relation.identifier)) -%}
  {%- endfor -%}
  {%- set listed = "database = " ~ adapter.quote_text(relations[0].schema) -%}
  {%- set rows = run_query(
      "select table, if(startsWith(partition_id, 'patch-'), substring(partition_id, 40), partition_id) as changed, "
      "toString(max(greatest(toInt64(max_block_number), toInt64(data_version)))), "
      "toString(countIf(startsWith(partition_id, 'patch-'))) from "
      'system.parts where active and ' ~ listed
      ~ " and table in (" ~ names | join(', ') ~ ") group by table, changed union all select name, '', "
      "toString(" ~ clickhouse__table_uuid() ~ "), '0' from system.tables where "
      ~ listed ~ ' and name in (' ~ names | join(', ') ~ ')').rows -%}
  {%- for row in rows -%}
    {%- if row[1] == '' -%}
      {%- do found[row[0]].update({'uuid': row[2]}) -%}
    {%- else -%}
      {%- do found[row[0]].blocks.update({row[1]: row[2]}) -%}
      {%- if row[3] != '0' -%}
        {%- do found[row[0]].update({'patched': True}) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(found) -}}
{% endmacro %}

{#- The UUID of a row of system.tables. An Overlay database (`default` of chDB) shows none: its last path component is
    the UUID. -#}
{% macro clickhouse__table_uuid() -%}
  {{- return("if(uuid = toUUIDOrZero(''), toUUIDOrZero(extract(arrayElement(data_paths, 1), '([-0-9a-f]{36})/$')), "
      "uuid)") -}}
{%- endmacro %}

{#- One ALTER. actions: `attach partition id '…' from …` and the like. -#}
{% macro clickhouse__publish_alter(relation, actions) %}
  {%- if actions -%}
    {%- call statement('publish_partitions') %}
      alter table {{ relation }}
      {{ actions | join(',\n      ') }}
      {{ clickhouse__publish_of_any_size('partition') }}
    {% endcall -%}
  {%- endif -%}
{% endmacro %}

{#- Fills an empty shadow with the rows of the target, by hard links. A partition that is written meanwhile is cloned
    again. before: a recent result of clickhouse__publish_look for the target, or none. Returns its result for the
    content of the shadow. -#}
{% macro clickhouse__publish_clone(target, shadow, before=none) %}
  {%- set seen = namespace(held=before if before is not none else clickhouse__publish_look([target])[target.identifier],
      done=False) -%}
  {%- if seen.held.patched -%}
    {%- set seen.held = clickhouse__publish_patched(target) -%}
  {%- endif -%}
  {%- if seen.held.blocks -%}
    {%- do clickhouse__publish_alter(shadow, ['attach partition all from ' ~ target]) -%}
  {%- endif -%}
  {%- for _ in range(100) if not seen.done -%}
    {%- set now = clickhouse__publish_look([target])[target.identifier] -%}
    {%- set changed = [] -%}
    {%- for partition in (seen.held.blocks.keys() | list) + (now.blocks.keys() | list)
          if partition not in changed and (seen.held.uuid != now.uuid
          or seen.held.blocks.get(partition) != now.blocks.get(partition)) -%}
      {%- do changed.append(partition) -%}
    {%- endfor -%}
    {%- if now.uuid is none -%}
      {%- do exceptions.raise_compiler_error('Cannot publish ' ~ target
          ~ ': somebody has dropped it while this run was building it.') -%}
    {%- elif changed | length == 0 -%}
      {%- set seen.done = True -%}
    {%- else -%}
      {%- if now.patched -%}
        {%- set now = clickhouse__publish_patched(target) -%}
      {%- endif -%}
      {%- set present = clickhouse__publish_look([shadow])[shadow.identifier].blocks -%}
      {%- for partition in changed if partition in present -%}
        {%- do clickhouse__publish_alter(shadow, ["drop partition id '" ~ partition ~ "'"]) -%}
      {%- endfor -%}
      {%- for partition in changed if partition in now.blocks -%}
        {%- do clickhouse__publish_alter(shadow, ["attach partition id '" ~ partition ~ "' from " ~ target]) -%}
      {%- endfor -%}
    {%- endif -%}
    {%- set seen.held = now -%}
  {%- endfor -%}
  {%- if not seen.done -%}
    {%- do exceptions.raise_compiler_error('Cannot publish ' ~ target ~ ': others write to it all the time, so that '
        'its rows cannot be cloned. Nothing was changed.') -%}
  {%- endif -%}
  {{- return(seen.held) -}}
{% endmacro %}

{#- Parts with patches cannot be attached to another table, so the patches are applied first. Returns the state of the
    target after that. -#}
{% macro clickhouse__publish_patched(target) %}
  {#- A mutation waits while merges are stopped. -#}
  {%- set stopped = adapter.start_merges(target) -%}
  {%- call statement('apply_patches') %}
    alter table {{ target }} apply patches
  {% endcall -%}
  {%- if stopped -%}
    {%- do adapter.stop_merges(target) -%}
  {%- endif -%}
  {{- return(clickhouse__publish_look([target])[target.identifier]) -}}
{% endmacro %}

{#- Swaps the shadow with the target. held: the result of clickhouse__publish_clone. False: the target has changes that
    the shadow lacks, and nothing was done. -#}
{% macro clickhouse__publish_exchange(target, shadow, held) %}
  {%- if not adapter.before_exchange(target, shadow, held.blocks, held.uuid) -%}
    {{ return(False) }}
  {%- endif -%}
  {%- do clickhouse__new_rows_consume(shadow) -%}
  {%- do exchange_tables_atomic(shadow, target) -%}
  {%- do adapter.after_exchange(target) -%}
  {{- return(True) -}}
{% endmacro %}

{#- Publishes whole partitions into the target at once. actions: of ALTER TABLE; before: a recent result of
    clickhouse__publish_look for the target. -#}
{% macro clickhouse__publish_actions(target, actions, before) %}
  {#- Rows from new_rows are published exactly once only by EXCHANGE. -#}
  {%- if actions | length == 0 or (actions | length == 1 and not clickhouse__new_rows_notes()
      and not adapter.audited()) -%}
    {%- do clickhouse__publish_alter(target, actions) -%}
    {{ return('') }}
  {%- endif -%}
  {%- call(shadow, held) clickhouse__publish_shadow(target, before) -%}
    {%- do clickhouse__publish_alter(shadow, actions) -%}
  {%- endcall -%}
{% endmacro %}

{#- Swaps in a shadow with the rows of the target; caller(shadow, held) changes the shadow before, in each attempt
    again. held: the result of clickhouse__publish_clone; before: a recent result of clickhouse__publish_look for the
    target, or none. -#}
{% macro clickhouse__publish_shadow(target, before) %}
  {%- set shadow = clickhouse__publish_relation(target, 'shadow') -%}
  {%- set done = namespace(published=False) -%}
  {%- for attempt in range(5) if not done.published -%}
    {%- do clickhouse__publish_create_like(shadow, target, again=attempt > 0) -%}
    {%- if attempt > 0 -%}
      {#- a merge has mixed cloned rows with later ones -#}
      {%- do adapter.stop_merges(target) -%}
    {%- endif -%}
    {%- set held = clickhouse__publish_clone(target, shadow, before if attempt == 0 else none) -%}
    {%- do caller(shadow, held) -%}
    {%- do adapter.audit(shadow) -%}
    {%- set done.published = clickhouse__publish_exchange(target, shadow, held) -%}
  {%- endfor -%}
  {%- if not done.published -%}
    {%- do clickhouse__publish_unsettled(target) -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__publish_unsettled(target) %}
  {%- do exceptions.raise_compiler_error('Cannot publish ' ~ target ~ ': somebody changes or drops rows of it all '
      'the time (ALTER, DELETE). Nothing was changed by this run.') -%}
{% endmacro %}
