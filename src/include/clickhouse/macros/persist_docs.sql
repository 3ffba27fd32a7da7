{#- Descriptions as comments of a relation and of its columns: all of them in one ALTER. -#}

{% macro one_alter_relation(relation, alter_comments) %}
  alter table {{ relation }} {{ on_cluster_clause(relation) }} {{ alter_comments }}
{% endmacro %}

{% macro one_alter_column_comment(relation, column_name, comment) %}
  alter table {{ relation }} {{ on_cluster_clause(relation) }} comment column {{ relation.quoted(column_name) }} {{
      adapter.quote_text(comment) }}
{% endmacro %}

{% macro clickhouse__alter_relation_comment(relation, comment) %}
  alter table {{ relation }} {{ on_cluster_clause(relation) }} modify comment {{ adapter.quote_text(comment) }}
{% endmacro %}

{% macro clickhouse__persist_docs(relation, model, for_relation, for_columns) %}
  {%- set changes = [] -%}
  {%- if for_relation and config.persist_relation_docs() and model.description -%}
    {%- do changes.append('modify comment ' ~ clickhouse_escape_comment(model.description)) -%}
  {%- endif -%}
  {%- if for_columns and config.persist_column_docs() and model.columns -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- for name in model.columns if name in present and model.columns[name]['description'] -%}
      {%- do changes.append('comment column ' ~ adapter.quote(name) ~ ' '
          ~ clickhouse_escape_comment(model.columns[name]['description'])) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if changes -%}
    {%- do run_query(one_alter_relation(relation, changes | join(', '))) -%}
  {%- endif -%}
{% endmacro %}

{#- These dollar quotes may enclose any text except themselves. -#}
{% macro clickhouse_escape_comment(comment) %}
  {%- set mark = '$dbt_comment_literal_block$' -%}
  {%- if comment is not string -%}
    {%- do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) -%}
  {%- elif mark in comment -%}
    {%- do exceptions.raise_compiler_error('The string ' ~ mark ~ ' is not allowed in comments.') -%}
  {%- endif -%}
  {{- mark ~ comment ~ mark -}}
{% endmacro %}
