{% macro greet(name) %}{{ return(adapter.dispatch('greet', 'helper')(name)) }}{% endmacro %}
{% macro default__greet(name) %}'package greets {{ name }}'{% endmacro %}
{% macro only_here() %}'{{ var("who", "nobody") }}: {{ helper.helper_inner() }}'{% endmacro %}
{% macro helper_inner() %}{{ this.name if execute else 'parsing' }}{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
