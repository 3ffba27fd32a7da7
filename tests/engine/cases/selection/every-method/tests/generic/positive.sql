{% test positive(model, other) %}select * from {{ model }}, {{ other }} where false{% endtest %}
