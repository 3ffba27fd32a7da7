{#- The queries that evaluate a test. -#}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
  {{- adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) -}}
{% endmacro %}

{#- One row: the number of failures, and whether it is enough for a warning and for an error. -#}
{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql }}
      {{ 'limit ' ~ limit if limit != none }}
    ) dbt_internal_test
{% endmacro %}

{% macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) %}
  {{- adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names) -}}
{% endmacro %}

{#- The rows of the model and the expected rows, distinguished by a column; the engine compares them. -#}
{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) %}
with
{%- for side, query in [('actual', main_sql), ('expected', expected_fixture_sql)] %}
dbt_internal_unit_test_{{ side }} as (
  select
    {{ expected_column_names | join(', ') }}, {{ dbt.string_literal(side) }} as {{ adapter.quote(
        'actual_or_expected') }}
  from (
    {{ query }}
  ) _dbt_internal_unit_test_{{ side }}
){{ ',' if not loop.last }}
{%- endfor %}
select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
{%- endmacro %}
