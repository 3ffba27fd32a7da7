{#- The materialization `materialized_view`: a view that is triggered by inserts and writes into a table (`TO`). By
    default the model's own name is the table, filled from the query (`catchup`), and the views are `<name>_mv`, or
    `<name>_<x>` for each `--x:begin … --x:end` in the SQL. With materialization_target_table(ref(...)) in its SQL the
    model is only the view, which writes into a table of another model. -#}
{% materialization materialized_view, adapter='clickhouse' %}
  {%- set found = modules.re.search('--\\s*materialization_target_table:\\s*(.+?)\\s*$', sql, modules.re.MULTILINE) -%}
  {%- if found -%}
    {{ return(clickhouse__materialized_view_with_external_target(found.group(1).strip(), sql)) }}
  {%- endif -%}
  {{- return(clickhouse__materialized_view_standard(sql)) -}}
{% endmaterialization %}

{#- A dict of view names and their SQL, in the order of the sections. A model without sections has the view `mv`. -#}
{% macro clickhouse__extract_mv_views(sql) %}
  {%- set views, state = {}, {'open': none, 'lines': []} -%}
  {%- for line in sql.split('\n') -%}
    {%- set marker = clickhouse__section_marker(line) -%}
    {%- if marker is none -%}
      {%- do state.lines.append(line) -%}
    {%- else -%}
      {%- set name, kind, before, after = marker -%}
      {%- if kind == 'begin' -%}
        {%- if state.open is not none -%}
          {%- do clickhouse__raise_marker(line, 'The section "' ~ state.open ~ '" has not ended. Put `--' ~ state.open
              ~ ':end` before it.') -%}
        {%- elif name in views -%}
          {%- do clickhouse__raise_marker(line, 'A section "' ~ name ~ '" exists already. Give each section a name of '
              'its own.') -%}
        {%- endif -%}
        {%- do state.update({'open': name, 'lines': [after], 'begin': line}) -%}
      {%- else -%}
        {%- if state.open != name -%}
          {%- do clickhouse__raise_marker(line, ('The open section is "' ~ state.open ~ '".') if state.open is not none
              else 'No section is open: `--' ~ name ~ ':begin` is missing before it.') -%}
        {%- endif -%}
        {%- do views.update({name: (state.lines + [before]) | join('\n')}) -%}
        {%- do state.update({'open': none, 'lines': []}) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if state.open is not none -%}
    {%- do clickhouse__raise_marker(state.begin, 'The section does not end: `--' ~ state.open ~ ':end` is missing.') -%}
  {%- endif -%}
  {{- return(views or {'mv': sql}) -}}
{% endmacro %}

{% macro strip_identifier_quotes(ident) %}
  {%- set text = ident.strip() -%}
  {{- text[1:-1] if text[:1] in ['`', '"', "'"] and text[-1:] == text[:1] else text -}}
{% endmacro %}

{#- `schema`.`table`, quoted or not -> the existing relation, or none. -#}
{% macro get_relation_from_string(relation_string) %}
  {%- set parts = relation_string.split('.') -%}
  {%- if parts | length < 2 -%}
    {%- do exceptions.raise_compiler_error('Invalid relation string "' ~ relation_string
        ~ '". Expected format: schema.table') -%}
  {%- endif -%}
  {{- return(adapter.get_relation(database='', schema=strip_identifier_quotes(parts[0]),
      identifier=strip_identifier_quotes(parts[1]))) -}}
{% endmacro %}

{#- In a model, defines where the view writes to; the `ref` in it makes the table come before the view. Renders only the
    name: `--empty` and `--sample` would replace it with a query. -#}
{% macro materialization_target_table(target_relation) %}
-- materialization_target_table: {{ target_relation if target_relation is string else target_relation.render() }}
{% endmacro %}

{% macro clickhouse__materialized_view_with_external_target(materialization_target_table, sql) %}
  {%- do adapter.lock_relation(this) -%}
  {%- set mv_relation = this.incorporate(type='materialized_view') -%}
  {%- set cluster_clause = on_cluster_clause(mv_relation) -%}
  {%- set refreshable_clause = refreshable_mv_clause() -%}
  {%- set target_table = get_relation_from_string(materialization_target_table) -%}
  {%- if target_table is none -%}
    {%- do exceptions.raise_compiler_error('Target table ' ~ materialization_target_table
        ~ ' not found in cache. It may not exist yet. Ensure the target table model runs before this MV.') -%}
  {%- endif -%}
  {%- set existing_relation = load_cached_relation(this) -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set obstacle = clickhouse__live_obstacle(mv_relation) -%}
  {%- set remembered = clickhouse__remembered(mv_relation) if existing_relation is not none and not obstacle else '' -%}
  {%- set progress = remembered.split(' ') if remembered.startswith('filling ') or remembered.startswith('moving ') -%}
  {#- A full refresh of a view whose table has its rows changes only the query: otherwise all rows would be duplicated.
      -#}
  {%- set kept = existing_relation is not none and not obstacle and not progress
      and not existing_relation.is_refreshable
      and clickhouse__get_mv_current_target(mv_relation) == target_table.schema ~ '.' ~ target_table.identifier
      and (config.get('catchup', True) != True
        or remembered in ['', 'filled ' ~ clickhouse__uuid_of(target_table)]) -%}
  {%- set created = existing_relation is none or (should_full_refresh() and not kept) -%}
  {%- if progress -%}
    {{- clickhouse__fill_external(mv_relation, target_table, [progress[1], progress[2], progress[0] == 'moving'], sql,
        True) -}}
  {%- elif created and not obstacle -%}
    {%- if existing_relation is not none -%}
      {%- do clickhouse__drop_and_drain(mv_relation, [mv_relation.identifier]) -%}
    {%- endif -%}
    {{- clickhouse__fill_external(mv_relation, target_table, none, sql, config.get('catchup', True) == True) -}}
  {%- elif created -%}
    {%- if existing_relation is not none -%}
      {%- do log('Dropping existing MV ' ~ mv_relation.name ~ ' for full refresh recreation') -%}
      {{- clickhouse__drop_mv(mv_relation, cluster_clause) -}}
    {%- endif -%}
    {{- clickhouse__create_mv(mv_relation, materialization_target_table, cluster_clause, refreshable_clause, sql,
        is_main_statement=True) -}}
  {%- else -%}
    {%- set wanted_target = target_table.schema ~ '.' ~ target_table.identifier -%}
    {%- set writers = target_table.mvs_pointing_to_it | selectattr('schema', 'equalto', mv_relation.schema)
        | map(attribute='name') | list -%}
    {#- the cache knows it, unless the target was built by this run -#}
    {%- set present_target = wanted_target if mv_relation.identifier in writers else clickhouse__get_mv_current_target(
        mv_relation) -%}
    {%- if present_target != wanted_target -%}
      {%- do exceptions.raise_compiler_error(
        'Target table mismatch for MV "' ~ mv_relation.name ~ '": Current target is "' ~ present_target
        ~ '", but model references "' ~ wanted_target
        ~ '". The TO clause cannot be changed via ALTER TABLE MODIFY QUERY. Use --full-refresh to recreate the MV '
        'with the new target table.') -%}
    {%- endif -%}
    {%- do log('Updating query of existing MV ' ~ mv_relation.name ~ ' for recreation') -%}
    {{- clickhouse__modify_mv_refresh(mv_relation, existing_relation, cluster_clause) -}}
    {{- clickhouse__modify_mv(mv_relation, cluster_clause, sql, is_main_statement=True) -}}
  {%- endif -%}

  {%- if created and obstacle and config.get('catchup', True) == True -%}
    {%- do log('Executing catchup data insertion into target table ' ~ target_table) -%}
    {%- do run_query(clickhouse__insert_into(target_table, sql, config.get('contract').enforced,
        use_columns_from_sql=True)) -%}
  {%- endif -%}

  {%- do apply_grants(mv_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh_mode=True)) -%}
  {%- do persist_docs(mv_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [mv_relation]}) -}}
{% endmacro %}

{% macro clickhouse__materialized_view_standard(sql) %}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set staging_relation = make_backup_relation(target_relation, 'table') -%}
  {%- set cluster_clause = on_cluster_clause(target_relation) -%}
  {%- set refreshable_clause = refreshable_mv_clause() -%}
  {%- set catchup = config.get('catchup', True) -%}
  {%- set views = clickhouse__extract_mv_views(sql) -%}
  {#- a relation that is not a table, or was not filled completely, is rebuilt as on a full refresh -#}
  {%- set rebuild = existing_relation is not none and (should_full_refresh() or not existing_relation.is_table
      or adapter.has_comment(this, clickhouse__unfilled_comment())) -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- if rebuild -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
  {%- endif -%}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- set obstacle = clickhouse__live_obstacle(target_relation) if rebuild or existing_relation is none -%}
  {%- if obstacle -%}
    {%- do log('Rows that arrive while ' ~ target_relation ~ ' is built may be missing: ' ~ obstacle) -%}
  {%- endif -%}
  {%- if existing_relation is none and not obstacle -%}
    {{- clickhouse__replace_live(target_relation, none, staging_relation, sql, views, catchup) -}}
  {%- elif existing_relation is none -%}
    {%- do log('Creating new materialized view ' ~ target_relation.name) -%}
    {{- clickhouse__get_create_materialized_view_as_sql(target_relation, sql, views, catchup) -}}
  {%- else -%}
    {%- do log('Replacing existing materialized view ' ~ target_relation.name) -%}
    {%- do clickhouse__rename_own_views(target_relation, views) -%}
    {%- if rebuild and not obstacle -%}
      {{- clickhouse__replace_live(target_relation, existing_relation, staging_relation, sql, views, catchup) -}}
    {%- elif rebuild -%}
      {{- clickhouse__replace_mv(target_relation, existing_relation, staging_relation, staging_relation, sql, views,
          catchup) -}}
    {%- else -%}
      {%- call statement('main') %}
        select 1
      {%- endcall -%}
      {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'),
          default='ignore') -%}
      {%- do log('on_schema_change strategy for destination table of  MV: ' ~ on_schema_change, info=True) -%}
      {%- if on_schema_change != 'ignore' -%}
        {%- set changes = adapter.check_incremental_schema_changes(on_schema_change, existing_relation, sql,
            materialization='materialized view', query_settings=config.get('query_settings', {})) -%}
        {%- if changes -%}
          {%- do clickhouse__apply_column_changes(changes, existing_relation) -%}
        {%- endif -%}
      {%- endif -%}
      {{- clickhouse__update_mvs(target_relation, cluster_clause, refreshable_clause, views) -}}
    {%- endif -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh_mode=True)) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if rebuild -%}
    {%- do adapter.drop_relation(staging_relation.incorporate(type=existing_relation.type)) -%}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {%- set relations = [target_relation] -%}
  {%- for view in views -%}
    {%- do relations.append(target_relation.derivative('_' ~ view, 'materialized_view')) -%}
  {%- endfor -%}
  {{- return({'relations': relations}) -}}
{% endmacro %}

