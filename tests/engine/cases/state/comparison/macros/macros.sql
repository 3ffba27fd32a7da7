{% macro stamp() %}{{ inner_stamp() }}{% endmacro %}
{% macro inner_stamp() %}now{% endmacro %}
{% macro unused() %}nothing{% endmacro %}
{% macro hooked() %}select 1{% endmacro %}
