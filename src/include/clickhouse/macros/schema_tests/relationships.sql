{#- Without join_use_nulls a row without a parent gets the type's default instead of null, and the test would never
    fail. -#}
{% macro clickhouse__test_relationships(model, column_name, to, field) %}

with child as (
    select {{ column_name }} as from_field
    from {{ model }}
    where {{ column_name }} is not null
),

parent as (
    select {{ field }} as to_field
    from {{ to }}
)

select child.from_field as from_field
from child
left join parent on parent.to_field = child.from_field
where parent.to_field is null
-- end_of_sql
settings join_use_nulls = 1

{% endmacro %}
