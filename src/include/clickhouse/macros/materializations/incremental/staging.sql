{#- How rows come into a table that is being read, by one statement: what the strategies atomic_upsert and append and the snapshots share. New
    content is built in tables named with the run's id, which share the target's structure and so its partitions; a whole partition goes over
    by REPLACE or ATTACH PARTITION FROM, several by a shadow and EXCHANGE. Not in dbt-clickhouse. -#}

{#- A table that this run needs while it builds the target. What is left of its name is dropped by whoever locks the target next. -#}
{% macro clickhouse__publish_relation(target, kind) %}
  {%- set name = target.identifier -%}
  {%- set stem = name if name | length <= 180 else name[:40] ~ local_md5(name) -%}
  {{- return(target.incorporate(path={'identifier': stem ~ '__tsdbt_' ~ kind ~ '_' ~ (invocation_id | replace('-', ''))}, type='table')) -}}
{% endmacro %}

{#- An empty table with columns, order, partitions, indexes, projections, TTL and settings of another one. -#}
{#- again: this run may have made it before. -#}
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

{#- A server refuses to drop what is larger than 50 GB, unless a statement says otherwise: since 24.1. -#}
{% macro clickhouse__publish_of_any_size(what) -%}
  {{ 'settings max_' ~ what ~ '_size_to_drop = 0' if adapter.is_at_or_after_version('24.1') }}
{%- endmacro %}

{#- Why rows cannot be published into a table by whole partitions; none when they can. -#}
{% macro clickhouse__publish_obstacle(target) %}
  {%- if on_cluster_clause(target) | trim -%}
    {{ return('it is built on a cluster, where working tables would lie on every server') }}
  {%- endif -%}
  {%- if not target.can_exchange and not adapter.can_exchange(target.schema, 'table') -%}
    {{ return('the database `' ~ target.schema ~ '` has no EXCHANGE TABLES: expected one with the engine Atomic, Replicated or Shared') }}
  {%- endif -%}
  {%- set facts = run_query(clickhouse__publish_facts_sql(target)).rows -%}
  {%- if facts | length == 0 -%}
    {{ return('it is not there') }}
  {%- endif -%}
  {%- set engine, readers, mutations = facts[0][0], facts[0][1], facts[0][2] | int -%}
  {%- if not engine.endswith('MergeTree') -%}
    {{ return('its engine is ' ~ engine ~ ', expected one of the MergeTree family') }}
  {%- elif readers -%}
    {{ return('materialized views read it (' ~ readers ~ '): they see rows of an INSERT only') }}
  {%- elif mutations > 0 -%}
    {{ return('a mutation of it is not done (see system.mutations)') }}
  {%- endif -%}
  {{- return(none) -}}
{% endmacro %}

{% macro clickhouse__require_publishing(target, what, instead) %}
  {%- set obstacle = clickhouse__publish_obstacle(target) -%}
  {%- if obstacle is not none -%}
    {%- do exceptions.raise_compiler_error(what ~ ' cannot write to ' ~ target ~ ': ' ~ obstacle ~ '. Nothing was changed. ' ~ instead ~ '.') -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__publish_facts_sql(target) %}
  select engine,
      arrayStringConcat(arrayMap((of_database, of_table) -> concat(of_database, '.', of_table), dependencies_database, dependencies_table), ', '),
      (select toString(count()) from system.mutations where database = '{{ target.schema }}' and table = '{{ target.identifier }}' and not is_done)
  from system.tables
  where database = '{{ target.schema }}' and name = '{{ target.identifier }}'
{% endmacro %}

{#- Columns that can be copied, in order, quoted. -#}
{% macro clickhouse__publish_columns(relation, without=[]) %}
  {%- set found = run_query(
      "select name from system.columns where database = '" ~ relation.schema ~ "' and table = '" ~ relation.identifier
      ~ "' and default_kind not in ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') order by position").rows -%}
  {%- set names = [] -%}
  {%- for row in found if row[0] not in without -%}
    {%- do names.append(adapter.quote(row[0])) -%}
  {%- endfor -%}
  {{- return(names | join(', ')) -}}
{% endmacro %}

{#- For statements that copy what is there: nothing of it may be taken for a repetition, and NULL is a key like others. -#}
{% macro clickhouse__publish_settings() -%}
  settings async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0, transform_null_in = 1
{%- endmacro %}

{#- Ids of partitions that have rows. -#}
{% macro clickhouse__publish_partitions(relation) %}
  {{- return(clickhouse__publish_blocks(relation).keys() | list) -}}
{% endmacro %}

{#- The highest block number of each partition: whatever is written later has a higher one. -#}
{% macro clickhouse__publish_blocks(relation) %}
  {%- set blocks = {} -%}
  {%- set found = run_query(
      "select partition_id, toString(max(greatest(toInt64(max_block_number), toInt64(data_version)))) from system.parts where active and database = '"
      ~ relation.schema ~ "' and table = '" ~ relation.identifier ~ "' group by partition_id").rows -%}
  {%- for row in found -%}
    {%- do blocks.update({row[0]: row[1]}) -%}
  {%- endfor -%}
  {{- return(blocks) -}}
{% endmacro %}

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

{#- Fills an empty shadow with the rows of the target, by hard links. What is written meanwhile makes the partition be taken again.
    Gives the blocks that the shadow holds. -#}
{% macro clickhouse__publish_clone(target, shadow) %}
  {%- set seen = namespace(blocks=clickhouse__publish_blocks(target), done=False) -%}
  {%- if seen.blocks -%}
    {%- do clickhouse__publish_alter(shadow, ['attach partition all from ' ~ target]) -%}
  {%- endif -%}
  {%- for _ in range(100) if not seen.done -%}
    {%- set now = clickhouse__publish_blocks(target) -%}
    {%- set changed = [] -%}
    {%- for partition in (seen.blocks.keys() | list) + (now.keys() | list) if partition not in changed and seen.blocks.get(partition) != now.get(partition) -%}
      {%- do changed.append(partition) -%}
    {%- endfor -%}
    {%- if changed | length == 0 -%}
      {%- set seen.done = True -%}
    {%- else -%}
      {%- set present = clickhouse__publish_partitions(shadow) -%}
      {%- for partition in changed if partition in present -%}
        {%- do clickhouse__publish_alter(shadow, ["drop partition id '" ~ partition ~ "'"]) -%}
      {%- endfor -%}
      {%- for partition in changed if partition in now -%}
        {%- do clickhouse__publish_alter(shadow, ["attach partition id '" ~ partition ~ "' from " ~ target]) -%}
      {%- endfor -%}
      {%- set seen.blocks = now -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if not seen.done -%}
    {%- do exceptions.raise_compiler_error('Cannot publish ' ~ target ~ ': others write to it all the time, so that its rows cannot be cloned. Nothing was changed.') -%}
  {%- endif -%}
  {{- return(seen.blocks) -}}
{% endmacro %}

{#- The shadow takes the target's place. False: the target was changed in a way that the shadow does not know of, and nothing was done. -#}
{% macro clickhouse__publish_exchange(target, shadow, blocks) %}
  {%- if not adapter.before_exchange(target, shadow, blocks) -%}
    {{ return(False) }}
  {%- endif -%}
  {%- do exchange_tables_atomic(shadow, target) -%}
  {%- do adapter.after_exchange(target) -%}
  {{- return(True) -}}
{% endmacro %}

{% macro clickhouse__publish_unsettled(target) %}
  {%- do exceptions.raise_compiler_error('Cannot publish ' ~ target ~ ': somebody changes or drops rows of it all the time (ALTER, DELETE). Nothing was changed by this run.') -%}
{% endmacro %}
