{% macro ref(first, second=none) %}
  {%- set found = builtins.ref(first, second) if second else builtins.ref(first) -%}
  {{ return(found.include(database=false)) }}
{% endmacro %}
{% macro source(group, name) %}{{ return(builtins.source(group, name)) }}{% endmacro %}
{% macro postgres__get_create_table_as_sql(temporary, relation, sql) %}
  create table {{ relation }} as select *, 'ours' as built_by from ({{ sql }}) as x;
{% endmacro %}
{% macro default__type_string() %}char(3){% endmacro %}
{% macro postgres__get_limit_sql(sql, limit) %}{{ sql }} limit 1{% endmacro %}
