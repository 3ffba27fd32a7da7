{#- A node has a database here, which is no part of its relation. -#}
{% macro generate_database_name(custom_database_name=none, node=none) %}{{ target.schema }}{% endmacro %}
{% macro generate_schema_name(custom_schema_name=none, node=none) %}{{ custom_schema_name or target.schema }}{% endmacro %}
