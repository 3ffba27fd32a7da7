{% test above(model, column_name, least) %}select * from {{ model }} where {{ column_name }} < {{ least }}{% endtest %}
