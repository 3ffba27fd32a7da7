{#- Adds, drops and retypes columns according to on_schema_change; for a distributed table on every host first, then on
    the table above. -#}

{% macro clickhouse__apply_column_changes(column_changes, existing_relation, is_distributed=False) %}
    {%- do log('Schema changes detected. Trying to apply the following changes: ' ~ column_changes) -%}
    {%- set local = clickhouse__local_relation(existing_relation) if is_distributed else none -%}
    {%- set sync = column_changes.on_schema_change == 'sync_all_columns' -%}
    {%- if sync -%}
        {%- do clickhouse__drop_columns(column_changes.columns_to_drop, existing_relation, local, is_distributed) -%}
    {%- endif -%}
    {%- if sync or column_changes.on_schema_change == 'append_new_columns' -%}
        {%- do clickhouse__add_columns(column_changes.columns_to_add, existing_relation, local, is_distributed) -%}
    {%- endif -%}
    {%- if sync -%}
        {%- do clickhouse__modify_columns(column_changes.columns_to_modify, existing_relation, local,
            is_distributed) -%}
    {%- endif -%}
{% endmacro %}

{% macro clickhouse__add_columns(columns, existing_relation, existing_local=none, is_distributed=False) %}
    {%- for column in columns -%}
        {%- set codec = codec_clause(model['columns'].get(column.name, {}).get('codec')) -%}
        {%- do clickhouse__run_alter_table_command('add column if not exists ' ~ adapter.quote(column.name) ~ ' '
            ~ column.expanded_data_type ~ codec, existing_relation, existing_local, is_distributed) -%}
    {%- endfor -%}
{% endmacro %}

{% macro clickhouse__drop_columns(columns, existing_relation, existing_local=none, is_distributed=False) %}
    {%- for column in columns -%}
        {%- do clickhouse__run_alter_table_command('drop column if exists ' ~ adapter.quote(column.name),
            existing_relation, existing_local, is_distributed) -%}
    {%- endfor -%}
{% endmacro %}

{#- Stops if a value does not fit its new type. The ALTER would wrap it, or change the type and then fail, after which
    the table could not be read. -#}
{% macro clickhouse__require_castable(columns, relation) %}
  {%- set casts = adapter.exact_columns(adapter.get_columns_in_relation(relation), columns,
      columns | map(attribute='name')) -%}
  {%- for column in columns -%}
    {%- do casts.append('cast(' ~ adapter.quote(column.name) ~ ', ' ~ adapter.quote_text(column.expanded_data_type)
        ~ ')') -%}
  {%- endfor -%}
  {%- if columns -%}
    {%- do run_query('select countIf(ignore(' ~ casts | join(', ') ~ ')) from ' ~ relation) -%}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__modify_columns(columns, existing_relation, existing_local=none, is_distributed=False) %}
    {%- do clickhouse__require_castable(columns, existing_relation) -%}
    {%- for column in columns -%}
        {%- do clickhouse__run_alter_table_command('modify column if exists ' ~ adapter.quote(column.name) ~ ' '
            ~ column.expanded_data_type, existing_relation, existing_local, is_distributed) -%}
    {%- endfor -%}
{% endmacro %}

{% macro clickhouse__run_alter_table_command(alter_action, existing_relation, existing_local=none,
    is_distributed=False) %}
    {%- for relation in ([existing_local, existing_relation] if is_distributed else [existing_relation]) -%}
        {%- call statement('alter_table') %}
            alter table {{ relation }} {{ on_cluster_clause(existing_relation) }} {{ alter_action }}
        {%- endcall -%}
    {%- endfor -%}
{% endmacro %}
