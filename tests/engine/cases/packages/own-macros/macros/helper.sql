{% macro helper() %}{% do print('helper of root') %}{% endmacro %}
{% macro suffix() %}of_root{% endmacro %}
{% macro vals() %}1{% endmacro %}
{% test eq(model) %}{{ return(adapter.dispatch('test_eq', 'p')(model)) }}{% endtest %}
{% macro default__test_eq(model) %}select 2 as other where false{% endmacro %}
