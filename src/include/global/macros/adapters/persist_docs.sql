{#- Descriptions from YAML, written as comments of the relation and its columns if `persist_docs` is set. -#}
{% macro alter_column_comment(relation, column_dict) %}
{{- return(adapter.dispatch('alter_column_comment', 'dbt')(relation, column_dict)) -}}
{% endmacro %}

{% macro default__alter_column_comment(relation, column_dict) %}
  {{- exceptions.raise_not_implemented('alter_column_comment macro not implemented for adapter ' + adapter.type()) -}}
{% endmacro %}

{% macro alter_relation_comment(relation, relation_comment) %}
{{- return(adapter.dispatch('alter_relation_comment', 'dbt')(relation, relation_comment)) -}}
{% endmacro %}

{% macro default__alter_relation_comment(relation, relation_comment) %}
  {{- exceptions.raise_not_implemented('alter_relation_comment macro not implemented for adapter ' + adapter.type()) -}}
{% endmacro %}

{% macro persist_docs(relation, model, for_relation=true, for_columns=true) %}
{{- return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) -}}
{% endmacro %}

{#- The described columns that exist; a warning names the others. A quoted name must match exactly. -#}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) %}
  {%- set lowered = existing_column_names | map('lower') | list -%}
  {%- set known, unknown = {}, [] -%}
  {%- for name in column_dict -%}
    {%- if (name in existing_column_names if column_dict[name]['quote'] else name | lower in lowered) -%}
      {%- do known.update({name: column_dict[name]}) -%}
    {%- else -%}
      {%- do unknown.append(name) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if unknown -%}
    {%- do exceptions.warn('In relation ' ~ relation.render() ~ ': The following columns are specified in the schema '
        'but are not present in the database: ' ~ unknown | join(', ')) -%}
  {%- endif -%}
  {{- return(known) -}}
{% endmacro %}

{% macro default__persist_docs(relation, model, for_relation, for_columns) %}
  {%- if for_relation and config.persist_relation_docs() and model.description -%}
    {%- do run_query(alter_relation_comment(relation, model.description)) -%}
  {%- endif -%}
  {%- if for_columns and config.persist_column_docs() and model.columns -%}
    {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set sql = alter_column_comment(relation, validate_doc_columns(relation, model.columns, existing)) -%}
    {%- if sql and sql | trim -%}
      {%- do run_query(sql) -%}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}
