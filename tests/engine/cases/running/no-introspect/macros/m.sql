{% macro schema_exists() %}{{ return(adapter.check_schema_exists(target.database, target.schema)) }}{% endmacro %}