{#- catchup: with existing rows, otherwise empty. -#}
{% macro clickhouse__create_target_table(relation, sql, catchup=True) %}
  {%- if catchup -%}
    {%- call statement('main') %}
      {{- get_create_table_as_sql(False, relation, sql) }}
    {%- endcall -%}
  {%- else -%}
    {%- do log('Catchup config set to false, skipping table backfill for ' ~ relation.name) -%}
    {{- clickhouse__create_empty_table(False, relation, sql, config.get('contract').enforced, statement_name='main') -}}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__get_create_materialized_view_as_sql(relation, sql, views, catchup=True) %}
  {%- set marked = not config.get('refreshable') -%}
  {%- set built = make_backup_relation(relation, 'table') if marked else relation -%}
  {%- do clickhouse__create_target_table(built, sql, catchup) -%}
  {%- if marked -%}
    {%- do clickhouse__comment_unfilled(built) -%}
    {%- do clickhouse__publish_first(built, relation) -%}
  {%- endif -%}
  {{- clickhouse__create_mvs(relation, on_cluster_clause(relation), refreshable_mv_clause(), views) -}}
  {%- if marked -%}
    {%- do clickhouse__comment_unfilled(relation, False) -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__drop_mv(mv_relation, cluster_clause) %}
  {%- call statement('drop existing mv: ' ~ mv_relation.name) %}
    drop view if exists {{ mv_relation }} {{ cluster_clause }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__create_mv(mv_relation, target_relation, cluster_clause, refreshable_clause, view_sql,
    is_main_statement=False) %}
  {%- call statement('main' if is_main_statement else 'create existing mv: ' ~ mv_relation.name) %}
    create materialized view if not exists {{ mv_relation }} {{ cluster_clause }}
    {{ refreshable_clause }}
    to {{ target_relation }}
    as {{ view_sql }}
    comment {{ adapter.quote_text(clickhouse__own_view_comment()) }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__modify_mv(mv_relation, cluster_clause, view_sql, is_main_statement=False) %}
  {%- call statement('main' if is_main_statement else 'modify existing mv: ' ~ mv_relation.name) %}
    alter table {{ mv_relation }} {{ cluster_clause }} modify query {{ view_sql }}
  {%- endcall -%}
{% endmacro %}

