{% macro keep_schemas(schemas) -%}
  create table if not exists {{ target.schema }}.kept_schemas (nth serial, name text);
  {% for name in schemas | sort %}
  insert into {{ target.schema }}.kept_schemas (name) values ('{{ name }}');
  {% endfor %}
{%- endmacro %}
