{% macro default__current_timestamp() %}timestamp '2020-01-01'{% endmacro %}
{% macro postgres__type_int() %}bigint{% endmacro %}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) %}'never'{% endmacro %}
{% macro mine() %}{{ return(adapter.dispatch('mine', 'helper')()) }}{% endmacro %}
{% macro default__mine() %}'helper'{% endmacro %}
