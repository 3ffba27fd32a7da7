{#- The query of the test `not_null`. When failures are kept in a table the whole row is kept, else the column is
    enough. -#}
{% macro default__test_not_null(model, column_name) %}
select {{ '*' if should_store_failures() else column_name }}
from {{ model }}
where {{ column_name }} is null
{% endmacro %}
