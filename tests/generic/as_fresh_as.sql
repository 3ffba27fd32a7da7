{#- Fails when the newest value of a timestamp column is more than so many minutes before as_of(), or when there is
    none. -#}
{% test as_fresh_as(model, column, minutes) %}
select max({{ column }}) as newest
from {{ model }}
having coalesce(max({{ column }}) < {{ before(as_of(), minutes, 'minute') }}, true)
{% endtest %}
