{#- The rows of a loaded source that this model has not read yet, up to the offsets that are settled at the time of the
    query: what a loader was writing when it was killed is left to the next build. All rows on the first build and on a
    full refresh. -#}

{#- No transaction publishes rows and records offsets at once. So the note is written twice: before the EXCHANGE or
    RENAME with the uuid of the new table, so that it becomes valid once that table has the model's name; and afterwards
    permanently, as the uuid changes with each rebuild. -#}
{% macro clickhouse__new_rows(source) %}
  {#- The rows of a unit test are given; no loader has loaded them. -#}
  {%- if not execute or model.resource_type == 'unit_test' -%}{{ return(source) }}{%- endif -%}
  {%- set mark = new_rows_mark(source) -%}
  {%- set there = run_query("select count(), (select count() from system.columns where database = 'tsdbt' and table = "
      "'load_flushes' and name = 'chain') from system.tables where database = 'tsdbt' and name in ('load_flushes', "
      "'consumed_offsets')").rows[0] -%}
  {%- if there[0] | int < 2 -%}{{ return(source) }}{%- endif -%}
  {#- An older loader created the table without it. -#}
  {%- set chain = 'chain' if there[1] | int > 0 else '0' -%}
  {%- if flags.WHICH in ('run', 'build', 'retry') -%}
    {#- Completes what a killed run has left of publishing this model. -#}
    {%- do adapter.lock_relation(this) -%}
  {%- endif -%}
  {%- set model_key = clickhouse__new_rows_text(this | string) -%}
  {%- set source_key = clickhouse__new_rows_text('`' ~ clickhouse__new_rows_escaped(source.schema) ~ '`.`'
      ~ clickhouse__new_rows_escaped(source.identifier) ~ '`') -%}
  {%- set positions = run_query(clickhouse__new_rows_positions(model_key, source_key, chain)).rows -%}
  {%- if positions | length == 0 -%}{{ return(source) }}{%- endif -%}
  {%- if mark is not none and is_incremental() -%}
    {{ return('(select * from ' ~ source.render() ~ ' where false)') }}
  {%- endif -%}
  {%- set ranges, values, whole = [], [], [] if is_incremental() else [True] -%}
  {%- for topic, partition, seq, upto, known, since, rewound in positions -%}
    {%- set topic_sql = clickhouse__new_rows_text(topic) -%}
    {%- do values.append("(" ~ model_key ~ ", " ~ source_key ~ ", " ~ topic_sql ~ ", " ~ partition ~ ", "
        ~ (upto if mark is none else mark) ~ ", " ~ seq ~ ", '00000000-0000-0000-0000-000000000000')") -%}
    {%- set goes_on = is_incremental() and known == '1' and since != '-2' -%}
    {%- if goes_on and (rewound == '1' or since == '-1') -%}
      {{ new_rows_require_rebuild(source, topic, partition) }}
    {%- endif -%}
    {%- if since == '-2' -%}{%- do whole.append(True) -%}{%- endif -%}
    {%- if partition == '-1' -%}
      {#- Replayed dead letters: their offsets precede the consumed position. -#}
      {%- if is_incremental() -%}
        {%- do ranges.append("(_topic, _partition, toInt64(_offset)) in (select topic, partition, offset from "
            "tsdbt.dead_letters where relation = " ~ source_key ~ " and replay >= " ~ (since if goes_on else 0)
            ~ " and replay < " ~ upto ~ ")") -%}
      {%- endif -%}
    {%- elif not goes_on or upto | int > since | int -%}
      {%- do ranges.append("(_topic = " ~ topic_sql ~ " and _partition = " ~ partition
          ~ (" and _offset >= " ~ since if goes_on else "") ~ " and _offset < " ~ upto ~ ")") -%}
    {%- endif -%}
  {%- endfor -%}
  {#- Rows that were not loaded by the loader belong to a full build. -#}
  {%- if whole -%}{%- do ranges.append("_topic = ''") -%}{%- endif -%}
  {#- The newest note counts, even if the server's clock was set back. -#}
  {%- do adapter.on_publish(clickhouse__new_rows_note() ~ "select *, greatest(now64(6, 'UTC'), (select max(noted_at) "
      "from tsdbt.consumed_offsets where model = " ~ model_key ~ ") + toIntervalMicrosecond(1)) from values("
      "'model String, source String, topic String, partition Int32, next_offset Int64, seq UInt64, uuid UUID', "
      ~ values | join(", ") ~ ")") -%}
  {%- if mark is not none -%}{{ return(source) }}{%- endif -%}
  {#- For an upserted source, the newest row of each key in the range, merged or not. -#}
  {%- set order = run_query("select sorting_key from system.tables where database = "
      ~ clickhouse__new_rows_text(source.schema) ~ " and name = " ~ clickhouse__new_rows_text(source.identifier)
      ~ " and engine like '%Replacing%'").rows -%}
  {{ return("(select * from " ~ source ~ " where " ~ (ranges | join(" or ") or "false")
      ~ (" order by _offset desc limit 1 by " ~ order[0][0] if order else "") ~ ")") }}
{% endmacro %}

{% macro clickhouse__new_rows_note() -%}
  {{- return("insert into tsdbt.consumed_offsets (model, source, topic, partition, next_offset, seq, uuid, "
      "noted_at) settings async_insert = 0 ") -}}
{%- endmacro %}

{#- Per partition: topic, partition, the newest number, the settled offset, whether the model had rows of it, up to
    which offset, and whether a rewind happened in between. All as texts. -#}
{% macro clickhouse__new_rows_positions(model_key, source_key, chain) %}
  select i.topic, toString(i.partition), toString(i.seq),
      toString(multiIf(i.kind = 'replay', toInt64(i.seq) + (ifNull(d.id, '') <> ''),
        i.kind = 'flush' and ifNull(d.id, '') = '', i.from_offset, i.to_offset)),
      toString(toUInt8(ifNull(c.notes, 0) > 0)), toString(ifNull(c.since, 0)),
      toString(toUInt8(arrayExists(r -> r.1 > c.upto_seq and r.2 < c.since, w.rewinds)))
  from (
    select topic, partition, seq, kind, id, from_offset, to_offset
    from tsdbt.load_flushes
    where relation = {{ source_key }} and kind <> 'done'
    order by topic, partition, seq desc, {{ chain }}, written_at, id
    limit 1 by topic, partition
  ) as i
  any left join (
    select distinct id from tsdbt.load_flushes where relation = {{ source_key }} and kind = 'done'
  ) as d on d.id = i.id
  any left join (
    select topic, partition, count() as notes, argMax(next_offset, noted_at) as since,
        argMax(seq, noted_at) as upto_seq
    from tsdbt.consumed_offsets
    where model = {{ model_key }} and source = {{ source_key }}
      and (uuid = toUUID('00000000-0000-0000-0000-000000000000') or uuid in (
        select {{ clickhouse__table_uuid() }} from system.tables
        where database = {{ clickhouse__new_rows_text(this.schema) }}
          and name = {{ clickhouse__new_rows_text(this.identifier) }}
      ))
    group by topic, partition
  ) as c on c.topic = i.topic and c.partition = i.partition
  any left join (
    select topic, partition, groupArray((seq, to_offset)) as rewinds
    from tsdbt.load_flushes
    where relation = {{ source_key }} and kind = 'rewind'
    group by topic, partition
  ) as w on w.topic = i.topic and w.partition = i.partition
  order by 1, i.partition
{% endmacro %}

{% macro clickhouse__new_rows_escaped(text) -%}
  {{- return(text | replace('\\', '\\\\') | replace("'", "\\'") | replace('`', '\\`')) -}}
{%- endmacro %}

{% macro clickhouse__new_rows_text(text) -%}
  {{- return("'" ~ clickhouse__new_rows_escaped(text) ~ "'") -}}
{%- endmacro %}

{#- The notes requested by new_rows, to be written when the model is published. -#}
{% macro clickhouse__new_rows_notes() %}
  {%- set notes = [] -%}
  {%- for hook in post_hooks or [] -%}
    {%- if hook.get('sql', '').startswith(clickhouse__new_rows_note()) -%}
      {%- do notes.append(hook.get('sql')) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(notes) -}}
{% endmacro %}

{#- Records what the model will have consumed once this table has its name. -#}
{% macro clickhouse__new_rows_consume(staged_relation) %}
  {%- for note in clickhouse__new_rows_notes() -%}
    {%- set uuid = run_query("select toString(" ~ clickhouse__table_uuid() ~ ") from system.tables where database = "
        ~ clickhouse__new_rows_text(staged_relation.schema) ~ " and name = "
        ~ clickhouse__new_rows_text(staged_relation.identifier)).rows[0][0] -%}
    {%- call statement('note_consumed_offsets') %}
      {{ note | replace('00000000-0000-0000-0000-000000000000', uuid) }}
    {% endcall -%}
  {%- endfor -%}
{% endmacro %}
