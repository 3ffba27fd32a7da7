{#- What an incremental model does if its query no longer has the columns of its table. -#}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
   {%- if on_schema_change in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] -%}
     {{ return(on_schema_change) }}
   {%- endif -%}
   {%- do log('Invalid value for on_schema_change (%s) specified. Setting default value of %s.' % (on_schema_change,
       default)) -%}
   {{- return(default) -}}
{% endmacro %}

{% macro check_for_schema_changes(source_relation, target_relation) %}
{{- return(adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)) -}}
{% endmacro %}

{#- A dict of the differences; the other macros of this file read it. -#}
{% macro default__check_for_schema_changes(source_relation, target_relation) %}
  {%- set source_columns = adapter.get_columns_in_relation(source_relation) -%}
  {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
  {%- set added = diff_columns(source_columns, target_columns) -%}
  {%- set removed = diff_columns(target_columns, source_columns) -%}
  {%- set retyped = diff_column_data_types(source_columns, target_columns) -%}
  {%- set changes = {
    'schema_changed': added != [] or removed != [] or retyped != [],
    'source_not_in_target': added,
    'target_not_in_source': removed,
    'source_columns': source_columns,
    'target_columns': target_columns,
    'new_target_types': retyped
  } -%}
  {%- do log('In ' ~ target_relation ~ ':\n  Schema changed: ' ~ changes['schema_changed']
             ~ '\n  Source columns not in target: ' ~ added
             ~ '\n  Target columns not in source: ' ~ removed
             ~ '\n  New column types: ' ~ retyped) -%}
  {{- return(changes) -}}
{% endmacro %}

{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
{{- return(adapter.dispatch('sync_column_schemas', 'dbt')(on_schema_change, target_relation, schema_changes_dict)) -}}
{% endmacro %}

{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
  {%- set added = schema_changes_dict['source_not_in_target'] -%}
  {%- set removed = schema_changes_dict['target_not_in_source'] -%}
  {%- set retyped = schema_changes_dict['new_target_types'] -%}
  {%- if on_schema_change == 'append_new_columns' and added -%}
     {%- do alter_relation_add_remove_columns(target_relation, added, none) -%}
  {%- elif on_schema_change == 'sync_all_columns' -%}
     {%- if added or removed -%}
       {%- do alter_relation_add_remove_columns(target_relation, added, removed) -%}
     {%- endif -%}
     {%- for change in retyped -%}
       {%- do alter_column_type(target_relation, change['column_name'], change['new_type']) -%}
     {%- endfor -%}
  {%- endif -%}
  {%- do log('In ' ~ target_relation ~ ':\n  Schema change approach: ' ~ on_schema_change
             ~ '\n  Columns added: ' ~ added
             ~ '\n  Columns removed: ' ~ removed
             ~ '\n  Data types changed: ' ~ retyped) -%}
{% endmacro %}

{% macro process_schema_changes(on_schema_change, source_relation, target_relation) %}
{{- return(adapter.dispatch('process_schema_changes', 'dbt')(on_schema_change, source_relation, target_relation)) -}}
{% endmacro %}

{#- The columns to write, or an empty dict if changes are ignored and the table's own columns are used. -#}
{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) %}
    {%- if on_schema_change == 'ignore' -%}
      {{ return({}) }}
    {%- endif -%}
    {%- set changes = check_for_schema_changes(source_relation, target_relation) -%}
    {%- if changes['schema_changed'] and on_schema_change == 'fail' -%}
      {%- do exceptions.raise_compiler_error(
          'The source and target schemas on this incremental model are out of sync!'
          ~ '\nEither set `on_schema_change` to append_new_columns or sync_all_columns,'
          ~ '\nor run the model with `full_refresh: True`, or change the table by hand and run again.'
          ~ '\n  Source columns not in target: ' ~ changes['source_not_in_target']
          ~ '\n  Target columns not in source: ' ~ changes['target_not_in_source']
          ~ '\n  New column types: ' ~ changes['new_target_types']) -%}
    {%- elif changes['schema_changed'] -%}
      {%- do sync_column_schemas(on_schema_change, target_relation, changes) -%}
    {%- endif -%}
    {{- return(changes['source_columns']) -}}
{% endmacro %}
