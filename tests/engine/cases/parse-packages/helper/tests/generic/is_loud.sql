{% test is_loud(model, column_name, level='high') %}
select * from {{ model }} where {{ column_name }} <> upper({{ column_name }})
{% endtest %}
