{#- Builds a materialized view's table while rows arrive in its sources, without losing or duplicating one. Collecting
    views write arriving rows into a separate table, with the time and the second in which each INSERT began. The new
    table is filled from the sources up to a time without a running INSERT. It gets the collected rows from before a
    second from which the old views write nothing, and is swapped in. Then it gets those from before a second from which
    the new views write. All views that an INSERT triggers agree on the second in which it began, whenever they are
    changed. -#}

{#- Why this is not possible, or none. -#}
{% macro clickhouse__live_obstacle(target_relation) %}
  {%- if on_cluster_clause(target_relation) | trim -%}
    {{ return('it is built on a cluster, whose servers each have views and clocks of their own') }}
  {%- elif config.get('refreshable') -%}
    {{ return('a refreshable view does not fire on INSERTs') }}
  {%- elif adapter.overridden('clickhouse__create_mvs', 'clickhouse__create_mv', 'clickhouse__create_target_table',
      'clickhouse__get_create_materialized_view_as_sql', 'clickhouse__replace_mv', 'clickhouse__drop_mvs_by_suffixes',
      'clickhouse__create_empty_table', 'get_create_table_as_sql', 'create_table_as', 'clickhouse__create_table_as',
      'clickhouse__insert_into', 'create_table_or_empty') -%}
    {{ return('macros of the project build it') }}
  {%- elif 'additional_table_filters' in ((model.get('compiled_code') or '') ~ adapter.get_model_query_settings(model))
      | lower -%}
    {{ return('additional_table_filters of its query would replace those that separate older rows from new ones') }}
  {%- elif not adapter.can_replace_live(target_relation) -%}
    {{ return('the server has no functions initialQueryStartTime and nowInBlock64') }}
  {%- endif -%}
  {{- return(none) -}}
{% endmacro %}

{% macro clickhouse__unfilled_comment() %}tsdbt: not filled{% endmacro %}

{#- Marks a table that has no views, or removes the mark: if the run ends before they are created, the next run refills
    the table. -#}
{% macro clickhouse__comment_unfilled(relation, unfilled=True) %}
  {%- do run_query(one_alter_relation(relation, 'modify comment ' ~ adapter.quote_text(
      clickhouse__unfilled_comment() if unfilled else ''))) -%}
{% endmacro %}

{#- Replaces existing_relation, which may be none, by a table that is built as staged_relation. -#}
{% macro clickhouse__replace_live(target_relation, existing_relation, staged_relation, sql, views, catchup) %}
  {%- if catchup -%}
    {{- clickhouse__create_empty_table(False, staged_relation, sql, config.get('contract').enforced) -}}
  {%- else -%}
    {%- do log('Catchup config set to false, skipping table backfill for ' ~ target_relation.name) -%}
    {{- clickhouse__create_empty_table(False, staged_relation, sql, config.get('contract').enforced,
        statement_name='main') -}}
  {%- endif -%}
  {%- do clickhouse__comment_unfilled(staged_relation) -%}
  {%- set arrivals = clickhouse__make_intermediate_relation(target_relation, '__tsdbt_arrivals') -%}
  {%- set collectors = clickhouse__collect_arrivals(target_relation, staged_relation, arrivals, views) -%}
  {%- set moment = adapter.fill_to_border(target_relation, staged_relation, sql,
      clickhouse__fill_to_border) if catchup else '0' -%}
  {%- set first = '_tsdbt_at > ' ~ moment -%}

  {%- set marked = {} -%}
  {%- if existing_relation is not none -%}
    {%- set old_views = clickhouse__own_view_queries(existing_relation) -%}
    {%- if old_views -%}
      {%- do clickhouse__mark_unfilled(existing_relation, marked) -%}
      {%- set until = adapter.coming_second(target_relation, old_views | length) -%}
      {%- for name, old_sql in old_views.items() -%}
        {{- clickhouse__modify_mv(clickhouse__view_of(target_relation, name), '', clickhouse__begun(old_sql, '< '
            ~ until)) -}}
      {%- endfor -%}
      {%- do adapter.require_before(target_relation, until) -%}
      {%- do adapter.await_second(target_relation, until) -%}
      {%- do clickhouse__insert_arrivals(arrivals, staged_relation, first ~ ' and _tsdbt_begun < ' ~ until) -%}
      {%- set first = '_tsdbt_begun >= ' ~ until -%}
    {%- endif -%}
    {{- clickhouse__drop_mvs_by_names(target_relation, '', old_views | list) -}}
    {%- do clickhouse__publish(staged_relation, target_relation) -%}
  {%- else -%}
    {%- do clickhouse__publish_first(staged_relation, target_relation) -%}
  {%- endif -%}

  {%- set since = adapter.coming_second(target_relation, views | length) -%}
  {%- set begun = {} -%}
  {%- for name, view_sql in views.items() -%}
    {%- do begun.update({name: clickhouse__begun(view_sql, '>= ' ~ since)}) -%}
  {%- endfor -%}
  {{- clickhouse__create_mvs(target_relation, '', '', begun) -}}
  {%- do adapter.require_before(target_relation, since) -%}
  {%- do adapter.await_second(target_relation, since) -%}
  {%- do clickhouse__insert_arrivals(arrivals, target_relation, first ~ ' and _tsdbt_begun < ' ~ since) -%}
  {%- for name, view_sql in views.items() -%}
    {{- clickhouse__modify_mv(clickhouse__view_of(target_relation, target_relation.identifier ~ '_' ~ name), '',
        view_sql) -}}
  {%- endfor -%}
  {%- for collector in collectors -%}
    {{- clickhouse__drop_mv(collector, '') -}}
  {%- endfor -%}
  {%- do adapter.drop_relation(arrivals) -%}
  {%- do clickhouse__comment_unfilled(target_relation, False) -%}
  {%- for name, comment in marked.items() if name != target_relation.schema ~ '.' ~ target_relation.identifier -%}
    {%- do clickhouse__comment_on(name, comment) -%}
  {%- endfor -%}
{% endmacro %}

{#- Until its new views write, no rows reach a table, or the tables that views fill from it. If the run ends before
    that, the next run of each of their models refills it. Puts their previous comments into `marked`. -#}
{% macro clickhouse__mark_unfilled(relation, marked) %}
  {%- set found = run_query("select concat(database, '.', name) as name, comment, toJSONString(arrayMap((d, t) -> "
      "concat(d, '.', t), dependencies_database, dependencies_table)) as views, if(engine = 'MaterializedView', "
      "extract(replaceAll(create_table_query, '`', ''), ' TO ([^ (]+)'), '') as target from system.tables where "
      "notEmpty(dependencies_table) or engine = 'MaterializedView' or (database = "
      ~ adapter.quote_text(relation.schema) ~ ' and name = ' ~ adapter.quote_text(relation.identifier) ~ ')') -%}
  {%- set tables, targets, open = {}, {}, [relation.schema ~ '.' ~ relation.identifier] -%}
  {%- for row in found -%}
    {%- do tables.update({row['name']: row}) -%}
    {%- if row['comment'].startswith('tsdbt: view of ') -%}
      {%- do targets.update({row['name']: row['target']}) -%}
    {%- endif -%}
  {%- endfor -%}
  {#- each iteration finds at least one table -#}
  {%- for _ in range(found | length + 1) -%}
    {%- set name = open.pop() if open else none -%}
    {%- if name is not none and name not in marked -%}
      {%- set comment = tables[name]['comment'] if name in tables else clickhouse__comment_of(name) -%}
      {%- do marked.update({name: comment}) -%}
      {%- if not comment.startswith(clickhouse__unfilled_comment()) -%}
        {%- do clickhouse__comment_on(name, clickhouse__unfilled_comment() ~ '\n' ~ comment) -%}
      {%- endif -%}
      {%- for view in (fromjson(tables[name]['views']) if name in tables else []) if view in targets -%}
        {%- do open.append(targets[view]) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{#- name: schema.table -#}
{% macro clickhouse__comment_of(name) %}
  {%- set found = run_query("select comment from system.tables where concat(database, '.', name) = "
      ~ adapter.quote_text(name)) -%}
  {{- return(found[0][0] if found | length else '') -}}
{% endmacro %}

{% macro clickhouse__comment_on(name, comment) %}
  {%- set schema, identifier = name.split('.', 1) -%}
  {%- do run_query('alter table ' ~ api.Relation.create(schema=schema, identifier=identifier) ~ ' modify comment '
      ~ adapter.quote_text(comment)) -%}
{% endmacro %}

{#- Views that write arriving rows into a separate table, which gets the columns of like_relation. -#}
{% macro clickhouse__collect_arrivals(target_relation, like_relation, arrivals, views, named=none) %}
  {%- do run_query('create table ' ~ arrivals ~ ' as ' ~ like_relation ~ ' engine = MergeTree order by tuple()') -%}
  {%- do run_query(one_alter_relation(arrivals, 'add column _tsdbt_at Int64, add column _tsdbt_begun Int64')) -%}
  {%- set collectors = [] -%}
  {%- for name, view_sql in views.items() -%}
    {%- set stem = target_relation.incorporate(path={'identifier': adapter.working_stem(
        target_relation.identifier)}) -%}
    {%- set collector = named or make_temp_relation(stem, '__tsdbt_arriving_' ~ local_md5(name ~ invocation_id))
        .incorporate(type='materialized_view') -%}
    {%- do collectors.append(collector) -%}
    {%- call statement('collect arrivals: ' ~ name) %}
      create materialized view {{ collector }}
      to {{ arrivals }}
      as select *, toUnixTimestamp64Micro(now64(6)) as _tsdbt_at,
        toInt64(toUnixTimestamp(initialQueryStartTime())) as _tsdbt_begun
      from (
        {{ view_sql }}
      )
    {%- endcall -%}
  {%- endfor -%}
  {%- do adapter.watch_views(target_relation, collectors | map(attribute='identifier') | list) -%}
  {{- return(collectors) -}}
{% endmacro %}

{#- Rows of sources, as far as additional_table_filters allows. -#}
{% macro clickhouse__fill_to_border(relation, sql, filters) %}
  {%- set by_name = relation.identifier == clickhouse__filling(this, '').identifier -%}
  {%- set columns = get_quoted_csv(model['columns'].values() | map(attribute='name'))
      if config.get('contract').enforced else get_quoted_csv(clickhouse__get_columns_in_query(sql)) if by_name -%}
  {%- call statement('main') %}
    insert into {{ relation }} {{ '(' ~ columns ~ ')' if columns }}
    settings additional_table_filters = {{ filters }}
    select {{ columns or '*' }}
    from (
      {{ sql }}
    )
    {{ adapter.get_model_query_settings(model) }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__insert_arrivals(arrivals, relation, condition) %}
  {%- set names = run_query('select name from system.columns where database = ' ~ adapter.quote_text(relation.schema)
      ~ ' and table = ' ~ adapter.quote_text(relation.identifier)
      ~ " and default_kind not in ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') order by position") -%}
  {%- set columns = get_quoted_csv(names.columns[0].values()) -%}
  {%- call statement('insert arrivals') %}
    insert into {{ relation }} ({{ columns }})
    select {{ columns }}
    from {{ arrivals }}
    where {{ condition }}
  {%- endcall -%}
{% endmacro %}

{#- The rows of a view's query for INSERTs that began before or since a second. -#}
{% macro clickhouse__begun(view_sql, compared) %}
  select *
  from (
    {{ view_sql }}
  )
  where toUnixTimestamp(initialQueryStartTime()) {{ compared }}
{%- endmacro %}

{#- The model's views that write into a relation: a dict of names and queries, as currently on the server. -#}
{% macro clickhouse__own_view_queries(relation) %}
  {%- set queries = {} -%}
  {%- set own = clickhouse__own_views(relation) -%}
  {%- if own -%}
    {%- set found = run_query("select name, as_select from system.tables where engine = 'MaterializedView' and "
        "database = " ~ adapter.quote_text(relation.schema)) -%}
    {%- for row in found if row[0] in own -%}
      {%- do queries.update({row[0]: row[1]}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(queries) -}}
{% endmacro %}

{% macro clickhouse__view_of(target_relation, name) %}
  {{- return(target_relation.derivative(name, 'materialized_view', interpret_suffix_as_full_identifier=True)) -}}
{% endmacro %}

{#- Tables and the view that fill another model's table, by names that a later run finds: if this one is killed, the
    later one continues. -#}
{% macro clickhouse__filling(view, kind) %}
  {{- return(view.incorporate(type='table', path={
      'identifier': adapter.working_stem(view.identifier) ~ '__tsdbt_filling' ~ kind})) -}}
{% endmacro %}

{#- Stores a note in the comment of a view: `filled` and the table's UUID, or the progress of a run. -#}
{% macro clickhouse__note_filling(mv_relation, note) %}
  {%- do run_query(one_alter_relation(mv_relation, 'modify comment ' ~ adapter.quote_text(clickhouse__own_view_comment()
      ~ '; ' ~ note))) -%}
{% endmacro %}

{#- Fills the table of another model that a view writes into with the rows from before the view. It collects arriving
    rows, and fills a table from the sources up to a time without a running INSERT. The view writes from a second on;
    the rows from before it are then moved into the target, partition by partition: after a kill each is in one of the
    tables. -#}
{% macro clickhouse__fill_external(mv_relation, target_table, resumed, sql, catchup) %}
  {%- set filled = clickhouse__filling(mv_relation, '') -%}
  {%- set arrivals = clickhouse__filling(mv_relation, '_arrivals') -%}
  {%- set later = clickhouse__filling(mv_relation, '_later') -%}
  {%- set collector = clickhouse__filling(mv_relation, '_mv').incorporate(type='materialized_view') -%}
  {%- set target = target_table.render() -%}
  {%- set by_insert = clickhouse__moves_by_insert(target_table) -%}
  {%- set like_target = ' as ' ~ target ~ (' engine = MergeTree order by tuple()' if by_insert else '') -%}
  {%- if resumed -%}
    {%- set moment, since, moving = resumed -%}
    {%- do adapter.watch_views(mv_relation, [mv_relation.identifier]) -%}
    {%- call noop_statement('main', 'OK') %}
      {{- sql }}
    {%- endcall -%}
  {%- else -%}
    {{- clickhouse__drop_filling(mv_relation) -}}
    {%- do run_query('create table ' ~ filled ~ like_target) -%}
    {%- do clickhouse__collect_arrivals(mv_relation, target, arrivals, {'mv': sql}, collector) -%}
    {%- if catchup -%}
      {%- set moment = adapter.fill_to_border(mv_relation, filled, sql, clickhouse__fill_to_border) -%}
    {%- else -%}
      {%- set moment = '0' -%}
      {%- call noop_statement('main', 'OK') %}
        {{- sql }}
      {%- endcall -%}
    {%- endif -%}
    {%- set since = adapter.coming_second(mv_relation, 1) -%}
    {%- call statement('create view') %}
      create materialized view {{ mv_relation }}
      to {{ target }}
      as {{ clickhouse__begun(sql, '>= ' ~ since) }}
      comment {{ adapter.quote_text(clickhouse__own_view_comment() ~ '; filling ' ~ moment ~ ' ' ~ since) }}
    {%- endcall -%}
    {%- do adapter.require_before(mv_relation, since) -%}
  {%- endif -%}
  {%- if not moving -%}
    {%- do adapter.await_second(mv_relation, since) -%}
    {{- drop_relation_if_exists(later) -}}
    {%- do run_query('create table ' ~ later ~ like_target) -%}
    {%- do clickhouse__insert_arrivals(arrivals, later, '_tsdbt_at > ' ~ moment ~ ' and _tsdbt_begun < ' ~ since) -%}
    {%- do clickhouse__note_filling(mv_relation, 'moving ' ~ moment ~ ' ' ~ since) -%}
  {%- endif -%}
  {%- for source in [filled, later] -%}
    {%- do clickhouse__move_rows(source, target, by_insert) -%}
  {%- endfor -%}
  {{- clickhouse__modify_mv(mv_relation, '', sql) -}}
  {{- clickhouse__drop_filling(mv_relation) -}}
  {%- do clickhouse__note_filling(mv_relation, 'filled ' ~ clickhouse__uuid_of(target_table)) -%}
{% endmacro %}

{% macro clickhouse__drop_filling(mv_relation) %}
  {{- clickhouse__drop_mv(clickhouse__filling(mv_relation, '_mv'), '') -}}
  {%- for kind in ['', '_later', '_arrivals'] -%}
    {%- do adapter.drop_relation(clickhouse__filling(mv_relation, kind)) -%}
  {%- endfor -%}
{% endmacro %}

{#- Views that read the target are triggered only by an INSERT, which adds the rows again if the run is killed just
    after it. -#}
{% macro clickhouse__moves_by_insert(target_table) %}
  {%- set found = run_query("select not match(engine, '^(Aggregating|Collapsing|Replacing|Summing|VersionedCollapsing)"
      "?MergeTree$') or notEmpty(dependencies_table) from system.tables where database = "
      ~ adapter.quote_text(target_table.schema) ~ " and name = " ~ adapter.quote_text(target_table.identifier)) -%}
  {{- return(found[0][0] | int == 1) -}}
{% endmacro %}

{% macro clickhouse__move_rows(source, target, by_insert) %}
  {%- set found = run_query("select distinct partition_id from system.parts where active and database = "
      ~ adapter.quote_text(source.schema) ~ " and table = " ~ adapter.quote_text(source.identifier)) -%}
  {%- if by_insert and found | length -%}
    {%- do run_query('insert into ' ~ target ~ ' select * from ' ~ source) -%}
    {%- do run_query('truncate table ' ~ source) -%}
  {%- elif not by_insert -%}
    {%- for row in found -%}
      {%- do run_query("alter table " ~ source ~ " move partition id '" ~ row[0] ~ "' to table " ~ target) -%}
    {%- endfor -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__uuid_of(relation) %}
  {%- set found = run_query("select toString(uuid) from system.tables where database = "
      ~ adapter.quote_text(relation.schema) ~ " and name = " ~ adapter.quote_text(relation.identifier)) -%}
  {{- return(found[0][0]) -}}
{% endmacro %}

{#- The note in a view's comment, after the name of its model; '' without a view. -#}
{% macro clickhouse__remembered(mv_relation) %}
  {%- set comment = clickhouse__comment_of(mv_relation.schema ~ '.' ~ mv_relation.identifier) -%}
  {{- return(comment.split('; ', 1)[1] if '; ' in comment and comment.startswith('tsdbt: view of ') else '') -}}
{% endmacro %}

{#- Called before a table that views of other models write into is replaced by one without their rows: drops the views
    that refill it in this run, because it would be unknown from which row on they wrote into the new one. -#}
{% macro clickhouse__drop_filling_views(relation, writers) %}
  {%- set dropped, models = [], {} -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources
      and node.config.materialized == 'materialized_view' and node.config.get('catchup', True) == True
      and not node.config.get('refreshable') -%}
    {%- do models.update({node.schema ~ '.' ~ node.alias: node.unique_id}) -%}
  {%- endfor -%}
  {%- for view in writers if view.schema == relation.schema and view.schema ~ '.' ~ view.name in models -%}
    {%- do dropped.append(view.name) -%}
  {%- endfor -%}
  {%- if dropped and not clickhouse__live_obstacle(relation) -%}
    {%- do clickhouse__drop_and_drain(relation, dropped) -%}
  {%- endif -%}
{% endmacro %}

{#- Drops views, and waits for the INSERTs that still use them. -#}
{% macro clickhouse__drop_and_drain(relation, names) %}
  {%- do adapter.watch_views(relation, names) -%}
  {{- clickhouse__drop_mvs_by_names(relation, '', names) -}}
  {%- do adapter.await_second(relation, adapter.coming_second(relation, 1)) -%}
{% endmacro %}

{#- Called after a table was filled from the views that write into it. -#}
{% macro clickhouse__note_filled(relation, writers) %}
  {%- for view in writers -%}
    {%- do clickhouse__comment_on(view.schema ~ '.' ~ view.name, clickhouse__own_view_comment() ~ '; filled '
        ~ clickhouse__uuid_of(relation)) -%}
  {%- endfor -%}
{% endmacro %}
