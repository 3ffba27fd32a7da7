{% macro helper() %}{% do print('helper of p') %}{% endmacro %}
{% macro entry() %}{{ helper() }}{{ only_p() }}{{ adapter.dispatch('thing')() }}{% endmacro %}
{% macro only_p() %}{% do print('only p') %}{% endmacro %}
{% macro default__thing() %}{% do print('thing of p') %}{% endmacro %}
{% macro truncate_relation(relation) %}{{ return(adapter.dispatch('truncate_relation')(relation)) }}{% endmacro %}
{% macro postgres__truncate_relation(relation) %}{% do print('truncate of p') %}{{ return(adapter.dispatch('truncate_relation', 'dbt')(relation)) }}{% endmacro %}
{% macro suffix() %}of_p{% endmacro %}
{% macro generate_alias_name(custom_alias_name=none, node=none) %}{{ node.name }}_{{ suffix() }}{% endmacro %}
{% test eq(model) %}{{ config(fail_calc='sum(n)') }}{{ return(adapter.dispatch('test_eq', 'p')(model)) }}{% endtest %}
{% macro default__test_eq(model) %}select 1 as n where false{% endmacro %}
