{#- The rows of a loaded source that this model has not read yet: `select * from {{ new_rows(source('raw', 'events'))
    }}`. Bounded by the offsets committed at the time of the query, and recorded in the transaction that publishes the
    model; all rows on the first build and on a full refresh. A source without a loader returns all of its rows. -#}
{% macro new_rows(source) %}
  {{ return(adapter.dispatch('new_rows', 'dbt')(source)) }}
{% endmacro %}

{#- What a build of a part of the rows records as its offset. --empty: the table has none, so the next build reads all.
    --sample: it has some, which the next build would repeat. -#}
{% macro new_rows_mark(source) %}
  {%- if config.get('incremental_strategy') == 'microbatch' -%}
    {{ exceptions.raise_compiler_error("new_rows cannot be used in a microbatch model: the first batch would consume "
        "the rows of the others. Use source(), with event_time in the source's config.") }}
  {%- endif -%}
  {{ return(-2 if source.limit is not none else -1 if source.event_time_filter is not none else none) }}
{% endmacro %}

{% macro new_rows_require_rebuild(source, topic, partition) %}
  {{ exceptions.raise_compiler_error("The positions of " ~ source ~ " in " ~ topic ~ "/" ~ partition
      ~ " were set back since this model was built, or it was built with --sample: it may have some of the rows that "
      "would be read. Build it with --full-refresh.") }}
{% endmacro %}

{% macro default__new_rows(source) %}
  {%- set found = namespace(target=none) -%}
  {%- if execute -%}
    {%- for candidate in graph.sources.values() if candidate.schema == source.schema
        and candidate.identifier == source.identifier -%}
      {%- set found.target = candidate.unique_id -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if found.target is none -%}{{ return(source) }}{%- endif -%}
  {%- set mark = new_rows_mark(source) -%}
  {%- set part = source if mark is none else '(select * from ' ~ source ~ ')' -%}
  {%- if run_query("select to_regclass('tsdbt.consumed_offsets') is not null").rows[0][0] is false -%}
  {{ return(part) }}{%- endif -%}
  {#- The offsets first, then the rows: a flush makes both visible at once, and one that commits later is left to the
      next build. -#}
  {%- set model_key = dbt.string_literal(dbt.escape_single_quotes(this | string)) -%}
  {#- Positions belong to the table: a renamed source or project continues from its position. An older version stored
      only the source's name. -#}
  {%- set relation_name = '"' ~ source.schema | replace('"', '""') ~ '"."' ~ source.identifier | replace('"', '""')
      ~ '"' -%}
  {%- set source_key = dbt.string_literal(dbt.escape_single_quotes(relation_name)) -%}
  {%- set older_key = dbt.string_literal(dbt.escape_single_quotes(found.target)) -%}
  {%- set of_table = " (to_jsonb(o)->>'relation' = " ~ source_key
      ~ " or (to_jsonb(o)->>'relation' is null and o.target = " ~ older_key ~ "))" -%}
  {%- set own = "min(c.next_offset) filter (where c.source = " ~ source_key ~ ")" -%}
  {%- set consumed = "select case when " ~ own ~ " < 0 then " ~ own ~ " else max(c.next_offset) end from "
      "tsdbt.consumed_offsets c where c.model = " ~ model_key ~ " and c.source in (" ~ source_key ~ ", " ~ older_key
      ~ ") and c.topic = o.topic and c.partition = o.partition" -%}
  {#- How often the position was set by hand; an older version had no such column. -#}
  {%- set resets = "coalesce((to_jsonb(o)->>'resets')::bigint, 0)" -%}
  {%- set offsets = run_query("select o.topic, o.partition, o.next_offset, " ~ ("(" ~ consumed ~ ")"
      if is_incremental() else "null::bigint") ~ ", " ~ resets ~ " from tsdbt.load_offsets o where" ~ of_table
      ~ " order by 1, 2") -%}
  {%- if offsets.rows | length == 0 -%}{{ return(part) }}{%- endif -%}
  {%- if mark is not none and is_incremental() -%}
    {{ return('(select * from ' ~ source.render() ~ ' where false)') }}
  {%- endif -%}
  {%- set ranges = [] -%}
  {%- set values = [] -%}
  {%- set whole = [] if is_incremental() else [True] -%}
  {%- for topic, partition, upto, since, reset in offsets.rows -%}
    {%- set topic_sql = dbt.string_literal(dbt.escape_single_quotes(topic)) -%}
    {%- do values.append("(" ~ model_key ~ ", " ~ source_key ~ ", " ~ topic_sql ~ ", " ~ partition ~ ", " ~ (upto
        if mark is none else mark) ~ "::bigint, " ~ reset ~ ")") -%}
    {%- if since == -1 -%}{{ new_rows_require_rebuild(source, topic, partition) }}{%- endif -%}
    {%- if since == -2 -%}
      {%- set since = none -%}
      {%- do whole.append(True) -%}
    {%- endif -%}
    {%- if partition == -1 -%}
      {#- Replayed dead letters: their offsets precede the consumed position. -#}
      {%- if is_incremental() -%}
        {%- do ranges.append("exists (select from tsdbt.dead_letters as o where" ~ of_table ~ " and o.replay >= "
            ~ (since or 0) ~ " and o.replay < " ~ upto ~ " and o.topic = _topic and o.partition = _partition and o."
            ~ adapter.quote("offset") ~ " = _offset)") -%}
      {%- endif -%}
    {%- elif since is none or upto > since -%}
      {%- do ranges.append("(_topic = " ~ topic_sql ~ " and _partition = " ~ partition ~ (" and _offset >= " ~ since
          if since is not none else "") ~ " and _offset < " ~ upto ~ ")") -%}
    {%- endif -%}
  {%- endfor -%}
  {#- Rows that were not loaded by the loader belong to a full build. -#}
  {%- if whole -%}{%- do ranges.append("_offset is null") -%}{%- endif -%}
  {#- A rewind after the rows were read, or before the commit, is treated like one after it: it waits for this lock, or
      its reset is found here. -#}
  {%- do adapter.on_publish("select pg_catalog.pg_advisory_xact_lock_shared(hashtext('tsdbt load rewind'), hashtext("
      ~ source_key ~ "))") -%}
  {%- do adapter.on_publish("insert into tsdbt.consumed_offsets (model, source, topic, partition, next_offset) "
      "select v.model, v.source, v.topic, v.partition, case when " ~ resets ~ " = v.resets then v.next_offset else -1 "
      "end from (values " ~ values | join(", ") ~ ") as v (model, source, topic, partition, next_offset, resets) "
      "left join tsdbt.load_offsets as o on o.topic = v.topic and o.partition = v.partition and" ~ of_table
      ~ " on conflict (model, source, topic, partition) do update set next_offset = "
      "excluded.next_offset, updated_at = now()") -%}
  {#- What an older version would find is no longer valid: it requires a full refresh. -#}
  {%- do adapter.on_publish("update tsdbt.consumed_offsets set next_offset = -1 where model = " ~ model_key
      ~ " and source = " ~ older_key ~ " and next_offset <> -1") -%}
  {%- if mark is not none -%}{{ return(part) }}{%- endif -%}
  {{ return("(select * from " ~ source ~ " where " ~ (ranges | join(" or ") or "false") ~ ")") }}
{% endmacro %}
