{% macro my_macro(a, b=2) %}{{ inner_macro(a) }} + {{ b }}{% endmacro %}

{% macro inner_macro(a) -%}
  {{ return(adapter.dispatch('dispatched', 'resources')(a)) }}
{%- endmacro %}

{% macro default__dispatched(a) %}{{ a }}{% endmacro %}

{% macro uses_ref() %}{{ ref('orders') }}{{ dbt.concat(['a', 'b']) }}{% endmacro %}

{% materialization custom_mat, default -%}
  {{ return({'relations': []}) }}
{%- endmaterialization %}

{% test in_macros(model, column_name) %}
  {{ config(severity='error', tags=['from_macro']) }}
  select * from {{ model }} where {{ column_name }} is null
{% endtest %}
