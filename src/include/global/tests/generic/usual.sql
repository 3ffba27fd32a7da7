{#- A generic test of tsdbt: compares a row count, a rate of nulls, an age or any aggregate with earlier values.
    docs/usual-test.md explains its arguments. -#}

{% test usual(model, column_name=none, value='row_count', time_column=none, period='day', group_by=none, window=14,
    min_history=5, sigma=none, drop=none, rise=none, against='previous', above=none, below=none) %}
    {%- set build = adapter.dispatch('test_usual', 'dbt') -%}
    {{- build(model, column_name, value, time_column, period, group_by, window, min_history, sigma, drop, rise, against,
        above, below) -}}
{% endtest %}
