{#- The SQL of the strategies: merge, delete+insert, insert_overwrite. -#}

{#- `predicates` is the former name of the last argument. -#}
{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) %}
  {%- set conditions = kwargs.get('predicates', incremental_predicates) -%}
  {{ adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, conditions) }}
{%- endmacro %}

{% macro get_merge_unique_key_match(source_unique_key, target_unique_key) %}
{{- return(adapter.dispatch('get_merge_unique_key_match', 'dbt')(source_unique_key, target_unique_key)) -}}
{% endmacro %}

{% macro default__get_merge_unique_key_match(source_unique_key, target_unique_key) %}
{{- return(equals(source_unique_key, target_unique_key) | trim) -}}
{% endmacro %}

{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) %}
    {%- set conditions = [] if incremental_predicates is none else [] + incremental_predicates -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set updated = get_merge_update_columns(config.get('merge_update_columns'), config.get('merge_exclude_columns'),
        dest_columns) -%}
    {%- set sql_header = config.get('sql_header', none) -%}
    {%- if not unique_key -%}
        {%- do conditions.append('FALSE') -%}
    {%- elif has_null_keys(source, unique_key) -%}
        {%- do conditions.append(key_record(unique_key, 'DBT_INTERNAL_SOURCE.') ~ ' = '
            ~ key_record(unique_key, 'DBT_INTERNAL_DEST.')) -%}
    {%- elif unique_key is sequence and unique_key is not mapping and unique_key is not string -%}
        {%- for key in unique_key -%}
            {%- do conditions.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) -%}
        {%- endfor -%}
    {%- else -%}
        {%- do conditions.append(get_merge_unique_key_match(('DBT_INTERNAL_SOURCE.' ~ unique_key) | trim,
            ('DBT_INTERNAL_DEST.' ~ unique_key) | trim)) -%}
    {%- endif -%}
    {{ sql_header if sql_header is not none }}
    merge into {{ target }} as DBT_INTERNAL_DEST
        using {{ source }} as DBT_INTERNAL_SOURCE
        on ({{ conditions | join(') and (') }})
    {%- if unique_key and updated %}
    when matched then update set
        {% for column in updated %}{{ column }} = DBT_INTERNAL_SOURCE.{{ column }}{{ ', '
            if not loop.last }}{% endfor %}
    {%- endif %}
    when not matched then insert
        ({{ columns }})
    values
        ({{ columns }})
{% endmacro %}

{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
  {{- adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(target, source, unique_key, dest_columns,
      incremental_predicates) -}}
{% endmacro %}

{#- Two statements, which must be in one transaction. -#}
{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- if unique_key -%}
        {%- set key = unique_key if unique_key is string else unique_key | join(', ') %}
    delete from {{ target }} as DBT_INTERNAL_DEST
    where {% if has_null_keys(source, unique_key) -%}
    exists (
        select 1
        from (select {{ key_record(unique_key) }} as tsdbt_key from {{ source }}) as DBT_INTERNAL_SOURCE
        where tsdbt_key = {{ key_record(unique_key, 'DBT_INTERNAL_DEST.') }}
    )
    {%- else -%}
    ({{ key }}) in (
        select distinct {{ key }}
        from {{ source }} as DBT_INTERNAL_SOURCE
    )
    {%- endif %}
        {#- In parentheses: an OR would delete rows of other keys. The line break ends a comment. #}
        {%- for predicate in incremental_predicates or [] %}
        and ({{ predicate }}
        )
        {%- endfor %};
    {%- endif %}
    insert into {{ target }} ({{ columns }})
    (
        select {{ columns }}
        from {{ source }}
    )
{% endmacro %}

{% macro get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) %}
  {{- adapter.dispatch('get_insert_overwrite_merge_sql', 'dbt')(target, source, dest_columns, predicates,
      include_sql_header) -}}
{% endmacro %}

{#- A merge whose rows never match: deletes what the predicates cover, inserts the rows of the source. -#}
{% macro default__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header) %}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set sql_header = config.get('sql_header', none) -%}
    {{ sql_header if include_sql_header and sql_header is not none }}
    merge into {{ target }} as DBT_INTERNAL_DEST
        using {{ source }} as DBT_INTERNAL_SOURCE
        on FALSE
    when not matched by source
        {{ 'and (' ~ predicates | join('\n) and (') ~ '\n)' if predicates }}
        then delete
    when not matched then insert
        ({{ columns }})
    values
        ({{ columns }})
{% endmacro %}
