{#- Native partitions of a table, from the config `partition_by: {field, every | list | hash, retention}`. Partitions of
    a new table are created before it is filled; those of an existing one are attached before rows are added, without
    blocking readers. Days begin at midnight UTC. -#}

{#- The config; none without one. `partition_by` in the form of another database is ignored, as in dbt. -#}
{% macro postgres_partition_by() %}
  {%- set given = config.get('partition_by') -%}
  {%- if given is not mapping -%}{{- return(none) -}}{%- endif -%}
  {%- set kinds = ['every', 'list', 'hash'] | select('in', given) | list -%}
  {%- if not kinds -%}{{- return(none) -}}{%- endif -%}
  {%- set kind = kinds[0] -%}
  {%- set value = given[kind] -%}
  {%- set right = value in ['hour', 'day', 'week', 'month', 'quarter', 'year'] if kind == 'every'
      else value is sequence and value is not string and value is not mapping and value | length > 0 if kind == 'list'
      else value is integer and value is not boolean and 0 < value <= 1000 -%}
  {%- set others = given | reject('in', ['field', kind] + (['retention'] if kind == 'every' else [])) | list -%}
  {%- if kinds | length > 1 or others or not right or given.get('field') is not string
      or given.get('retention', '') is not string -%}
    {%- do exceptions.raise_compiler_error('`partition_by` needs a `field`, and one of `every` (hour, day, week, '
        ~ 'month, quarter or year), `list` (the values of each partition) and `hash` (a number of partitions, at most '
        ~ '1000). With `every`, it may also have a `retention` such as 90d. Found: ' ~ tojson(given)) -%}
  {%- endif -%}
  {{- return({'kind': kind, 'value': value, 'strategy': 'range' if kind == 'every' else kind,
      'column': adapter.quote_written(given['field']), 'retention': given.get('retention')}) -}}
{% endmacro %}

{#- SQL that creates a partitioned table and its partitions, and fills it. The query runs first, into a temporary table:
    its rows tell which partitions are needed. -#}
{% macro create_partitioned_table_as(relation, sql, by) %}
  {%- set enforced = config.get('contract').enforced -%}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- set stage = make_temp_relation(this, '__dbt_rows') -%}
  {%- if enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
  {%- call statement('partitioned_rows') %}
    {{- sql_header if sql_header is not none }}
    create temporary table {{ stage }} on commit drop as (
      {{ get_select_subquery(sql) if enforced else sql }}
    );
  {%- endcall -%}
  {%- set found = postgres_missing_partitions(none, stage, by) %}
  create table {{ relation }}
  {%- if enforced %}
    {{ get_table_columns_and_constraints() }}
  {%- else %} (like {{ stage }})
  {%- endif %} partition by {{ by.strategy }} ({{ by.column }});
  {%- set kind = 'unlogged' if config.get('unlogged', default=false) else '' %}
  {%- for part in found %}
  create {{ kind }} table {{ part.name }} partition of {{ relation }} {{ part.bound }};
  {%- endfor %}
  insert into {{ relation }}
  {%- if enforced %} ({{ adapter.dispatch('get_column_names', 'dbt')() }}){% endif %}
  select * from {{ stage }};
{% endmacro %}

{#- Partitions that the rows of `stage` need and the table lacks: dicts of `name` and `bound`. Rows that are older than
    `retention` are deleted from `stage`.
    existing: none, if the table is still to be created. -#}
{% macro postgres_missing_partitions(existing, stage, by) %}
  {%- set bounds = [] -%}
  {%- if by.kind == 'hash' -%}
    {%- for remainder in range(by.value if existing is none else 0) -%}
      {%- do bounds.append(['p' ~ remainder, 'for values with (modulus ' ~ by.value ~ ', remainder ' ~ remainder
          ~ ')']) -%}
    {%- endfor -%}
  {%- elif by.kind == 'list' -%}
    {%- for values in (by.value if existing is none else []) -%}
      {%- set texts = [] -%}
      {%- for value in ([values] if values is string or values is not sequence else values) -%}
        {%- do texts.append('null' if value is none else adapter.quote_text(value | string)) -%}
      {%- endfor -%}
      {%- do bounds.append(['p' ~ loop.index, 'for values in (' ~ texts | join(', ') ~ ')']) -%}
    {%- endfor -%}
    {%- do bounds.append(['default', 'default']) if existing is none -%}
  {%- else -%}
    {%- do bounds.extend(postgres_missing_periods(existing, stage, by)) -%}
  {%- endif -%}
  {{- return(postgres_named_partitions(bounds)) -}}
{% endmacro %}

{#- Gives partitions, as [suffix, bound], names that no relation has. During a full refresh, the partitions of the
    replaced table still have theirs. -#}
{% macro postgres_named_partitions(bounds) %}
  {%- if not bounds -%}{{- return([]) -}}{%- endif -%}
  {%- set taken = run_query('select relname from pg_catalog.pg_class where relnamespace = '
      ~ adapter.quote_text(this.include(identifier=False, database=False) | string)
      ~ '::regnamespace').columns[0].values() -%}
  {%- set parts = [] -%}
  {%- for suffix, bound in bounds -%}
    {%- set own = namespace(name=none) -%}
    {%- for number in range(1, 100) if own.name is none -%}
      {%- set name = postgres_shortened(this.identifier, '_' ~ suffix ~ ('_' ~ number if number > 1 else '')) -%}
      {%- if name not in taken -%}{%- set own.name = name -%}{%- endif -%}
    {%- endfor -%}
    {%- do parts.append({'name': this.incorporate(path={'identifier': own.name}), 'bound': bound}) -%}
  {%- endfor -%}
  {{- return(parts) -}}
{% endmacro %}

{#- A name within Postgres's limit, which is in bytes. -#}
{% macro postgres_shortened(base, suffix) %}
  {%- set own = namespace(base=base) -%}
  {%- for _ in base if (own.base ~ suffix).encode('utf-8') | length > this.relation_max_name_length() -%}
    {%- set own.base = own.base[:-1] -%}
  {%- endfor -%}
  {{- return(own.base ~ suffix) -}}
{% endmacro %}

{#- The partition column as a timestamp in UTC. -#}
{% macro postgres_partition_time(source, by) %}
  {%- set type = run_query('select pg_catalog.pg_typeof((select ' ~ by.column ~ ' from ' ~ source ~ ' limit 1))::text'
      ).rows[0][0] -%}
  {%- if type == 'timestamp with time zone' -%}{{- return(by.column ~ " at time zone 'UTC'") -}}{%- endif -%}
  {%- if type not in ['date', 'timestamp without time zone'] -%}
    {%- do exceptions.raise_compiler_error('`partition_by` with `every` needs a date or a timestamp, but the type of '
        ~ by.column ~ ' is ' ~ type ~ '. Use `list` or `hash`, or cast it in the model') -%}
  {%- endif -%}
  {{- return(by.column ~ '::timestamp') -}}
{% endmacro %}

{#- SQL of the partition that begins at a time: the suffix of its name, its end. -#}
{% macro postgres_period(every, start) -%}
    {%- set format = {'hour': 'YYYYMMDDHH24', 'month': 'YYYYMM', 'quarter': 'YYYY"q"Q', 'year': 'YYYY'}.get(every,
        'YYYYMMDD') -%}
    {{- return({'suffix': "'p' || pg_catalog.to_char(" ~ start ~ ", '" ~ format ~ "')",
        'end': start ~ " + interval '" ~ ('3 months' if every == 'quarter' else '1 ' ~ every) ~ "'"}) -}}
{%- endmacro %}

{#- The bound from two texts of timestamps in UTC. -#}
{% macro postgres_range_bound(at, first, last) -%}
  {%- set zone = '+00' if ' at time zone ' in at else '' -%}
  for values from ({{ adapter.quote_text(first ~ zone) }}) to ({{ adapter.quote_text(last ~ zone) }})
{%- endmacro %}

{#- Start and end of the missing periods, as [suffix of the name, bound]. -#}
{% macro postgres_missing_periods(existing, stage, by) %}
  {%- set at = postgres_partition_time(stage, by) -%}
  {%- if by.retention -%}
    {%- call statement('expired_rows') %}
      delete from {{ stage }} where {{ at }} < {{ postgres_oldest_kept(by) }}
    {%- endcall -%}
  {%- endif -%}
  {%- set period = postgres_period(by.value, 'start') -%}
  {%- set query %}
    with periods as (
      select distinct pg_catalog.date_trunc('{{ by.value }}', {{ at }}) as start
      from {{ stage }} where pg_catalog.isfinite({{ by.column }})
    ), existing as (
      {{ postgres_range_bounds(existing) if existing is not none
          else 'select null::timestamp as first, null::timestamp as last where false' }}
    )
    select start::text, ({{ period.end }})::text, {{ period.suffix }},
      exists(select from existing where first < {{ period.end }} and last > start)
    from periods where not exists(select from existing where first <= start and last >= {{ period.end }})
    union all
    select null, null, null, exists(select from existing where first is null)
    where exists(select from {{ stage }} where {{ by.column }} is null or not pg_catalog.isfinite({{ by.column }}))
    order by 1
    limit 5001
  {%- endset -%}
  {%- set bounds = [] -%}
  {%- set rows = run_query(query).rows -%}
  {%- if rows | length > 5000 -%}
    {%- do exceptions.raise_compiler_error('The rows of ' ~ this ~ ' need more than 5000 new partitions, each of one '
        ~ by.value ~ ', from ' ~ rows[0][0] ~ '. Choose a longer period, or remove rows with wrong times') -%}
  {%- endif -%}
  {%- for first, last, suffix, overlaps in rows -%}
    {%- if first is none -%}
      {%- do bounds.append(['default', 'default']) if not overlaps -%}
    {%- elif overlaps -%}
      {%- do exceptions.raise_compiler_error('A partition of ' ~ existing ~ ' covers a part of the ' ~ by.value ~ ' '
          ~ first ~ '. Run with --full-refresh after changing `every`') -%}
    {%- else -%}
      {%- do bounds.append([suffix, postgres_range_bound(at, first, last)]) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(bounds) -}}
{% endmacro %}

{#- SQL for the ranges of a table's partitions as timestamps in UTC; the default partition has NULL. -#}
{% macro postgres_range_bounds(relation) %}
      select c.oid::regclass::text as name, {% for word in ['FROM', 'TO'] -%}
        case when p.bound = 'DEFAULT' then null
          when p.bound ~ '{{ word }} \(''[^'']*:\d\d(\.\d+)?[+-]\d\d(:\d\d)*''\)'
          then (pg_catalog.regexp_match(p.bound, '{{ word }} \(''([^'']+)''\)'))[1]::timestamptz at time zone 'UTC'
          else coalesce((pg_catalog.regexp_match(p.bound, '{{ word }} \(''([^'']+)''\)'))[1],
            '{{ '-' if loop.first }}infinity')::timestamp end as {{ 'first' if loop.first else 'last' }}{{ ', '
              if loop.first }}
      {%- endfor %}
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid,
      pg_catalog.pg_get_expr(c.relpartbound, c.oid) as p(bound)
      where i.inhparent = {{ adapter.quote_text(relation.render()) }}::regclass
{%- endmacro %}

{#- The start of the oldest period that `retention` keeps, by the server's clock. -#}
{% macro postgres_oldest_kept(by) -%}
  pg_catalog.date_trunc('{{ by.value }}', pg_catalog.now() at time zone 'UTC' - interval {{
      adapter.quote_text(by.retention) }})
{%- endmacro %}

{% macro postgres__prepare_partitions(target, source) %}
  {%- set by = postgres_partition_by() -%}
  {%- if by is none -%}{{- return(none) -}}{%- endif -%}
  {%- set query %}
    select exists(select from pg_catalog.pg_partitioned_table p
      join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      where p.partrelid = {{ adapter.quote_text(target.render()) }}::regclass and p.partstrat = '{{ by.strategy[0] }}'
        and p.partnatts = 1 and a.attname = (pg_catalog.parse_ident({{ adapter.quote_text(by.column) }}))[1])
  {%- endset -%}
  {%- if not run_query(query).rows[0][0] -%}
    {%- do exceptions.raise_compiler_error(target ~ ' exists, and is not partitioned by ' ~ by.strategy ~ ' ('
        ~ by.column ~ ') as `partition_by` says. Run once with --full-refresh') -%}
  {%- endif -%}
  {%- set written = postgres_batch_partition(target, source, by) -%}
  {%- if written is none and postgres_missing_partitions(target, source, by) -%}
    {#- Another batch of the same model may be creating the same partition. -#}
    {%- do run_query('select pg_catalog.pg_advisory_xact_lock(' ~ adapter.quote_text(target.render())
        ~ '::regclass::oid::bigint)') -%}
    {%- for part in postgres_missing_partitions(target, source, by) -%}
      {%- do postgres_new_partition(target, part.name) -%}
      {%- do postgres_attach_partition(target, part) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(written) -}}
{% endmacro %}

{#- An empty table with the columns, defaults, constraints and indexes of the partitioned one. Unlike
    `create table … partition of`, it does not block readers. -#}
{% macro postgres_new_partition(target, name) %}
  {%- call statement('new_partition') %}
    create {{ 'unlogged' if config.get('unlogged', default=false) }} table {{ name }} (like {{ target }} including all)
  {%- endcall -%}
{% endmacro %}

{% macro postgres_attach_partition(target, part) %}
  {%- call statement('attach_partition') %}
    alter table {{ target }} attach partition {{ part.name }} {{ part.bound }}
  {%- endcall -%}
{% endmacro %}

{#- Of a microbatch model whose batches are its partitions: a new, empty partition for this batch, which replaces the
    existing one, so that rows that the batch no longer has disappear. None for other models, and if rows of `source` do
    not belong to the batch. -#}
{% macro postgres_batch_partition(target, source, by) %}
  {%- set batch = model.get('batch') -%}
  {%- if batch is none or by.kind != 'every' or config.get('batch_size') != by.value
      or adapter.quote_written(config.get('event_time')) != by.column -%}
    {{- return(none) -}}
  {%- endif -%}
  {%- set at = postgres_partition_time(source, by) -%}
  {%- set start = batch.event_time_start.strftime('%Y-%m-%d %H:%M:%S') -%}
  {%- set period = postgres_period(by.value, "timestamp '" ~ start ~ "'") -%}
  {%- set query %}
    with existing as (
      {{ postgres_range_bounds(target) }}
    )
    select {{ period.suffix }}, ({{ period.end }})::text,
      exists(select from {{ source }} where {{ by.column }} is null or {{ at }} < '{{ start }}' or {{ at }} >= {{
        period.end }}),
      (select name from existing where first = '{{ start }}' and last = {{ period.end }}),
      exists(select from existing where first < {{ period.end }} and last > '{{ start }}'
        and (first <> '{{ start }}' or last <> {{ period.end }}))
  {%- endset -%}
  {%- set suffix, end, outside, replaced, overlaps = run_query(query).rows[0].values() -%}
  {%- if outside or overlaps -%}{{- return(none) -}}{%- endif -%}
  {%- set part = postgres_named_partitions([[suffix, postgres_range_bound(at, start, end)]])[0] -%}
  {%- do postgres_new_partition(target, part.name) -%}
  {{- return({'relation': part.name, 'part': part, 'replaced': replaced}) -}}
{% endmacro %}

{% macro postgres__finish_partitions(target, written) %}
  {%- if written is not none -%}
    {%- if written.replaced is not none -%}
      {%- call statement('replaced_partition') %}
    drop table {{ written.replaced }}
      {%- endcall -%}
    {%- endif -%}
    {%- do postgres_attach_partition(target, written.part) -%}
  {%- endif -%}
  {%- do postgres_drop_expired_partitions(target) -%}
{% endmacro %}

{#- At most 31 at a time: after a mistake in a setting or a clock, something is left. -#}
{% macro postgres_drop_expired_partitions(target) %}
  {%- set by = postgres_partition_by() -%}
  {%- if by is none or not by.retention -%}{{- return(none) -}}{%- endif -%}
  {%- set query -%}
    select name from ({{ postgres_range_bounds(target) }}
    ) p where last <= {{ postgres_oldest_kept(by) }} order by last limit 31
  {%- endset -%}
  {%- set names = run_query(query).columns[0].values() -%}
  {%- if names -%}
    {%- call statement('expired_partitions') %}
      {%- for name in names %}
      drop table {{ name }};
      {%- endfor %}
    {%- endcall -%}
    {%- do log('Dropped partitions of ' ~ target ~ ' older than ' ~ by.retention ~ ': ' ~ names | join(', '),
        info=True) -%}
  {%- endif -%}
{% endmacro %}
