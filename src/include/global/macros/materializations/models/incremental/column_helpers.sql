{#- Comparing lists of columns, and choosing those that a merge updates. -#}

{% macro get_quoted_csv(column_names) %}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}
        {%- do quoted.append(adapter.quote(name)) -%}
    {%- endfor -%}
    {{- return(quoted | join(', ')) -}}
{% endmacro %}

{#- Columns of the first list whose name is not in the second; types are ignored. -#}
{% macro diff_columns(source_columns, target_columns) %}
  {%- set known = target_columns | map(attribute='column') | list -%}
  {{- return(source_columns | rejectattr('name', 'in', known) | list) -}}
{% endmacro %}

{% macro diff_column_data_types(source_columns, target_columns) %}
{{- return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) -}}
{% endmacro %}

{#- Columns whose type in the target must be changed; a wider column of the same kind is not included, unless it pads
    texts with spaces. -#}
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

{#- An empty list is rejected: dbt updates every column then. -#}
{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {%- if merge_update_columns and merge_exclude_columns -%}
    {{ exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please '
        'update model to use only one config') }}
  {%- elif merge_update_columns -%}
    {{ return(merge_columns('merge_update_columns', merge_update_columns, dest_columns)) }}
  {%- elif merge_update_columns is not none and merge_update_columns is iterable -%}
    {{ exceptions.raise_compiler_error('merge_update_columns is an empty list. Name the columns to update, or remove '
        'it to update every column. To update nothing, name every column in merge_exclude_columns.') }}
  {%- endif -%}
  {%- set left_out = merge_columns('merge_exclude_columns', merge_exclude_columns or [], dest_columns) -%}
  {{- return(dest_columns | map(attribute='quoted') | reject('in', left_out) | list) -}}
{% endmacro %}

{#- The quoted names of the columns in a config. As in SQL, case matters only within quotes. -#}
{% macro merge_columns(option, names, columns) %}
  {%- set found = [] -%}
  {%- for name in ([names] if names is string else names) -%}
    {%- set text = name | string | trim -%}
    {%- if text | length > 1 and text[0] == '"' and text[-1] == '"' -%}
      {%- set matches = columns | selectattr('name', 'equalto', text[1:-1] | replace('""', '"')) | list -%}
    {%- else -%}
      {%- set matches = columns | selectattr('name', 'equalto', text | lower) | list -%}
      {%- for column in ([] if matches else columns) if column.name | lower == text | lower -%}
        {%- do matches.append(column) -%}
      {%- endfor -%}
    {%- endif -%}
    {%- if not matches -%}
      {%- do exceptions.raise_compiler_error(option ~ ' names the column ' ~ text ~ ', which the model does not have. '
          'Its columns are: ' ~ columns | map(attribute='name') | join(', ')) -%}
    {%- endif -%}
    {%- do found.extend(matches | map(attribute='quoted') | reject('in', found) | list) -%}
  {%- endfor -%}
  {{- return(found) -}}
{% endmacro %}

{#- For strategies that write whole rows. -#}
{% macro warn_of_merge_columns(strategy) %}
  {%- for option in ['merge_update_columns', 'merge_exclude_columns'] if config.get(option) -%}
    {%- do exceptions.warn(option ~ ' of ' ~ this ~ " has no effect: the strategy '" ~ strategy
        ~ "' replaces whole rows or adds them. Only 'merge' updates some columns.") -%}
  {%- endfor -%}
{% endmacro %}
