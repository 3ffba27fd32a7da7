{#- Comparing lists of columns, and choosing those that a merge updates. -#}

{% macro get_quoted_csv(column_names) %}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}
        {%- do quoted.append(adapter.quote(name)) -%}
    {%- endfor -%}
    {{- return(quoted | join(', ')) -}}
{% endmacro %}

{#- Columns of the first list whose name the second does not have; types do not matter. -#}
{% macro diff_columns(source_columns, target_columns) %}
  {%- set known = target_columns | map(attribute='column') | list -%}
  {{- return(source_columns | rejectattr('name', 'in', known) | list) -}}
{% endmacro %}

{% macro diff_column_data_types(source_columns, target_columns) %}
{{- return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) -}}
{% endmacro %}

{#- Columns whose type in the target must be changed; a wider column of the same kind is not one of them, unless it pads
    texts with blanks. -#}
{% macro default__diff_column_data_types(source_columns, target_columns) %}
  {%- set by_name, changes = {}, [] -%}
  {%- for column in target_columns if column.name not in by_name -%}
    {%- do by_name.update({column.name: column}) -%}
  {%- endfor -%}
  {%- for column in source_columns if column.name in by_name -%}
    {%- set present = by_name[column.name] -%}
    {%- set pads = present.dtype == 'character' and column.dtype != 'character' -%}
    {%- if column.expanded_data_type != present.expanded_data_type
        and (pads or not column.can_expand_to(other_column=present)) -%}
      {%- do changes.append({'column_name': present.name, 'new_type': column.expanded_data_type}) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(changes) -}}
{% endmacro %}

{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
{{- return(adapter.dispatch('get_merge_update_columns', 'dbt')(merge_update_columns, merge_exclude_columns,
    dest_columns)) -}}
{% endmacro %}

{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {%- if merge_update_columns and merge_exclude_columns -%}
    {{ exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please '
        'update model to use only one config') }}
  {%- elif merge_update_columns -%}
    {{ return(merge_update_columns) }}
  {%- endif -%}
  {%- set left_out = (merge_exclude_columns or []) | map('lower') | list -%}
  {%- set updated = [] -%}
  {%- for column in dest_columns if column.column | lower not in left_out -%}
    {%- do updated.append(column.quoted) -%}
  {%- endfor -%}
  {{- return(updated) -}}
{% endmacro %}
