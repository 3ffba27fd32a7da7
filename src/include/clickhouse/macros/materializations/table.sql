{#- The materialization `table`, and the parts of every table's DDL. A new table is built next to the old one and
    exchanged with it. A table that materialized views of the project write into keeps its rows, except on a full
    refresh. -#}
{% materialization table, adapter='clickhouse' %}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set staging_relation = make_backup_relation(target_relation, 'table') -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- set writers = clickhouse__get_dbt_mvs_for_target(existing_relation) -%}
  {%- if should_full_refresh() or not writers -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
  {%- endif -%}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- do clickhouse__drop_own_views(target_relation) -%}
  {%- set replaced = False -%}
  {%- if existing_relation is none -%}
    {%- call statement('main') %}
      {{- get_create_table_as_sql(False, staging_relation, sql) }}
    {%- endcall -%}
    {%- do clickhouse__publish_first(staging_relation, target_relation) -%}

  {%- elif writers and not should_full_refresh() -%}
    {%- set on_change = clickhouse__mv_on_schema_change(target_relation) -%}
    {%- call statement('main') %}
      select 1
    {%- endcall -%}
    {%- do log('on_schema_change strategy for table: ' ~ on_change) -%}
    {%- if on_change != 'ignore' -%}
      {%- set changes = adapter.check_incremental_schema_changes(on_change, existing_relation, sql,
          materialization='table', query_settings=config.get('query_settings', {})) -%}
      {%- if changes -%}
        {%- do clickhouse__apply_column_changes(changes, existing_relation) -%}
      {%- endif -%}
    {%- endif -%}

  {%- else -%}
    {%- set replaced = True -%}
    {%- call statement('main') %}
      {{- get_create_table_as_sql(False, staging_relation, sql) }}
    {%- endcall -%}
    {%- set repopulated = writers and config.get('repopulate_from_mvs_on_full_refresh', False) -%}
    {%- if repopulated -%}
      {%- do log('Performing atomic full refresh with MV repopulation for ' ~ target_relation.name, info=True) -%}
      {%- for writer in writers -%}
        {%- do log('Repopulating from MV: ' ~ writer.name, info=True) -%}
        {%- do run_query(clickhouse__insert_into(staging_relation, 'select * from (' ~ writer.sql ~ ')', false,
            use_columns_from_sql=True)) -%}
      {%- endfor -%}
    {%- elif writers -%}
      {%- do clickhouse__drop_filling_views(target_relation, writers) -%}
    {%- endif -%}
    {%- do clickhouse__publish(staging_relation, target_relation) -%}
    {%- if repopulated and not clickhouse__live_obstacle(target_relation) -%}
      {%- do clickhouse__note_filled(target_relation, writers) -%}
    {%- endif -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation,
      full_refresh_mode=True)) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {%- if replaced -%}
    {{- drop_relation_if_exists(staging_relation.incorporate(type=existing_relation.type)) -}}
  {%- endif -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- What to do if the columns of a target of materialized views change: the user's config, otherwise `fail`, because a
    rebuilt table would lack all rows that the views have written. -#}
{% macro clickhouse__mv_on_schema_change(relation) %}
  {%- if 'mv_on_schema_change' in config.model.unrendered_config -%}
    {{ return(incremental_validate_on_schema_change(config.get('mv_on_schema_change', 'ignore'), default='ignore')) }}
  {%- endif -%}
  {%- do log('Table ' ~ relation.name ~ ' is used as a target by a dbt-managed materialized view. Defaulting '
      'mv_on_schema_change to "fail" to prevent data loss.', info=True) -%}
  {{- return('fail') -}}
{% endmacro %}

{% macro engine_clause() %}
  engine = {{ config.get('engine', default='MergeTree()') }}
{%- endmacro -%}

{#- The materialized views that write into a relation, as {schema, name, sql}, if they are models of this project. -#}
{% macro clickhouse__get_dbt_mvs_for_target(relation) %}
  {%- if relation is none or relation.mvs_pointing_to_it | length == 0 -%}
    {{ return([]) }}
  {%- endif -%}
  {%- set models = [] -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model'
      and node.config.materialized == 'materialized_view' -%}
    {%- do models.append((node.schema, node.alias)) -%}
  {%- endfor -%}
  {%- set writers, seen = [], [] -%}
  {%- for mv in relation.mvs_pointing_to_it if (mv.schema, mv.name) in models and (mv.schema, mv.name) not in seen -%}
    {%- do writers.append(mv) -%}
    {%- do seen.append((mv.schema, mv.name)) -%}
  {%- endfor -%}
  {{- return(writers) -}}
{% endmacro %}

{% macro partition_cols(label) %}
  {%- set cols = config.get('partition_by', validator=validation.any[list, basestring]) -%}
  {%- if cols is not none %}
    {{ label }} ({{ cols if cols is string else cols | join(',') }})
  {%- endif %}
{%- endmacro -%}

{#- A list becomes one expression in parentheses; an empty one counts as none. -#}
{% macro primary_key_clause(label) %}
  {%- set key = config.get('primary_key', validator=validation.any[list, basestring]) -%}
  {%- if key is not none and key | length > 0 %}
    {{ label }} {{ key if key is string or key is mapping or key is not iterable else '(' ~ key | join(', ') ~ ')' }}
  {%- endif %}
{%- endmacro -%}

{% macro order_cols(label) %}
  {%- set cols = config.get('order_by', validator=validation.any[list, basestring]) -%}
  {%- set engine = config.get('engine', default='MergeTree()') -%}
  {%- if 'MergeTree' in engine or engine in ['HDFS', 'MaterializedPostgreSQL', 'S3', 'EmbeddedRocksDB', 'Hive'] %}
    {{ label }} ({{ 'tuple()' if cols is none else cols if cols is string else cols | join(',') }})
  {%- endif %}
{%- endmacro -%}

{% macro ttl_config(label) %}
  {%- if config.get('ttl') %}
    {{ label }} {{ config.get('ttl') }}
  {%- endif %}
{%- endmacro -%}

{#- With a trailing space, as something may follow. force_sync: wait until every host has dropped it. -#}
{% macro on_cluster_clause(relation, force_sync) %}
  {%- set cluster = adapter.get_clickhouse_cluster_name() -%}
  {%- if cluster is not none and relation.should_on_cluster %}
    on cluster {{ cluster ~ ' ' }}{{ 'sync' if force_sync }}
  {%- endif %}
{%- endmacro -%}

{#- Creates the table without rows, adds indexes and projections, then the returned statement fills it: so both apply to
    every row. One statement does everything if there are none, the columns are the query's, and the database supports
    it (a replicated one does not, and a cluster would fill each server). -#}
{% macro clickhouse__create_table_as(temporary, relation, sql) %}
    {%- set has_contract = config.get('contract').enforced -%}
    {%- if not (temporary or has_contract or config.get('projections', default=[]) or config.get('indexes',
        default=[])) and adapter.fills_as_created(relation)
        and not adapter.overridden('create_table_or_empty', 'clickhouse__insert_into', 'get_columns_in_relation') -%}
        {{ return(clickhouse__table_of_query(relation, sql, has_contract, 'as')) }}
    {%- endif -%}
    {{- clickhouse__create_empty_table(temporary, relation, sql, has_contract) -}}
    {%- if not temporary -%}
        {{ clickhouse__fill_new_table(relation, sql, has_contract) }}
    {%- endif -%}
{% endmacro %}

{#- The columns of a table just created from the query need not be queried: they are the query's, or those of the
    contract. -#}
{% macro clickhouse__fill_new_table(relation, sql, has_contract) %}
  {%- if sql.strip().startswith('(') or adapter.overridden('clickhouse__insert_into', 'get_columns_in_relation') -%}
    {#- older servers would read the parentheses as columns; and a project may override the macro -#}
    {{ return(clickhouse__insert_into(relation, sql, has_contract)) }}
  {%- elif has_contract %}
  {%- set columns = get_quoted_csv(model['columns'].values() | map(attribute='name')) %}
  insert into {{ relation }} ({{ columns }})
  select {{ columns }}
  from (
    {{ sql }}
  )
  {%- else %}
  insert into {{ relation }}
  {{ sql }}
  {%- endif %}
  {{ adapter.get_model_query_settings(model) }}
{%- endmacro %}

{% macro clickhouse__create_empty_table(temporary, relation, sql, has_contract, statement_name='create_table_empty') %}
    {%- call statement(statement_name) %}
        {{- create_table_or_empty(temporary, relation, sql, has_contract) }}
    {%- endcall -%}
    {%- if not temporary -%}
        {{ add_index_and_projections(relation) }}
    {%- endif -%}
{% endmacro %}

{% macro validate_projection(projection) %}
    {%- if projection.get('query') and projection.get('index') -%}
        {%- do exceptions.raise_compiler_error("Projection '" ~ projection.get('name')
            ~ "' cannot specify both 'query' and 'index'.") -%}
    {%- elif not projection.get('query') and not projection.get('index') -%}
        {%- do exceptions.raise_compiler_error("Projection '" ~ projection.get('name')
            ~ "' must specify either 'query' or 'index'.") -%}
    {%- endif -%}
{% endmacro %}

{#- For materializations that replace something: called before they change it. -#}
{% macro validate_projections() %}
    {%- for projection in config.get('projections', default=[]) -%}
        {%- do validate_projection(projection) -%}
    {%- endfor -%}
{% endmacro %}

{#- In the syntax of CREATE TABLE; ALTER TABLE puts ADD before it. An index projection has another syntax before 26.1.
    -#}
{% macro clickhouse_projection_ddl(projection) %}
    {%- do validate_projection(projection) -%}
    {%- set index = projection.get('index') -%}
    {%- set columns = [index] if index is string else index or [] -%}
    projection {{ projection.get('name') }}
    {%- if projection.get('query') %} ({{ projection.get('query') }})
    {%- elif adapter.is_before_version('26.1.1.1') %} (select _part_offset order by {{ columns | join(', ') }})
    {%- else %} index {{ columns[0] if columns | length == 1 else '(' ~ columns | join(', ') ~ ')' }} type basic
    {%- endif -%}
{% endmacro %}

{#- In one ALTER: with many, replicas lag. -#}
{% macro add_index_and_projections(relation) %}
    {%- set parts = [] -%}
    {%- for projection in config.get('projections', default=[]) -%}
        {%- do parts.append('add ' ~ clickhouse_projection_ddl(projection)) -%}
    {%- endfor -%}
    {%- for index in config.get('indexes', default=[]) -%}
        {%- do parts.append('add index ' ~ index.get('name') ~ ' ' ~ index.get('definition')) -%}
    {%- endfor -%}
    {%- if parts -%}
        {%- call statement('add_projections_and_indexes') %}
            alter table {{ relation }} {{ on_cluster_clause(relation) }} {{ parts | join(', ') }}
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}

{% macro create_table_or_empty(temporary, relation, sql, has_contract) %}
    {%- if not temporary -%}
    {{ return(clickhouse__table_of_query(relation, sql, has_contract, 'empty as')) }}
    {%- endif %}
    {{- config.get('sql_header', none) or '' }}
    create temporary table {{ adapter.quote_written(relation.identifier) }} engine Memory {{
        adapter.get_model_settings(model, 'Memory') }} as (
      {{ sql }}
    )
    {{ adapter.get_model_query_settings(model) }}
{% endmacro %}

{#- filled: `as` with the rows of the query, `empty as` without -#}
{% macro clickhouse__table_of_query(relation, sql, has_contract, filled) %}
    {{- config.get('sql_header', none) or '' }}
    {%- set columns = (get_assert_columns_equivalent(sql) | trim) ~ get_table_columns_and_constraints() if has_contract
        else '' %}
    create table {{ relation }} {{ on_cluster_clause(relation) }} {{ columns }}
    {{ [engine_clause(), order_cols(label='order by'), primary_key_clause(label='primary key'),
        partition_cols(label='partition by'), ttl_config(label='ttl')] | join('\n') }}
    {{ adapter.get_model_settings(model, config.get('engine', default='MergeTree')) }}
    {%- if not has_contract %}
    {{ filled }} (
      {{ sql }}
    )
    {%- endif %}
    {{ adapter.get_model_query_settings(model) }}
{% endmacro %}

{#- Rows are inserted by position into the columns of the table, or of the query with use_columns_from_sql; with a
    contract by name. -#}
{% macro clickhouse__insert_into(target_relation, sql, has_contract, use_columns_from_sql=False) %}
  {%- if use_columns_from_sql -%}
    {%- set names = clickhouse__get_columns_in_query(sql) -%}
  {%- else -%}
    {%- set names = adapter.get_columns_in_relation(target_relation) | map(attribute='name') -%}
  {%- endif -%}
  {{ return(clickhouse__insert_columns(target_relation, sql, has_contract, names)) }}
{%- endmacro %}

{% macro clickhouse__insert_columns(target_relation, sql, has_contract, names) %}
  {%- set columns = get_quoted_csv(names) %}
  insert into {{ target_relation }} ({{ columns }})
  {%- if has_contract %}
  select {{ columns }}
  from (
    {{ sql }}
  )
  {%- else %}
  {{ sql }}
  {%- endif %}
  {{ adapter.get_model_query_settings(model) }}
{%- endmacro %}

{% macro codec_clause(codec_name) %}{{ ' CODEC(' ~ codec_name ~ ')' if codec_name }}{% endmacro %}
