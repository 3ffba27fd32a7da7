{#- The rows in the archive of a loaded source, read directly from its files: `select * from {{
    archived_rows(source('raw', 'events'), {'id': 'Int64'}) }}`. Only ClickHouse reads files of an object store. -#}
{% macro archived_rows(source, columns, collection=none) %}
  {{ return(adapter.dispatch('archived_rows', 'dbt')(source, columns, collection)) }}
{% endmacro %}

{% macro default__archived_rows(source, columns, collection=none) %}
  {%- if execute -%}
    {{ exceptions.raise_compiler_error("archived_rows reads files by ClickHouse, and this target is of type "
        ~ target.type ~ ". A model for both asks `target.type`.") }}
  {%- endif -%}
  {{ return(source) }}
{% endmacro %}
