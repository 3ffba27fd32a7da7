{% macro list_relations_without_caching(schema_relation) %}
  {{ return([]) }}
{% endmacro %}

{% macro list_schemas(database) %}
  {{ return([]) }}
{% endmacro %}

{% macro check_schema_exists(information_schema, schema) %}
  {{ return([[1]]) }}
{% endmacro %}

{% macro look() %}
  {% do print(adapter.check_schema_exists(target.database, 'nowhere')) %}
  {% do print(adapter.get_relation(target.database, 'dev', 'b')) %}
{% endmacro %}