{#- schema.table that a view writes into, or none if there is no such view. -#}
{% macro clickhouse__get_mv_current_target(mv_relation) %}
  {%- set found = run_query(
      "select replaceRegexpOne(create_table_query, "
      "'.*TO\\\\s+`\\x3F([^`\\\\s(]+)`\\x3F\\\\.`\\x3F([^`\\\\s(]+)`\\x3F.*', '\\\\1.\\\\2') as target_table from "
      "system.tables"
      ~ " where engine = 'MaterializedView' and database = " ~ adapter.quote_text(mv_relation.schema) ~ " and name = "
      ~ adapter.quote_text(mv_relation.identifier)) -%}
  {{- return(found.columns[0].values()[0] if found and found.rows | length > 0 else none) -}}
{% endmacro %}

{#- Updates the schedule of an existing refreshable view. What ClickHouse cannot change in place is reported as an
    error. -#}
{% macro clickhouse__modify_mv_refresh(mv_relation, existing_relation, cluster_clause) %}
  {%- set wanted = config.get('refreshable') -%}
  {%- if wanted is none or wanted == false -%}
    {%- if existing_relation.is_refreshable -%}
      {%- do exceptions.raise_compiler_error('Materialized view "' ~ mv_relation.name
          ~ '" is refreshable, but the model does not define a "refreshable" config. '
          ~ 'A refreshable MV cannot be converted to a regular MV in place. If you want to change this MV to a '
          'regular MV, please run with --full-refresh.') -%}
    {%- endif -%}
    {{ return('') }}
  {%- endif -%}
  {%- if not existing_relation.is_refreshable -%}
    {%- do exceptions.raise_compiler_error('Materialized view "' ~ mv_relation.name
        ~ '" is not refreshable, but the model defines a "refreshable" config. '
        ~ 'A regular MV cannot be converted to a refreshable MV in place. If you want to change this MV to be '
        'refreshable, please run with --full-refresh.') -%}
  {%- endif -%}
  {%- set append = true if wanted is mapping and wanted.get('append', false) else false -%}
  {%- if append != existing_relation.refreshable_append -%}
    {%- do exceptions.raise_compiler_error('The APPEND setting of materialized view "' ~ mv_relation.name
        ~ '" does not match the model config. '
        ~ 'APPEND cannot be changed via ALTER TABLE ... MODIFY REFRESH. If you want to change it, please run with '
        '--full-refresh.') -%}
  {%- endif -%}
  {%- do log('Updating refresh parameters of existing MV ' ~ mv_relation.name) -%}
  {%- set clause = refreshable_mv_clause() -%}
  {%- call statement('modify refresh of existing mv: ' ~ mv_relation.name) %}
    alter table {{ mv_relation }} {{ cluster_clause }} modify {{ clause }}
  {%- endcall -%}
{% endmacro %}

{% macro clickhouse__update_mv(mv_relation, target_relation, cluster_clause, refreshable_clause, view_sql) %}
  {%- set existing_relation = adapter.get_relation(database=mv_relation.database, schema=mv_relation.schema,
      identifier=mv_relation.identifier) -%}
  {%- if existing_relation -%}
    {{- clickhouse__modify_mv_refresh(mv_relation, existing_relation, cluster_clause) -}}
    {{- clickhouse__modify_mv(mv_relation, cluster_clause, view_sql) -}}
  {%- else -%}
    {{- clickhouse__drop_mv(mv_relation, cluster_clause) -}}
    {{- clickhouse__create_mv(mv_relation, target_relation, cluster_clause, refreshable_clause, view_sql) -}}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__drop_mvs_by_suffixes(target_relation, cluster_clause, views_suffixes) %}
  {%- for suffix in views_suffixes.keys() -%}
    {{- clickhouse__drop_mv(target_relation.derivative('_' ~ suffix, 'materialized_view'), cluster_clause) -}}
  {%- endfor -%}
{% endmacro %}

{% macro clickhouse__drop_mvs_by_names(target_relation, cluster_clause, mvs_names) %}
  {%- for name in mvs_names -%}
    {{- clickhouse__drop_mv(target_relation.derivative(name, 'materialized_view',
        interpret_suffix_as_full_identifier=True), cluster_clause) -}}
  {%- endfor -%}
{% endmacro %}

{% macro clickhouse__create_mvs(target_relation, cluster_clause, refreshable_clause, views) %}
  {%- for view, view_sql in views.items() -%}
    {{- clickhouse__create_mv(target_relation.derivative('_' ~ view, 'materialized_view'), target_relation,
        cluster_clause, refreshable_clause, view_sql) -}}
  {%- endfor -%}
{% endmacro %}

{#- A pair: the names of the views that write into a relation, and those that a model with these suffixes has. Reads the
    cache, without a statement. -#}
{% macro clickhouse__search_associated_mvs_to_target(relation_schema, relation_name, mv_suffixes) %}
  {%- set relation = adapter.get_relation(database='', schema=relation_schema, identifier=relation_name) -%}
  {%- set expected = [] -%}
  {%- for suffix in mv_suffixes.keys() -%}
    {%- do expected.append(relation_name ~ '_' ~ suffix) -%}
  {%- endfor -%}
  {%- set found = relation.mvs_pointing_to_it | map(attribute='name') | list if relation else [] -%}
  {{- return((found, expected)) -}}
{% endmacro %}

{#- For a model that was a materialized view and is now a view. Other views that write into it are only reported. -#}
{% macro clickhouse__drop_associated_mv_if_it_was_automatically_created(target_relation) %}
  {%- set found = clickhouse__search_associated_mvs_to_target(target_relation.schema, target_relation.name, {})[0] -%}
  {%- set relation = load_cached_relation(target_relation) -%}
  {%- set own = clickhouse__own_views(relation) if relation is not none else [] -%}
  {{- clickhouse__drop_mvs_by_names(target_relation, on_cluster_clause(target_relation), own) -}}
  {%- for name in found if name not in own -%}
    {%- do log('Warning - Materialized View "' ~ name ~ '" was detected pointing to the model name "'
        ~ target_relation.name ~ '" that was just updated/removed. It can\'t be automatically removed by DBT. Drop it '
        'manually if needed (!!!)', info=True) -%}
  {%- endfor -%}
{% endmacro %}

{% macro clickhouse__update_mvs(target_relation, cluster_clause, refreshable_clause, views) %}
  {%- for view, view_sql in views.items() -%}
    {{- clickhouse__update_mv(target_relation.derivative('_' ~ view, 'materialized_view'), target_relation,
        cluster_clause, refreshable_clause, view_sql) -}}
  {%- endfor -%}
{% endmacro %}

{#- The new table is filled next to the old one; the views are dropped just before the exchange and created just after
    it, so that none writes rows that the new query does not return. intermediate_relation and backup_relation are the
    same: an exchange needs one name. -#}
{% macro clickhouse__replace_mv(target_relation, existing_relation, intermediate_relation, backup_relation, sql, views,
    catchup=True) %}
  {%- set cluster_clause = on_cluster_clause(target_relation) -%}
  {%- set marked = not config.get('refreshable') -%}
  {%- do clickhouse__create_target_table(intermediate_relation, sql, catchup) -%}
  {%- if marked -%}
    {%- do clickhouse__comment_unfilled(intermediate_relation) -%}
    {%- if existing_relation.is_table -%}
      {%- do clickhouse__comment_unfilled(existing_relation) -%}
    {%- endif -%}
  {%- endif -%}
  {{- clickhouse__drop_mvs_by_suffixes(target_relation, cluster_clause, views) -}}
  {%- do clickhouse__publish(intermediate_relation, target_relation) -%}
  {{- clickhouse__create_mvs(target_relation, cluster_clause, refreshable_mv_clause(), views) -}}
  {%- if marked -%}
    {%- do clickhouse__comment_unfilled(target_relation, False) -%}
  {%- endif -%}
{% endmacro %}

{#- REFRESH … [RANDOMIZE FOR …] [DEPENDS ON …] [APPEND], or nothing. -#}
{% macro refreshable_mv_clause() %}
  {%- set refreshable = config.get('refreshable') -%}
  {%- if refreshable is not none and refreshable != false -%}
    {%- if refreshable is not mapping -%}
      {%- do exceptions.raise_compiler_error("The 'refreshable' configuration must be defined as a dictionary. "
          "Please review the docs for more details.") -%}
    {%- endif -%}
    {%- if not refreshable.get('interval') -%}
      {%- do exceptions.raise_compiler_error("The 'refreshable' configuration is defined, but 'interval' is missing. "
          "This is required to create a refreshable materialized view.") -%}
    {%- endif -%}
    {%- set given = refreshable.get('depends_on') or [] -%}
    {%- set depends_on = [given] if given is string else given -%}
    {%- if depends_on is not iterable or depends_on | reject('string') | list -%}
      {%- do exceptions.raise_compiler_error("The 'depends_on' configuration must be either a string or a list of "
          "strings.") -%}
    {%- endif -%}
    {%- if refreshable.get('depends_on_validation', false) -%}
      {%- for name in depends_on -%}
        {%- do validate_refreshable_mv_existence(name) -%}
      {%- endfor -%}
    {%- endif -%}
    refresh {{ refreshable.get('interval') }}
    {{- ' randomize for ' ~ refreshable.get('randomize') if refreshable.get('randomize') }}
    {{- ' depends on ' ~ depends_on | join(', ') if depends_on }}
    {{- ' append' if refreshable.get('append', false) }}
  {%- endif -%}
{% endmacro %}

{#- mv: name, or database.name -#}
{% macro validate_refreshable_mv_existence(mv) %}
  {%- do log(mv ~ ' was recognized as a refreshable mv dependency, checking its existence') -%}
  {%- set parts = mv.split('.') -%}
  {%- set database, name = parts if parts | length == 2 else ('default', parts[0]) -%}
  {%- set found = run_query("select count(*) from system.view_refreshes where database = "
      ~ adapter.quote_text(database) ~ " and view = " ~ adapter.quote_text(name)) -%}
  {%- if found.columns[0].values()[0] > 0 -%}
    {%- do log('MV ' ~ mv ~ ' exists.') -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error('No existing MV found matching MV: ' ~ mv) -%}
  {%- endif -%}
{% endmacro %}
