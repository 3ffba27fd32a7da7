{#- How a snapshot decides that a row has changed: a strategy is a macro `snapshot_<name>_strategy` that returns a dict
    of SQL expressions (unique_key, updated_at, row_changed, scd_id) and of settings. helpers.sql builds the queries
    from them. -#}

{#- The macro of a strategy; `package.name` takes it from that package. -#}
{% macro strategy_dispatch(name) %}
  {%- set package_name, short_name = name.split('.', 1) if '.' in name else (none, name) -%}
  {%- if package_name is not none and package_name not in context -%}
    {%- do exceptions.raise_compiler_error("Could not find package '" ~ package_name ~ "', called with '" ~ name
        ~ "'") -%}
  {%- endif -%}
  {%- set macros = context if package_name is none else context[package_name] -%}
  {%- set macro_name = 'snapshot_' ~ short_name ~ '_strategy' -%}
  {%- if macro_name not in macros -%}
    {%- do exceptions.raise_compiler_error("The specified strategy macro '" ~ short_name
        ~ "' was not found in package '" ~ package_name ~ "'") -%}
  {%- endif -%}
  {{- return(macros[macro_name]) -}}
{% endmacro %}

{% macro snapshot_hash_arguments(args) %}
  {{- adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) -}}
{% endmacro %}

{#- The id of a row's version. Existing tables have ids made by this very expression, so it can never change. -#}
{% macro default__snapshot_hash_arguments(args) -%}
    md5({% for arg in args -%}
        coalesce(cast({{ arg }} as varchar ), '')
        {% if not loop.last %} || '|' || {% endif %}
    {%- endfor -%})
{%- endmacro %}

{#- A row has changed if its timestamp is later than the start of the stored version; that column always exists, even if
    the strategy was another one before. -#}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set unique_key, updated_at = config.get('unique_key'), config.get('updated_at') -%}
    {%- set hard_deletes = adapter.get_hard_deletes_behavior(config) -%}
    {{- return({
        'unique_key': unique_key,
        'updated_at': updated_at,
        'row_changed': '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at
        ~ ')',
        'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
        'invalidate_hard_deletes': hard_deletes == 'invalidate',
        'hard_deletes': hard_deletes
    }) -}}
{% endmacro %}

{#- A timestamp given as text, as SQL. -#}
{% macro snapshot_string_as_time(timestamp) %}
    {{- adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp) -}}
{% endmacro %}

{% macro default__snapshot_string_as_time(timestamp) %}
    {%- do exceptions.raise_not_implemented('snapshot_string_as_time macro not implemented for adapter '
        + adapter.type()) -%}
{% endmacro %}

{#- A pair for the check strategy: whether there is a checked column that the table lacks, and the quoted names of those
    in both. -#}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) %}
    {%- if not target_exists -%}
        {{ return((false, query_columns)) }}
    {%- endif -%}
    {%- if check_cols_config == 'all' -%}
        {%- set checked = get_columns_in_query(node['compiled_code']) -%}
    {%- elif check_cols_config is iterable and check_cols_config | length > 0 -%}
        {#- also queried from the database, for the case of the names; the query is on separate lines as it may end in a
            comment -#}
        {%- set written = [] -%}
        {%- for name in check_cols_config if adapter.quote_written(name) not in written -%}
            {%- do written.append(adapter.quote_written(name)) -%}
        {%- endfor -%}
        {%- set checked = get_columns_in_query('select ' ~ written | join(', ') ~ ' from (\n'
            ~ node['compiled_code'] ~ '\n) subq') -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) -%}
    {%- endif -%}
    {%- set kept = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) -%}
    {%- set present = adapter.get_columns_in_relation(kept) | map(attribute='name') | list -%}
    {%- set both = [] -%}
    {%- for name in checked if name in present -%}
        {%- do both.append(adapter.quote(name)) -%}
    {%- endfor -%}
    {%- if both | length < checked | length and check_cols_config != 'all' -%}
        {%- set queried = get_columns_in_query(node['compiled_code']) -%}
        {%- for name in checked if name not in present and name not in queried -%}
            {%- do exceptions.raise_compiler_error('check_cols contains "' ~ check_cols_config | join('", "')
                ~ '", which is "' ~ name ~ '" for the database, but the query has no such column. Its columns are: '
                ~ queried | join(', ') ~ '. Otherwise each run would add a version of every row. Select it as a column '
                'of the query, and name that.') -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return((both | length < checked | length, both)) -}}
{% endmacro %}

{#- Whether two values that are not NULL differ. Not in dbt. -#}
{% macro default__snapshot_differs(old, new) %}{{ return(old ~ ' != ' ~ new) }}{% endmacro %}

{#- A row has changed when one of its checked columns has; a new checked column changes every row. -#}
{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {%- set unique_key = config.get('unique_key') -%}
    {%- set updated_at = config.get('updated_at') or snapshot_get_time() -%}
    {%- set hard_deletes = adapter.get_hard_deletes_behavior(config) -%}
    {%- set column_added, checked = snapshot_check_all_get_existing_columns(node, target_exists,
        config.get('check_cols')) -%}
    {%- set row_changed -%}
    (
    {%- if column_added -%}
        {{ get_true_sql() }}
    {%- else -%}
        {%- for name in checked -%}
        {%- set old, new = snapshotted_rel ~ '.' ~ name, current_rel ~ '.' ~ name -%}
        {{ adapter.dispatch('snapshot_differs', 'dbt')(old, new) }}
        or
        (
            (({{ old }} is null) and not ({{ new }} is null))
            or
            ((not {{ old }} is null) and ({{ new }} is null))
        )
        {{- ' or ' if not loop.last -}}
        {%- endfor -%}
    {%- endif -%}
    )
    {%- endset -%}
    {{- return({
        'unique_key': unique_key,
        'updated_at': updated_at,
        'row_changed': row_changed,
        'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
        'invalidate_hard_deletes': hard_deletes == 'invalidate',
        'hard_deletes': hard_deletes
    }) -}}
{% endmacro %}
