{#- The query of the test `not_null`. If failures are stored in a table the whole row is stored, otherwise only the
    column. -#}
{% macro default__test_not_null(model, column_name) %}
select {{ '*' if should_store_failures() else column_name }}
from {{ model }}
where {{ column_name }} is null
{% endmacro %}
